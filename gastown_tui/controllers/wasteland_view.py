"""The view of the wasteland: its page, the filter of the wanted board, what is open, and when the clone is looked at again."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError, words_of
from gastown_core.model.wanted import ALL, STATUSES, WantedFilter
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
AGAIN_S = 2.0
"""How often the clone's files are looked at while the view is open; only a clone that changed is read."""
NONE = "This town has joined no commons. gt wl join ORG/DB joins one; docs/WASTELAND.md says more."


class WastelandView:
    """Shows the board; it is read in the background."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.page = 0
        self.fits = WantedFilter()
        self.board: Board | None = None
        self.trouble = ""
        self._came_from = "feed"
        self._read_at = 0.0
        self._is_reading = False

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

    def toggle(self) -> None:
        """Open the view, or go back."""
        stage = self.stage
        if stage.view == "wasteland":
            stage.view = self._came_from
        else:
            self._came_from, stage.view, self._read_at = stage.view, "wasteland", 0.0
        self.console.show_all()
        stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    def turn(self, step: int) -> None:
        """Show the next or previous page."""
        self.page = (self.page + step) % len(PAGES)
        self.show()

    def turn_status(self) -> str | None:
        """Show wanted items of the next status, after the last one all; return why not."""
        if self.board is None:
            return "there is no wanted board to filter"
        at = EVERY.index(self.fits.status) if self.fits.status in EVERY else -1
        self._take(self.fits._replace(status=EVERY[(at + 1) % len(EVERY)]))
        return None

    def narrow(self) -> str | None:
        """Ask for a status, a project, a type or a priority to show; return why not."""
        if self.board is None:
            return "there is no wanted board to filter"
        from gastown_tui.dialogs.picker import Entry, Picker

        found: dict[str, WantedFilter] = {"everything": WantedFilter(ALL)}
        found |= {f"status {one.replace('_', ' ')}": self.fits._replace(status=one) for one in EVERY}
        projects = sorted({one.project for one in self.board.wanted if one.project})[:MOST_NAMES]
        found |= {f"project {name}": self.fits._replace(project=name) for name in projects}
        types = sorted({one.type for one in self.board.wanted if one.type})[:MOST_NAMES]
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

    def show(self) -> None:
        """Show the page; look at the clone again if that is some time ago."""
        panel, now = self.stage.wanted, self.console.now
        if now - self._read_at >= AGAIN_S and not self._is_reading:
            self._is_reading = True
            self.console.start(self._read(), "wasteland")
        empty = self.trouble or ("Reading …" if not self._read_at else NONE)
        panel.trouble = self.trouble if self.board is not None else ""
        panel.guard(lambda: panel.show_board(self.board, self.page, self.fits, empty))

    async def _read(self) -> None:
        trouble = ""
        try:
            self.board = await asyncio.to_thread(self.calls.board)
        except (GastownError, OSError) as error:
            trouble = f"the commons cannot be read: {clean(words_of(error))}"
        except Exception as error:  # noqa: BLE001  the view shows it, and the fault log has the traceback
            self.console.fault("wasteland", error)
            trouble = f"the commons cannot be read: {clean(str(error)) or type(error).__name__}"
        finally:
            self._is_reading = False
        self._read_at, self.trouble = self.console.now, trouble
        if self.stage.view == "wasteland":
            self.show()
