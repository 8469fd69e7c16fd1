"""The duty that types what waits for agents as soon as they are idle, and decides about texts that are on the way.

It wakes when a nudge is queued and when an agent that has some says something new.  An agent whose program tells
nothing by itself is looked at once a second, but only while something waits for it.
"""

from __future__ import annotations

import time

from gastown_core.errors import ConflictError, GastownError, words_of
from gastown_core.messaging import handover as way
from gastown_core.messaging.proof import STARTED
from gastown_core.messaging.queue import ready_nudges, session_lock, sessions_with_queue
from gastown_core.messaging.target import target_of
from gastown_core.messaging.typist import BUSY_NOW, Typist
from gastown_core.tmux.control import ControlLink, LinkedServer
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.daemon.duty import Shift
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

LOOK_EVERY_S = 1.0
PROOF_S = 1.0
LONGEST_S = 600.0
"""After so long the duty comes to an end, to be begun anew: the daemon's state tells of each run."""


def deliver_waiting(shift: Shift) -> str:
    """Deliver what can be delivered, and go on while something has to be looked at again soon; what was done, in words."""
    told: list[str] = []
    link: ControlLink | None = None
    until = time.monotonic() + LONGEST_S
    try:
        while not shift.stopping() and time.monotonic() < until:
            busy = [one for one in sessions_with_queue(shift.root) if way.has_something(shift.root, one)]
            if not busy:
                break
            server = sessions.server_of(shift.root) if has_tmux() else None
            if link is not None and not link.closed and server is not None:
                server = LinkedServer(link, server)
            again = [_see_to(shift, session, server, told) for session in busy]
            if not any(again):
                break
            if link is None and server is not None and server.is_running():
                # the second look and those after it start no process
                link = ControlLink(server)
            time.sleep(LOOK_EVERY_S)
    finally:
        if link is not None:
            link.close()
    return "; ".join(told)


def _see_to(shift: Shift, session: str, server: TmuxServer | None, told: list[str]) -> bool:
    """One attempt for one session; whether it has to be looked at again soon."""
    entry = _entry(shift.root, session)
    if entry is None or server is None:
        # nobody can be typed to: expired ones die all the same
        with session_lock(shift.root, session):
            ready_nudges(shift.root, session, clock=shift.clock)
        return False
    try:
        typist = Typist(shift.root, target_of(shift.root, entry), server, shift.clock)
        stages = typist.attempt()
        while True:
            next(stages)
    except StopIteration as done:
        attempt = done.value
    except ConflictError:
        # somebody types to it just now
        return True
    except GastownError as error:
        told.append(f"{session}: {words_of(error)}")
        return False
    if attempt.handover is not None:
        count = len(attempt.members)
        proved = any(proof.stage == STARTED for proof in typist.prove(attempt, PROOF_S))
        told.append(f"typed {count} to {entry.address.short}{'' if proved else ', not proved yet'}")
        return True
    if attempt.nobody_reads or not way.has_something(shift.root, session):
        return False
    return not (attempt.why == BUSY_NOW and typist.target.preset.hooks.executable)


def _entry(root: str, session: str) -> RosterEntry | None:
    return next((one for one in read_inventory(root).agents if one.session == session), None)
