"""Details for the console's drawer and dialogs beyond the snapshot; slow, so the console loads them in a thread."""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.query import BeadQuery, Excerpt
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError
from gastown_core.git.worktree_facts import WorkFacts, read_facts
from gastown_core.messaging.nudge_listing import QueueView as QueueView
from gastown_core.messaging.nudge_listing import view_of
from gastown_core.model.address import parse_address
from gastown_core.model.bead import EPIC, Bead
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.model.metadata import REQUEST, metadata_of
from gastown_core.model.record import Record
from gastown_core.model.snapshot import AgentView
from gastown_core.refinery.gate_run import tail
from gastown_core.town.daemon_note import DutyNote as DutyNote
from gastown_core.town.daemon_note import WatchNote as WatchNote
from gastown_core.town.daemon_note import watch_note as watch_note
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.usage.sums import Sum

TAIL_LINES = 12
"""How much of a red gate's output the page of its batch shows."""


class BeadDetail(Record):
    """A complete bead: its record, its store, and its dependencies both ways."""

    bead: Bead
    store: str
    depends_on: tuple[tuple[str, str, str, str], ...]
    """(id, edge type, title, status) of what it depends on; title empty if unknown."""
    dependents: tuple[tuple[str, str, str, str], ...]
    """The same for what depends on it."""


class WorkDetail(Record):
    """An agent's work: the bead on its hook, and its worktree as git sees it (None with the reason in ``git_error``)."""

    bead: BeadDetail | None
    git: WorkFacts | None
    git_error: str
    work_dir: str


def queue_of(root: str, agent: AgentView) -> QueueView:
    """The nudges to an agent that are queued, under way, or were not delivered."""
    return view_of(root, agent.session)


def bead_detail(root: str, bead_id: str) -> BeadDetail | None:
    """Everything about a bead of any store; None if there is no such bead."""
    ledger = TownLedger(root)
    for name, store in ledger.stores().items():
        bead = store.get(bead_id)
        if bead is not None:
            down = [(edge.target, edge.type) for edge in bead.edges]
            return BeadDetail(bead, name, _named(ledger, down), _named(ledger, store.dependents(bead_id)))
    return None


def _named(ledger: TownLedger, ends: list[tuple[str, str]]) -> tuple[tuple[str, str, str, str], ...]:
    known = ledger.get_many([bead_id for bead_id, _ in ends])
    rows = []
    for bead_id, kind in ends:
        bead = known.get(bead_id)
        rows.append((bead_id, kind, bead.title if bead else "", bead.status if bead else ""))
    return tuple(rows)


class PastRequest(Record):
    """The result of a request in a finished batch: its work, its worker, and why it did not land.

    ``log`` is the path of the red gate's output, ``tail`` its last lines if the file still exists.
    """

    bead_id: str = ""
    title: str = ""
    worker: str = ""
    why: str = ""
    log: str = ""
    tail: tuple[str, ...] = ()


def past_requests(root: str, rig_path: str, request_ids: Sequence[str]) -> dict[str, PastRequest]:
    """The requests of a batch that are still in the ledger."""
    ledger = TownLedger(root)
    beads = ledger.get_many(request_ids)
    works = ledger.get_many([read_request(bead).source_issue for bead in beads.values()])
    return {name: _past(rig_path, bead, works) for name, bead in beads.items()}


def _past(rig_path: str, bead: Bead, works: Mapping[str, Bead]) -> PastRequest:
    request = read_request(bead)
    work = works.get(request.source_issue)
    why = bead.text("close_reason").removeprefix("rejected: ") if request.close_reason not in ("", MERGED) else ""
    log = metadata_of(bead).section(REQUEST).text("log")
    path = os.path.join(rig_path, log) if log and rig_path else ""
    if not os.path.realpath(path).startswith(os.path.realpath(rig_path) + os.sep):
        path = ""
    lines = tuple(tail(path, TAIL_LINES).splitlines()) if path else ()
    return PastRequest(request.source_issue, work.title if work is not None else "", request.worker, why, path, lines)


def work_detail(root: str, agent: AgentView) -> WorkDetail:
    """What an agent works on and what its worktree holds."""
    bead = bead_detail(root, agent.work.bead_id) if agent.work is not None else None
    try:
        return WorkDetail(bead, read_facts(agent.work_dir), "", agent.work_dir)
    except GastownError as error:
        return WorkDetail(bead, None, str(error), agent.work_dir)


class UsageRow(Record):
    """What was used together: ``tokens`` of all kinds, and the cost in words."""

    name: str
    input: int
    cache_write: int
    cache_read: int
    output: int
    tokens: int
    cost: str


class UsageDetail(Record):
    """All that was used, and the same by day, newest first, and by bead or agent, the most first."""

    total: UsageRow
    days: tuple[UsageRow, ...] = ()
    others: tuple[UsageRow, ...] = ()


def usage_detail(root: str, *, agent: str = "", beads: Sequence[str] = ()) -> UsageDetail:
    """What an agent used by bead, or what was used on some beads by agent; as counted last. Raises GastownError."""
    from gastown_core.usage import sums
    from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

    if not os.path.exists(ledger_path(root)):
        return UsageDetail(_usage_row("total", sums.Sum()))
    prices = load_settings(root).lenient("prices")
    with UsageLedger(root, only_read=True) as ledger:
        days = sums.sums(ledger, sums.DAY, prices, agent=agent, beads=beads)
        others = sums.sums(ledger, sums.BEAD if agent else sums.AGENT, prices, agent=agent, beads=beads)
    named = {(name or "no bead") if agent else parse_address(name).short: one for name, one in others.items()}
    return UsageDetail(
        _usage_row("total", sums.total(days.values())),
        tuple(_usage_row(name, one) for name, one in sorted(days.items(), reverse=True)),
        tuple(_usage_row(name, one) for name, one in sorted(named.items(), key=lambda each: -each[1].tokens)),
    )


def _usage_row(name: str, one: Sum) -> UsageRow:
    return UsageRow(name, one.input, one.cache_write, one.cache_read, one.output, one.tokens, one.words())


def ready_beads(root: str, limit: int = 200, clock: Clock = SYSTEM_CLOCK) -> list[tuple[str, Excerpt]]:
    """(store, bead) of ready work in every rig and the town, most urgent first."""
    from gastown_core.beads.ledger_line import excerpt_of
    from gastown_core.work.done.assign import is_work

    rows = []
    for name, store in TownLedger(root).stores().items():
        found = store.ready(BeadQuery(unassigned=True, exclude_types=(EPIC,)), clock.now())
        rows += [(name, excerpt_of(bead)) for bead in found if is_work(bead)]
    rows.sort(key=lambda row: (row[1].priority, row[1].created_at))
    return rows[:limit]
