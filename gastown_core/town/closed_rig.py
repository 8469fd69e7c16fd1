"""Whether a rig is parked or docked, so that nothing goes on in it: one answer for the daemon, the refinery and the faces."""

from __future__ import annotations

import os

from gastown_core.files.mark import mark_at
from gastown_core.model.states import RigState
from gastown_core.town.inventory import LOCAL_LAYER, kept_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.files.mark import Mark

OPENS = {RigState.PARKED: "unpark", RigState.DOCKED: "undock"}
"""State of a closed rig → the verb of ``gt rig`` that opens it."""


def why_closed(root: str, rig: str) -> str:
    """Which state closes the rig and what opens it, in a sentence; empty if it is open, also during an emergency stop."""
    state = kept_state(root, rig)
    return f"rig {rig} is {state}: gt rig {OPENS[state]} {rig} opens it" if state in OPENS else ""


class ClosedRig:
    """Whether a rig is closed now; asked often, so a look costs one ``stat``."""

    def __init__(self, root: str, rig: str) -> None:
        self._root = root
        self._rig = rig
        self._path = os.path.join(root, LOCAL_LAYER, f"{rig}.json")
        self._mark: Mark | None = None
        self._is_closed = False

    def __call__(self) -> bool:
        """Look."""
        mark = mark_at(self._path)
        if mark != self._mark:
            # a write between the two looks has another mark, and is seen next time
            self._is_closed = bool(why_closed(self._root, self._rig))
            self._mark = mark
        return self._is_closed
