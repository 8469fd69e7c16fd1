"""The panel of costs: what each agent, rig, convoy or day has used, what landed there, and what a landed bead has cost."""

from __future__ import annotations

from functools import partial

from gastown_core.clock import format_age, format_span
from gastown_core.model.usage import short_tokens
from gastown_core.state.spending import AGENT, KINDS, Spending, Spent
from gastown_tui.rowtext import NEARLY_FULL
from gastown_tui.text import clean, fit, fit_right
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.text import Piece, Pieces

NAME, FIGURE, COST, WIDE = 18, 9, 12, 96
"""Widths of columns; from the last one on all columns have room."""


class SpendingPanel(Rows):
    """A table of costs; the title says by what, and since when."""

    def __init__(self) -> None:
        super().__init__(id="spending", title="Costs")
        self.table: Spending | None = None
        self.span = ""
        self.now = 0.0

    def show_table(self, table: Spending | None, span: str, now: float, empty: str) -> None:
        """Take a table; ``span`` says of which time it is, ``empty`` why there is none."""
        self.table, self.span, self.now, self.empty_text = table, span, now, empty
        by = table.by if table is not None else AGENT
        self.title_text = f"Costs by {by}, {span}"
        self.note = "  ".join(f"[{kind}]" if kind == by else kind for kind in KINDS)
        self.remake()
        self.show_rows(self.rows)

    def remake(self) -> None:
        """Make the rows for the width."""
        table, width = self.table, max(20, self.size.width - 4)
        self.rows = ()
        if table is None or not (table.rows or table.total.landed):
            return
        has_agents = table.by == AGENT
        rows = [Row(None, _head(has_agents, width), False)]
        rows += [
            Row(one.name, partial(_row, one, has_agents=has_agents, width=width, now=self.now)) for one in table.rows
        ]
        rows.append(Row("total", _row(table.total, has_agents=has_agents, width=width, now=self.now, is_total=True)))
        if table.flaky:
            took = format_age(table.flaky_s)
            words = f"flaky gates: {table.flaky} of the last {table.batches} batches, {took} of gates"
            rows += [Row(None, (), False), Row("flaky", ((words, "warn"),))]
        if table.is_cut:
            rows.append(Row("cut", (("the event log goes back further than is counted here", "dim"),)))
        self.rows = rows


def _head(has_agents: bool, width: int) -> Pieces:
    words = [fit("", NAME), fit_right("tokens", FIGURE), fit_right("cost", COST), fit_right("landed", FIGURE)]
    words.append(fit_right("per bead", COST))
    if width >= WIDE:
        words.append(fit_right("rework", COST + 6))
        words += [fit_right("context", FIGURE), fit_right("no progress", COST + 6)] if has_agents else []
    return (("".join(words), "dim"),)


def _row(one: Spent, *, has_agents: bool, width: int, now: float, is_total: bool = False) -> Pieces:
    tone = "bright" if is_total else "text"
    pieces: list[Piece] = [
        (fit(clean(one.name), NAME), "title" if is_total else tone),
        (fit_right(short_tokens(one.tokens) if one.tokens else "-", FIGURE), tone),
        (fit_right(one.cost or "-", COST), tone),
        (fit_right(str(one.landed) if one.landed else "-", FIGURE), "good" if one.landed else "dim"),
        (fit_right(one.per_landed or "-", COST), tone if one.per_landed else "dim"),
    ]
    if width < WIDE:
        return tuple(pieces)
    pieces.append((fit_right(one.rework or "-", COST + 6), "warn" if one.rework else "dim"))
    if has_agents and not is_total:
        share = f"{one.context:.0%}" if one.context is not None else "-"
        is_full = (one.context or 0.0) >= NEARLY_FULL
        pieces.append((fit_right(share, FIGURE), "warn" if is_full else tone if one.context is not None else "dim"))
        burn = f"{short_tokens(one.burn)} in {format_span(max(0.0, now - one.burn_since))}" if one.burn else "-"
        pieces.append((fit_right(burn, COST + 6), "text" if one.burn else "dim"))
    return tuple(pieces)
