"""The daemon as a source: who holds its lock, and its last report."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.files.mark import Mark, mark_of
from gastown_core.town import daemon_note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.facts import TownFacts
FILE = "state.json"


class DaemonSource:
    """Keeps ``facts.daemon`` true; whether it lives is asked at every look, its file is read when it moved."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._root = facts.inventory.root
        self.folder = daemon_note.folder(self._root)
        self._mark: Mark | None = None
        self._told: dict[str, object] = {}

    def pids(self) -> set[int]:
        """The daemon's process, to be watched: its death is pushed like everything else."""
        return {self.facts.daemon.pid} - {0}

    def poll(self, now: float) -> bool:
        """Look; returns whether anything changed."""
        before = self.facts.daemon
        try:
            mark = _mark_of(os.path.join(self.folder, FILE))
            if mark != self._mark or mark is None:
                self._told, self._mark = daemon_note.read_state(self._root), mark
            self.facts.daemon = daemon_note.view(self._root, now, self._told)
        except (GastownError, OSError) as error:
            told = self.facts.error_of("daemon")
            self.facts.failed("daemon", str(error))
            return told != str(error)
        if self.facts.error_of("daemon"):
            self.facts.good("daemon", now)
            return True
        return before != self.facts.daemon


def _mark_of(path: str) -> Mark | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return mark_of(status)
