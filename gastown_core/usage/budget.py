"""Budgets: how many tokens or dollars a day or a bead may use, when to warn, and whether dispatch waits.

Judging is pure: sums and limits in, notices out.  A day's budget begins anew with the local day; a bead's ends when the
limit is raised.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, today
from gastown_core.events.log import append_event
from gastown_core.model.obstacle import BUDGET, Obstacle
from gastown_core.model.usage import HOLD, UNITS, BudgetNotice, Limits, Spent, UsageToday
from gastown_core.town.settings import load_settings
from gastown_core.usage.today import read_today

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.clock import Clock
    from gastown_core.town.settings import Settings
    from gastown_core.usage.usage_ledger import UsageLedger

WARNED, OVER = "warned", "over"


def limits_of(settings: Settings) -> Limits:
    """Return the budgets in the town's settings; a wrong value counts as unset."""
    found = {
        kind: {unit: limit for unit in UNITS if (limit := settings.lenient(f"budget.{kind}_{unit}"))}
        for kind in ("day", "bead")
    }
    share = settings.lenient("budget.warn_percent") / 100
    return Limits(found["day"], found["bead"], share, settings.lenient("budget.action") == HOLD)


def judge(told: UsageToday, limits: Limits, day: str) -> tuple[BudgetNotice, ...]:
    """Return the budgets that are nearly or fully used on that day, the day's own first."""
    whose: list[tuple[str, Spent, Mapping[str, float]]] = []
    if told.day == day:
        whose.append(("", told.spent, limits.day))
    if limits.bead:
        whose += [(bead, spent, limits.bead) for bead, spent in sorted(told.beads.items())]
    found = []
    for bead, spent, limit_of in whose:
        for unit, limit in limit_of.items():
            used = spent.of(unit)
            if used >= limit * min(limits.share, 1.0):
                is_over = used >= limit
                found.append(BudgetNotice(bead, unit, used, limit, is_over, is_over and limits.holds))
    return tuple(found)


def notices(root: str, now: float) -> tuple[BudgetNotice, ...]:
    """Return the town's budget notices by the sums counted last; no file is read if no budget is set."""
    limits = limits_of(load_settings(root))
    return judge(read_today(root), limits, today(now)) if limits.are_set else ()


def holds(found: tuple[BudgetNotice, ...]) -> dict[str, Obstacle]:
    """Return bead → why it is not dispatched; the empty key holds all beads."""
    return {one.bead: _hold(one) for one in reversed(found) if one.holds}


def _hold(one: BudgetNotice) -> Obstacle:
    ends = f"raise {one.setting}" if one.bead else f"it begins anew tomorrow, or raise {one.setting}"
    return Obstacle(BUDGET, one.words(), (one.bead,) if one.bead else (), f"gt config set {one.setting} LIMIT ({ends})")


def announce(
    root: str, ledger: UsageLedger, found: tuple[BudgetNotice, ...], *, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """Log once that a budget is nearly used, and once that it is fully used; return what was logged, in words.

    A new day or a new limit counts as another budget.
    """
    day, known = today(clock.now()), ledger.told()
    levels, said = {}, []
    for one in found:
        key = f"{one.bead or day} {one.unit} {one.limit:g}"
        levels[key] = OVER if one.is_over else WARNED
        if known.get(key) in (levels[key], OVER):
            continue
        payload = {"bead": one.bead, "message": one.words(), "action": HOLD if one.holds else "warn"}
        append_event(root, "budget_exceeded" if one.is_over else "budget_warning", "gt", payload, clock=clock)
        said.append(one.words())
    if levels != known:
        ledger.keep_told(levels)
    return said
