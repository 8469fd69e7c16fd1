"""Where a command runs: its town, its rig, and in whose name it acts."""

from __future__ import annotations

import os

from gastown_core.errors import PartialError
from gastown_core.town.discover import find_town, read_rigs, require_town, rig_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser

    from gastown_core.beads.ledger import TownLedger


def actor() -> str:
    """Who acts: GT_ROLE, BD_ACTOR or BEADS_ACTOR if set, else ``overseer`` (the human)."""
    for key in ("GT_ROLE", "BD_ACTOR", "BEADS_ACTOR"):
        value = os.environ.get(key, "")
        if value:
            return value
    return "overseer"


def town() -> str:
    """Root of the town around the working directory. Raises TownError if there is none."""
    return require_town()


def tell_unread(ledger: TownLedger) -> int:
    """Name on stderr each ledger that was wanted and could not be read, or was read elsewhere; 3 if one is missing, else 0."""
    from gastown_cli import output

    for name, why in ledger.warnings.items():
        output.note(f"warning: {output.clean(name)}: {output.clean(why)}")
    for name, why in ledger.missing.items():
        output.note(f"note: {output.clean(name)} could not be read: {output.clean(why)}")
    return PartialError.exit_code if ledger.missing else 0


def add_json(parser: ArgumentParser) -> None:
    """The ``--json`` option that every reading command has."""
    parser.add_argument("--json", action="store_true", help="print JSON")


__all__ = ["actor", "add_json", "find_town", "read_rigs", "rig_of", "tell_unread", "town"]
