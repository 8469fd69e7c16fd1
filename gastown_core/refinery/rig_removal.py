"""A rig that is removed from the town: what its refinery tests goes back to the queue first, and nothing lands afterwards."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.refinery.place import all_merge_locks, merges_in
from gastown_core.town import rig_states
from gastown_core.town.closed_rig import why_closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.town.rig_states import Leavings

WAIT_S = 30.0
"""How long the refinery is waited for; ending its gates takes it some tenths of a second."""
LOOK_S = 0.1


def remove_rig(root: str, name: str, *, force: bool, actor: str, clock: Clock = SYSTEM_CLOCK) -> Leavings:
    """``rig_states.remove``, once nothing is merged in the rig; with ``force`` its batches are ended for that.

    Raises ConflictError, too, while something is merged without ``force``, or by hand.
    """
    rig_states.find_rig(root, name)
    path = os.path.join(root, name)
    if not force:
        if merges_in(path):
            raise ConflictError(f"rig {name} is in use", "its refinery merges", "--force puts that back into the queue")
        return rig_states.remove(root, name, force=False, actor=actor, clock=clock)
    before = rig_states.leavings(root, name)
    is_parked = merges_in(path) and not why_closed(root, name)
    if is_parked:
        rig_states.park(root, name, actor=actor, clock=clock)
    with ExitStack() as held:
        try:
            _come_to_rest(path, name, held)
        finally:
            if is_parked:
                # as it was, for the day it comes back; nothing begins before it is gone
                rig_states.unpark(root, name, actor=actor, clock=clock)
        rig_states.remove(root, name, force=True, actor=actor, clock=clock)
    return before


def _come_to_rest(path: str, name: str, held: ExitStack) -> None:
    """Take the locks of all the rig's queues into ``held``, once they are free. Raises ConflictError if that takes too long."""
    end = time.monotonic() + WAIT_S
    while merges_in(path) and time.monotonic() < end:
        time.sleep(LOOK_S)
    try:
        held.enter_context(all_merge_locks(path))
    except ConflictError as error:
        raise ConflictError(f"rig {name} is in use", str(error), "end that process, then remove the rig") from error
