"""Deliver queued nudges through a hook of the agent's program: with a prompt, or as the reason to continue.

Reads files only, and imports little: hooks run at the start and end of every turn.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.messaging import handover as way
from gastown_core.messaging.queue import ready_nudges, session_lock, waiting
from gastown_core.runtimes.arrivals import length_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock

HOOK_LOCK_S = 0.25
"""How long a hook waits for the lock: it must not delay its agent, and the next hook delivers what is left."""


def drain_for_hook(
    town_root: str,
    session: str,
    event: str,
    *,
    transcript: str = "",
    in_turn: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Take the queued nudges as the text that hook ``event`` gives to the agent; empty if there are none.

    The nudges count as delivered once ``transcript``, the program's own, shows them; until then they are on the way,
    and are queued again if they did not arrive.  ``in_turn``: a turn was running before this event; a prompt that
    is only queued carries no nudges, since Claude Code would show them to the model twice.
    """
    if in_turn or not waiting(town_root, session):
        return ""
    try:
        with session_lock(town_root, session, HOOK_LOCK_S):
            nudges = ready_nudges(town_root, session, clock=clock)
            if not nudges:
                return ""
            taken = way.take(
                town_root, session, nudges, event, record=transcript, offset=length_of(transcript), clock=clock
            )
            if taken is None:
                return ""
            return way.reached(town_root, session, taken, way.GIVEN, clock).text
    except ConflictError:
        return ""


def read_own(town_root: str, session: str, *, clock: Clock = SYSTEM_CLOCK) -> Iterator[str]:
    """For a program that reads its queue itself: yield each queued nudge as a separate text.

    A text counts as delivered once the next one is requested; if the reader dies before, its ``prompts`` decide.
    """
    while waiting(town_root, session):
        try:
            with session_lock(town_root, session, HOOK_LOCK_S):
                nudges = ready_nudges(town_root, session, clock=clock)[:1]
                taken = way.take(town_root, session, nudges, "typed", clock=clock) if nudges else None
                if taken is None:
                    return
                taken = way.reached(town_root, session, taken, way.TYPING, clock)
        except ConflictError:
            return
        yield taken.text
        with session_lock(town_root, session):
            way.settle(town_root, session, taken, "its own transcript", clock=clock)
