"""The graph page: of which time it is, and when it is read again."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError, words_of
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.past.hours import Hours
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

SPANS = (("the last 24 hours", 86400.0, 48), ("the last 7 days", 7 * 86400.0, 84), ("the last 6 hours", 21600.0, 36))
"""Words, seconds and slices."""
AGAIN_S = 60.0


class GraphView:
    """Shows the charts; the past is read for them in the background."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.span = 0
        self.figures: Hours | None = None
        self.trouble = ""
        self._came_from = "feed"
        self._read_at = 0.0
        self._visit = 0
        self._is_reading = False

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {"view.graph": self.toggle, "graph.span": self.turn_span}

    def toggle(self) -> None:
        """Open the page, or go back."""
        stage = self.stage
        self._visit += 1
        if stage.view == "graph":
            stage.view = self._came_from
        else:
            self._came_from, stage.view = stage.view, "graph"
            self._again()
        self.console.show_all()
        stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    def turn_span(self) -> None:
        """Take the next span of time."""
        self.span = (self.span + 1) % len(SPANS)
        self._visit += 1
        self._again()
        self.show()

    def _again(self) -> None:
        self.figures, self.trouble, self._read_at, self._is_reading = None, "", 0.0, False

    def show(self) -> None:
        """Show the charts; read their figures again if they are old."""
        panel, now = self.stage.graph, self.console.now
        if now - self._read_at >= AGAIN_S and not self._is_reading:
            self._is_reading = True
            self.console.start(self._read(self._visit), "graph")
        panel.trouble = self.trouble if self.figures is not None else ""
        empty = self.trouble or "Reading the past …"
        panel.guard(lambda: panel.show_figures(self.figures, SPANS[self.span][0], empty))

    async def _read(self, visit: int) -> None:
        figures, trouble = None, ""
        _, seconds, count = SPANS[self.span]
        try:
            figures = await asyncio.to_thread(self.calls.hours, seconds, count, lambda: visit == self._visit)
        except (GastownError, OSError) as error:
            trouble = f"the past cannot be read: {clean(words_of(error))}"
        except Exception as error:  # noqa: BLE001  the page shows it, and the fault log has the traceback
            self.console.fault("graph", error)
            trouble = f"the past cannot be read: {clean(str(error)) or type(error).__name__}"
        if visit != self._visit:
            return
        self._is_reading = False
        self._read_at, self.trouble = self.console.now, trouble
        self.figures = figures if figures is not None else self.figures
        if self.stage.view == "graph":
            self.show()
