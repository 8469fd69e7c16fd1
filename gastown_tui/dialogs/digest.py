"""The list of what happened since the operator last looked; Enter opens the event or the agent."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import Binding

from gastown_core.attention.digest import SECTIONS
from gastown_core.clock import format_span
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import clean, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.binding import BindingType

    from gastown_core.attention.digest import Digest, DigestRow
    from gastown_tui.text import Pieces
    from gastown_tui.widgets.rows import Rows

TONES = {
    "waits": "waiting",
    "escalated": "bad",
    "sent back": "warn",
    "died": "bad",
    "held": "stalled",
    "landed": "good",
}
WHO, BEAD, WORDS = 18, 10, 62


class DigestList(Picker["DigestRow"]):
    """The list; its keys move and open, and only ``/`` begins a filter: it may open under a key meant for something else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("g,home", "end(False)", show=False),
        Binding("G,end", "end(True)", show=False),
        Binding("slash", "narrow", show=False),
        *(Binding(key, "cancel", show=False) for key in ("q", "A")),
    ]

    @property
    def first(self) -> Rows:
        """The list has the keys at first."""
        return self.page

    def action_end(self, is_last: bool) -> None:
        """Go to the first or the last row."""
        (self.page.go_bottom if is_last else self.page.go_top)()

    def action_narrow(self) -> None:
        """Give the keys to the filter."""
        if self.field is not None:
            self.field.focus()

    def action_cancel(self) -> None:
        """Drop the filter and give the keys back to the list; there, close it."""
        if self.field is not None and self.focused is self.field:
            self.field.set("")
            self.page.focus()
            self.fill()
        else:
            super().action_cancel()


def digest_picker(found: Digest, why: str = "") -> DigestList:
    """Return the list; ``why`` stands above it."""
    span = format_span(max(0.0, found.until - found.since))
    entries = [
        Entry(row, _pieces(row), f"{row.who} {row.bead} {row.words}", SECTIONS[row.section]) for row in found.rows
    ]
    head: list[Pieces] = [((found.summary, "bright"),)]
    foot = f"{found.dispatched} slung, {found.handed_in} handed in" + (
        "; older events were not read" if found.is_cut else ""
    )
    picker = DigestList(
        f"Since {time.strftime('%a %H:%M', time.localtime(found.since))} ({span})",
        entries,
        hint="/ filters by an agent, a bead or a word",
        verb="open",
        empty="" if entries else "Nothing happened that needs a word.",
        lead=lambda width: [*head, ((foot, "dim"),), *([((why, "dim"),)] if why else []), ()],
    )
    # it opens under a key that was meant for something else
    picker.takes_typed_ahead = not why
    picker.page.keys = (("/", "key"), (" filter  ", "dim"), *picker.page.keys)
    return picker


def _pieces(row: DigestRow) -> Pieces:
    at = time.strftime("%H:%M", time.localtime(row.at)) if row.at else ""
    times = f" ({row.times} times)" if row.times > 1 else ""
    tone = TONES[row.section]
    return (
        (fit(at, 6), "dim"),
        (fit(clean(row.who), WHO) + " ", "text"),
        (fit(clean(row.bead), BEAD) + " ", "accent"),
        (fit(clean(row.words) + times, WORDS).rstrip(), tone),
    )
