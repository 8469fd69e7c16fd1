"""The view of costs: by what it groups, of which time, and when it is read again."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError, words_of
from gastown_core.state.spending import KINDS
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.state.spending import Spending
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

DAY = 86400.0
SPANS = (("the last 24 hours", DAY), ("the last 7 days", 7 * DAY), ("all that is known", 0.0))
AGAIN_S = 15.0
"""The age at which the table in view is read again."""


class SpendingView:
    """Shows the table; it is read in the background."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.kind = 0
        self.span = 0
        self.table: Spending | None = None
        self.trouble = ""
        self._came_from = "feed"
        self._read_at = 0.0
        self._is_reading = False

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {
            "view.costs": self.toggle,
            "costs.next": lambda: self.turn(1),
            "costs.previous": lambda: self.turn(-1),
            "costs.span": self.turn_span,
        }

    def toggle(self) -> None:
        """Open the view, or go back."""
        stage = self.stage
        if stage.view == "costs":
            stage.view = self._came_from
        else:
            self._came_from, stage.view = stage.view, "costs"
            self._again()
        self.console.show_all()
        stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    def turn(self, step: int) -> None:
        """Group by the next or previous kind."""
        self.kind = (self.kind + step) % len(KINDS)
        self._again()
        self.show()

    def turn_span(self) -> None:
        """Take the next longer time, after the longest the shortest."""
        self.span = (self.span + 1) % len(SPANS)
        self._again()
        self.show()

    def _again(self) -> None:
        self.table, self.trouble, self._read_at = None, "", 0.0

    def show(self) -> None:
        """Show the table; read it again if it is old."""
        panel, now = self.stage.spending, self.console.now
        if now - self._read_at >= AGAIN_S and not self._is_reading:
            self._is_reading = True
            self.console.start(self._read(self.kind, self.span), "spending")
        empty = self.trouble or (
            "Reading …" if self.table is None else "Nothing was used and nothing landed in that time."
        )
        panel.trouble = self.trouble if self.table is not None else ""
        panel.guard(lambda: panel.show_table(self.table, SPANS[self.span][0], now, empty))

    async def _read(self, kind: int, span: int) -> None:
        table, trouble, seconds = None, "", SPANS[span][1]
        since = self.console.now - seconds if seconds else 0.0
        try:
            table = await asyncio.to_thread(self.calls.spending, KINDS[kind], since, self.console.snapshot)
        except (GastownError, OSError) as error:
            trouble = f"costs cannot be read: {clean(words_of(error))}"
        except Exception as error:  # noqa: BLE001  the view shows it, and the fault log has the traceback
            self.console.fault("costs", error)
            trouble = f"costs cannot be read: {clean(str(error)) or type(error).__name__}"
        finally:
            self._is_reading = False
        if (kind, span) != (self.kind, self.span):
            # another table is wanted meanwhile
            self._read_at = 0.0
        else:
            self._read_at, self.trouble = self.console.now, trouble
            self.table = table if table is not None else self.table
        if self.stage.view == "costs":
            self.show()
