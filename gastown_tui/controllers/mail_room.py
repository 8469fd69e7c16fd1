"""Mail in the console: the inbox of the selected agent or of the overseer, reading, answering, archiving, threads."""

from __future__ import annotations

import asyncio
from functools import partial

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

OVERSEER = "overseer"


class MailRoom:
    """Opens mailboxes; what it does runs in the background, and errors are said in the status bar."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the mail actions, by action id."""
        return {"mail.open": self.open_selected, "mail.overseer": lambda: self.open(OVERSEER)}

    def open_selected(self) -> str:
        """Open the inbox of the selected agent; return why not, or an empty string."""
        agent = self.stage.chosen.agent
        if agent is None:
            return f"no agent selected: {self.console.key_of('mail.overseer')} opens your own mail"
        return self.open(agent.address.mail)

    def open(self, reader: str) -> str:
        """Open the inbox of a mail identity."""
        self._start(self._list(reader))
        return ""

    def read(self, message_id: str) -> None:
        """Open a message to the overseer."""
        self._start(self._read(message_id, OVERSEER, whole_thread=False))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        self.console.prepare(self._guarded(work), "mail")

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except GastownError as error:
            self.console.say(f"mail: {error}", "bad")

    async def _list(self, reader: str) -> None:
        from gastown_tui.dialogs.mail import inbox_picker

        found = await asyncio.to_thread(self.calls.mail_of, reader)
        picker = inbox_picker(found, reader, self.console.now, ascii_only=self.console.ascii_only)

        def chosen(message_id: str | None) -> None:
            if message_id is not None:
                self._start(self._read(message_id, reader, whole_thread=False))

        self.console.ask(picker, chosen)

    async def _read(self, message_id: str, reader: str, *, whole_thread: bool) -> None:
        from gastown_tui.dialogs.mail import MessagePane

        read = partial(self.calls.read_mail, message_id, reader, whole_thread=whole_thread)
        messages = await asyncio.to_thread(read)
        self.console.ask(MessagePane(messages, self.console.now), partial(self._chosen, message_id, reader))

    def _chosen(self, message_id: str, reader: str, what: str | None) -> None:
        from gastown_tui.dialogs import mail

        if what == mail.REPLY:
            self._ask_reply(message_id, reader)
        elif what == mail.ARCHIVE:
            self._start(self._archive(message_id, reader))
        elif what == mail.THREAD:
            self._start(self._read(message_id, reader, whole_thread=True))
        elif what == mail.BACK:
            self.open(reader)

    async def _archive(self, message_id: str, reader: str) -> None:
        await asyncio.to_thread(self.calls.archive_mail, message_id, reader)
        self.console.say(f"{message_id} is archived", "good")
        await self._list(reader)

    def _ask_reply(self, message_id: str, reader: str) -> None:
        from gastown_tui.dialogs.prompt import Prompt

        def answered(text: str | None) -> None:
            if text is not None:
                self._start(self._reply(message_id, reader, text))

        self.console.ask(
            Prompt("Reply", [(("Sent in your name, in its thread.", "dim"),)], hint="the answer"), answered
        )

    async def _reply(self, message_id: str, reader: str, text: str) -> None:
        wrong = await asyncio.to_thread(self.calls.answer_mail, message_id, text)
        self.console.say(wrong[0] if wrong else "answer sent", "warn" if wrong else "good")
        await self._list(reader)
