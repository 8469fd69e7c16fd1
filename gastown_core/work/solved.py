"""Escalations that are solved without anybody closing them: a bead that may be dispatched again, was merged, or has moved on.

Whoever raises an escalation under a key names its cause there; this is the table of what ends each of these causes.
Others are closed where their cause ends (``messaging.escalation.settle``).
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.messaging.escalation import KEY, close, open_beads
from gastown_core.model.bead import BLOCKED, CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN, TOMBSTONE
from gastown_core.town.settings import load_settings
from gastown_core.work import death_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


def settle_solved(root: str, ledger: TownLedger, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Close the escalations whose cause is gone; return their ids."""
    closed = []
    for raised in open_beads(ledger):
        cause, _, subject = next((one[len(KEY) :] for one in raised.labels if one.startswith(KEY)), "").partition(":")
        ends = ENDS.get(cause)
        if ends is None or not subject:
            continue
        why = ends(root, subject, ledger.get(subject))
        if why:
            close(root, ledger, raised, why, actor=actor, clock=clock)
            closed.append(raised.id)
    return closed


def _is_over(bead: Bead | None) -> bool:
    return bead is not None and bead.status in (CLOSED, TOMBSTONE)


def _may_be_dispatched(root: str, bead_id: str, bead: Bead | None) -> str:
    if _is_over(bead):
        return f"{bead_id} is closed"
    limit = int(load_settings(root).lenient("operational.witness.max_bead_respawns"))
    return f"{bead_id} may be dispatched again" if not limit or death_count.count_of(root, bead_id) < limit else ""


def _moved_on(root: str, bead_id: str, bead: Bead | None) -> str:
    if _is_over(bead):
        return f"{bead_id} is closed"
    if bead is None or bead.issue_type == "merge-request":
        return ""
    return f"{bead_id} is no longer blocked" if bead.status != BLOCKED else ""


def _was_started(root: str, bead_id: str, bead: Bead | None) -> str:
    if _is_over(bead):
        return f"{bead_id} is closed"
    return f"{bead_id} is being worked on" if bead is not None and bead.status in (HOOKED, IN_PROGRESS) else ""


def _left_its_worker(root: str, bead_id: str, bead: Bead | None) -> str:
    if _is_over(bead):
        return f"{bead_id} is closed"
    return f"{bead_id} has left its worker" if bead is not None and bead.status in (OPEN, IN_REVIEW) else ""


def _is_closed(root: str, bead_id: str, bead: Bead | None) -> str:
    return f"{bead_id} is closed" if _is_over(bead) else ""


ENDS: dict[str, Callable[[str, str, Bead | None], str]] = {
    "respawns": _may_be_dispatched,
    "merge": _moved_on,
    "dispatch": _was_started,
    "no-verdict": _is_closed,
    "stuck": _left_its_worker,
    "help": _is_closed,
    "integration": _is_closed,
}
"""Cause (the first part of a key) → why it is over, empty while it lasts."""
