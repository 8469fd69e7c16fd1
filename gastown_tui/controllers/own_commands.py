"""A person's own commands from ``settings/console.toml``: their values from the selection, their questions, their output."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial

from textual.app import SuspendNotSupported

from gastown_core.errors import GastownError
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_tui.console import Console
    from gastown_tui.console_file import OwnCommand
    from gastown_tui.controllers.tasks import Tasks
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces


def values_of(chosen: Chosen, town: str) -> dict[str, str]:
    """Return what the names in a command stand for, from the selection; names without a value are left out."""
    agent, request = chosen.agent, chosen.request
    values = {"town": town, "rig": chosen.group, "bead": chosen.bead}
    if agent is not None:
        address = agent.address
        values |= {"agent": address.short, "session": agent.session, "rig": address.rig, "role": address.role}
        values |= {"worktree": agent.work_dir, "bead": agent.work.bead_id if agent.work is not None else ""}
    if request is not None:
        values |= {"request": request.id, "branch": request.branch}
    if chosen.convoy is not None:
        values["convoy"] = chosen.convoy.id
    if chosen.event is not None:
        values |= {"bead": chosen.event.bead, "agent": chosen.event.actor.short}
    return {name: value for name, value in values.items() if value}


class OwnCommands:
    """Runs them: asks, confirms, then runs the words without a shell."""

    def __init__(
        self, console: Console, calls: CoreCalls, commands: Callable[[], Sequence[OwnCommand]], tasks: Tasks
    ) -> None:
        self.console = console
        self.calls = calls
        self.tasks = tasks
        self.commands = commands

    def run(self, action_id: str, chosen: Chosen) -> str:
        """Start a command on the selection; return why that is not possible, or an empty string."""
        command = next((one for one in self.commands() if one.id == action_id), None)
        if command is None:
            return "there is no such command any more"
        values = values_of(chosen, self.console.live.root)
        if command.in_worktree and not values.get("worktree"):
            return f"{command.name} runs in a worktree: select an agent that has one"
        try:
            # before any question: a person answers none for nothing
            self.calls.fill(command.words, {**values, **{name: "?" for name, _ in command.asks}})
        except GastownError as error:
            return f"{command.name}: {error}; {error.hint}"
        self._ask(command, values, list(command.asks))
        return ""

    def _ask(self, command: OwnCommand, values: Mapping[str, str], left: Sequence[tuple[str, str]]) -> None:
        if not left:
            self._confirm(command, values)
            return
        from gastown_tui.dialogs.prompt import Prompt

        (name, question), *rest = left

        def answered(text: str | None) -> None:
            if text is None:
                self.console.say("cancelled", "dim")
            else:
                self._ask(command, {**values, name: text}, rest)

        lines: list[Pieces] = [((question, "text"),)]
        self.console.ask(Prompt(command.name, lines, does="go on" if rest or command.confirm else "run"), answered)

    def _confirm(self, command: OwnCommand, values: Mapping[str, str]) -> None:
        words = self.calls.fill(command.words, values)
        start = partial(self._start, command, words, values.get("worktree", "") if command.in_worktree else "")
        if not command.confirm:
            start()
            return
        from gastown_tui.dialogs.confirm import Confirm

        def answered(is_yes: bool | None) -> None:
            if is_yes:
                start()
            else:
                self.console.say("cancelled", "dim")

        self.console.ask(Confirm(f"{command.name}?", clean(" ".join(words)), [], "Run"), answered)

    def _start(self, command: OwnCommand, words: Sequence[str], cwd: str) -> None:
        if command.show == "terminal":
            self._on_terminal(command, words, cwd)
            return
        self.console.show_receipt(command.name, ["running"], is_done=False)
        self.console.start(self._run(command, words, cwd), "own")

    async def _run(self, command: OwnCommand, words: Sequence[str], cwd: str) -> None:
        task = self.tasks.begin(command.name)
        try:
            said = await asyncio.to_thread(self.calls.run_own, words, cwd, task)
        except GastownError as error:
            self.console.show_receipt(command.name, [], is_done=False, failure=str(error))
            return
        finally:
            if task.is_running:
                task.end(self.console.now, ok=False, detail="it did not begin")
        lines = [line for line in said.splitlines() if line.strip()]
        self.console.show_receipt(command.name, [lines[-1].strip() if lines else "done"], is_done=True)
        if command.show == "pager" and lines:
            self._page(said)

    def _page(self, text: str) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            try:
                with self.console.lend_terminal():
                    self.calls.page(handle.name)
            except (GastownError, SuspendNotSupported) as error:
                self.console.say(f"cannot show the output: {error}", "bad")

    def _on_terminal(self, command: OwnCommand, words: Sequence[str], cwd: str) -> None:
        try:
            with self.console.lend_terminal():
                status = self.calls.run_own_attached(words, cwd)
        except (GastownError, SuspendNotSupported) as error:
            self.console.say(f"{command.name}: {error}", "bad")
            return
        self.console.say(
            f"{command.name} ended with status {status}" if status else f"back from {command.name}",
            "bad" if status else "dim",
        )
