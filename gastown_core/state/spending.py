"""What landed work has cost: usage by agent, rig, convoy or day beside what landed there; rework and flaky gates apart.

Rework is what was used on a bead after it was first sent back.
"""

from __future__ import annotations

import os

from gastown_core.clock import today
from gastown_core.events.log import log_path, newest_events
from gastown_core.model.address import parse_address
from gastown_core.model.event_kinds import text_of
from gastown_core.model.record import Record
from gastown_core.model.usage import short_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_core.usage.sums import Sum
    from gastown_core.usage.usage_ledger import UsageLedger

AGENT, RIG, CONVOY, DAY = "agent", "rig", "convoy", "day"
KINDS = (AGENT, RIG, CONVOY, DAY)
SENT_BACK = ("merge_failed", "mr_rejected")
MOST_EVENTS = 200_000
"""So many events are read at most to learn what landed and what was sent back."""
MOST_REWORK = 500
"""The rework of so many beads is counted at most, the newest first."""


class Spent(Record):
    """One row: its name, all tokens and their cost in words, landed beads, what one of them has cost, the rework in it.

    Of an agent also how full its context is (None: unknown), and what it used since its work last showed progress.
    """

    name: str
    tokens: int = 0
    cost: str = ""
    landed: int = 0
    per_landed: str = ""
    rework: str = ""
    context: float | None = None
    burn: int = 0
    burn_since: float = 0.0


class Spending(Record):
    """The rows, most tokens first (days: newest first), and their total; what flaky gates took; ``is_cut``: the log goes back further."""

    by: str
    since: float
    rows: tuple[Spent, ...] = ()
    total: Spent = Spent("total")
    flaky: int = 0
    batches: int = 0
    flaky_s: float = 0.0
    is_cut: bool = False


class _Told(Record):
    """What the event log tells: (moment, bead, worker's path, rig) of each landing, and when beads were first sent back."""

    landings: list[tuple[float, str, str, str]]
    sent_back: dict[str, float]
    is_cut: bool


def spending(root: str, by: str, since: float, snapshot: TownSnapshot) -> Spending:
    """Return the table, as counted last. Raises GastownError, OSError."""
    from gastown_core.town.settings import load_settings
    from gastown_core.usage import sums
    from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

    told = _read_log(root, since)
    batches = [batch for view in snapshot.refineries for batch in view.history if batch.at >= since]
    flaky = [batch for batch in batches if batch.flaky]
    gates = (len(flaky), len(batches), sum(batch.secs for batch in flaky), told.is_cut)
    if not os.path.exists(ledger_path(root)):
        return Spending(by, since, (), Spent("total"), *gates)
    prices = load_settings(root).lenient("prices")
    kind = {RIG: sums.AGENT, CONVOY: sums.BEAD}.get(by, by)
    convoys = convoys_of(root) if by == CONVOY else {}
    with UsageLedger(root, only_read=True) as ledger:
        used = sums.sums(ledger, kind, prices, since=since)
        again = _rework(ledger, kind, prices, told, since)
        burns = _burns(ledger, snapshot.agents) if by == AGENT else {}
    landed: dict[str, int] = {}
    for at, bead, worker, rig in told.landings:
        for key in {AGENT: [worker], RIG: [rig], DAY: [today(at)], CONVOY: convoys.get(bead) or [sums.NOTHING]}[by]:
            landed[key] = landed.get(key, 0) + 1
    if by in (RIG, CONVOY):
        used, again = (_regrouped(one, by, convoys) for one in (used, again))
    names = dict.fromkeys((*used, *landed))
    views = {view.key: view for view in snapshot.agents} if by == AGENT else {}
    rows = [
        _row(key, used.get(key), landed.get(key, 0), again.get(key), views.get(key), burns.get(key)) for key in names
    ]
    rows.sort(key=lambda one: (-one.tokens, one.name))
    if by == DAY:
        rows.sort(key=lambda one: one.name, reverse=True)
    everything = _row("total", sums.total(used.values()), len(told.landings), sums.total(again.values()), None, None)
    return Spending(by, since, tuple(rows), everything, *gates)


