"""Quiet ledgers: what a duty found empty need not be looked at again before anything is written to the ledger.

An idle town's duties would otherwise ask the same questions of the same files all day.  Any writer's change shows in the
files' size or time, so this holds where changes are not reported, too.
"""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger

FILES = ("issues.jsonl", "wisps.jsonl", "routes.jsonl", "redirect")
REGISTER = os.path.join("mayor", "rigs.json")
"""Which rigs, and so which stores there are."""
Mark = dict[str, tuple[int, int, int]]
"""Path of a file of the ledger → its inode, size and time; zeros for one that is missing."""


PLACES = ("routes.jsonl", "redirect")
"""Of these files, those that say where the stores are."""


def mark_of(root: str, ledger: TownLedger, files: tuple[str, ...] = FILES) -> Mark:
    """Return the state of the ledger's files, to be taken before they are read."""
    folders = [store.files_dir for store in ledger.stores().values()]
    # a store that is kept elsewhere is reached by a file in the rig's own folder
    folders += [os.path.join(root, "" if name == TOWN else name, ".beads") for name in ledger.names]
    paths = [os.path.join(root, REGISTER), *(os.path.join(folder, name) for folder in folders for name in files)]
    return {path: _state(path) for path in paths}


def _state(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


class Quiet:
    """For each town, the ledger in which one duty found nothing that waits for it."""

    def __init__(self) -> None:
        self._known: dict[str, Mark] = {}

    def holds(self, root: str) -> bool:
        """Whether the ledger is still the one in which nothing waited."""
        known = self._known.get(root)
        return known is not None and all(_state(path) == state for path, state in known.items())

    def note(self, root: str, mark: Mark, *, nothing_waits: bool) -> None:
        """Note what a look found; ``mark`` is from before that look."""
        if nothing_waits:
            self._known[root] = mark
        else:
            self._known.pop(root, None)
