"""The tasks: what the console has started and what merges, how far each is, and cancelling one."""

from __future__ import annotations

import asyncio

from gastown_core.orders.task import Task
from gastown_tui.selection import BATCH, Chosen
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.model.snapshot import RefineryView
    from gastown_tui.console import Console
    from gastown_tui.dialogs.task_list import TaskList
    from gastown_tui.text import Pieces

KEPT = 40
"""So many tasks are listed; those that run always."""
LONG_S = 10.0
"""A task that took longer tells its end, even if something else was done meanwhile."""
ASKED_S = 3.0
"""A task that runs for so long is named before the console ends."""
FRESH_S = 0.5


class Tasks:
    """The console's tasks, newest first."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tasks: list[Task] = []
        self.act: Callable[[str, Chosen], str] = lambda action, chosen: ""
        """Begins an order on what is chosen, and returns why that is not possible."""
        self.run: Callable[[str], None] = lambda action: None
        """Runs an action of the table, as its key does in the main screen."""
        self.undo_keys: Callable[[], Sequence[str]] = tuple
        self._open: TaskList | None = None

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the list's actions, by action id."""
        return {"tasks.open": self.open}

    def begin(self, what: str) -> Task:
        """Return a new task for what is about to run; old ones that have ended are forgotten."""
        task = Task(what, self.console.now)
        ended = [one for one in self.tasks if not one.is_running]
        for one in ended[KEPT:]:
            self.tasks.remove(one)
        self.tasks.insert(0, task)
        return task

    def running(self) -> list[Task]:
        """Return the tasks that run."""
        return [task for task in self.tasks if task.is_running]

    def cancel_all(self) -> None:
        """Ask every task to end."""
        for task in self.running():
            task.cancel()

    def end_then(self, leave: Callable[[], None]) -> None:
        """Call ``leave``; while tasks run, only if the person agrees to cancel them."""
        running = [task for task in self.running() if self.console.now - task.began_at >= ASKED_S]
        if not running:
            leave()
            return
        from gastown_tui.dialogs.confirm import Confirm

        names = ", ".join(clean(task.what) for task in running[:3]) + (" …" if len(running) > 3 else "")
        lines: list[Pieces] = [(("It puts back what it began. The town and its agents go on.", "text"),)]
        many = f"{len(running)} tasks" if len(running) > 1 else "1 task"
        dialog = Confirm(f"Cancel {many} and quit?", names, lines, "Quit")
        self.console.ask(dialog, lambda answer: leave() if answer else None)

    def _found(self) -> tuple[list[Task], list[RefineryView], float]:
        busy = [one for one in self.console.snapshot.refineries if one.is_busy]
        return self.tasks, busy, self.console.now

    def cancel(self, task: Task) -> None:
        """Ask a task to end; it puts back what it began."""
        if not task.is_running:
            self.console.say(f"{clean(task.what)} has ended", "dim")
        else:
            task.cancel()

    def break_off(self, rig: str) -> None:
        """Ask whether the rig's merging is to stop: a batch that only ended would begin again at once."""
        reason = self.act("mq.freeze", Chosen(BATCH, None, group=rig))
        if reason:
            self.console.say(reason, "warn")

    def undo(self) -> None:
        """Ask what is to be taken back, as in the main screen: a stop of merging is made in this list."""
        self.run("act.undo")

    def open(self) -> str:
        """Show the list, and keep it fresh while it is open."""
        self.console.prepare(self._show(), "tasks")
        return ""

    async def _show(self) -> None:
        from gastown_tui.dialogs.task_list import TaskList

        page = self._open = TaskList(self._found, self.cancel, self.break_off, self.undo, self.undo_keys())
        self.console.ask(page, self._closed)
        while self._open is page:
            await asyncio.sleep(FRESH_S)
            if page.is_mounted and self._open is page:
                page.fill()

    def _closed(self, _: None) -> None:
        self._open = None