def _row(
    key: str, used: Sum | None, landed: int, again: Sum | None, view: AgentView | None, burn: tuple[int, float] | None
) -> Spent:
    tokens, cost = (used.tokens, used.words()) if used is not None else (0, "-")
    per = ""
    if landed and used is not None:
        # without a cost, tokens say as much
        known = used.cost is not None
        per = (
            f"{'≥ ' if used.unpriced else ''}${(used.cost or 0.0) / landed:,.2f}"
            if known
            else short_tokens(tokens / landed)
        )
    rework = ""
    if again is not None and again.tokens:
        rework = f"{short_tokens(again.tokens)} {again.words() if again.cost is not None else ''}".strip()
    name = parse_address(key).short if view is not None or "/polecats/" in key or "/crew/" in key else key
    return Spent(
        name, tokens, cost, landed, per, rework, view.usage.share if view is not None else None, *(burn or (0, 0.0))
    )


def _read_log(root: str, since: float) -> _Told:
    """Read landings since then, and first refusals of their beads ever."""
    landings: list[tuple[float, str, str, str]] = []
    sent_back: dict[str, float] = {}
    number = 0
    for number, event in enumerate(newest_events(log_path(root))):
        if number >= MOST_EVENTS:
            break
        bead = text_of(event.payload, "bead")
        if event.type == "merged" and event.ts >= since:
            rig, worker = event.actor.partition("/")[0], text_of(event.payload, "worker")
            path = parse_address(worker if "/" in worker else f"{rig}/polecats/{worker}").path
            landings.append((event.ts, bead, path, rig))
        elif event.type in SENT_BACK and bead:
            # newest first: the last one seen is the first refusal
            sent_back[bead] = event.ts
    return _Told(landings, sent_back, number >= MOST_EVENTS)


def _rework(ledger: UsageLedger, kind: str, prices: Mapping[str, object], told: _Told, since: float) -> dict[str, Sum]:
    """Sum what was used on beads after they were first sent back."""
    from gastown_core.usage.sums import sums

    found: dict[str, Sum] = {}
    newest = sorted(told.sent_back.items(), key=lambda one: -one[1])[:MOST_REWORK]
    for bead, at in newest:
        for key, one in sums(ledger, kind, prices, since=max(at, since), beads=[bead]).items():
            found[key] = found[key].plus(one) if key in found else one
    return found


def _burns(ledger: UsageLedger, agents: Iterable[AgentView]) -> dict[str, tuple[int, float]]:
    """Agent → tokens used since its work last showed progress, and since when."""
    from gastown_core.usage.sums import sums, total

    found = {}
    for view in agents:
        if view.work is None:
            continue
        signs = [one.at for one in view.health.reasons if one.at and one.source in ("ledger", "git")]
        since = max([view.work.updated_at, *signs])
        used = total(sums(ledger, "agent", {}, since=since, agent=view.key).values())
        if used.tokens:
            found[view.key] = (used.tokens, since)
    return found


def _regrouped(found: Mapping[str, Sum], by: str, convoys: Mapping[str, list[str]]) -> dict[str, Sum]:
    from gastown_core.usage.sums import NOTHING, regrouped, rig_of

    if by == RIG:
        return regrouped(found, lambda agent: (rig_of(agent),))
    return regrouped(found, lambda bead: convoys.get(bead) or (NOTHING,))


def convoys_of(root: str) -> dict[str, list[str]]:
    """Bead → the convoys that hold it, closed ones too."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import list_convoys

    found: dict[str, list[str]] = {}
    for convoy in list_convoys(TownLedger(root), statuses=()):
        for member, _ in convoy.members:
            found.setdefault(member, []).append(convoy.bead.id)
    return found
