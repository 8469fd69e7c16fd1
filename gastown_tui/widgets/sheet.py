"""A sheet: a widget that is a pure function from its size to lines, and repaints only changed lines.

Subclasses implement ``draw(width, height)``; ``redraw`` draws, compares and repaints the difference: a ticking age
repaints one line, and an unchanged panel sends nothing to the terminal.

A sheet bounds its errors: if ``draw`` fails, it shows why, and ``guard`` does the same for updates.  Both are tried
again the next time, so a fault disappears with its cause.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from gastown_tui.boundary import Bounded
from gastown_tui.keymap import Keymap
from gastown_tui.text import cells, clean, clip, to_ascii, width_of, wrap
from gastown_tui.themes import DARK, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.style import Style

    from gastown_tui.text import Pieces

    Line = tuple[Pieces, str]

_DEFAULT_LOOK, _DEFAULT_KEYMAP = Look(DARK), Keymap()


def paint(line: Line, look: Look, width: int) -> Strip:
    """Return the strip of a line: exactly ``width`` cells in the look's styles."""
    pieces, ground = line
    segments: list[Segment] = []
    used = 0
    last: Style | None = None
    for text, tone in (*pieces, (" " * max(0, width - width_of(pieces)), "text")):
        if not text:
            continue
        if not text.isprintable():
            # what makes a row cleans its text, which keeps its width right; nothing passes here that was forgotten there
            text = clean(text)
        if look.ascii_only and not text.isascii():
            text = to_ascii(text)
        used += cells(text)
        style = look.style(tone, ground)
        blanks = len(text) - len(text.lstrip(" "))
        if blanks and last is not None and _same_ground(style, last):
            # append blanks to the segment before: fewer style changes, and no text that starts with a blank
            segments[-1] = Segment(segments[-1].text + text[:blanks], last)
            text = text[blanks:]
        if text:
            segments.append(Segment(text, style))
            last = style
    strip = Strip(segments, used)
    return strip.crop(0, width) if used > width else strip


def _same_ground(one: Style, other: Style) -> bool:
    """Whether a blank looks the same in both styles."""
    return one.bgcolor == other.bgcolor and not (
        one.underline or other.underline or one.reverse or other.reverse or one.strike or other.strike
    )


class Sheet(Bounded, Widget):
    """The base of every widget that the console draws itself."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._strips: list[Strip | None] = []
        self._drawn: tuple[int, int, object] = (0, 0, None)
        self.fault = ""
        self._letters: Mapping[int, Sequence[tuple[int, str]]] = {}

    @property
    def look(self) -> Look:
        """The app's look."""
        return getattr(self.app, "look", _DEFAULT_LOOK)

    def key_of(self, action: str) -> str:
        """The key in force of an action, as it is written."""
        keymap: Keymap = getattr(self.app, "keymap", _DEFAULT_KEYMAP)
        return keymap.key_of(action, self.look.ascii_only)

    def in_force(self, pieces: Pieces, place: str) -> Pieces:
        """Return a row with the keys in force where it names others."""
        keymap: Keymap = getattr(self.app, "keymap", _DEFAULT_KEYMAP)
        return keymap.in_force(pieces, place, self.look.ascii_only)

    def draw(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines to show; fewer than ``height`` are padded with blank ones."""
        raise NotImplementedError

    def redraw(self) -> int:
        """Draw again and repaint what changed; return the number of changed lines."""
        width, height = self.size
        if not width or not height or not self.is_attached:
            # out of view: discard what was drawn, since it may return in another size
            self._drawn = (0, 0, None)
            return 0
        if self._drawn != (width, height, self.look.key):
            self._drawn = (0, 0, None)
            self.refresh()
            return height
        fresh = self._full(width, height)
        changed = [y for y, line in enumerate(fresh) if line != self._lines[y]]
        if not changed:
            return 0
        for y in changed:
            self._lines[y] = fresh[y]
            self._strips[y] = None
        if len(changed) * 2 > height:
            self.refresh()
        else:
            self.refresh(*(Region(0, y, width, 1) for y in changed))
        return len(changed)

    def _full(self, width: int, height: int) -> list[Line]:
        try:
            lines = list(self.draw(width, height))[:height]
        except Exception as error:  # noqa: BLE001  a panel that cannot be drawn shows why
            self.fail(error)
            lines = self._fault_lines(width)[:height]
        lines.extend(((), "") for _ in range(height - len(lines)))
        return lines

    def guard(self, take: Callable[[], object]) -> None:
        """Call ``take`` with new facts; if it fails, keep what is shown and say why."""
        before = self.fault
        self.fault = ""
        try:
            take()
        except Exception as error:  # noqa: BLE001  one panel's error must not stop the others
            self.fail(error)
        if self.fault != before:
            self.redraw()

    def fail(self, error: Exception) -> None:
        """Record an error as this sheet's fault, and report it."""
        self.fault = f"cannot be shown: {type(error).__name__}: {clean(str(error))}"
        self.faulted(error)

    def _fault_lines(self, width: int) -> list[Line]:
        """Return the fault as lines, for a sheet that cannot be drawn."""
        words = f"{self.id} {self.fault}. {self.key_of('log.open')} shows where, and copies the report on C."
        return [(clip(((" " + line, "error"),), width), "") for line in wrap(words, max(8, width - 2))]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a part of the sheet (Textual's line API)."""
        width, height = self.size
        state = (width, height, self.look.key)
        if self._drawn != state:
            self._lines = self._full(width, height)
            self._strips = [None] * height
            self._drawn = state
        strips = []
        for y in crop.line_range:
            if y >= height:
                strips.append(Strip.blank(crop.width, self.look.style("text")))
                continue
            strip = self._strips[y]
            if strip is None:
                strip = self._strips[y] = paint(self._lines[y], self.look, width)
            strips.append(self._with_letters(strip, y))
        left, right = crop.column_span
        if (left, right) != (0, width):
            return [strip.crop(left, right) for strip in strips]
        return strips

    def show_letters(self, letters: Mapping[int, Sequence[tuple[int, str]]]) -> None:
        """Show (column, letters) over the lines, by line; none takes them away."""
        if letters != self._letters:
            self._letters = letters
            self.refresh()

    def _with_letters(self, strip: Strip, y: int) -> Strip:
        for x, text in self._letters.get(y, ()):
            end = min(x + len(text), strip.cell_length)
            over = Strip([Segment(text[: end - x], self.look.style("badge"))])
            strip = Strip.join([strip.crop(0, x), over, strip.crop(end)])
        return strip

    def plain_lines(self) -> list[str]:
        """Return the sheet as plain text, without letters over it."""
        width, height = self.size
        letters, self._letters = self._letters, {}
        try:
            return [strip.text for strip in self.render_lines(Region(0, 0, width, height))]
        finally:
            self._letters = letters
