"""The graph page: of which time it is."""

from __future__ import annotations

from gastown_tui.controllers.page_view import PageView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.past.hours import Hours
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

SPANS = (("the last 24 hours", 86400.0, 48), ("the last 7 days", 7 * 86400.0, 84), ("the last 6 hours", 21600.0, 36))
"""Words, seconds and slices."""


class GraphView(PageView["Hours"]):
    """Shows the charts of the past."""

    view, subject, again_s = "graph", "the past", 60.0

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        super().__init__(console, calls, stage)
        self.span = 0

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {"view.graph": self.toggle, "graph.span": self.turn_span}

    def turn_span(self) -> None:
        """Take the next span of time."""
        self.span = (self.span + 1) % len(SPANS)
        self.ask_anew()

    def fetch(self, is_wanted: Callable[[], bool]) -> Hours | None:
        """Read the figures of this time."""
        _, seconds, count = SPANS[self.span]
        return self.calls.hours(seconds, count, is_wanted)

    def draw(self) -> None:
        """Show the charts."""
        panel = self.stage.graph
        panel.trouble = self.trouble if self.content is not None else ""
        empty = self.trouble or "Reading the past …"
        panel.guard(lambda: panel.show_figures(self.content, SPANS[self.span][0], empty))
