"""THE way to start work automatically: a sling now, or an entry in the queue, by the town's settings.

Convoys, launches, mountains and the refinery's retries all call ``dispatch``.  A refusal is a result, not an exception,
so that a caller with many beads continues.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.record import Record
from gastown_core.work import retry_delay
from gastown_core.work.request import SlingRequest
from gastown_core.work.scheduler.sling_queue import enqueue, is_deferred

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


class Dispatched(Record):
    """The result for one bead: on a hook, in the queue, or why neither."""

    bead: str
    rig: str
    ok: bool
    deferred: bool = False
    agent: str = ""
    branch: str = ""
    convoy: str = ""
    error: str = ""
    is_new: bool = True
    """False if it was already on that hook or in the queue."""

    def words(self) -> str:
        """Return the result in words, empty if nothing was done."""
        if not self.ok:
            return f"could not start {self.bead}: {self.error}"
        if not self.is_new:
            return ""
        return f"queued {self.bead} for {self.rig}" if self.deferred else f"gave {self.bead} to {self.agent}"

    def as_json(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        told = {"bead": self.bead, "rig": self.rig, "ok": self.ok, "deferred": self.deferred, "agent": self.agent}
        return {**told, "branch": self.branch, "convoy": self.convoy, "error": self.error}


def dispatch(
    root: str,
    ledger: TownLedger,
    bead_id: str,
    rig: str,
    *,
    actor: str,
    request: SlingRequest | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Dispatched:
    """Sling the bead to a polecat of ``rig``, or queue it if slings are deferred; never raises GastownError.

    ``request`` has further options (base branch, convoy, formula …); bead and rig are filled in.
    """
    wanted = (request or SlingRequest(bead_id, boot=False))._replace(bead=bead_id, target=rig)
    if not is_deferred(root):
        return sling_now(root, ledger, wanted, rig, actor=actor, clock=clock)
    try:
        made = enqueue(root, ledger, wanted, actor=actor, clock=clock)
    except GastownError as error:
        return Dispatched(bead_id, rig, False, True, error=str(error))
    return Dispatched(bead_id, rig, True, True, convoy=made.convoy, is_new=made.is_new)


def sling_now(
    root: str, ledger: TownLedger, request: SlingRequest, rig: str, *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> Dispatched:
    """Sling to the rig at once, queue or not; started work goes back to the worker whose worktree has it."""
    from gastown_core.work.sling.sling import Sling

    bead = ledger.get(request.bead)
    worker = last_worker(root, ledger, bead, rig) if bead is not None else ""
    target = f"{rig}/{worker}" if worker else rig
    try:
        sling = Sling(root, request._replace(target=target), actor=actor, clock=clock)
        for _ in sling.run():
            pass
    except GastownError as error:
        return Dispatched(request.bead, rig, False, error=str(error), convoy=request.convoy_id)
    result = sling.result
    return Dispatched(
        request.bead,
        rig,
        True,
        agent=result.agent,
        branch=result.branch,
        convoy=result.convoy,
        is_new=not result.was_hooked,
    )


def keep_outcome(
    root: str, ledger: TownLedger, done: Dispatched, title: str, *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> None:
    """Record a try: a success deletes earlier failures, a failure delays the next try, and several raise an alarm.

    Tries never end by themselves.
    """
    key = f"dispatch:{done.bead}"
    before = retry_delay.read(root).get(done.bead)
    # a failed record must not stop the other dispatches
    with contextlib.suppress(GastownError, OSError):
        if done.ok:
            retry_delay.forget(root, done.bead)
            settle(root, ledger, key, f"{done.bead} was started", actor=actor, clock=clock)
            return
        retry_delay.note(root, done.bead, done.error, clock.now())
        if before is not None and before.failures + 1 == retry_delay.ALARM_AT:
            subject = f"{done.bead} could not be started {retry_delay.ALARM_AT} times"
            reason = f"{title}: {done.error}. It is tried again from time to time; gt scheduler explain {done.bead} tells when."
            escalate(
                root, ledger, "medium", subject, sender=actor, reason=reason, about=done.bead, key=key, clock=clock
            )


def last_worker(root: str, ledger: TownLedger, bead: Bead, rig: str) -> str:
    """Return the polecat of ``rig`` whose worktree is on a branch for this bead and that has no other work; else empty.

    Work sent back by the refinery names its worker in ``metadata.rework``, which sling reads.
    """
    from gastown_core.model.address import POLECAT, Address
    from gastown_core.model.metadata import read_dispatch, read_rework
    from gastown_core.town.branches import bead_of_branch
    from gastown_core.town.identity import rig_prefix
    from gastown_core.town.polecat_pool import polecat_entry
    from gastown_core.work.hook.hook import hooked_work
    from gastown_core.work.workers import polecat_of

    if read_rework(bead) is not None:
        return ""
    order = read_dispatch(bead)
    branch = order.branch
    had = polecat_of(order.worker)
    name = had.name if had is not None and had.rig == rig else ""
    if not name and bead_of_branch(branch) == bead.id:
        name = branch.split("/")[1]
    if not name:
        return ""
    prefix = rig_prefix(root, rig)
    entry = polecat_entry(root, rig, prefix, name)
    others = [one for one in hooked_work(ledger, Address(POLECAT, rig, name), prefix) if one.id != bead.id]
    return name if not others and branch and branch_under(entry.work_dir) == branch else ""


def branch_under(work_dir: str) -> str:
    """Return the branch that a worktree is on, empty if none; read from its files without running git."""
    try:
        with open(os.path.join(work_dir, ".git"), encoding="utf-8") as handle:
            admin = handle.read().strip().removeprefix("gitdir: ")
        with open(os.path.join(work_dir, admin, "HEAD"), encoding="utf-8") as handle:
            head = handle.read().strip()
    except OSError:
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""
