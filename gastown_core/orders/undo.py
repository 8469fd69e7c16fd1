"""Undoing: a person's acts, newest first, as the event log and the inbox's file tell them; and taking one back.

An act that was taken back, and what taking it back did, are no acts any more: the event ``undone`` names both.  Nothing
that changed since is overwritten: the later change is named instead.
"""

from __future__ import annotations

import time
from itertools import islice

from gastown_core.attention import marks
from gastown_core.clock import SYSTEM_CLOCK, Clock, format_seconds, parse_moment
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.events.log import append_event, log_path, newest_events
from gastown_core.messaging.queue import retract
from gastown_core.model.address import same_agent
from gastown_core.model.event import describe
from gastown_core.model.record import Record
from gastown_core.orders.inverse import TABLE, Inverse, about, inverse_of
from gastown_core.orders.perform import said
from gastown_core.town.identity import HUMAN, resolve_agent
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.event import TownEvent

LOOKED_BACK = 2000
"""How many events are read: an act further back is history."""
LISTED = 30
MARK = "mark"
PASSING = frozenset(name for row in TABLE.values() for name in row.later)
"""The kinds of events, acts or not, that make others the past."""


class Act(Record):
    """Something that a person did: its key, time, sentence, the way back, or why there is none.

    ``parts`` are the events of one write, newest first; none for a mark of the inbox.
    """

    key: str
    at: float
    what: str
    does: str = ""
    why_not: str = ""
    parts: tuple[TownEvent, ...] = ()


def key_of(event: TownEvent) -> str:
    """Return the key of an event: when, which kind, about what; the same in every process and after a rotation."""
    return ":".join(filter(None, (f"{int(event.ts * 1000)}", event.type, about(event))))


def doer(event: TownEvent) -> str:
    """Return who did it: some events stand in the name of the agent that they are about."""
    by = event.payload.get("by")
    return by if isinstance(by, str) and by else event.actor


