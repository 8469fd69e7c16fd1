"""The view of costs: by what it groups, and of which time."""

from __future__ import annotations

from gastown_core.state.spending import KINDS
from gastown_tui.controllers.page_view import PageView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.state.spending import Spending
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

DAY = 86400.0
SPANS = (("the last 24 hours", DAY), ("the last 7 days", 7 * DAY), ("all that is known", 0.0))


class SpendingView(PageView["Spending"]):
    """Shows the table."""

    view = subject = "costs"

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        super().__init__(console, calls, stage)
        self.kind = 0
        self.span = 0

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {
            "view.costs": self.toggle,
            "costs.next": lambda: self.turn(1),
            "costs.previous": lambda: self.turn(-1),
            "costs.span": self.turn_span,
        }

    def turn(self, step: int) -> None:
        """Group by the next or previous kind."""
        self.kind = (self.kind + step) % len(KINDS)
        self.ask_anew()

    def turn_span(self) -> None:
        """Take the next longer time, after the longest the shortest."""
        self.span = (self.span + 1) % len(SPANS)
        self.ask_anew()

    def fetch(self, is_wanted: Callable[[], bool]) -> Spending:
        """Read the table of this grouping and time."""
        seconds = SPANS[self.span][1]
        since = self.console.now - seconds if seconds else 0.0
        return self.calls.spending(KINDS[self.kind], since, self.console.snapshot)

    def draw(self) -> None:
        """Show the table."""
        panel, now = self.stage.spending, self.console.now
        nothing = "Nothing was used and nothing landed in that time."
        empty = self.trouble or ("Reading …" if self.content is None else nothing)
        panel.trouble = self.trouble if self.content is not None else ""
        panel.guard(lambda: panel.show_table(self.content, SPANS[self.span][0], now, empty))
