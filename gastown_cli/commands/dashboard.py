"""``gt dashboard``: serve the town to a browser on this machine."""

from __future__ import annotations

import os

from gastown_cli import context, output, streams
from gastown_core.errors import GastownError, UsageError
from gastown_core.files.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dashboard``."""
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (default 8080; 0: any that is free)")
    parser.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default 127.0.0.1: this machine only)",
    )
    parser.add_argument("--open", action="store_true", help="open it in your browser")
    parser.add_argument("--readonly", action="store_true", help="show everything, allow no act")
    parser.add_argument(
        "--password-file",
        default="",
        metavar="FILE",
        help="ask for the password in this file instead of the printed link's token",
    )


def run(args: Namespace) -> int:
    """Serve until Ctrl-C."""
    root = context.town()
    password = _password(args.password_file)
    try:
        from gastown_web.guard import is_loopback
        from gastown_web.server import serve
    except ImportError as error:
        raise GastownError(
            "the dashboard's packages are missing",
            str(error),
            "pipx inject gastown-tui 'gastown-tui[web]', or pip install 'gastown-tui[web]'",
        ) from error
    if not 0 <= args.port < 65536:
        raise UsageError(f"{args.port} is no port", "", "use 0 to 65535")
    if not is_loopback(args.bind) and not (args.readonly or password):
        raise UsageError(
            f"{args.bind} can be reached from other machines",
            "everybody there who gets the link could act in this town, and see what agents write; it is not encrypted",
            "add --readonly, or --password-file FILE; or leave --bind out and use ssh -L 8080:127.0.0.1:8080",
        )
    return serve(
        root,
        args.bind,
        args.port,
        password=password,
        is_readonly=args.readonly,
        opens=args.open,
        tell=output.say,
        is_heard=streams.arrived,
    )


def _password(path: str) -> str:
    """Return the password in a private file. Raises UsageError."""
    if not path:
        return ""
    try:
        with open(open_plain(path), encoding="utf-8") as handle:
            text = handle.read().strip()
            is_open = os.fstat(handle.fileno()).st_mode & 0o077
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}", str(error)) from error
    if len(text) < 8:
        raise UsageError("the password is too short", f"{path} holds {len(text)} characters", "use 8 or more")
    if is_open:
        raise UsageError(f"others can read {path}", "", f"chmod 600 {path}")
    return text
