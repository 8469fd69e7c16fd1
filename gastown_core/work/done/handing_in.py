"""The records of a hand-in: request and bead in one write, then the announcements, then the worker's record.

Each leaves a trace, so that a repeated hand-in does not announce again what was announced.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event, log_path, newest_events
from gastown_core.git import worktree
from gastown_core.messaging.protocol import MERGE_READY, POLECAT_DONE, tell
from gastown_core.model.address import REFINERY, WITNESS
from gastown_core.model.bead import CLOSED, IN_REVIEW
from gastown_core.model.hook_life import COMPLETED, SUSPENDED
from gastown_core.model.metadata import read_rework
from gastown_core.model.record import Record
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.hook_record import record_hook
from gastown_core.work import merge_requests
from gastown_core.work.done.checks import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.git.repo import Git
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry


class Submission(Record):
    """What is handed in: the work, by whom, the commit at origin, and how it is merged."""

    bead: Bead
    entry: RosterEntry
    prefix: str
    branch: str
    commit: str
    terms: Terms
    priority: int | None
    pre_verified: bool
    at: float
    message: str = ""
    """The worker's message, unless a commit has it."""

    def facts(self, base: str = "") -> dict[str, Any]:
        """Return what the request keeps in ``metadata.mr``."""
        back = read_rework(self.bead)
        facts: dict[str, Any] = {
            "branch": self.branch,
            "target": self.terms.target,
            "source_issue": self.bead.id,
            "worker": self.entry.address.name,
            "rig": self.entry.address.rig,
            "commit_sha": self.commit,
            "agent_bead": self.entry.bead_id,
            "convoy_id": self.terms.convoy,
            "convoy_created_at": self.terms.convoy_created_at,
            "alone": self.terms.is_alone,
            "retry_count": back.attempt if back is not None else 0,
        }
        if self.pre_verified:
            facts |= {"pre_verified": True, "pre_verified_at": format_seconds(self.at), "pre_verified_base": base}
        return facts


class Submitted(Record):
    """The request: its id, whether it is new, whether it had already merged this commit."""

    id: str
    is_new: bool
    moved: bool = False
    is_over: bool = False


def put_in_review(ledger: TownLedger, given: Submission) -> Submitted:
    """Create the request (one per branch and commit) and put the bead in review, in one write if both share a store.

    Raises ConflictError if the bead is closed: nothing would merge its request.
    """
    store = ledger.store_for(f"{given.prefix}-x")
    home = ledger.home_of(given.bead.id) or store
    actor = given.entry.address.path
    now = home.get(given.bead.id) or given.bead
    if now.is_closed:
        merged = merge_requests.merged_by(store, now.id, given.branch, given.commit)
        if merged:
            return Submitted(merged, False, is_over=True)
        raise _is_closed(now, given.branch)
    known = merge_requests.requests_for(store, given.bead.id)
    with store.write(actor) as batch:
        request, is_new = merge_requests.submit(batch, known, given.bead, given.facts(), priority=given.priority)
        moved = home is store and _move(batch, given, request, is_new)
    if home is not store:
        with home.write(actor) as batch:
            moved = _move(batch, given, request, is_new)
    return Submitted(request, is_new, moved)


def _is_closed(bead: Bead, branch: str) -> ConflictError:
    reason = bead.text("close_reason")
    return ConflictError(
        f"{bead.id} is closed{f': {reason}' if reason else ''}",
        f"what is closed is not merged; {branch} is pushed and waits there",
        f"bd reopen {bead.id}, then gt done, if it is to be merged",
    )


def _move(batch: RuleBatch, given: Submission, request: str, is_new: bool) -> bool:
    now = batch.get(given.bead.id) or given.bead
    moved = now.status not in (IN_REVIEW, CLOSED)
    if moved:
        finish_molecule(batch, now)
        batch.update(now.id, {"status": IN_REVIEW, "assignee": given.entry.address.path})
    if is_new:
        words = f"\n\n{given.message}" if given.message else ""
        batch.comment(now.id, f"handed in as {request}: {given.branch} at {given.commit[:12]}{words}")
    return moved


def finish_molecule(batch: RuleBatch, bead: Bead) -> None:
    """Close the molecule of the work, if it has one."""
    from gastown_core.molecules.pour import finish
    from gastown_core.molecules.root_bead import attached_to

    molecule = attached_to(bead)
    if molecule:
        finish(batch, molecule, f"{bead.id} was handed in")


