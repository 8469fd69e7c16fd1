"""Fills the closer look beside or under the inbox and the problems, for the selected row."""

from __future__ import annotations

from gastown_tui.controllers.pane_preview import PanePreview
from gastown_tui.layout import LISTS
from gastown_tui.rowtext import role_icon
from gastown_tui.text import clean
from gastown_tui.widgets.closer_look import commit_lines, fact_lines, question_lines
from gastown_tui.widgets.inbox_list import kind_word, tone_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.console import Console
    from gastown_tui.controllers.drawer_controller import DrawerController
    from gastown_tui.controllers.inbox import Inbox
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.text import Pieces


class CloserLookController:
    """Keeps the closer look in step with the selection; the pane is captured only while it is visible."""

    def __init__(self, console: Console, stage: Stage, inbox: Inbox, inspector: DrawerController) -> None:
        self.console = console
        self.stage = stage
        self.inbox = inbox
        self.inspector = inspector
        self.panel = stage.closer
        self.preview = PanePreview(
            console, stage.closer, self._refill, is_open=lambda: self.is_open, shows_pane=lambda: self.is_visible
        )
        inspector.also = self._refill

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
        width = panel.facts_width(has_pane=agent is not None and bool(agent.pane_id))
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
        pane = self.preview.lines(agent) if agent is not None and agent.pane_id else []
        panel.show_look(item.key if item is not None else chosen.key, subject, above, pane)
