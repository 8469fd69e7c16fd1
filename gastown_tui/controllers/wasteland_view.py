"""The view of the wasteland: its page, the filter of the wanted board, and what is open."""

from __future__ import annotations

from gastown_core.model.wanted import ALL, STATUSES, WantedFilter
from gastown_tui.controllers.page_view import PageView
from gastown_tui.text import clean
from gastown_tui.widgets.wanted_panel import PAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.wasteland.board import Board
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

EVERY = (*STATUSES, ALL)
MOST_NAMES = 200
"""So many projects and types can be chosen: a commons of strangers may have any number."""
NONE = "This town has joined no commons. gt wl join ORG/DB joins one; docs/WASTELAND.md says more."


class WastelandView(PageView["Board"]):
    """Shows the board; only a clone that changed is read again."""

    view, subject, again_s = "wasteland", "the commons", 2.0

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        super().__init__(console, calls, stage)
        self.page = 0
        self.fits = WantedFilter()

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {
            "view.wasteland": self.toggle,
            "wanted.next": lambda: self.turn(1),
            "wanted.previous": lambda: self.turn(-1),
            "wanted.filter": self.turn_status,
            "wanted.narrow": self.narrow,
            "wanted.open": self.open,
        }

    def turn(self, step: int) -> None:
        """Show the next or previous page."""
        self.page = (self.page + step) % len(PAGES)
        self.show()

    def turn_status(self) -> str | None:
        """Show wanted items of the next status, after the last one all; return why not."""
        if self.content is None:
            return "there is no wanted board to filter"
        at = EVERY.index(self.fits.status) if self.fits.status in EVERY else -1
        self._take(self.fits._replace(status=EVERY[(at + 1) % len(EVERY)]))
        return None

    def narrow(self) -> str | None:
        """Ask for a status, a project, a type or a priority to show; return why not."""
        if self.content is None:
            return "there is no wanted board to filter"
        from gastown_tui.dialogs.picker import Entry, Picker

        found: dict[str, WantedFilter] = {"everything": WantedFilter(ALL)}
        found |= {f"status {one.replace('_', ' ')}": self.fits._replace(status=one) for one in EVERY}
        projects = sorted({one.project for one in self.content.wanted if one.project})[:MOST_NAMES]
        found |= {f"project {name}": self.fits._replace(project=name) for name in projects}
        types = sorted({one.type for one in self.content.wanted if one.type})[:MOST_NAMES]
        found |= {f"type {name}": self.fits._replace(type=name) for name in types}
        found |= {f"priority {one}": self.fits._replace(priority=one) for one in range(5)}
        entries = [Entry(words, ((clean(words), "bright"),), clean(words)) for words in found]

        def chosen(words: str | None) -> None:
            if words is not None:
                self._take(found[words])

        self.console.ask(Picker("Show only", entries, verb="show"), chosen)
        return None

    def _take(self, fits: WantedFilter) -> None:
        self.fits, self.page = fits, 0
        self.show()

    def open(self) -> str | None:
        """Show the details of the row, or hide them; return why not."""
        panel = self.stage.wanted
        if not isinstance(panel.key, str):
            return "no row is selected"
        panel.opened ^= {panel.key}
        self.show()
        return None

    def fetch(self, is_wanted: Callable[[], bool]) -> Board | None:
        """Read the board, None if the town has joined no commons."""
        return self.calls.board()

    def draw(self) -> None:
        """Show the page."""
        panel = self.stage.wanted
        empty = self.trouble or (NONE if self.read_at else "Reading …")
        panel.trouble = self.trouble if self.content is not None else ""
        panel.guard(lambda: panel.show_board(self.content, self.page, self.fits, empty, self.console.now))
