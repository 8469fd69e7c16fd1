"""Convoys as every front end shows them: their members with stage and landing, progress, and why they stand still."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.landing import LandingStrip

LANDED_S = 86400.0
"""How long a closed convoy stays in view."""


class MemberView(Record):
    """One bead of a convoy; ``stage`` is done, review, running, orphaned, ready, blocked, deferred or missing.

    ``landing`` is None if nothing has begun or git has not been read yet.
    """

    bead_id: str
    title: str
    status: str
    assignee: str
    rig: str
    stage: str
    landing: LandingStrip | None = None


class StandstillView(Record):
    """A bead of a convoy that only a person can unblock, and why."""

    bead_id: str
    why: str


class ConvoyView(Record):
    """A convoy with its progress: done / in review / total.

    ``stalled_since`` is set while something is ready and nothing runs: it is the moment from which that counts as a
    stall, which may lie in the future (see ``is_stalled``).  With ``standstills`` the convoy cannot finish as it is.
    """

    id: str
    title: str
    status: str
    owner: str
    members: tuple[MemberView, ...]
    done: int
    in_review: int
    running: int
    created_at: float
    closed_at: float | None = None
    stalled_since: float | None = None
    is_mountain: bool = False
    standstills: tuple[StandstillView, ...] = ()

    @property
    def total(self) -> int:
        """The number of beads it tracks."""
        return len(self.members)

    def is_stalled(self, now: float) -> bool:
        """Return whether its ready work has waited too long at ``now``."""
        return self.stalled_since is not None and self.stalled_since <= now

    @property
    def faults(self) -> tuple[MemberView, ...]:
        """Members on which ledger and git contradict each other."""
        return tuple(member for member in self.members if member.landing is not None and member.landing.fault)

    @property
    def rigs(self) -> tuple[str, ...]:
        """Rigs of its members, sorted."""
        return tuple(sorted({member.rig for member in self.members if member.rig}))
