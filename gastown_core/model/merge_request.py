"""The merge request: what a branch wants, for whom, how it got on, and its place in the queue.

A request is a lasting bead of its rig with the label ``gt:merge-request`` (requests are the history of what was
merged); its facts are the object ``metadata.mr``.  Requests of older tools carry them as field lines of the
description; those are read where the object is absent (work-pipeline.md sections 8.1 and 8.2).
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.address import same_agent
from gastown_core.model.bead import BLOCKED, CLOSED, DEFERRED, HOOKED, IN_PROGRESS, OPEN
from gastown_core.model.metadata import REQUEST, Section, metadata_of, with_section, with_words
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from gastown_core.model.bead import Bead

    class Work(Protocol):
        """What is asked of the bead that a request carries; a whole record has it and so has its excerpt."""

        @property
        def status(self) -> str:
            """One of the statuses."""

        @property
        def assignee(self) -> str:
            """Who has it, empty if nobody."""

        @property
        def labels(self) -> tuple[str, ...]:
            """Its labels."""

        @property
        def defer_until(self) -> float | None:
            """When it wakes, in Unix seconds; 0 or None if it does not sleep."""


LABEL = "gt:merge-request"
NEEDS_REBASE, NEEDS_FIX, NEEDS_RETRY = "needs-rebase", "needs-fix", "needs-retry"
OLD_IN_REVIEW = "gt:in-review"
"""The label by which older tools say that work in progress was handed in."""
FAILURE_LABELS = (NEEDS_REBASE, NEEDS_FIX, NEEDS_RETRY)
"""Why the last attempt failed: a conflict, red gates, or a push that was refused."""
MERGED, REJECTED, CONFLICT, SUPERSEDED = "merged", "rejected", "conflict", "superseded"
"""Words of ``close_reason``."""
LEVEL_S = 7200.0
"""How long a request waits for one level of urgency, where the rig does not say."""
BASE, LEVEL, CONVOY_MOST = 1000.0, 100.0, 200.0
"""Points of every request, of a level of urgency, and at most of an old convoy."""
MERGED_IN = "Merged in "
"""How the reason begins with which work is closed that a request brought home; the request's id follows."""


class MergeRequest(Record):
    """A request as the engine and the faces use it; ``status`` is the bead's, times are Unix seconds."""

    id: str
    status: str
    priority: int
    created_at: float
    title: str = ""
    labels: tuple[str, ...] = ()
    branch: str = ""
    target: str = ""
    source_issue: str = ""
    worker: str = ""
    rig: str = ""
    commit_sha: str = ""
    merge_commit: str = ""
    landing_commit: str = ""
    """The squash commit that the engine pushes, or left for a person to push: once it is on the target, it has landed."""
    close_reason: str = ""
    agent_bead: str = ""
    retry_count: int = 0
    conflict_task_id: str = ""
    convoy_id: str = ""
    convoy_created_at: float = 0.0
    assignee: str = ""
    updated_at: float = 0.0
    alone: bool = False
    """Wants no batch: it is taken by itself, without waiting (merge strategy ``direct``)."""
    not_before: float = 0.0
    """It is left alone until then: its last try gave no verdict."""
    tries: int = 0
    """Tries without a verdict in a row."""
    closes_early: bool = False
    """An older tool handed it in, which closes the work at that moment and not when it has landed."""

    @property
    def is_open(self) -> bool:
        """Whether it still waits or is being worked on."""
        return self.status != CLOSED

    @property
    def is_claimed(self) -> bool:
        """Whether an engine has it in hand."""
        return self.status == IN_PROGRESS


TEXTS = (
    "branch target source_issue worker rig commit_sha merge_commit landing_commit close_reason agent_bead "
    "conflict_task_id convoy_id"
).split()


