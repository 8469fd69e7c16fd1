"""Sums of usage: by agent, rig, bead, convoy or day.

A cost is what the program reports; if it reports none, it is estimated from the settings' price for the model, else
it is unknown.  A sum says whether a part of it is unknown.
"""

from __future__ import annotations

from gastown_core.clock import today
from gastown_core.model.record import Record
from gastown_core.model.usage import Spent, spent_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from gastown_core.usage.usage_ledger import UsageLedger

AGENT, RIG, BEAD, CONVOY, DAY = "agent", "rig", "bead", "convoy", "day"
KINDS = (AGENT, RIG, BEAD, CONVOY, DAY)
NOTHING = "-"
"""What no bead or convoy is called, and the rig of agents that belong to none is the town's."""
TOWN = "town"
A_MILLION = 1_000_000
_PRICED = ("input", "output", "cache_read", "cache_write")


class Sum(Record):
    """What some messages used together; ``cost`` covers those whose cost is known, None if none is."""

    messages: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost: float | None = None
    unpriced: int = 0
    is_estimated: bool = False

    @property
    def tokens(self) -> int:
        """The number of tokens of all kinds."""
        return self.input + self.output + self.cache_read + self.cache_write

    def plus(self, other: Sum) -> Sum:
        """Return the sum of both."""
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Sum(
            self.messages + other.messages,
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            sum(known) if known else None,
            self.unpriced + other.unpriced,
            self.is_estimated or other.is_estimated,
        )

    def words(self) -> str:
        """Return the cost as text."""
        return spent_words(Spent(self.tokens or self.messages, self.cost, self.unpriced > 0, self.is_estimated))

    def as_json(self) -> dict[str, Any]:
        """Return the sum as ``--json`` prints it; ``cost`` is null if it is unknown."""
        figures = dict(zip(self._fields[:5], self[:5], strict=True))
        more = {"cost_unknown_messages": self.unpriced, "cost_estimated": self.is_estimated}
        return {**figures, "tokens": self.tokens, "cost": self.cost, **more}


def sums(
    ledger: UsageLedger,
    by: str,
    prices: Mapping[str, Any],
    *,
    since: float = 0.0,
    lately: float = 0.0,
    agent: str = "",
    beads: Sequence[str] = (),
) -> dict[str, Sum]:
    """Return key → sum of the messages since then; ``by`` is agent, bead or day (in the machine's time zone).

    With ``lately`` only beads on which something was used since that moment, with all that they ever used; with ``agent`` or
    ``beads`` only what is theirs.
    """
    conditions: list[str] = []
    values: list[float | str] = []
    if lately:
        conditions.append("AND bead != '' AND bead IN (SELECT bead FROM total WHERE day >= ?)")
        values.append(today(lately))
    if agent:
        conditions.append("AND agent = ?")
        values.append(agent)
    if beads:
        conditions.append(f"AND bead IN ({', '.join('?' * len(beads))})")
        values += beads
    by_day = not since or since == start_of_day(since)
    start: float | str = (today(since) if since else "") if by_day else since
    query = (_TOTALS if by_day else _MESSAGES).format(key=by, only=" ".join(conditions))
    found: dict[str, Sum] = {}
    for name, model, *figures in ledger.db.execute(query, (start, *values)):
        one = priced(model, figures, prices)
        found[name] = found[name].plus(one) if name in found else one
    return found


_TOTALS = """
SELECT {key}, model, sum(messages), sum(input), sum(output), sum(cache_read), sum(cache_write),
  CASE WHEN sum(told) > 0 THEN sum(cost) END, sum(told), sum(bare_input), sum(bare_output), sum(bare_read), sum(bare_write)
FROM total WHERE day >= ? {only} GROUP BY 1, 2 HAVING sum(messages) > 0 ORDER BY 1
"""
_MESSAGES = """
SELECT {key}, model, count(*), sum(input), sum(output), sum(cache_read), sum(cache_write), sum(cost), count(cost),
  sum(CASE WHEN cost IS NULL THEN input END), sum(CASE WHEN cost IS NULL THEN output END),
  sum(CASE WHEN cost IS NULL THEN cache_read END), sum(CASE WHEN cost IS NULL THEN cache_write END)
FROM message WHERE at >= ? {only} GROUP BY 1, 2 ORDER BY 1
"""


def over_time(ledger: UsageLedger, since: float) -> Iterator[tuple[float, int, float]]:
    """Yield (moment, tokens, cost that was told or 0) of each message since then."""
    query = "SELECT at, input + output + cache_read + cache_write, coalesce(cost, 0) FROM message WHERE at >= ?"
    yield from ledger.db.execute(query, (since,))


def priced(model: str, figures: list[Any], prices: Mapping[str, Any]) -> Sum:
    """Return the sum of one model's messages; those without a reported cost count at the settings' price, if there is one."""
    messages, *used = figures[:5]
    told, told_messages = figures[5], figures[6]
    others = messages - told_messages
    price = price_of(model, prices) if others else None
    if price is None:
        return Sum._make((messages, *used, told, others, False))
    estimate = sum(price[key] * (count or 0) for key, count in zip(_PRICED, figures[7:11], strict=True)) / A_MILLION
    return Sum._make((messages, *used, (told or 0.0) + estimate, 0, True))


def price_of(model: str, prices: Mapping[str, object]) -> dict[str, float] | None:
    """Return dollars per million tokens of each kind; None if the settings have no usable price for the model."""
    row = prices.get(model)
    if not isinstance(row, dict):
        return None
    found = {key: row.get(key, row.get("input") if key.startswith("cache") else None) for key in _PRICED}
    usable = all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= A_MILLION for one in found.values()
    )
    return {key: float(value) for key, value in found.items()} if usable else None  # type: ignore[arg-type]


def regrouped(found: Mapping[str, Sum], keys_of: Callable[[str], Iterable[str]]) -> dict[str, Sum]:
    """Return the sums under other keys; one that belongs to several keys counts in each."""
    again: dict[str, Sum] = {}
    for name, one in found.items():
        for key in keys_of(name):
            again[key] = again[key].plus(one) if key in again else one
    return again


def rig_of(agent: str) -> str:
    """Return the rig of an agent's address, TOWN for an agent of the town."""
    head, _, rest = agent.partition("/")
    return head if rest and head != "deacon" else TOWN


def total(found: Iterable[Sum]) -> Sum:
    """Return the sum of all sums."""
    whole = Sum()
    for one in found:
        whole = whole.plus(one)
    return whole


def start_of_day(now: float) -> float:
    """Return the start of the local day of that moment."""
    import time

    year, month, day = (int(part) for part in today(now).split("-"))
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))