def acts_of(root: str, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[Act]:
    """Return the actor's newest acts, newest first."""
    events = islice(newest_events(log_path(root)), LOOKED_BACK)
    return acts_in(events, actor, marks.last_act(root), now=clock.now())


def acts_in(
    newest: Iterable[TownEvent], actor: str, mark: tuple[float, str] | None = None, *, now: float = 0.0
) -> list[Act]:
    """Return the actor's acts among events from newest to oldest; pure.

    ``mark`` is the inbox's last act. An act that ended by itself before ``now`` has nothing to be taken back.
    """
    later: list[TownEvent] = []
    taken_back: set[str] = set()
    windows: list[tuple[float, float, str]] = []
    found: list[Act] = []
    for event in newest:
        if event.type == "undone":
            since = event.payload.get("since")
            if isinstance(since, int | float):
                windows.append((float(since), event.ts, doer(event)))
            taken_back.update(str(key) for key in event.payload.get("events") or ())
            continue
        if event.type not in TABLE and event.type not in PASSING:
            continue
        if key_of(event) in taken_back or any(a <= event.ts <= b and who == doer(event) for a, b, who in windows):
            continue
        if event.type in TABLE and same_agent(doer(event), actor) and not _joined(found, event):
            found.append(_act(event, later, now))
        later.append(event)
        if len(found) >= LISTED:
            break
    if mark is not None:
        at, what = mark
        found.append(Act(f"{int(at * 1000)}:{MARK}", at, f"inbox: {what}", "show the row as before"))
    return sorted(found, key=lambda act: -act.at)[:LISTED]


def _joined(found: list[Act], event: TownEvent) -> bool:
    """Add the event to the act before if one write made both; return whether it did."""
    rev = event.payload.get("rev")
    last = found[-1] if found else None
    if last is None or not rev or not last.parts or last.parts[0].payload.get("rev") != rev:
        return False
    inverse = inverse_of(event)
    why_not = last.why_not or (inverse if isinstance(inverse, str) else "")
    does = f"{last.does}; {inverse.does}" if isinstance(inverse, Inverse) else last.does
    found[-1] = last._replace(
        parts=(*last.parts, event), what=f"{describe(event)}; {last.what}", why_not=why_not, does=does
    )
    return True


def _act(event: TownEvent, later: list[TownEvent], now: float) -> Act:
    inverse, row = inverse_of(event), TABLE[event.type]
    key, what = key_of(event), describe(event)
    if isinstance(inverse, str):
        return Act(key, event.ts, what, why_not=inverse, parts=(event,))
    # the newest later event about the same thing: it is what stands now
    since = next(
        (
            one
            for one in later
            if one.type in row.later and (not row.about or one.payload.get(row.about, "") == about(event))
        ),
        None,
    )
    why_not = f"{doer(since)} did more since, at {_hour(since.ts)}: {describe(since)}" if since else ""
    until = parse_moment(event.payload.get(row.until)) if row.until else None
    if until is not None and until <= now and not why_not:
        why_not = f"it ended by itself at {_hour(until)}"
    return Act(key, event.ts, what, inverse.does, why_not, (event,))


def _hour(at: float) -> str:
    return time.strftime("%H:%M", time.localtime(at))


def find(acts: list[Act], key: str) -> Act:
    """Return the act of a key; without a key the newest. Raises NotFoundError if there is none.

    Raises ConflictError if it cannot be undone: an older one is never taken back in its place, unless it is named.
    """
    act = next((one for one in acts if not key or one.key == key), None)
    if act is None:
        what = f"there is no act {key}" if key else "there is nothing to undo"
        raise NotFoundError(what, "", "gt undo --list shows your acts")
    if act.why_not:
        older = (
            ""
            if key
            else next(
                (f"gt undo {one.key} undoes what you did before: {one.what}" for one in acts if not one.why_not), ""
            )
        )
        what = f"cannot undo: {act.what}" if key else f"your last act cannot be undone: {act.what}"
        raise ConflictError(what, act.why_not, older)
    return act


def undo(root: str, key: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> Act:
    """Take an act back, without a key the newest, and tell it in the log.

    Raises ConflictError if it cannot be undone or something has changed since, NotFoundError if there is no such act.
    """
    act = find(acts_of(root, actor, clock), key)
    since = int(clock.now() * 1000) / 1000
    beads = _take_back(root, act, actor, clock)
    keys = [key_of(event) for event in act.parts] or [act.key]
    payload = {"what": act.what, "events": keys, "since": since, "bead": beads[0] if beads else ""}
    append_event(root, "undone", actor, {name: value for name, value in payload.items() if value}, clock=clock)
    return act


def _take_back(root: str, act: Act, actor: str, clock: Clock) -> list[str]:
    """Do what takes the act back; return the beads that were set back."""
    if not act.parts:
        marks.undo(root)
        return []
    ways = [way for event in act.parts if isinstance(way := inverse_of(event), Inverse)]
    for way in ways:
        if way.worktree:
            _check_worktree(root, way)
        if way.words:
            said(root, list(way.words), by="" if actor == HUMAN.path else actor)
        elif way.nudge:
            session = resolve_agent(read_inventory(root), way.target).session
            if not retract(root, session, way.nudge):
                raise ConflictError("the nudge has left its queue", f"{way.target} has it, or it was dropped")
    return _set_back(root, [way for way in ways if way.fields], actor, clock)


def _check_worktree(root: str, way: Inverse) -> None:
    """Raise ConflictError if the worktree is no longer as the rollback left it."""
    from gastown_core.work.hook.rollback import open_worktree, state_of

    if state_of(open_worktree(resolve_agent(read_inventory(root), way.target))) != way.worktree:
        raise ConflictError(
            f"the worktree of {way.target} has changed since",
            "",
            "gt hook rollback --undo does it anyway, and saves it first",
        )


def _set_back(root: str, ways: list[Inverse], actor: str, clock: Clock) -> list[str]:
    """Set the fields of beads back, all or none of a store. Raises ConflictError naming what changed since."""
    from gastown_core.beads.ledger import TownLedger

    if not ways:
        return []
    ledger = TownLedger(root, clock=clock)
    homes = {way.bead: ledger.home_of(way.bead) for way in ways}
    gone = next((bead for bead, home in homes.items() if home is None), None)
    if gone is not None:
        raise ConflictError(f"{gone} is gone", "it was deleted since")
    for home in {id(home): home for home in homes.values() if home is not None}.values():
        with home.write(actor) as batch:
            for way in ways:
                if homes[way.bead] is home:
                    batch.restore(way.bead, way.fields)
    return [way.bead for way in ways]


def rows_of(acts: Iterable[Act]) -> list[dict[str, object]]:
    """Return the acts as ``gt undo --list --json`` prints them; ``number`` is the key, as in every list of choices."""
    return [
        {
            "number": act.key,
            "what": f"{act.what} (cannot be undone: {act.why_not})" if act.why_not else f"{act.what} → {act.does}",
            "at": act.at,
            "time": format_seconds(act.at),
            "act": act.what,
            "does": act.does,
            "why_not": act.why_not,
        }
        for act in acts
    ]
