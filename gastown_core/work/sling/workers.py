"""Whether a worker lives: one look at the town's sessions, and what can be said of an assignee from it."""

from __future__ import annotations

from gastown_core.model.address import POLECAT, Address, parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LIVE, DEAD, UNKNOWN, PERSON = "live", "dead", "unknown", "person"
"""What an assignee can be; a ``person`` is whoever is no polecat: nobody takes work out of such hands unasked."""


def live_sessions(root: str) -> frozenset[str] | None:
    """Sessions in which an agent's program runs; None where that cannot be known (no tmux, or it gives no answer).

    One call of tmux, and one pass over the process table at most.
    """
    from gastown_core.errors import TmuxError
    from gastown_core.tmux.panes import list_panes
    from gastown_core.tmux.processes import agents_alive
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.sessions import server_of

    if not has_tmux():
        return None
    try:
        panes = [pane for pane in list_panes(server_of(root)).values() if not pane.dead]
    except TmuxError:
        return None
    alive = agents_alive(panes, {})
    return frozenset(pane.session for pane in panes if alive.get(pane.session, True))


def worker_state(assignee: str, live: frozenset[str] | None, rigs: Mapping[str, str]) -> str:
    """LIVE, DEAD, UNKNOWN or PERSON; ``rigs`` maps rig names to prefixes."""
    who = polecat_of(assignee)
    if who is None:
        return PERSON
    if live is None or who.rig not in rigs:
        return UNKNOWN
    return LIVE if who.session(rigs[who.rig]) in live else DEAD


def polecat_of(assignee: str) -> Address | None:
    """The polecat that an assignee names, None for everybody else."""
    who = parse_address(assignee) if assignee else None
    return who if who is not None and who.role == POLECAT else None
