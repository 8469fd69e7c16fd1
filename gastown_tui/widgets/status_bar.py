"""The bottom line: hints for the keys here, and at the right end a message or the last order's receipt."""

from __future__ import annotations

from textual.message import Message

from gastown_tui.keys import OF_REQUESTS, key_name
from gastown_tui.text import cells, clean, clip, glyph, width_of
from gastown_tui.widgets.sheet import Sheet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.keymap import Keymap
    from gastown_tui.keys import Action
    from gastown_tui.text import Piece, Pieces
    from gastown_tui.widgets.sheet import Line


def hint_pieces(
    keymap: Keymap, place: str, room: int, ascii_only: bool, without: frozenset[str] = frozenset()
) -> Pieces:
    """Return as many whole hints as fit: the most useful first, at the end always the one that ranks last, quit.

    ``without``: actions that have nothing to act on now.
    """
    found = [action for action in keymap.hints(place) if action.id not in without]
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


def hint_at(pieces: Pieces, x: int) -> str:
    """Return the key, as it is written, of the hint at a cell; empty for none."""
    start, key = 0, ""
    for text, tone in pieces:
        end = start + width_of([(text, tone)])
        key = text if tone == "key" else key if tone == "dim" else ""
        if start <= x < end:
            # the blanks behind a label belong to nothing
            return key if tone == "key" or x < start + width_of([(text.rstrip(), tone)]) else ""
        start = end
    return ""


FADE_S = 8.0
"""How long a finished order's receipt stays; a failure stays until a key is pressed."""


class StatusBar(Sheet):
    """Hints on the left, a receipt or a message on the right; a click on a hint is its key."""

    class HintPressed(Message):
        """A hint was clicked: its action and its key."""

        def __init__(self, action: str, key: str) -> None:
            super().__init__()
            self.action = action
            self.key = key

    def __init__(self, keymap: Keymap) -> None:
        super().__init__(id="status")
        self.keymap = keymap
        self.place = "agents"
        self.without: frozenset[str] = frozenset()
        self.message: Pieces = ()
        self.receipt: Pieces = ()
        self._settled_at = 0.0
        self._is_failure = False

    def show_place(self, place: str, snapshot: TownSnapshot) -> None:
        """Show the hints of a panel; those for requests only while there are any."""
        without = frozenset[str]() if snapshot.requests else OF_REQUESTS
        if (self.place, self.without) != (place, without):
            self.place, self.without = place, without
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
        self.message = ()
        ascii_only = self.look.ascii_only
        arrow = f" {glyph('arrow', ascii_only)} "
        name = (clean(text) + ": ", "text")
        if failure:
            self.receipt = ((glyph("failed", ascii_only) + " ", "bad"), name, (clean(failure), "bad"))
        else:
            mark, tone = glyph("done" if is_done else "more", ascii_only), "good" if is_done else "accent"
            # the newest stage is what matters: where all have no room, the first ones go
            told = next(
                words
                for first in range(max(1, len(stages)))
                if cells(words := clean(arrow.join(stages[first:]))) < self.size.width - cells(name[0]) - 4
                or first >= len(stages) - 1
            )
            self.receipt = ((mark + " ", tone), name, (told, tone))
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Ask for the action of the clicked hint."""
        event.stop()
        ascii_only = self.look.ascii_only
        pieces = self.draw(self.size.width, 1)[0][0]
        key = hint_at(pieces, event.x)
        found = (one for one in self.keymap.hints(self.place) if key_name(one.keys[0], ascii_only) == key)
        action = next(found, None) if key else None
        if action is not None:
            self.post_message(self.HintPressed(action.id, action.keys[0]))

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Draw one line on the bar's background."""
        ascii_only = self.look.ascii_only
        right = self.message or self.receipt
        if not right:
            return [(hint_pieces(self.keymap, self.place, width - 1, ascii_only, self.without), "bar")]
        right = clip(right, width - 2)
        left = hint_pieces(self.keymap, self.place, width - width_of(right) - 3, ascii_only, self.without)
        if width_of(left) < 5:
            left = ()
        gap = width - width_of(left) - width_of(right) - 1
        return [((*left, (" " * max(0, gap), "text"), *right, (" ", "text")), "bar")]
