"""The merge request: its branch and target, its worker, its attempts, and its place in the queue.

A request is a permanent bead of its rig with the label ``gt:merge-request``: the requests are the merge history.
Its facts are the object ``metadata.mr``.  Older tools keep them as field lines of the description, which are read
if the object is absent (work-pipeline.md sections 8.1 and 8.2).
"""

from __future__ import annotations

import time

from gastown_core.clock import format_seconds
from gastown_core.model.address import REFINERY, parse_address, same_agent
from gastown_core.model.bead import BLOCKED, CLOSED, DEFERRED, HOOKED, IN_PROGRESS, OPEN, is_kind
from gastown_core.model.metadata import REQUEST, Section, metadata_of, with_section, with_words
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from gastown_core.model.bead import Bead

    class Work(Protocol):
        """The properties needed of a request's work bead; a full record and an excerpt both have them."""

        @property
        def status(self) -> str:
            """The bead's status."""

        @property
        def issue_type(self) -> str:
            """The bead's type."""

        @property
        def assignee(self) -> str:
            """The assignee, empty if none."""

        @property
        def labels(self) -> tuple[str, ...]:
            """The bead's labels."""

        @property
        def defer_until(self) -> float | None:
            """Unix seconds until which it is deferred; 0 or None if it is not."""


LABEL = "gt:merge-request"
NEEDS_REBASE, NEEDS_FIX, NEEDS_RETRY = "needs-rebase", "needs-fix", "needs-retry"
NEEDS_PERSON = "needs-person"
"""The label of work that was blocked after its last attempt to merge it: a person decides what becomes of it."""
OLD_IN_REVIEW = "gt:in-review"
"""The label with which older tools mark work in progress as handed in."""
FAILURE_LABELS = (NEEDS_REBASE, NEEDS_FIX, NEEDS_RETRY)
TROUBLES = {NEEDS_REBASE: "conflict", NEEDS_FIX: "gates were red", NEEDS_RETRY: "the push was refused"}
"""Label → what went wrong the last time."""
"""Why the last attempt failed: a conflict, failed gates, or a refused push."""
MERGED, REJECTED, CONFLICT, SUPERSEDED, REVERTED = "merged", "rejected", "conflict", "superseded", "reverted"
"""Values of ``close_reason``."""
LEVEL_S = 7200.0
"""Seconds of waiting that count as much as one priority level, if the rig sets none."""
LONGEST_REST_S = 1800.0
"""The longest rest of a request that gave no verdict."""
BASE, LEVEL, CONVOY_MOST = 1000.0, 100.0, 200.0
"""Points of every request, of one priority level, and at most of a convoy's age."""
TAKEN_OUT = "taken out of the queue"
"""The start of why a request is not merged that a person has taken out."""
MERGED_IN = "Merged in "
"""The start of the close reason of work that a request merged; the request's id follows."""


class MergeRequest(Record):
    """A request as the engine and front ends use it; ``status`` is the bead's, times are Unix seconds."""

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
    """The squash commit that the engine or a person pushes: once it is on the target, the request has landed."""
    close_reason: str = ""
    agent_bead: str = ""
    retry_count: int = 0
    conflict_task_id: str = ""
    convoy_id: str = ""
    convoy_created_at: float = 0.0
    assignee: str = ""
    updated_at: float = 0.0
    alone: bool = False
    """Never batched: it is merged by itself, without waiting (merge strategy ``direct``)."""
    not_before: float = 0.0
    """Not tried before this time: its last try gave no verdict."""
    tries: int = 0
    """Consecutive tries without a verdict."""
    put_off: str = ""
    """Why it is not tried before that time, in one line."""
    taken_out: str = ""
    """By whom and why it was taken out of the queue; empty if it was not."""
    approved: str = ""
    """The commit that a person approved; another one is not."""
    approved_by: str = ""
    closes_early: bool = False
    """An older tool handed it in; such tools close the work when handing in, not when it has landed."""

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return self.status != CLOSED

    @property
    def is_claimed(self) -> bool:
        """Whether an engine is working on it."""
        return self.status == IN_PROGRESS


TEXTS = (
    "branch target source_issue worker rig commit_sha merge_commit landing_commit close_reason agent_bead "
    "conflict_task_id convoy_id taken_out approved approved_by put_off"
).split()


