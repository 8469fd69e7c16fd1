"""The day's sums in ``<town>/.runtime/usage/today.json``, for frequent readers: console, status and dispatch.

The collector writes it; reading it needs no database.
"""

from __future__ import annotations

import os

from gastown_core.clock import today
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.model.usage import AgentUsage, Spent, UsageToday

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.usage.sums import Sum
    from gastown_core.usage.usage_ledger import UsageLedger

LATELY_S = 30 * 86400.0
"""Beads on which something was used since then are told."""


def folder(root: str) -> str:
    """Return the folder of the usage files."""
    return os.path.join(root, ".runtime", "usage")


def today_path(root: str) -> str:
    """Return the path of the day's sums."""
    return os.path.join(folder(root), "today.json")


def sum_up(ledger: UsageLedger, prices: Mapping[str, Any], now: float) -> UsageToday:
    """Return the day's sums from the ledger."""
    from gastown_core.usage import sums as figures

    start = figures.start_of_day(now)
    agents = figures.sums(ledger, figures.AGENT, prices, since=start)
    contexts = ledger.contexts(now - LATELY_S)
    beads = figures.sums(ledger, figures.BEAD, prices, lately=now - LATELY_S)
    beads.pop("", None)
    return UsageToday(
        today(now),
        _spent(figures.total(agents.values())),
        {
            name: AgentUsage(_spent(agents.get(name, figures.Sum())), *contexts.get(name, (0, 0)))
            for name in sorted({*agents, *contexts})
        },
        {name: _spent(one) for name, one in beads.items()},
    )


def _spent(one: Sum) -> Spent:
    return Spent(one.tokens, one.cost, one.unpriced > 0, one.is_estimated)


def write_today(root: str, told: UsageToday) -> bool:
    """Write the sums if they differ from the file; return whether they did. Raises StoreError."""
    if told == read_today(root):
        return False
    from json import dumps

    value = {
        "day": told.day,
        "spent": list(told.spent),
        "agents": {name: [list(one.spent), one.context, one.window] for name, one in told.agents.items()},
        "beads": {name: list(one) for name, one in told.beads.items()},
    }
    write_atomic(today_path(root), (dumps(value, ensure_ascii=False) + "\n").encode(), mode=0o600, sync=False)
    return True


def read_today(root: str) -> UsageToday:
    """Return the sums written last; empty ones if there is no file, or it is junk."""
    try:
        value = read_json(today_path(root))
    except GastownError:
        return UsageToday()
    try:
        return _parse(value) if value else UsageToday()
    except (TypeError, ValueError, KeyError, AttributeError):
        return UsageToday()


def _parse(value: Mapping[str, Any]) -> UsageToday:
    agents = {
        str(name): AgentUsage(_read_spent(spent), int(context), int(window))
        for name, (spent, context, window) in value["agents"].items()
    }
    beads = {str(name): _read_spent(one) for name, one in value["beads"].items()}
    return UsageToday(str(value["day"]), _read_spent(value["spent"]), agents, beads)


def _read_spent(value: Any) -> Spent:
    tokens, cost, is_partial, is_estimated = value
    return Spent(int(tokens), None if cost is None else float(cost), bool(is_partial), bool(is_estimated))
