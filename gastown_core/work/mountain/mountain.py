"""Mountains: convoys of an epic's size whose stalls are detected.

A mountain is a convoy with the label ``mountain``.  The daemon calls ``audit`` regularly: a mountain without progress
is dispatched again, and what dead workers hold is released; if that does not help, owner and mayor are notified once.
Members that failed three times are skipped (``failure_count``).
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.events.log import append_event
from gastown_core.model.bead import CLOSED, EPIC, OPEN, is_convoy
from gastown_core.work.convoy import launching
from gastown_core.work.convoy.staging import work_below
from gastown_core.work.convoys import get_convoy
from gastown_core.work.failure_count import MOUNTAIN, PAUSED, count_failure, retry
from gastown_core.work.mountain.audit import audit
from gastown_core.work.mountain.status import View, list_mountains, look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.work.convoy.launching import Launched, Staged

__all__ = [
    "MOUNTAIN",
    "PAUSED",
    "View",
    "audit",
    "cancel",
    "count_failure",
    "list_mountains",
    "look",
    "mountain_of",
    "pause",
    "resume",
    "retry",
    "start",
]


def start(
    root: str, ledger: TownLedger, epic: str, *, actor: str, force: bool = False, clock: Clock = SYSTEM_CLOCK
) -> tuple[Staged, Launched | None]:
    """Stage the epic as a mountain and launch it; with errors, or warnings without ``force``, it is not launched.

    An open convoy given instead of an epic becomes a mountain.
    """
    found = ledger.excerpt(epic)
    if found is None:
        raise NotFoundError(f"no bead {epic}", "", "bd list -t epic shows the epics")
    if is_convoy(found) and found.status == OPEN:
        return _adopt(root, ledger, found.id, actor, clock)
    below = list(work_below(ledger, found)) if found.issue_type == EPIC else []
    if below and all(one.status == CLOSED for one in below):
        count = f"all {len(below)} beads of {epic} are" if len(below) > 1 else f"the one bead of {epic} is"
        raise ConflictError(
            f"{count} done", "there is nothing left to climb", f"bd close {epic}, or file more below it"
        )
    title = f"Mountain: {found.title}" if not is_convoy(found) else ""
    staged = launching.stage(root, ledger, [epic], actor=actor, title=title, labels=[MOUNTAIN], clock=clock)
    if not staged.convoy or (staged.plan.warnings and not force):
        return staged, None
    return staged, launching.launch(root, ledger, staged.convoy, actor=actor, force=force, clock=clock)


def _adopt(root: str, ledger: TownLedger, convoy_id: str, actor: str, clock: Clock) -> tuple[Staged, Launched]:
    from gastown_core.work.convoy.staging import analyse

    plan = analyse(root, ledger, [convoy_id], clock=clock)
    _relabel(ledger, convoy_id, actor, add=(MOUNTAIN,))
    convoy = get_convoy(ledger, convoy_id).bead
    launched = launching.set_going(root, ledger, convoy_id, actor=actor, clock=clock)
    return launching.Staged(plan, convoy_id, convoy.title, True), launched


def mountain_of(ledger: TownLedger, convoy_id: str = "") -> Bead:
    """Return the mountain with that id, or the only one. Raises NotFoundError, ConflictError if there are several."""
    if convoy_id:
        bead = get_convoy(ledger, convoy_id).bead
        if MOUNTAIN not in bead.labels:
            raise NotFoundError(
                f"{bead.id} is not a mountain", f"{bead.title} is a plain convoy", f"gt mountain {bead.id}"
            )
        return bead
    found = list_mountains(ledger)
    if len(found) == 1:
        return get_convoy(ledger, found[0].id).bead
    if not found:
        raise NotFoundError("there is no mountain", "", "gt mountain EPIC creates one")
    raise ConflictError("which mountain?", ", ".join(f"{one.id} {one.title}" for one in found[:6]), "name one of them")


def pause(root: str, ledger: TownLedger, convoy_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Stop dispatch and alarms; running workers continue. Return False if it was already paused."""
    bead = mountain_of(ledger, convoy_id)
    if not _relabel(ledger, bead.id, actor, add=(PAUSED,)):
        return False
    append_event(root, "mountain_paused", actor, {"convoy": bead.id, "title": bead.title}, clock=clock)
    return True


def resume(
    root: str, ledger: TownLedger, convoy_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> tuple[bool, bool, Launched | None]:
    """Resume; return whether it was paused, whether it was complete, and otherwise what was started."""
    from gastown_core.work.convoy import landing
    from gastown_core.work.mountain import audit as mountain_audit

    bead = mountain_of(ledger, convoy_id)
    was = _relabel(ledger, bead.id, actor, drop=(PAUSED,))
    if was:
        append_event(root, "mountain_resumed", actor, {"convoy": bead.id, "title": bead.title}, clock=clock)
        mountain_audit.forget(root, bead.id)
    if bead.status != OPEN:
        return was, False, None
    if landing.check_convoys(root, ledger, actor=actor, only=(bead.id,), clock=clock):
        return was, True, None
    return was, False, launching.set_going(root, ledger, bead.id, actor=actor, clock=clock)


def cancel(root: str, ledger: TownLedger, convoy_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Make it a plain convoy: no audit, no skips; its work continues. Return False if nothing changed."""
    from gastown_core.work.mountain import audit as mountain_audit

    bead = mountain_of(ledger, convoy_id)
    if not _relabel(ledger, bead.id, actor, drop=(MOUNTAIN, PAUSED)):
        return False
    mountain_audit.forget(root, bead.id)
    append_event(root, "mountain_cancelled", actor, {"convoy": bead.id, "title": bead.title}, clock=clock)
    return True


def _relabel(
    ledger: TownLedger, convoy_id: str, actor: str, *, add: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> bool:
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.get(convoy_id)
        have = set(bead.labels) if bead is not None else set()
        now = (have | set(add)) - set(drop)
        if bead is None or now == have:
            return False
        batch.update(convoy_id, {"labels": sorted(now)})
    return True
