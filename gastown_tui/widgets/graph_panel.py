"""The graph page: landings, events, queue, busy agents, tokens and cost over hours, and a line for each rig."""

from __future__ import annotations

import time

from gastown_core.clock import format_local
from gastown_core.model.usage import short_tokens
from gastown_core.past.hours import Hours, bars
from gastown_tui.text import clean, fit, fit_right
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_tui.text import Pieces

LABEL, TALLEST = 18, 5


class GraphPanel(Rows):
    """Charts one above the other, in all the room there is; the time runs to the right, to now."""

    def __init__(self) -> None:
        super().__init__(id="graph", title="Graphs")
        self.has_cursor = False
        self.figures: Hours | None = None

    def show_figures(self, figures: Hours | None, span: str, empty: str) -> None:
        """Take figures of the time that ``span`` names; without them, say ``empty``."""
        self.figures, self.empty_text = figures, empty
        self.title_text = f"Graphs, {span}"
        self.remake()
        self.show_rows(self.rows)

    def remake(self) -> None:
        """Make the rows for the size."""
        figures, width = self.figures, max(20, self.size.width - 4)
        if figures is None:
            self.rows = ()
            return
        charts = _charts(figures)
        rigs = list(figures.rigs.items())
        room = self.body_height - 1 - len(charts) - (1 + 2 * len(rigs) if rigs else 0)
        height = max(1, min(TALLEST, room // len(charts)))
        rows: list[Pieces] = []
        for name, tone, values, words in charts:
            rows.append(_title(name, values, words, width))
            rows += [((line, tone),) for line in bars(values, width, height, ascii_only=self.look.ascii_only)]
        rows.append(_axis(figures, width))
        if figures.known_from > figures.since + figures.slice_s:
            rows.append(((f"nothing is recorded before {format_local(figures.known_from)}", "warn"),))
        if rigs:
            rows.append((("By rig", "title"),))
        chart = max(8, width - LABEL - 8)
        for rig, (events, landings) in rigs:
            for name, values, tone in (("events", events, "info"), ("landings", landings, "good")):
                line = bars(values, chart, 1, ascii_only=self.look.ascii_only)[0]
                label = fit(f"{clean(rig)} {name}", LABEL)
                rows.append(((label, "text"), (line, tone), (fit_right(str(sum(values)), 8), "dim")))
        self.rows = [Row(None, pieces, False) for pieces in rows]

    def on_resize(self) -> None:
        """Use the new height."""
        self.remake()
        super().on_resize()


def _charts(figures: Hours) -> list[tuple[str, str, Sequence[float], Callable[[float], str]]]:
    """Return (name, tone, values, how a value is written) of each chart; costs only where a program told one."""
    number: Callable[[float], str] = lambda value: f"{value:.0f}"  # noqa: E731
    charts: list[tuple[str, str, Sequence[float], Callable[[float], str]]] = [
        ("landed", "good", figures.landings, number),
        ("waiting to merge", "info", figures.queue, number),
        ("agents at work", "working", figures.busy, number),
        ("tokens", "text", figures.tokens, short_tokens),
    ]
    if any(figures.cost):
        charts.append(("cost", "warn", figures.cost, lambda value: f"${value:,.2f}"))
    return charts


def _title(name: str, values: Sequence[float], words: Callable[[float], str], width: int) -> Pieces:
    now, most = (words(values[-1]), words(max(values))) if values else ("-", "-")
    told = f"now {now}   most {most}   "
    return ((fit(name, max(LABEL, width - len(told))), "title"), (told, "dim"))


def _axis(figures: Hours, width: int) -> Pieces:
    """Return the times under the charts: of the first slice, of the middle, and now."""
    count = len(figures.landings)
    span = figures.slice_s * count
    form = "%H:%M" if span <= 2 * 86400 else "%a %d %b"
    first, middle = (time.strftime(form, time.localtime(figures.since + part * span)) for part in (0.0, 0.5))
    gap = max(1, width // 2 - len(first) - len(middle) // 2)
    left = first + " " * gap + middle
    return ((left + fit_right("now", max(4, width - len(left))), "dim"),)
