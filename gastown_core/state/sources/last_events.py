"""Each agent's newest own event, and since when its hook is as it is: what one look takes from the event log."""

from __future__ import annotations

from gastown_core.events.log import log_path, parse_event
from gastown_core.files.jsonl import lines_backward
from gastown_core.model.event import describe
from gastown_core.model.snapshot import LastEvent
from gastown_core.state.facts import Roster, TownFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.event import TownEvent
SESSION_KINDS = ("session_start", "session_end", "session_death", "kill")
"""What only an agent with a session has; an engine that works under a role's address has other events."""
LOOK_BACK = 1500
"""How many events are read at the start to find each agent's newest one."""
_OF_OTHERS = (b"hook_state", b"spawn", b"session_death", b"kill", b"session_start")
"""Kinds that ``note_last`` takes for more than their actor's newest, wherever the word stands in a line."""


def read_last_events(facts: TownFacts, roster: Roster, look_back: int = LOOK_BACK) -> None:
    """Each agent's newest own event, from the newest ``look_back`` events of the log.

    A line of an actor who had his say already is not decoded.
    """
    heard: set[bytes] = set()
    for offset, line in lines_backward(log_path(facts.inventory.root)):
        actor = _plain_actor(line)
        if actor in heard:
            look_back -= 1
        else:
            event = parse_event(line, offset)
            if event is None:
                continue
            look_back -= 1
            note_last(facts, roster, event, newest=False)
            if actor and event.actor.encode() == actor:
                heard.add(actor)
        if look_back <= 0:
            return


def _plain_actor(line: bytes) -> bytes:
    """The actor as it is written in a line that tells of nobody else and of no hook; empty where that is not plain to see."""
    before, _, rest = line.partition(b'"actor":')
    if b"\\" in line or b'"actor"' in before or b'"actor"' in rest:
        return b""
    for word in _OF_OTHERS:
        if word in line:
            return b""
    # other writers put a blank after the colon
    opening, quote, rest = rest.partition(b'"')
    return rest.partition(b'"')[0] if quote and not opening.strip() else b""


def note_last(facts: TownFacts, roster: Roster, event: TownEvent, *, newest: bool) -> None:
    """Remember the event as its actor's (for a spawn: the polecat's) newest; older ones don't replace newer ones."""
    address = roster.resolve(told_of(event))
    if event.type == "hook_state":
        if newest or address.path not in facts.hook_since:
            facts.hook_since[address.path] = event.ts
        return
    if not address.is_agent:
        return
    tables = [facts.session_events] if event.type in SESSION_KINDS else []
    for table in (*tables, facts.last_events):
        if newest or address.path not in table:
            table[address.path] = last_event(event)


def told_of(event: TownEvent) -> str:
    """Return the agent that an event is about: its actor, except for events about others or another's hook."""
    payload = event.payload
    if event.type == "hook_state":
        return str(payload.get("agent") or event.actor)
    if event.type == "spawn":
        return f"{payload.get('rig', '')}/{payload.get('polecat', '')}"
    if event.type in ("session_death", "kill"):
        named = payload.get("agent") or payload.get("target")
        return named if isinstance(named, str) else event.actor
    return event.actor


def last_event(event: TownEvent) -> LastEvent:
    """The event as it stands in an agent's view."""
    return LastEvent(describe(event), event.ts, event.type, _warnings(event))


def _warnings(event: TownEvent) -> tuple[str, ...]:
    found = event.payload.get("warnings") if event.type == "session_start" else None
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()
