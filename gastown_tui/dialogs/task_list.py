"""The list of tasks: what runs, how far it is, what came of it; ``x`` cancels one."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.clock import format_ago, format_span
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.text import clean, clip, fit, fit_right, glyph
from gastown_tui.widgets.refinery_text import batch_row
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.model.snapshot import RefineryView
    from gastown_core.orders.task import Task
    from gastown_tui.text import Piece, Pieces

    Found = tuple[Sequence[Task], Sequence[RefineryView], float]

WHAT, RIG = 34, 12


class TaskList(Dialog[None]):
    """The tasks, those that run first, and the batches that merge without the console.

    ``find`` returns tasks, busy refineries and the time; ``cancel`` asks a task to end, ``break_off`` what a rig merges.
    ``undo_keys`` open the list of what can be taken back, since the question about a batch names them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, "cancel", show=False) for key in ("Z", "q", "question_mark")),
        Binding("x", "end", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(
        self,
        find: Callable[[], Found],
        cancel: Callable[[Task], None],
        break_off: Callable[[str], None],
        undo: Callable[[], None],
        undo_keys: Sequence[str] = (),
    ) -> None:
        page = Page("Tasks")
        page.has_cursor = True
        page.keys = (("x", "key"), (" cancel  ", "dim"), ("Esc", "key"), (" back", "dim"))
        page.empty_text = "Nothing runs. Slings, clones, imports, gates and your own commands are listed here."
        super().__init__(page)
        self._find, self._cancel, self._break_off = find, cancel, break_off
        for key in undo_keys:
            self._bindings.bind(key, "undo", show=False)
        self._undo = undo

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Wide, and as high as the list."""
        return min(110, width - 2), max(6, len(self._rows(min(110, width - 2) - 4)) + 2)

    def fill(self) -> None:
        """Show the rows."""
        self.page.show_rows(self._rows(self.wanted(*self.app.size)[0] - 4))
        self.refresh(layout=True)

    def _rows(self, width: int) -> list[Row]:
        tasks, refineries, now = self._find()
        ascii_only = self.page.look.ascii_only
        tasks = sorted(tasks, key=lambda task: not task.is_running)
        rows = [Row(task, clip(_task(task, now, ascii_only), width)) for task in tasks]
        merging = [Row(one.rig, _batch(one, width, now, ascii_only)) for one in refineries]
        head = [Row(None, (("In the merge queue", "dim"),), False)] if merging else []
        return [*rows, *head, *merging]

    def action_undo(self) -> None:
        """Ask what is to be taken back."""
        self._undo()

    def action_end(self) -> None:
        """Cancel the task under the cursor; of a batch it is asked first."""
        tasks, refineries, _ = self._find()
        for task in tasks:
            if task is self.page.key:
                self._cancel(task)
                self.fill()
                return
        if any(one.rig == self.page.key for one in refineries):
            self._break_off(str(self.page.key))


def _task(task: Task, now: float, ascii_only: bool) -> Pieces:
    if task.is_running:
        mark: Piece = (glyph("running", ascii_only), "working")
        told = "being cancelled: it puts back what it began" if task.is_cancelled else _told(task)
        tone, age = ("warn" if task.is_cancelled else "text"), format_span(max(0.0, now - task.began_at))
    else:
        mark = (glyph("done", ascii_only), "good") if task.ok else (glyph("failed", ascii_only), "bad")
        told, tone = task.detail, "dim" if task.ok else "bad"
        age = format_ago(now - task.ended_at)
    return (
        mark,
        (" " + fit_right(age, 8) + "  ", "dim"),
        (fit(clean(task.what), WHAT) + "  ", "bright"),
        (clean(told), tone),
    )


def _told(task: Task) -> str:
    return " ".join(filter(None, (task.stage or "starting", task.detail)))


def _batch(view: RefineryView, width: int, now: float, ascii_only: bool) -> Pieces:
    rig = fit(clean(view.rig), RIG)
    return ((rig + " ", "bright"), *batch_row(view, max(10, width - RIG - 1), now, ascii_only))
