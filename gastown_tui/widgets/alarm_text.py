"""What concerns the whole town, as rows above all others: an emergency stop, and ready work that nothing moves on."""

from __future__ import annotations

from gastown_tui.text import clean, glyph, two_ends, wrap
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.text import Piece


def stop_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the emergency stops in force, and what ends them."""
    rows: list[Row] = []
    for one in snapshot.stops:
        key: Piece = ("!", "key") if not one.rig else (one.command, "text")
        right: tuple[Piece, ...] = (key, (" ends it", "dim"))
        left: tuple[Piece, ...] = (
            (f"  {glyph('warn', ascii_only)}  ", "bad"),
            ("EMERGENCY STOP  ", "bad"),
            (clean(one.words(now)), "bright"),
        )
        rows.append(Row(None, two_ends(left, right, width, 2), False))
    return [*rows, Row(None, (), False)] if rows else []


def dam_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the alarm about ready work that does not move: what waits, each broken link, and what helps."""
    dam = snapshot.dam
    if dam is None:
        return []
    rows = [Row(None, (("DAM", "bad"),), False)]
    for number, line in enumerate(wrap(clean(dam.words(now)), max(20, width - 6))):
        mark = glyph("warn", ascii_only) if not number else " "
        rows.append(Row(None, ((f"  {mark}  ", "bad"), (line, "bright")), False))
    told = [f"also: {one.words}" for one in dam.links[1:]]
    told += [f"next: {dam.link.hint}"] if dam.link.hint else []
    rows += [
        Row(None, (("     " + line, "dim"),), False) for text in told for line in wrap(clean(text), max(20, width - 6))
    ]
    return [*rows, Row(None, (), False)]
