"""``gt account``: the accounts that agents may run under, named by their configuration folders; no key is read or copied."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_core.errors import UsageError
from gastown_core.model.plain_text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt account list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the accounts, the default one first."""
    from gastown_core.town.accounts import read_accounts

    found = read_accounts(context.town())
    if args.json:
        output.say_json([{"name": n, "config_dir": f, "default": i == 0} for i, (n, f) in enumerate(found.items())])
        return 0
    rows = [
        ["*" if number == 0 else "", clean(name), clean(folder)] for number, (name, folder) in enumerate(found.items())
    ]
    none = "no account is named: agents run under your own; gt account add NAME --config-dir FOLDER"
    output.say(output.table(rows, header=("", "ACCOUNT", "FOLDER")) if rows else none)
    return 0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt account add``."""
    parser.add_argument("name", help="name of the account")
    parser.add_argument(
        "--config-dir", default="", metavar="FOLDER", help="where its program finds it (default: ~/.claude-NAME)"
    )
    parser.add_argument("--email", default="", help="for you to know it by")
    parser.add_argument("--desc", default="", help="for you to know it by")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Name an account; log in to its folder once yourself."""
    from gastown_core.town.accounts import put_account

    if not args.name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(
            f"{clean(args.name)!r} cannot name an account", "letters, digits, - and _ can", "choose another name"
        )
    folder = args.config_dir or f"~/.claude-{args.name}"
    put_account(context.town(), args.name, folder, email=args.email, description=args.desc)
    if args.json:
        output.say_json({"name": args.name, "config_dir": folder})
        return 0
    output.say(f"{output.style('✓', 'green')} account {args.name} in {clean(folder)}")
    if not os.path.isdir(os.path.expanduser(folder)):
        output.note(f"next: log in once: CLAUDE_CONFIG_DIR={clean(folder)} claude")
    return 0


def default_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt account default``."""
    parser.add_argument("name", nargs="?", default="", help="account that starts take from now on")
    context.add_json(parser)


def run_default(args: Namespace) -> int:
    """Show or set the default account; running agents keep theirs."""
    from gastown_core.town.accounts import read_accounts, set_default

    root = context.town()
    if args.name:
        set_default(root, args.name)
    first = next(iter(read_accounts(root)), "")
    said = f"{clean(first)}" if first else "no account is named"
    output.say_json({"default": first}) if args.json else output.say(said)
    return 0
