"""What stands beside or under a row of the inbox that has no pane: the work it holds up, a message's text, its last events."""

from __future__ import annotations

from gastown_tui.text import clean, clean_lines, clip, cut, fit, glyph, wrap
from gastown_tui.widgets.convoy_panel import STAGES
from gastown_tui.widgets.event_stream import event_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.attention.item import Item
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.rows import EventRow
    from gastown_tui.text import Pieces

MOST_CONVOYS = 2
MOST_MEMBERS = 12
MOST_EVENTS = 12
LEAST_LINES = 4
"""Fewer lines than these are not worth a column of their own."""


def beside_lines(
    item: Item,
    snapshot: TownSnapshot,
    told: Sequence[str],
    events: Sequence[EventRow],
    now: float,
    width: int,
    ascii_only: bool,
) -> list[Pieces]:
    """Return the lines: ``told`` is a message's text, ``events`` are those about the row, newest first."""
    parts = [text_lines(told, width)] if told else []
    convoys = [one for name in item.convoys[:MOST_CONVOYS] if (one := snapshot.convoy(name)) is not None]
    if item.subject.kind == "convoy" and not convoys and (one := snapshot.convoy(item.subject.id)) is not None:
        convoys = [one]
    parts += [convoy_lines(one, item, width, ascii_only) for one in convoys]
    if events:
        parts.append([(("last events", "dim"),), *(event_pieces(row, now, width, ascii_only) for row in events)])
    lines: list[Pieces] = []
    for part in parts:
        lines += [*([()] if lines else []), *part]
    return lines


def text_lines(told: Sequence[str], width: int) -> list[Pieces]:
    """Return a message's text, wrapped."""
    rows = [row for text in told for row in clean_lines(text)]
    return [((line, "text"),) for row in rows for line in (wrap(row, max(20, width)) if row.strip() else [""])]


def convoy_lines(convoy: ConvoyView, item: Item, width: int, ascii_only: bool) -> list[Pieces]:
    """Return a convoy's progress and its members that are not done; those that the row is about or holds up stand out."""
    about = {item.bead, item.subject.id, *item.holds}
    halted = {one.bead_id for one in convoy.standstills}
    left = [member for member in convoy.members if member.stage != "done"]
    left.sort(key=lambda member: (member.bead_id not in about, member.bead_id not in halted))
    head = f"  {convoy.done} of {len(convoy.members)} landed"
    lines: list[Pieces] = [
        ((cut(clean(convoy.title) or convoy.id, max(10, width - len(head))), "heading"), (head, "dim"))
    ]
    for member in left[:MOST_MEMBERS]:
        mark, word, tone = STAGES.get(member.stage, ("queued", member.stage, "dim"))
        is_about = member.bead_id in about
        lines.append(
            clip(
                (
                    (glyph("cursor", ascii_only) if is_about else " ", "accent"),
                    (f" {glyph(mark, ascii_only)} ", tone),
                    (fit(word, 9) + " ", tone),
                    (fit(clean(member.bead_id), 11) + " ", "accent"),
                    (clean(member.title), "bright" if is_about else "text"),
                ),
                width,
            )
        )
    if len(left) > MOST_MEMBERS:
        lines.append(((f"  and {len(left) - MOST_MEMBERS} more", "dim"),))
    return lines
