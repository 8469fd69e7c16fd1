"""Fills the closer look beside or under the inbox and the problems, for the selected row."""

from __future__ import annotations

import asyncio

from gastown_core.attention.item import CONVOY, MAIL
from gastown_core.errors import GastownError
from gastown_tui.controllers.pane_preview import PanePreview
from gastown_tui.layout import LISTS
from gastown_tui.rowtext import role_icon
from gastown_tui.text import clean
from gastown_tui.widgets.closer_beside import LEAST_LINES, MOST_EVENTS, beside_lines
from gastown_tui.widgets.closer_look import BESIDE, commit_lines, fact_lines, question_lines
from gastown_tui.widgets.inbox_list import kind_word, tone_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.attention.item import Item
    from gastown_core.state.rows import EventRow
    from gastown_tui.console import Console
    from gastown_tui.controllers.drawer_controller import DrawerController
    from gastown_tui.controllers.inbox import Inbox
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.text import Pieces

LOOKED_BACK = 600
"""So many of the newest events are looked through for those about a row."""


class CloserLookController:
    """Keeps the closer look in step with the selection; the pane is captured only while it is visible."""

    def __init__(
        self, console: Console, calls: CoreCalls, stage: Stage, inbox: Inbox, inspector: DrawerController
    ) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.inbox = inbox
        self.inspector = inspector
        self.panel = stage.closer
        self.preview = PanePreview(
            console, stage.closer, self._refill, is_open=lambda: self.is_open, shows_pane=lambda: self.is_visible
        )
        inspector.also = self._refill
        self._events: list[EventRow] = []
        self._events_of: tuple[str, int] = ("", 0)
        self._looked_to = 0
        self._text: tuple[str, list[str]] = ("", [])

    @property
    def is_open(self) -> bool:
        """Whether the view has the panel; a small terminal may still have no room for it."""
        return self.stage.view in LISTS and not self.stage.drawer.is_open

    @property
    def is_visible(self) -> bool:
        """Whether the panel has room on the screen now."""
        return self.is_open and self.panel.size.height > 2

    def show(self) -> None:
        """Show the selection, if the panel is visible."""
        if self.is_visible:
            self.panel.guard(self._show)

    def _refill(self) -> None:
        self.show()

    def _show(self) -> None:
        item, chosen, panel, now = self.inbox.selected, self.stage.chosen, self.panel, self.console.now
        agent = chosen.agent
        if self.preview.agent is None or agent is None or self.preview.agent.key != agent.key:
            self.preview.forget()
        self.preview.agent = agent
        ascii_only = self.console.ascii_only
        width = panel.facts_width(has_pane=agent is not None and bool(agent.pane_id) and not _is_read(item))
        digits = self.stage.view == "inbox"
        above: list[Pieces] = []
        subject: Pieces = ()
        if item is not None:
            subject = ((clean(item.subject.name) + "  ", "title"), (kind_word(item), tone_of(item)))
            above = [*question_lines(item, width, ascii_only, digits=digits), ()]
            above += fact_lines(item, now, width)
        if agent is not None:
            icon = role_icon(agent.address.role, ascii_only).rstrip()
            subject = ((icon + " ", "text"), *(subject or ((clean(agent.address.short), "title"),)))
            detail = self.inspector.known_work(chosen.key, agent)
            above += commit_lines(detail, now, width)
        pane = self.preview.lines(agent) if agent is not None and agent.pane_id and not _is_read(item) else []
        is_live = bool(pane)
        if not pane and item is not None:
            beside = self.panel.facts_width(has_pane=True)
            room = width - beside - 3 if self.panel.page_width >= BESIDE else width
            pane = self._beside(item, room)
            if self.panel.page_width >= BESIDE and len(pane) >= LEAST_LINES:
                # what was made for the whole width is made again for its part of it
                question = question_lines(item, beside, ascii_only, digits=digits)
                above = [*question, (), *fact_lines(item, now, beside)]
        panel.show_look(item.key if item is not None else chosen.key, subject, above, pane, is_live=is_live)

    # beside a row without a pane

    def _beside(self, item: Item, width: int) -> list[Pieces]:
        town, now = self.console.snapshot, self.console.now
        told = self._text_of(item)
        return beside_lines(item, town, told, self._events_about(item), now, width, self.console.ascii_only)

    def _events_about(self, item: Item) -> list[EventRow]:
        """Return the newest events about the row, newest first; of a known row only what is new is looked through."""
        stream = self.console.live.stream
        start = (item.key, stream.generation)
        if self._events_of != start:
            self._events_of, self._events = start, []
            self._looked_to = max(stream.first, stream.end - LOOKED_BACK)
        ids = {item.bead, "" if _is_read(item) else item.subject.id, *item.convoys}
        convoy = self.console.snapshot.convoy(item.subject.id) if item.subject.kind == CONVOY else None
        ids |= {member.bead_id for member in convoy.members} if convoy is not None else set()
        ids.discard("")
        for serial in range(max(stream.first, self._looked_to), stream.end):
            row = stream.row(serial)
            if row.bead in ids or row.actor.path in ids or any(name in row.text for name in item.convoys):
                self._events.insert(0, row)
        self._looked_to = stream.end
        del self._events[MOST_EVENTS:]
        return self._events

    def _text_of(self, item: Item) -> list[str]:
        """Return the text of a message, once it has been read; that it was looked at here is not noted."""
        if not _is_read(item):
            return []
        if item.key != self._text[0]:
            self._text = (item.key, [])
            self.console.start(self._read_text(item), "letter", exclusive=True)
        return self._text[1]

    async def _read_text(self, item: Item) -> None:
        try:
            told = await asyncio.to_thread(self.calls.mail_text, item.bead or item.subject.id)
        except GastownError as error:
            told = [f"its text cannot be read: {error}"]
        if self._text[0] == item.key:
            self._text = (item.key, told)
            self.show()


def _is_read(item: Item | None) -> bool:
    """Whether a row is a message, whose text tells more than its sender's screen."""
    return item is not None and item.kind == MAIL
