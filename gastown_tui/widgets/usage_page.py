"""The drawer's page about tokens, context and cost; pure."""

from __future__ import annotations

from gastown_core.model.usage import short_tokens, spent_words
from gastown_tui.rowtext import NEARLY_FULL
from gastown_tui.text import clean, fit, fit_right
from gastown_tui.widgets.pages import fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_core.model.usage import BudgetNotice
    from gastown_core.state.detail import UsageDetail, UsageRow
    from gastown_tui.text import Piece, Pieces

FIGURE, NAME = 9, 20
HEADS = ("input", "written", "cached", "output", "tokens")
"""The figures of a row; *written* and *cached* are what went into the cache and came from it."""
NARROW = NAME + 4 * FIGURE
"""Below this width a row has tokens and cost alone."""
MOST_DAYS, MOST_OTHERS = 14, 30


def agent_head(agent: AgentView, snapshot: TownSnapshot) -> list[Pieces]:
    """Return what an agent used today, how full its context is, and the budgets that end."""
    used = agent.usage
    spent: Piece = (f"{short_tokens(used.spent.tokens)} tokens", "bright" if used.spent.tokens else "dim")
    lines = [fact("today", spent, (f"  cost {spent_words(used.spent)}", "dim"))]
    lines.append(fact("context", (context_words(agent), "warn" if (used.share or 0.0) >= NEARLY_FULL else "text")))
    bead = agent.work.bead_id if agent.work is not None else ""
    return lines + budget_lines(snapshot.budgets, {"", bead})


def context_words(agent: AgentView) -> str:
    """``45.3k of 258k (17 %)``; ``unknown`` if the program tells nothing."""
    used = agent.usage
    if not used.context:
        return "unknown"
    if used.share is None:
        return f"{short_tokens(used.context)} tokens; how many fit is not told"
    return f"{short_tokens(used.context)} of {short_tokens(used.window)} ({used.share:.0%})"


def beads_head(beads: Sequence[str], snapshot: TownSnapshot) -> list[Pieces]:
    """Return the budgets of these beads, and the day's, as far as they end."""
    return budget_lines(snapshot.budgets, {"", *beads})


def budget_lines(found: Sequence[BudgetNotice], beads: set[str]) -> list[Pieces]:
    """Return the budgets of ``beads`` (empty: the day's) that are nearly or wholly used."""
    mine = [one for one in found if one.bead in beads]
    return [
        fact("budget", (one.words() + ("; dispatch waits" if one.holds else ""), "bad" if one.is_over else "warn"))
        for one in mine
    ]


def sums_lines(detail: UsageDetail, width: int) -> list[Pieces]:
    """Return the ledger's sums: all, by bead or agent, by day."""
    if not detail.total.tokens:
        return [(("Nothing has been counted here. gt costs counts what is new.", "dim"),)]
    lines = [_head(width), _row(detail.total, width, "bright")]
    for rows, most in ((detail.others, MOST_OTHERS), (detail.days, MOST_DAYS)):
        lines += [(), *(_row(one, width, "text") for one in rows[:most])]
        if len(rows) > most:
            lines.append(((f"and {len(rows) - most} more: gt costs", "dim"),))
    return lines


def _head(width: int) -> Pieces:
    heads = HEADS if width >= NARROW + 2 * FIGURE else HEADS[-1:]
    return (
        (fit("", NAME) + "".join(fit_right(head, FIGURE) for head in heads) + fit_right("cost", FIGURE + 2), "dim"),
    )


def _row(one: UsageRow, width: int, tone: str) -> Pieces:
    figures = (one.input, one.cache_write, one.cache_read, one.output, one.tokens)
    shown = figures if width >= NARROW + 2 * FIGURE else figures[-1:]
    cells = "".join(fit_right(short_tokens(count), FIGURE) for count in shown)
    return (
        (fit(clean(one.name), NAME), "accent" if tone == "text" else "title"),
        (cells, tone),
        (fit_right(one.cost, FIGURE + 2), tone),
    )
