"""The surroundings of a command: the town it runs in and the rig it works on."""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, read_moment
from gastown_core.errors import NotFoundError, PartialError, UsageError
from gastown_core.town.discover import find_town, read_rigs, require_town, rig_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser

    from gastown_core.beads.ledger import TownLedger


def actor() -> str:
    """Return the actor: GT_ROLE, BD_ACTOR or BEADS_ACTOR if set, else ``overseer`` (the human)."""
    for key in ("GT_ROLE", "BD_ACTOR", "BEADS_ACTOR"):
        value = os.environ.get(key, "")
        if value:
            return value
    return "overseer"


def town() -> str:
    """Return the root of the town at the working directory. Raises TownError if there is none."""
    return require_town()


def tell_unread(ledger: TownLedger) -> int:
    """Report on stderr each ledger that could not be read, or was read elsewhere; return 3 if one is missing, else 0."""
    from gastown_cli import output

    for name, why in ledger.warnings.items():
        output.note(f"warning: {output.clean(name)}: {output.clean(why)}")
    for name, why in ledger.missing.items():
        output.note(f"note: cannot read {output.clean(name)}: {output.clean(why)}")
    return PartialError.exit_code if ledger.missing else 0


def moment_of(text: str) -> float:
    """Return the moment that a person means by a time, a date, or a span back from now. Raises UsageError."""
    moment = read_moment(text, SYSTEM_CLOCK.now())
    if moment is None:
        raise UsageError(
            f"{text!r} is neither a span nor a date", "", "use a span such as 2h or 7d, a date, or 2026-03-02T14:00"
        )
    return moment


def add_json(parser: ArgumentParser) -> None:
    """Add the ``--json`` option."""
    parser.add_argument("--json", action="store_true", help="print JSON")


__all__ = ["actor", "add_json", "find_town", "read_rigs", "rig_of", "tell_unread", "town"]


def add_rig(parser: ArgumentParser) -> None:
    """Add the argument that names a rig."""
    parser.add_argument("rig", nargs="?", default="", help="name of the rig (default: the one you are in)")


def check_rig(root: str, name: str) -> str:
    """Return ``name`` if it is empty or names a rig. Raises NotFoundError with near matches."""
    if name and name not in read_rigs(root):
        from gastown_core.town.rigs import require_rig

        require_rig(root, name)
    return name


def which_rig(root: str, name: str = "") -> str:
    """Return the rig's name. Raises NotFoundError with near matches, UsageError if no rig is named and several exist."""
    from gastown_core.town.rigs import require_rig

    rigs = read_rigs(root)
    found = name or os.environ.get("GT_RIG", "") or rig_of(root, os.getcwd(), rigs)
    if not found and len(rigs) == 1:
        found = next(iter(rigs))
    if not found:
        raise UsageError("no rig given", f"the town has {', '.join(rigs) or 'no rigs'}", "name a rig")
    require_rig(root, found)
    return found


def rig_and_request(root: str, words: list[str]) -> tuple[str, str]:
    """Return the rig and the request, or its branch, of ``[rig] request|branch``. Raises NotFoundError, UsageError."""
    name = words[-1]
    if not name.isprintable():
        from gastown_cli.output import clean, shorten

        raise NotFoundError(f"no request is named {shorten(clean(name), 60)}", "", "gt mq list RIG shows the requests")
    if len(words) > 1:
        return which_rig(root, words[0]), name
    return which_rig(root) if "/" in name else rig_of_request(root, name), name


def rig_of_request(root: str, request_id: str) -> str:
    """Return the rig whose ledger holds the request. Raises NotFoundError if no rig has its prefix."""
    rigs = read_rigs(root)
    for name, prefix in rigs.items():
        if request_id.startswith(prefix + "-"):
            return name
    raise NotFoundError(f"no rig has the prefix of {request_id}", "", "gt mq list RIG shows the requests")
