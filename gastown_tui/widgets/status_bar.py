"""The bottom line: hints for the keys here, and at the right end a message or the last order's receipt."""

from __future__ import annotations

from gastown_tui.keys import key_name
from gastown_tui.text import clean, clip, glyph, width_of
from gastown_tui.widgets.sheet import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.keymap import Keymap
    from gastown_tui.keys import Action
    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line


def hint_pieces(keymap: Keymap, place: str, room: int, ascii_only: bool) -> Pieces:
    """Return as many whole hints as fit: the most useful first, at the end always the one that ranks last, quit."""
    found = keymap.hints(place)
    if not found:
        return ()
    *before, last = (_hint(action, ascii_only) for action in found)
    out: list[Piece] = [(" ", "text")]
    for part in before:
        if width_of(out) + width_of(part) + width_of(last) - 3 > room:
            break
        out += part
    if width_of(out) + width_of(last) - 3 <= room:
        out += last
    return tuple(out)


def _hint(action: Action, ascii_only: bool) -> tuple[Piece, ...]:
    return ((key_name(action.keys[0], ascii_only), "key"), (f" {action.label}   ", "dim"))


FADE_S = 8.0
"""How long a finished order's receipt stays; a failure stays until a key is pressed."""


class StatusBar(Sheet):
    """Hints on the left, a receipt or a message on the right."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__(id="status")
        self.keymap = keymap
        self.place = "agents"
        self.message: Pieces = ()
        self.receipt: Pieces = ()
        self._settled_at = 0.0
        self._is_failure = False

    def show_place(self, place: str) -> None:
        """Show the hints of another panel."""
        self.place = place
        self.redraw()

    def say(self, text: str, tone: str = "warn") -> None:
        """Show a message in front of the receipt, until the next message or key."""
        self.message = ((clean(text), tone),) if text else ()
        self.redraw()

    def pressed(self) -> None:
        """Clear the message on a key press, and a failure with it."""
        self.message = ()
        if self._is_failure:
            self._drop_receipt()
        self.redraw()

    def tick(self, now: float) -> None:
        """Drop the receipt of a finished order after ``FADE_S``."""
        if self._settled_at and not self._is_failure and now - self._settled_at >= FADE_S:
            self._drop_receipt()
            self.redraw()

    def _drop_receipt(self) -> None:
        self.receipt, self._settled_at, self._is_failure = (), 0.0, False

    def show_receipt(
        self, text: str, stages: Sequence[str], *, is_done: bool, failure: str = "", now: float = 0.0
    ) -> None:
        """Show an order's stages so far: ``✓ nudge to opal: queued → typed``; ``now`` is the time of the last one."""
        self._settled_at, self._is_failure = (now if is_done or failure else 0.0), bool(failure)
        ascii_only = self.look.ascii_only
        arrow = f" {glyph('arrow', ascii_only)} "
        pieces: list[Piece] = []
        if failure:
            pieces = [(glyph("failed", ascii_only) + " ", "bad"), (clean(text) + ": ", "text"), (clean(failure), "bad")]
        else:
            mark = glyph("done", ascii_only) if is_done else glyph("more", ascii_only)
            pieces = [(mark + " ", "good" if is_done else "accent"), (clean(text) + ": ", "text")]
            pieces.append((clean(arrow.join(stages)), "good" if is_done else "accent"))
        self.receipt = tuple(pieces)
        self.message = ()
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw one line on the bar's background."""
        ascii_only = self.look.ascii_only
        right = self.message or self.receipt
        if not right:
            return [(hint_pieces(self.keymap, self.place, width - 1, ascii_only), "bar")]
        right = clip(right, width - 2)
        left = hint_pieces(self.keymap, self.place, width - width_of(right) - 3, ascii_only)
        if width_of(left) < 5:
            left = ()
        gap = width - width_of(left) - width_of(right) - 1
        return [((*left, (" " * max(0, gap), "text"), *right, (" ", "text")), "bar")]
