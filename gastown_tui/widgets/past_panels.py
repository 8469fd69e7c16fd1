"""The time machine's panels: agents and convoys as they were, and what differs, what happened, what is not known."""

from __future__ import annotations

import time
from functools import partial

from gastown_core.clock import format_ago
from gastown_core.model.record import Record
from gastown_core.past.difference import AGENT, CONVOY, ESCALATION, REQUEST, RIG, TOWN
from gastown_tui.text import clean, fit, glyph, wrap
from gastown_tui.widgets.agent_tree import AgentTree
from gastown_tui.widgets.convoy_panel import ConvoyPanel
from gastown_tui.widgets.event_stream import event_pieces
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.past.difference import Change
    from gastown_core.state.rows import EventRow
    from gastown_tui.text import Piece, Pieces

TONES = {AGENT: "text", CONVOY: "info", REQUEST: "info", ESCALATION: "bad", RIG: "warn", TOWN: "warn"}
SHOWN_CHANGES = 400
"""So many differences have rows; the heading counts them all."""


class PastLook(Record):
    """What the time machine shows of one moment: its time, the ends of what is known, the moment compared with (0: now)."""

    at: float
    since: float
    until: float
    other: float = 0.0
    changes: tuple[Change, ...] = ()
    events: tuple[EventRow, ...] = ()
    unknown: tuple[str, ...] = ()


def moment_words(at: float, now: float) -> str:
    """Return a moment in local time, with its day unless it is today: ``14:05:31``, ``Thu 26 Nov 14:05:31``."""
    then = time.localtime(at)
    is_today = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if is_today else "%a %d %b %H:%M:%S", then)


class ThenAgents(AgentTree):
    """The agents as they were."""

    def __init__(self) -> None:
        super().__init__(id="then_agents")


class ThenConvoys(ConvoyPanel):
    """The convoys and queues as they were."""

    def __init__(self) -> None:
        super().__init__(id="then_convoys")
        self.empty_text = "No convoys then."


class ChangePanel(Rows):
    """The moment on its scale, what differs from the other moment, the events before it, and what is not known."""

    def __init__(self) -> None:
        super().__init__(id="changes", number="3", title="Then and now")
        self.seen: PastLook | None = None
        self.now = 0.0

    def show_look(self, seen: PastLook | None, now: float, empty: str) -> None:
        """Take what is known of a moment; without it, say ``empty``."""
        self.seen, self.now = seen, now
        self.empty_text = empty
        count = len(seen.changes) if seen is not None else 0
        told = f"{count} difference{'' if count == 1 else 's'}"
        self.summary = ((told, "text"),) if seen is not None else ((empty, "dim"),)
        self.note = f"{moment_words(seen.at, now)}, {format_ago(now - seen.at)}" if seen is not None else ""
        self.remake()
        self.show_rows(self.rows)

    def remake(self) -> None:
        """Make the rows for the width."""
        seen, width = self.seen, max(20, self.size.width - 4)
        if seen is None:
            self.rows = ()
            return
        other = moment_words(seen.other, self.now) if seen.other else "now"
        rows = [Row(None, self._scale(seen, width), False)]
        count = len(seen.changes)
        rows.append(_heading(f"Different {'at ' if seen.other else ''}{other}", count if count else None))
        rows += [Row(f"change {n}", partial(_change, one, width)) for n, one in enumerate(seen.changes[:SHOWN_CHANGES])]
        if not count:
            rows.append(Row("change", (("nothing that is recorded", "dim"),)))
        rows.append(_heading("Just before"))
        ascii_only = self.look.ascii_only
        rows += [
            Row(f"event {n}", partial(event_pieces, one, seen.at, width, ascii_only))
            for n, one in enumerate(seen.events)
        ]
        rows.append(_heading("Not known of then"))
        lines = [line for one in seen.unknown for line in wrap(clean(one), width)]
        rows += [Row(f"unknown {n}", ((line, "dim"),)) for n, line in enumerate(lines)]
        self.rows = rows

    def _scale(self, seen: PastLook, width: int) -> Pieces:
        """Return the scale from the first known moment to now, with a mark where the shown one lies."""
        ends = (moment_words(seen.since, self.now), "now")
        room = width - len(ends[0]) - len(ends[1]) - 2
        if room < 8:
            return ((moment_words(seen.at, self.now), "bright"),)
        span = max(1.0, seen.until - seen.since)
        place = min(room - 1, max(0, int((seen.at - seen.since) / span * (room - 1))))
        bar = glyph("─", self.look.ascii_only)
        mark = glyph("thumb", self.look.ascii_only)
        return (
            (f"{ends[0]} ", "dim"),
            (bar * place, "accent"),
            (mark, "bright"),
            (bar * (room - 1 - place), "dim"),
            (f" {ends[1]}", "dim"),
        )


def _heading(words: str, count: int | None = None) -> Row:
    number: tuple[Piece, ...] = ((f"  {count}", "dim"),) if count is not None else ()
    return Row(None, ((words, "title"), *number), False)


def _change(one: Change, width: int) -> Pieces:
    name = 24 if width >= 70 else 14
    return ((fit(clean(one.id), name) + " ", TONES.get(one.kind, "text")), (clean(one.words), "text"))
