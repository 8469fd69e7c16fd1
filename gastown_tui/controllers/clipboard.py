"""Copying: an id, a branch, a path, the row or the drawer's page, to the clipboard of the terminal and of the system."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.text import clean, fit
from gastown_tui.widgets.rows import pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import Chosen
    from gastown_tui.widgets.rows import Rows

WHAT, SHOWN = 14, 60


class Clipboard:
    """Offers what the selection has to copy, the most useful first."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the copy actions, by action id."""
        return {"copy.open": self.open}

    def open(self) -> str:
        """Ask what to copy; return why there is nothing, or an empty string."""
        stage = self.stage
        found = dict(self._offers(stage.chosen))
        found |= {"row": row_text(stage.rows_with_keys)}
        if stage.drawer.is_open:
            found["drawer's page"] = page_text(stage.drawer)
        offers = {what: text for what, text in found.items() if text.strip()}
        if not offers:
            return "nothing is selected"
        entries = [
            Entry(what, ((fit(what, WHAT) + " ", "dim"), (fit(clean(text.split("\n", 1)[0]), SHOWN), "bright")), what)
            for what, text in offers.items()
        ]

        def chosen(what: str | None) -> None:
            if what is not None:
                self.take(what, offers[what])

        self.console.ask(Picker("Copy", entries, verb="copy"), chosen)
        return ""

    def take(self, what: str, text: str) -> None:
        """Copy a text, and say so as ``what``."""
        self.console.start(self._copy(what, text), "copy")

    def _offers(self, chosen: Chosen) -> Iterator[tuple[str, str]]:
        agent, convoy, request, event = chosen.agent, chosen.convoy, chosen.request, chosen.event
        line = self.stage.patch.line if self.stage.view == "diff" else None
        if line is not None:
            yield "line", line.place.removesuffix(" (removed)")
        if agent is not None:
            yield "agent", agent.address.short
            yield "bead", agent.work.bead_id if agent.work is not None else ""
            yield "folder", agent.work_dir
            yield "session", agent.session
        if request is not None:
            yield "request", request.id
            yield "branch", request.branch
        if event is not None:
            yield "text", f"{event.actor.short}: {event.text}"
            yield "bead", event.bead
        if chosen.bead:
            yield "bead", chosen.bead
        if convoy is not None:
            yield "convoy", convoy.id
            yield "title", convoy.title
        if chosen.group:
            yield "rig", chosen.group

    async def _copy(self, what: str, text: str) -> None:
        self.console.copy(text)
        try:
            tool = await asyncio.to_thread(self.calls.copy, text)
        except GastownError as error:
            self.console.say(f"the terminal was asked to copy; {error}", "warn")
            return
        by = f" by {tool}" if tool else ""
        self.console.say(f"copied{by}: {what} {clean(text.split(chr(10), 1)[0])}", "good")


def row_text(panel: Rows) -> str:
    """Return the row under the cursor as plain text, empty if there is none."""
    if not panel.has_cursor or not 0 <= panel.cursor < panel.count():
        return ""
    return "".join(text for text, _ in pieces_of(panel.row_at(panel.cursor))).strip()


def page_text(panel: Rows) -> str:
    """Return all rows of a panel as plain text, without blanks at their ends."""
    rows = ("".join(text for text, _ in pieces_of(panel.row_at(index))).rstrip() for index in range(len(panel.rows)))
    return "\n".join(rows).strip("\n")
