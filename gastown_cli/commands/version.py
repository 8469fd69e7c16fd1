"""``gt version`` and ``gt upgrade``: what is installed, whether it has what it needs, and how to get a newer one."""

from __future__ import annotations

import os
import re
import sys

from gastown_cli import context, output
from gastown_core import __version__
from gastown_core.errors import GastownError
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

PACKAGE = "gastown-tui"
INDEX = "https://pypi.org/pypi/gastown-tui/json"
"""Asked only for ``--online``; GT_INDEX_URL names another place of the same form."""
PATIENCE_S = 5.0
LEAST = {"python": (3, 11), "git": (2, 30), "tmux": (3, 2)}
"""The oldest versions that work."""
EXTRAS = {"web": "starlette", "otel": "opentelemetry.sdk", "notify": "apprise"}
"""Extra of the package → a module that it brings."""


class Way(Record):
    """A way in which this program was installed, and the line that upgrades it."""

    name: str
    line: str


CHECKOUT, PIPX, UV, BREW, NIX, PIP = "checkout", "pipx", "uv", "brew", "nix", "pip"
_LINES = {
    PIPX: f"pipx upgrade {PACKAGE}",
    UV: f"uv tool upgrade {PACKAGE}",
    BREW: "brew upgrade gastown",
    NIX: "nix profile upgrade gastown",
}


def way_of(prefix: str, direct_url: str) -> Way:
    """Return how the program in the environment ``prefix`` was installed; ``direct_url`` is the text that pip left there."""
    try:
        told = decode_json(direct_url) if direct_url else {}
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    url, folder = str(told.get("url", "")), told.get("dir_info")
    if isinstance(folder, dict) and folder.get("editable"):
        return Way(
            CHECKOUT, f"git -C {url.removeprefix('file://')} pull && make -C {url.removeprefix('file://')} .venv/run"
        )
    parts = prefix.replace("\\", "/")
    for name, mark in ((PIPX, "/pipx/venvs/"), (UV, "/uv/tools/"), (BREW, "/Cellar/"), (NIX, "/nix/store/")):
        if mark in parts + "/":
            return Way(name, _LINES[name])
    python = os.path.join(prefix, "Scripts" if os.name == "nt" else "bin", "python")
    return Way(PIP, f"{python} -m pip install --upgrade {url or PACKAGE}")


def this_way() -> Way:
    """Return how this program was installed."""
    from importlib import metadata

    try:
        told = metadata.distribution(PACKAGE).read_text("direct_url.json") or ""
    except metadata.PackageNotFoundError:
        told = ""
    return way_of(sys.prefix, told)


def version_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt version``."""
    parser.add_argument(
        "--check", action="store_true", help="check what the program needs too; exit 1 if something is too old"
    )
    parser.add_argument("--online", action="store_true", help="ask the package index for a newer version")
    context.add_json(parser)


def run_version(args: Namespace) -> int:
    """Show the version; with ``--check`` what it runs on, with ``--online`` the newest one."""
    told: dict[str, object] = {"version": __version__}
    wrong: list[str] = []
    if args.check or args.online:
        needs = _needs()
        wrong = [name for name, found in needs.items() if not _suffices(name, found)]
        told |= {"installed_by": this_way().name, "needs": needs, "too_old_or_missing": wrong, "extras": _extras()}
    if args.online:
        told["newest"] = newest()
    if args.json:
        output.say_json(told)
    else:
        output.say(f"gt {__version__}")
        for line in _lines(told):
            output.say(line)
    return 1 if wrong else 0


def _lines(told: dict[str, object]) -> list[str]:
    needs, wrong, extras = told.get("needs"), told.get("too_old_or_missing"), told.get("extras")
    if not isinstance(needs, dict) or not isinstance(wrong, list) or not isinstance(extras, dict):
        return []
    lines = [f"installed by {told['installed_by']}"]
    for name, found in needs.items():
        least = ".".join(map(str, LEAST[name]))
        lines.append(f"{name} {found or 'missing'}" + (f": {least} or newer is needed" if name in wrong else ""))
    lines += [f"extra [{name}] " + ("installed" if is_there else "not installed") for name, is_there in extras.items()]
    newer = told.get("newest")
    if newer:
        is_newest = _numbers(str(newer)) <= _numbers(__version__)
        lines.append(
            "this is the newest version"
            if is_newest
            else f"{output.clean(str(newer))} is out: gt upgrade says how to get it"
        )
    return lines


def upgrade_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt upgrade``."""
    context.add_json(parser)


def run_upgrade(args: Namespace) -> int:
    """Print the line that upgrades this installation; a program does not replace itself while agents run it."""
    way = this_way()
    if args.json:
        output.say_json({"version": __version__, "installed_by": way.name, "command": way.line})
        return 0
    output.say(way.line)
    output.note(
        f"gt {__version__} was installed by {way.name}; afterwards gt daemon restart puts the new version to work"
    )
    return 0


def newest() -> str:
    """Return the newest version that the package index has. Raises GastownError."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    place = os.environ.get("GT_INDEX_URL") or INDEX
    if not place.startswith(("https://", "http://")):
        raise GastownError(f"GT_INDEX_URL is no web address: {place}", "", "unset it, or name one with http")
    try:
        with urlopen(Request(place, headers={"Accept": "application/json"}), timeout=PATIENCE_S) as answer:
            told = decode_json(answer.read(1 << 22))
        return str(told["info"]["version"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        why = f"{place}: {error}" if not isinstance(error, KeyError) else f"{place}: the answer names no version"
        raise GastownError("cannot ask for the newest version", why, "gt version --check asks no network") from error


def _needs() -> dict[str, str]:
    """Return the versions of what the program runs on, empty where it is missing."""
    from gastown_core.process import run

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name, word in (("git", "--version"), ("tmux", "-V")):
        try:
            shown = run([name, word], timeout_s=PATIENCE_S).out
        except (GastownError, OSError):
            shown = ""
        number = re.search(r"\d+(\.\d+)+", shown)
        found[name] = number[0] if number else ""
    return found


def _suffices(name: str, found: str) -> bool:
    """Return whether a version is new enough; tmux may be missing, since all but sessions works without it."""
    return _numbers(found) >= LEAST[name] if found else name == "tmux"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0].split("dev")[0]))


def _extras() -> dict[str, bool]:
    from importlib.util import find_spec

    found = {}
    for name, module in EXTRAS.items():
        try:
            found[name] = find_spec(module) is not None
        except ModuleNotFoundError:
            found[name] = False
    return found
