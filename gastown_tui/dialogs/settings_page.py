"""What ``settings/console.toml`` changes: its mistakes first, then keys, own commands, theme."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_tui.console_file import FILE
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.keys import BY_ID, key_name, keys_text
from gastown_tui.text import clean, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.console_file import ConsoleFile, ConsoleSettings, Problem
    from gastown_tui.text import Pieces

WIDTH, COLUMN = 90, 26


def problem_lines(problems: tuple[Problem, ...], width: int) -> list[Pieces]:
    """Return the mistakes of the file, each with its line and what to write instead."""
    if not problems:
        return []
    lines: list[Pieces] = [(("Not in force: the file has mistakes. The last good one stays.", "error"),)]
    for problem in problems:
        lines += [(("  " + part, "bad"),) for part in wrap(clean(problem.words), width - 4)]
        where = f"line {problem.line}" if problem.line else ""
        told = "; ".join(part for part in (where, problem.hint) if part)
        lines += [(("    " + part, "dim"),) for part in wrap(clean(told), width - 6)]
    return [*lines, ()]


def settings_lines(good: ConsoleFile, problems: tuple[Problem, ...], width: int, *, readonly: bool) -> list[Pieces]:
    """Return the page: mistakes, then what is in force."""
    lines = problem_lines(problems, width)
    lines.append((("theme".ljust(COLUMN + 2), "dim"), (good.theme or "not set", "text")))
    lines.append((("read-only".ljust(COLUMN + 2), "dim"), ("yes" if readonly else "no", "text")))
    changed = [one for one in good.actions if one.id in BY_ID and one.keys != BY_ID[one.id].keys]
    lines += [(), (("Keys", "heading"),)] if changed else []
    for action in changed:
        before = " ".join(key_name(key) for key in BY_ID[action.id].keys) or "none"
        lines.append(
            (
                ("  " + action.id.ljust(COLUMN), "text"),
                (keys_text(action) + " ", "key"),
                (f"(was {before})", "dim"),
            )
        )
    lines += [(), (("Your own commands", "heading"),)] if good.commands else []
    actions = {action.id: action for action in good.actions}
    for command in good.commands:
        keys = " ".join(key_name(key) for key in actions[command.id].keys)
        head = (("  " + clean(command.name)[: COLUMN - 2].ljust(COLUMN + 2), "text"), (keys.ljust(8), "key"))
        lines.append((*head, (clean(" ".join(command.words)), "dim")))
    if not (changed or good.commands or problems):
        lines += [(), ((f"Nothing is changed. Write {FILE}; docs/console.md tells how.", "dim"),)]
    return lines


class SettingsScreen(Dialog[None]):
    """The page; it shows a change of the file when it is opened again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "cancel", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, settings: ConsoleSettings, *, readonly: bool) -> None:
        page = Page(FILE)
        page.keys = (("j k", "key"), (" scroll  ", "dim"), ("Esc", "key"), (" back", "dim"))
        super().__init__(page)
        self.settings = settings
        self.readonly = readonly

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """As high as the text."""
        return WIDTH, len(self._lines(min(WIDTH, width - 2) - 4)) + 2

    def _lines(self, width: int) -> list[Pieces]:
        return settings_lines(self.settings.good, self.settings.problems, width, readonly=self.readonly)

    def fill(self) -> None:
        """Show the page."""
        self.page.show_lines(self._lines(min(WIDTH, self.app.size.width - 2) - 4))
