"""The command log: every action that the console ran, as the command a person would have typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_tui.boundary import report_of
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.rowtext import stamp_of
from gastown_tui.text import clean, fit_right, glyph, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.orders.act_log import CommandLogEntry
    from gastown_tui.boundary import Fault
    from gastown_tui.text import Pieces


def log_lines(entries: Sequence[CommandLogEntry], now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the log, newest first: time, outcome, seconds, command, and the reason under a failure."""
    lines: list[Pieces] = []
    for entry in reversed(entries):
        mark, tone = ("done", "good") if entry.ok else ("failed", "bad")
        stamp = stamp_of(entry.at, now, is_long=True)
        lines.append(
            (
                (stamp + " ", "dim"),
                (glyph(mark, ascii_only) + " ", tone),
                (fit_right(f"{entry.seconds:.2f}s", 7) + "  ", "dim"),
                (clean(entry.command), "bright"),
            )
        )
        if entry.detail:
            lines += [
                ((" " * 20 + part, "dim" if entry.ok else tone),) for part in wrap(clean(entry.detail), width - 22)
            ]
    return lines or [(("No commands yet. What you do here is listed with the command that it ran.", "dim"),)]


def fault_lines(faults: Sequence[Fault], now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the console's own faults, newest first."""
    if not faults:
        return []
    lines: list[Pieces] = [(("Errors of the console; tracebacks in .runtime/console/errors.log", "heading"),)]
    for fault in reversed(faults):
        stamp = stamp_of(fault.at, now, is_long=True)
        lines.append(((stamp + " ", "dim"), (glyph("failed", ascii_only) + " ", "bad"), (clean(fault.where), "bright")))
        lines += [((" " * 11 + part, "bad"),) for part in wrap(clean(fault.words), width - 13)]
    return [*lines, ()]


class CommandLogScreen(Dialog[None]):
    """The log, newest first, below the console's own faults."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, "cancel", show=False) for key in ("L", "q", "question_mark")),
        Binding("C", "copy", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(
        self,
        entries: Sequence[CommandLogEntry],
        faults: Sequence[Fault],
        now: float,
        copy: Callable[[str], None] | None = None,
    ) -> None:
        """``copy`` takes the report of the console's own faults."""
        page = Page("Commands that ran")
        scroll: Pieces = (("j k", "key"), (" scroll  ", "dim"))
        copies: Pieces = (("C", "key"), (" copy the errors  ", "dim")) if faults and copy is not None else ()
        page.keys = (*scroll, *copies, ("Esc", "key"), (" back", "dim"))
        super().__init__(page)
        self.entries = entries
        self.faults = tuple(faults)
        self.now = now
        self.copy = copy

    def action_copy(self) -> None:
        """Copy the report of the console's faults, with their tracebacks."""
        if self.faults and self.copy is not None:
            self.copy("\n\n".join(report_of(fault) for fault in reversed(self.faults)))
            self.dismiss(None)

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Wide, and as high as the list."""
        columns = min(110, width - 2)
        return columns, max(6, len(self._lines(columns - 4, False)) + 2)

    def _lines(self, width: int, ascii_only: bool) -> list[Pieces]:
        return fault_lines(self.faults, self.now, width, ascii_only) + log_lines(
            self.entries, self.now, width, ascii_only
        )

    def fill(self) -> None:
        """Show the lines."""
        width = self.wanted(*self.app.size)[0]
        self.page.show_lines(self._lines(width - 4, self.page.look.ascii_only))
