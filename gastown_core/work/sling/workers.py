"""What can be said of an assignee from one look at the town's sessions (``town.liveness``)."""

from __future__ import annotations

from gastown_core.model.address import POLECAT, Address, parse_address
from gastown_core.town.liveness import works_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LIVE, DEAD, UNKNOWN, PERSON = "live", "dead", "unknown", "person"
"""What an assignee can be; a ``person`` is whoever is no polecat: nobody takes work out of such hands unasked."""


def worker_state(assignee: str, live: frozenset[str] | None, rigs: Mapping[str, str], order: str = "") -> str:
    """LIVE, DEAD, UNKNOWN or PERSON; ``rigs`` maps rig names to prefixes.

    With the ``order`` by which work was handed out, a worker is alive only if its session was started for it.
    """
    who = polecat_of(assignee)
    if who is None:
        return PERSON
    if live is None or who.rig not in rigs:
        return UNKNOWN
    return LIVE if works_on(live, who.session(rigs[who.rig]), order) else DEAD


def polecat_of(assignee: str) -> Address | None:
    """The polecat that an assignee names, None for everybody else."""
    who = parse_address(assignee) if assignee else None
    return who if who is not None and who.role == POLECAT else None
