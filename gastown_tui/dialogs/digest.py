"""The list of what happened since the operator last looked; Enter opens the event or the agent."""

from __future__ import annotations

import time

from gastown_core.attention.digest import SECTIONS
from gastown_core.clock import format_span
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import clean, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.attention.digest import Digest, DigestRow
    from gastown_tui.text import Pieces

TONES = {
    "waits": "waiting",
    "escalated": "bad",
    "sent back": "warn",
    "died": "bad",
    "held": "stalled",
    "landed": "good",
}
WHO, BEAD, WORDS = 18, 10, 62


def digest_picker(found: Digest, why: str = "") -> Picker[DigestRow]:
    """Return the list; ``why`` stands above it."""
    span = format_span(max(0.0, found.until - found.since))
    entries = [
        Entry(row, _pieces(row), f"{row.who} {row.bead} {row.words}", SECTIONS[row.section]) for row in found.rows
    ]
    head: list[Pieces] = [((found.summary, "bright"),)]
    foot = f"{found.dispatched} slung, {found.handed_in} handed in" + (
        "; older events were not read" if found.is_cut else ""
    )
    return Picker(
        f"Since {time.strftime('%a %H:%M', time.localtime(found.since))} ({span})",
        entries,
        hint="an agent, a bead or a word",
        verb="open",
        empty="" if entries else "Nothing happened that needs a word.",
        lead=lambda width: [*head, ((foot, "dim"),), *([((why, "dim"),)] if why else []), ()],
    )


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