def announce_request(root: str, ledger: TownLedger, given: Submission, made: Submitted, clock: Clock) -> bool:
    """Announce the request to event log, refinery and witness; return False if that was done before.

    The worker's record, written last, says so; if it is missing after a kill, the log is searched.
    """
    record = get_agent_bead(ledger, given.entry.bead_id)
    if not made.is_new and not made.moved and record is not None and record.fields.get("mr_id") == made.id:
        return False
    actor, bead_id = given.entry.address.path, given.bead.id
    told = set() if made.is_new else _told(root, made.id, given.branch, bead_id)
    if "done" not in told:
        append_event(root, "done", actor, {"bead": bead_id, "branch": given.branch}, clock=clock)
    mr = {"mr": made.id, "worker": given.entry.address.name, "branch": given.branch, "bead": bead_id}
    if "mr_queued" not in told:
        append_event(root, "mr_queued", actor, mr, clock=clock)
    emit(root, "refinery", "MQ_SUBMIT", {**mr, "rig": given.entry.address.rig}, clock=clock)
    _tell_witness(root, ledger, given.entry, bead_id, "COMPLETED", clock, branch=given.branch, request=made.id)
    facts = {"Branch": given.branch, "Issue": bead_id, "Polecat": given.entry.address.name}
    facts |= {"Rig": given.entry.address.rig, "MR": made.id, "Verified": f"pushed at {given.commit[:12]}"}
    to = f"{given.entry.address.rig}/{REFINERY}"
    tell(root, ledger, to, MERGE_READY, given.entry.address.name, facts, sender=actor, clock=clock)
    return True


def _told(root: str, request: str, branch: str, bead_id: str, most: int = 2000) -> set[str]:
    """Return which of the two events the log has among its newest ones."""
    found: set[str] = set()
    for number, event in enumerate(newest_events(log_path(root))):
        if number >= most or (event.type == "sling" and event.payload.get("bead") == bead_id):
            break
        if event.type == "mr_queued" and event.payload.get("mr") == request:
            found.add("mr_queued")
        if event.type == "done" and event.payload.get("bead") == bead_id and event.payload.get("branch") == branch:
            found.add("done")
    return found


def announce_done(
    root: str, ledger: TownLedger, entry: RosterEntry, bead_id: str, branch: str, exit_type: str, clock: Clock
) -> None:
    """Announce an end without a merge request to event log and witness."""
    payload = {"bead": bead_id, "branch": branch, "exit": exit_type}
    append_event(root, "done", entry.address.path, payload, clock=clock)
    _tell_witness(root, ledger, entry, bead_id, exit_type, clock, branch=branch)


def _tell_witness(
    root: str,
    ledger: TownLedger,
    entry: RosterEntry,
    bead_id: str,
    exit_type: str,
    clock: Clock,
    *,
    branch: str = "",
    request: str = "",
) -> None:
    name, rig = entry.address.name, entry.address.rig
    payload = {"polecat": name, "rig": rig, "bead": bead_id, "exit": exit_type}
    emit(root, "witness", POLECAT_DONE, payload, clock=clock)
    facts = {"Exit": exit_type, "Issue": bead_id, "MR": request, "Branch": branch}
    tell(root, ledger, f"{rig}/{WITNESS}", POLECAT_DONE, name, facts, sender=entry.address.path, clock=clock)


def record_end(
    root: str,
    ledger: TownLedger,
    entry: RosterEntry,
    prefix: str,
    git: Git,
    *,
    state: str,
    exit_type: str,
    bead: str,
    keeps: bool,
    active_mr: str,
    branch: str,
    clock: Clock,
) -> None:
    """Write the worker's record: how it ended, what it keeps, and the state of its worktree."""
    record_hook(
        root,
        ledger,
        entry.address,
        prefix,
        SUSPENDED if keeps else COMPLETED,
        actor=entry.address.path,
        bead=bead,
        clock=clock,
        agent_state=state,
        hook_bead=bead if keeps else "",
        cleanup_status=cleanup_status(git, entry.address.name),
        active_mr=active_mr,
        exit_type=exit_type,
        mr_id=active_mr,
        branch=branch,
        completion_time="" if keeps else format_seconds(clock.now()),
    )


def cleanup_status(git: Git, name: str) -> str:
    """Return what only the worktree has: ``clean``, ``has_uncommitted``, ``has_unpushed``, ``has_stash``."""
    lost = worktree.unsaved(git, name)
    if lost.files:
        return "has_uncommitted"
    if lost.commits:
        return "has_unpushed"
    return "has_stash" if lost.stashes else "clean"
