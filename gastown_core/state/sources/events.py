"""The event log as a source: fresh rows for the stream, and each agent's newest own event."""

from __future__ import annotations

from gastown_core.events.log import parse_event
from gastown_core.files.tail import Tailer
from gastown_core.state.facts import Roster, TownFacts
from gastown_core.state.rows import Doubles, ledger_row, revision_of
from gastown_core.state.sources.last_events import note_last, read_last_events
from gastown_core.state.sources.ledger import Change
from gastown_core.state.stream import EventStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.event import TownEvent


class EventSource:
    """Keeps ``facts.last_events`` and the stream true."""

    def __init__(self, facts: TownFacts, roster: Roster) -> None:
        self.facts = facts
        self.roster = roster
        self.stream = EventStream(facts.inventory.root, roster)
        self._tail: Tailer | None = None
        self._doubles = Doubles()

    def load(self, now: float) -> None:
        """Read the newest block, and begin to tail; if that fails the rows stay as they are, and the next look loads."""
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        try:
            end = self.stream.open()
            read_last_events(self.facts, self.roster)
            self._tail = Tailer(self.stream.path, offset=end)
        except OSError as error:
            self.facts.failed("events", error.strerror or str(error))
            return
        self.facts.good("events", now)

    def poll(self, now: float) -> tuple[int, bool]:
        """Take in what was appended; returns how many rows came, and whether the log was replaced."""
        if self._tail is None:
            self.load(now)
            return (self.stream.end, True) if self._tail is not None else (0, False)
        try:
            batch = self._tail.read()
        except OSError as error:
            self.facts.failed("events", error.strerror or str(error))
            return 0, False
        if self.facts.error_of("events"):
            self.facts.good("events", now)
        if batch.reset:
            self.load(now)
            return self.stream.end, True
        added = 0
        for offset, line in batch.lines:
            event = parse_event(line, offset)
            if event is not None and self._take(event):
                added += 1
        return added, False

    def _take(self, event: TownEvent) -> bool:
        self._note_last(event)
        revision = revision_of(event)
        if revision is not None and not self._doubles.first(*revision):
            return False
        for key in ("bead", "mr", "convoy"):
            bead = event.payload.get(key)
            if isinstance(bead, str):
                self._doubles.touch(bead, event.ts)
        return self.stream.add_logged(event)

    def _note_last(self, event: TownEvent) -> None:
        note_last(self.facts, self.roster, event, newest=True)

    def add_changes(self, changes: list[Change], now: float) -> int:
        """Add rows for bead changes that no event reports; returns how many were added."""
        added = 0
        for change in changes:
            row = ledger_row(change.old, change.new, change.store, now)
            if row is None:
                continue
            if change.revision and not self._doubles.first(row.bead, change.revision):
                continue
            if row.type == "update" and self._doubles.is_repeat(row.bead, row.ts):
                continue
            self._doubles.touch(row.bead, row.ts)
            self.stream.add_extra(row)
            added += 1
        return added

    def close(self) -> None:
        """Let go of the files."""
        self.stream.close()
        if self._tail is not None:
            self._tail.close()