def read_request(bead: Bead) -> MergeRequest:
    """Return the request in a bead; facts that are absent or malformed are empty.

    The older field lines are read only if there is no object ``mr``, not if something malformed stands in its place.
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
    """Return why the request should not be merged now, judged by its work bead; empty if it may be merged.

    ``work`` is None if the bead is deleted; ``reason`` is the close reason of a closed one.
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
        # older tools hand in without changing the bead's status
        return ""
    if work.status == OPEN:
        return f"{name} is open again, so its work was taken back; gt mq retry {request.id} queues it anyway"
    if work.status in (HOOKED, IN_PROGRESS) and work.assignee:
        return f"{name} is on its worker's hook again and may change until the next gt done"
    return ""


def is_at_engine(bead: Work) -> bool:
    """Return whether a bead is a request claimed in the refinery's name.

    The engine works on it, whether or not the rig's refinery agent runs: it is on no agent's hook.
    """
    return bool(bead.assignee) and is_kind(bead, LABEL) and parse_address(bead.assignee).role == REFINERY


def why_out(request: MergeRequest) -> str:
    """Return why a person's act keeps the request from being merged; empty if it was not taken out of the queue."""
    if not request.taken_out:
        return ""
    return f"{TAKEN_OUT} by {request.taken_out}; gt mq retry {request.id} puts it back"


def why_unapproved(request: MergeRequest) -> str:
    """Return what approval it lacks; empty if a person approved just the commit that was handed in."""
    if request.approved and request.approved == request.commit_sha:
        return ""
    now = request.commit_sha[:12] or "its commit"
    if request.approved:
        return (
            f"{request.approved_by} approved {request.approved[:12]}, and it is {now} now; gt mq approve {request.id}"
        )
    return f"waits for somebody to approve {now}; gt mq approve {request.id}"


def why_late(request: MergeRequest, now: float) -> str:
    """Return why the request rests before another try, empty if it does not; a clock put back makes no rest longer."""
    if not now < request.not_before <= now + LONGEST_REST_S:
        return ""
    why = f": {request.put_off}" if request.put_off else ""
    return f"tried again at {time.strftime('%H:%M:%S', time.localtime(request.not_before))}{why}"


def held_up(needs: Mapping[str, frozenset[str]], blocked: Iterable[str]) -> dict[str, str]:
    """Return the requests that need a blocked one, directly or not, each with the one that holds it up.

    ``needs``: request → those that must land before it or with it.
    """
    stuck, found = set(blocked), dict[str, str]()
    while more := {one: min(below & stuck) for one, below in needs.items() if one not in stuck and below & stuck}:
        found |= more
        stuck |= more.keys()
    return found


def is_its_worker(request: MergeRequest, agent: str) -> bool:
    """Return whether ``agent`` is the address of the worker who handed the request in."""
    if "/" not in agent or not request.rig:
        return agent.rpartition("/")[2] == request.worker
    return any(same_agent(agent, f"{request.rig}/{room}{request.worker}") for room in ("polecats/", "crew/"))


def with_facts(bead: Bead, **facts: object) -> dict[str, object]:
    """Return the ``metadata`` of a request's bead with ``facts`` set in its ``mr`` object; None removes a fact."""
    if metadata_of(bead).section(REQUEST).is_absent:
        known = {**bead.fields, **facts}
        return with_section(bead, REQUEST, {key: value for key, value in known.items() if value is not None})
    return with_words(bead, REQUEST, facts)


def score(request: MergeRequest, now: float, level_s: float = LEVEL_S) -> float:
    """Return the request's place in the queue, the highest first.

    1000, plus 100 a priority level, plus 10 an hour of the convoy's age up to 200, minus 50 a retry up to 300, plus 100
    for each ``level_s`` of waiting.  All requests age alike, so only the rank a later one starts with can put it first,
    and a wait is bounded (``overtaken_until``).
    """
    return _rank(request, now) + 100.0 * max(0.0, now - request.created_at) / (level_s or LEVEL_S)


def overtaken_until(request: MergeRequest, now: float, level_s: float = LEVEL_S) -> float:
    """The moment after which no request handed in later can overtake this one, whatever its priority and convoy."""
    lead = BASE + 4 * LEVEL + CONVOY_MOST - _rank(request, now)
    return request.created_at + lead / LEVEL * (level_s or LEVEL_S)


def _rank(request: MergeRequest, now: float) -> float:
    points = BASE
    if request.convoy_created_at:
        points += min(10.0 * max(0.0, now - request.convoy_created_at) / 3600.0, CONVOY_MOST)
    if 0 <= request.priority <= 4:
        points += LEVEL * (4 - request.priority)
    return points - min(50.0 * request.retry_count, 300.0)
