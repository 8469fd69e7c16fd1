"""What agents' programs exported of themselves, as a source: the file that the receiver keeps, read when it moved."""

from __future__ import annotations

import os

from gastown_core.errors import SettingsError
from gastown_core.files.mark import Mark, mark_of
from gastown_core.runtimes.exported import FILE, exported_folder, read_exported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.facts import TownFacts

NAME = "exports"


class ExportSource:
    """Keeps ``facts.exported`` true; without a receiver there is no file, and it is no source."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._root = facts.inventory.root
        self.folder = exported_folder(self._root)
        self._mark: Mark | None = None

    def poll(self, now: float) -> bool:
        """Look; returns whether anything is new. What was read last stays while the file cannot be read."""
        try:
            status = os.stat(os.path.join(self.folder, FILE))
            mark = mark_of(status)
        except FileNotFoundError:
            mark = None
        if mark == self._mark and not self.facts.error_of(NAME):
            return False
        try:
            told = read_exported(self._root)
        except SettingsError as error:
            self.facts.failed(NAME, str(error))
            return False
        self._mark = mark
        if mark is None:
            self.facts.sources.pop(NAME, None)
        else:
            self.facts.good(NAME, now)
        changed, self.facts.exported = told != self.facts.exported, told
        return changed
