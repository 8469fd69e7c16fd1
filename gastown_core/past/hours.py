"""Figures over time for graphs: landings, events, queue, busy agents, tokens and cost, in equal slices up to now."""

from __future__ import annotations

import os

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_core.past.town import Past


class Hours(Record):
    """One figure a slice, oldest first; ``rigs`` maps a rig to its events and its landings.

    ``queue`` and ``busy`` are those at the end of a slice, the others what came in it; a cost that no program told is 0.
    """

    since: float
    slice_s: float
    landings: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    queue: tuple[int, ...] = ()
    busy: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()
    cost: tuple[float, ...] = ()
    known_from: float = 0.0
    """The first moment that anything is known of: what stands before it is empty because nothing is recorded."""
    rigs: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}  # noqa: RUF012  a default that is never modified


def hours(past: Past, seconds: float, count: int, is_wanted: Callable[[], bool] = lambda: True) -> Hours | None:
    """Return the figures of the last ``seconds`` in ``count`` slices; None once they are no longer wanted.

    Raises GastownError, OSError.
    """
    until, step = past.until, seconds / count
    since = until - seconds
    queue, busy = [], []
    for number in range(count):
        if not is_wanted():
            return None
        town = past.at(since + step * (number + 1)).town
        queue.append(len(town.requests))
        busy.append(sum(bool(one.running) and one.work is not None for one in town.agents))
    landings, events = [0] * count, [0] * count
    rigs: dict[str, tuple[list[int], list[int]]] = {rig.name: ([0] * count, [0] * count) for rig in past.rigs}
    for at, kind, rig in past.told_between(since, until):
        place = min(count - 1, int((at - since) / step))
        events[place] += 1
        landings[place] += kind == "merged"
        if rig in rigs:
            rigs[rig][0][place] += 1
            rigs[rig][1][place] += kind == "merged"
    tokens, cost = _used(past.root, since, step, count)
    told = {name: (tuple(one), tuple(two)) for name, (one, two) in rigs.items()}
    return Hours(since, step, tuple(landings), tuple(events), tuple(queue), tuple(busy), tokens, cost, past.since, told)


def _used(root: str, since: float, step: float, count: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    from gastown_core.usage.sums import over_time
    from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

    tokens, cost = [0] * count, [0.0] * count
    if os.path.exists(ledger_path(root)):
        with UsageLedger(root, only_read=True) as ledger:
            for at, used, told in over_time(ledger, since):
                if 0 <= (place := int((at - since) / step)) < count:
                    tokens[place] += used
                    cost[place] += told
    return tuple(tokens), tuple(cost)


BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_BLOCKS = " .:-=+*#@"


def bars(values: Sequence[float], width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    """Return a bar chart of ``height`` lines, topmost first, ``width`` wide: neighbours share a column where room lacks.

    Anything above 0 is visible; the highest value fills its column.
    """
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    count = len(values)
    if not count or width <= 0 or height <= 0:
        return [""] * max(0, height)
    columns = [
        max(values[i * count // width : max(i * count // width + 1, (i + 1) * count // width)]) for i in range(width)
    ]
    most = max(columns)
    levels = [max(1, round(value / most * height * 8)) if value > 0 else 0 for value in columns]
    return ["".join(blocks[min(8, max(0, level - 8 * line))] for level in levels) for line in reversed(range(height))]