def read_request(bead: Bead) -> MergeRequest:
    """The request that a bead carries; facts that are absent or malformed are empty.

    Only where there is no object ``mr`` are the older field lines read; junk in its place is not the word of an older tool.
    """
    found = metadata_of(bead).section(REQUEST)
    facts = Section(dict(bead.fields)) if found.is_absent else found
    texts = {key: facts.text(key) for key in TEXTS}
    return MergeRequest(
        bead.id,
        bead.status,
        bead.priority,
        bead.created_at,
        title=bead.title,
        labels=bead.labels,
        retry_count=facts.number("retry_count"),
        convoy_created_at=facts.moment("convoy_created_at"),
        assignee=bead.assignee,
        updated_at=bead.updated_at,
        alone=facts.flag("alone"),
        not_before=facts.moment("not_before"),
        tries=facts.number("tries"),
        closes_early=found.is_absent,
        **texts,
    )


def why_withdrawn(request: MergeRequest, work: Work | None, now: float, *, reason: str = "") -> str:
    """Why nobody wants the request merged now, by the bead it carries; empty if it may be merged.

    ``work`` is None where the bead is deleted, ``reason`` says why it is closed.
    """
    name = request.source_issue
    if work is None:
        return f"{name} is deleted"
    if work.status == CLOSED:
        return "" if request.closes_early else f"{name} is closed" + (f": {reason}" if reason else "")
    until = work.defer_until or 0.0
    if until > now:
        return f"{name} is deferred until {format_seconds(until)}"
    if work.status == DEFERRED and not until:
        return f"{name} is deferred"
    if work.status == BLOCKED:
        return f"{name} is blocked"
    if work.status in (HOOKED, IN_PROGRESS) and work.assignee and not is_its_worker(request, work.assignee):
        return f"{name} is {work.status.replace('_', ' ')} {'to' if work.status == HOOKED else 'with'} {work.assignee}"
    if request.closes_early or OLD_IN_REVIEW in work.labels:
        # who hands in without telling the bead leaves it as it was
        return ""
    if work.status == OPEN:
        return f"{name} is open again, so its work is taken back; gt mq retry {request.id} takes it up all the same"
    if work.status in (HOOKED, IN_PROGRESS) and work.assignee:
        return f"{name} is on its worker's hook again, who changes it until the next gt done"
    return ""


def is_its_worker(request: MergeRequest, agent: str) -> bool:
    """Whether an agent's address is that of the worker who handed it in."""
    if "/" not in agent or not request.rig:
        return agent.rpartition("/")[2] == request.worker
    return any(same_agent(agent, f"{request.rig}/{room}{request.worker}") for room in ("polecats/", "crew/"))


def with_facts(bead: Bead, **facts: object) -> dict[str, object]:
    """The ``metadata`` value of a request's bead with ``facts`` set in its ``mr`` object; None removes one."""
    if metadata_of(bead).section(REQUEST).is_absent:
        known = {**bead.fields, **facts}
        return with_section(bead, REQUEST, {key: value for key, value in known.items() if value is not None})
    return with_words(bead, REQUEST, facts)


def score(request: MergeRequest, now: float, level_s: float = LEVEL_S) -> float:
    """How soon it is taken, the highest first: 1000, urgency 100 a level, an hour of the convoy's age 10 up to 200, less
    50 a retry up to 300, and 100 for each ``level_s`` that it has waited.

    All age alike, so that only what its rank was worth when it came can put one before another: a wait is bounded
    (``overtaken_until``).
    """
    return _rank(request, now) + 100.0 * max(0.0, now - request.created_at) / (level_s or LEVEL_S)


def overtaken_until(request: MergeRequest, now: float, level_s: float = LEVEL_S) -> float:
    """From when on nothing that is handed in later goes before the request, whatever its urgency and its convoy."""
    lead = BASE + 4 * LEVEL + CONVOY_MOST - _rank(request, now)
    return request.created_at + lead / LEVEL * (level_s or LEVEL_S)


def _rank(request: MergeRequest, now: float) -> float:
    points = BASE
    if request.convoy_created_at:
        points += min(10.0 * max(0.0, now - request.convoy_created_at) / 3600.0, CONVOY_MOST)
    if 0 <= request.priority <= 4:
        points += LEVEL * (4 - request.priority)
    return points - min(50.0 * request.retry_count, 300.0)
