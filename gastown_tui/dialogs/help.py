"""The help: every key and what it does, from the action table."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.keys import GROUPS, keys_text
from gastown_tui.rowtext import state_glyph
from gastown_tui.text import clip, fit, width_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.keymap import Keymap
    from gastown_tui.text import Piece, Pieces
COLUMN = 74
WIDE = 2 * COLUMN + 6


def help_group(keymap: Keymap, group: str, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the lines of one group, none if it has no actions."""
    lines: list[Pieces] = [((group, "heading"),)]
    keys_width = 19
    for action in keymap.actions:
        if action.group != group:
            continue
        names = keys_text(action, ascii_only)
        gap = fit(names, keys_width) if len(names) < keys_width else names + "  "
        lines.append(clip((("  ", "text"), (gap, "key"), (action.help, "text")), width))
    return [*lines, ()] if len(lines) > 1 else []


def states_group(ascii_only: bool) -> list[Pieces]:
    """Return the legend of the state glyphs."""
    lines: list[Pieces] = [(("States", "heading"),)]
    for state in Health:
        words = HEALTH_SYMBOLS[state][2] + (" (a GUPP violation)" if state is Health.GUPP else "")
        lines.append((("  ", "text"), (state_glyph(state, ascii_only) + " ", state.value), (words, "text")))
    return lines


def help_lines(keymap: Keymap, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the help in one column, or in two if there is room."""
    if width < 2 * COLUMN:
        lines = [line for group in GROUPS for line in help_group(keymap, group, width, ascii_only)]
        return lines + states_group(ascii_only)
    blocks = [*(help_group(keymap, group, COLUMN, ascii_only) for group in GROUPS), states_group(ascii_only)]
    left, right = _columns(blocks)
    out: list[Pieces] = []
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else ()
        other: tuple[Piece, ...] = right[number] if number < len(right) else ()
        out.append((*one, (" " * (COLUMN - width_of(one) + 2), "text"), *other))
    return out


def _columns(blocks: list[list[Pieces]]) -> tuple[list[Pieces], list[Pieces]]:
    """Return the blocks in two columns, in order, as evenly as they can be parted."""
    total = sum(map(len, blocks))
    left: list[Pieces] = []
    for number, block in enumerate(blocks):
        if abs(2 * (len(left) + len(block)) - total) >= abs(2 * len(left) - total):
            return left, [line for rest in blocks[number:] for line in rest]
        left += block
    return left, []


class HelpScreen(Dialog[None]):
    """The help page; ``?``, ``q`` or Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, "cancel", show=False) for key in ("question_mark", "q")),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("space,ctrl+d", "page(1)", show=False),
        Binding("b,ctrl+u", "page(-1)", show=False),
        Binding("g,home", "top", show=False),
        Binding("G,end", "bottom", show=False),
    ]

    def __init__(self, keymap: Keymap) -> None:
        self.keymap = keymap
        page = Page("Help")
        page.keys = (("j k", "key"), (" scroll  ", "dim"), ("Esc", "key"), (" back", "dim"))
        super().__init__(page)

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Everything, if there is room."""
        wide = width >= WIDE + 2
        columns = WIDE if wide else min(width - 2, 84)
        return columns, len(help_lines(self.keymap, columns - 4, False)) + 2

    def fill(self) -> None:
        """Show the lines that suit the width."""
        width = min(self.wanted(*self.app.size)[0], self.app.size.width - 2)
        self.page.show_lines(help_lines(self.keymap, width - 4, self.page.look.ascii_only))

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self.fill()

    def action_top(self) -> None:
        """Go to the first line."""
        self.page.go_top()

    def action_bottom(self) -> None:
        """Go to the last line."""
        self.page.go_bottom()
