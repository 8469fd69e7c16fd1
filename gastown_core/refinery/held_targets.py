"""Why nothing is merged into a target now: THE answer for every face.

Settings that cannot be used, or that switch the queue off, a rig that is closed, a freeze, a full disk, or a hold.
"""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.model.refinery import FROZEN, INFRASTRUCTURE, OFF, SETTINGS
from gastown_core.refinery.freeze import frozen
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import is_merging
from gastown_core.refinery.room import why_no_room
from gastown_core.town.closed_rig import why_closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.refinery.place import Refinery


class HeldTarget(Record):
    """Why nothing is merged: the kind (``RefineryState.hold_kind``), and the reason in a sentence."""

    kind: str
    reason: str


def held_rig(place: Refinery) -> HeldTarget | None:
    """Why nothing is merged in the rig, whatever the target; None if only targets may be held.

    The policy of ``place`` is that of ``policy.of_hours``: others have no settings that cannot be used.  An engine at work
    goes on to its end by those that it has read.
    """
    closed = why_closed(place.root, place.rig)
    if (place.policy.error or closed or not place.policy.is_enabled) and not is_merging(place):
        if place.policy.error:
            return HeldTarget(SETTINGS, place.policy.error)
        return HeldTarget(OFF, closed or _why_off(place.rig))
    freeze = frozen(place)
    if freeze is not None:
        return HeldTarget(FROZEN, freeze.reason)
    full = why_no_room(place)
    return HeldTarget(INFRASTRUCTURE, full) if full else None


def _why_off(rig: str) -> str:
    return f"switched off: gt rig settings set {rig} merge_queue.enabled true switches it on"


def held_targets(place: Refinery, targets: Iterable[str]) -> dict[str, HeldTarget]:
    """Those of the targets into which nothing is merged now, in their order."""
    wanted, whole = dict.fromkeys(targets), held_rig(place)
    if whole is not None:
        return dict.fromkeys(wanted, whole)
    holds = {target: read_hold(place, target) for target in wanted}
    return {target: HeldTarget(hold.kind, hold.reason) for target, hold in holds.items() if hold is not None}


def holds_of(place: Refinery, targets: Iterable[str]) -> dict[str, str]:
    """The same with the reasons only."""
    return {target: held.reason for target, held in held_targets(place, targets).items()}
