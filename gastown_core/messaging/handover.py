"""Handovers: nudges taken out of the queue for delivery to the agent as one text.

A handover is a file ``<id>.handover`` beside the queue; the nudges in it are renamed to ``<name>.claimed.<id>``.  The
file is written before they are taken and removed after they are settled, and it records the taker's progress, so that
after a kill at any point the next process knows what may have reached the agent.  Every function that changes something
needs the session's lock.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from gastown_core.clock import SYSTEM_CLOCK, format_micros, parse_moment
from gastown_core.errors import StoreError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import write_atomic
from gastown_core.files.jsonl import append_lines
from gastown_core.files.points import point
from gastown_core.messaging.queue import bury, dead_letters, queue_dir, read_nudge, read_record, waiting, words_of
from gastown_core.model.record import Record
from gastown_core.process_table import start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.clock import Clock
    from gastown_core.messaging.queue import QueuedNudge

CLAIMED, TYPING, GIVEN = "claimed", "typing", "given"
"""The taker's progress: nothing was sent; some may have been sent; all was sent."""
SUFFIX = ".handover"
FOREIGN_S = 300.0
"""Age at which another program's claim counts as abandoned."""
KEPT_DELIVERIES = 100
MOST_TRIES = 3
"""So often a text is typed of which its program shows no sign: once more might be once too often."""


class Handover(Record):
    """Nudges on their way to an agent as one ``text``.

    ``way`` is ``typed`` or the hook that delivers it; ``record`` is the program's transcript and ``offset`` its length
    before.  ``pid`` and ``started`` are the taker's.  ``was_busy`` tells whether a turn was running.
    """

    id: str
    text: str
    members: tuple[str, ...]
    way: str
    stage: str = CLAIMED
    at: float = 0.0
    record: str = ""
    offset: int = 0
    was_busy: bool = False
    pid: int = 0
    started: float = 0.0


class Delivery(Record):
    """A delivered nudge, and the proof."""

    name: str
    at: float
    proof: str


def take(
    town_root: str,
    session: str,
    nudges: Sequence[QueuedNudge],
    way: str,
    *,
    record: str = "",
    offset: int = 0,
    was_busy: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Handover | None:
    """Take these nudges out of the queue; None, with all of them queued again, if another program took one first."""
    pid = os.getpid()
    number = f"{int(clock.now() * 1e9):016x}{os.urandom(4).hex()}"
    names = tuple(nudge.name for nudge in nudges)
    made = Handover(
        number,
        words_of(nudges),
        names,
        way,
        at=clock.now(),
        record=record,
        offset=offset,
        was_busy=was_busy,
        pid=pid,
        started=start_of(pid),
    )
    _write(town_root, session, made)
    folder = queue_dir(town_root, session)
    for name in names:
        try:
            os.rename(os.path.join(folder, name), _claim(folder, name, number))
        except FileNotFoundError:
            give_back(town_root, session, made)
            return None
        point("nudge claimed")
    return made


def reached(town_root: str, session: str, handover: Handover, stage: str, clock: Clock = SYSTEM_CLOCK) -> Handover:
    """Record the taker's progress before the next step; ``at`` stays the time of the first key."""
    at = clock.now() if stage == TYPING else handover.at
    further = handover._replace(stage=stage, at=at)
    _write(town_root, session, further)
    return further


def settle(
    town_root: str, session: str, handover: Handover, proof: str, *, own: str = "", clock: Clock = SYSTEM_CLOCK
) -> None:
    """Settle nudges whose text arrived, with an event for each except ``own``.  Safe to repeat after a kill midway."""
    folder = queue_dir(town_root, session)
    known = {done.name for done in deliveries(town_root, session)}
    left = [name for name in handover.members if os.path.exists(_claim(folder, name, handover.id))]
    at = format_micros(clock.now())
    lines = [
        json.dumps({"name": name, "at": at, "proof": proof}, ensure_ascii=False).encode()
        for name in left
        if name not in known
    ]
    if lines:
        _trim(_journal(folder))
        append_lines(_journal(folder), lines, mode=0o600)
    for name in left:
        claim = _claim(folder, name, handover.id)
        nudge = read_nudge(claim)
        with suppress(FileNotFoundError):
            os.unlink(claim)
        point("nudge settled")
        if nudge is not None and name not in known and name != own:
            told = {"rig": nudge.rig, "target": nudge.target or session, "by": proof}
            append_event(town_root, "nudge_delivered", nudge.sender, told, clock=clock)
    _forget(folder, handover)


def give_back(town_root: str, session: str, handover: Handover) -> None:
    """Requeue nudges whose text did not arrive, in their old order."""
    folder = queue_dir(town_root, session)
    for name in handover.members:
        with suppress(FileNotFoundError):
            os.rename(_claim(folder, name, handover.id), os.path.join(folder, name))
    _forget(folder, handover)


def lost(town_root: str, session: str, handover: Handover, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Requeue nudges of which nothing was seen after they were submitted, each MOST_TRIES times at most; then they are dead."""
    folder = queue_dir(town_root, session)
    for name in handover.members:
        claim = _claim(folder, name, handover.id)
        value = read_record(claim)
        tries = int(_number(value.get("tries"))) + 1
        if tries >= MOST_TRIES:
            bury(
                town_root, session, claim, f"it was typed {tries} times, and nothing shows that it arrived", clock=clock
            )
        elif value:
            write_atomic(claim, (json.dumps({**value, "tries": tries}, ensure_ascii=False) + "\n").encode(), mode=0o600)
    give_back(town_root, session, handover)


def give_up(town_root: str, session: str, handover: Handover, reason: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Make dead letters of nudges whose arrival is unknown, with this reason."""
    folder = queue_dir(town_root, session)
    for name in handover.members:
        bury(town_root, session, _claim(folder, name, handover.id), reason, clock=clock)
    _forget(folder, handover)


def on_the_way(town_root: str, session: str) -> list[Handover]:
    """The session's handovers, oldest first; one with an unreadable file is rebuilt from its claims."""
    folder = queue_dir(town_root, session)
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [_read(folder, name) for name in names if name.endswith(SUFFIX)]


def has_something(town_root: str, session: str) -> bool:
    """Whether nudges are queued for the session or on the way to it."""
    return bool(waiting(town_root, session) or on_the_way(town_root, session))


def return_orphans(town_root: str, session: str, now: float) -> list[str]:
    """Requeue old claims that belong to no handover (another program's); returns their names."""
    folder = queue_dir(town_root, session)
    known = {handover.id for handover in on_the_way(town_root, session)}
    back = []
    for claim in os.listdir(folder):
        name, mark, number = claim.partition(".claimed.")
        path = os.path.join(folder, claim)
        if not mark or number in known:
            continue
        with suppress(FileNotFoundError):
            if now - os.lstat(path).st_ctime >= FOREIGN_S:
                os.rename(path, os.path.join(folder, name))
                back.append(name)
    return back


def deliveries(town_root: str, session: str) -> list[Delivery]:
    """Recently delivered nudges, oldest first, each once."""
    from gastown_core.model.json_text import decode_json

    found = {}
    try:
        with open(_journal(queue_dir(town_root, session)), "rb") as handle:
            lines = handle.read().splitlines()
    except OSError:
        return []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            value = decode_json(line)
            found[value["name"]] = Delivery(value["name"], parse_moment(value["at"]) or 0.0, value["proof"])
    return list(found.values())


WAITS, ON_THE_WAY, DELIVERED, DEAD = "waits", "on the way", "delivered", "dead"


def fate_of(town_root: str, session: str, name: str) -> tuple[str, str]:
    """The state of a nudge (waits, on the way, delivered or dead), with the proof or reason in the last two."""
    folder = queue_dir(town_root, session)
    if os.path.exists(os.path.join(folder, name)):
        return WAITS, ""
    if any(name in handover.members for handover in on_the_way(town_root, session)):
        return ON_THE_WAY, ""
    for delivery in deliveries(town_root, session):
        if delivery.name == name:
            return DELIVERED, delivery.proof
    for letter in dead_letters(town_root, session):
        if letter.name == name:
            return DEAD, letter.reason
    # between two renames of another process, or taken by another program
    return ON_THE_WAY, ""


def _claim(folder: str, name: str, number: str) -> str:
    return os.path.join(folder, f"{name}.claimed.{number}")


def _journal(folder: str) -> str:
    return os.path.join(folder, "delivered.jsonl")


def _trim(path: str) -> None:
    """Trim the journal: it serves waiting senders and a short history."""
    with suppress(OSError, StoreError):
        with open(path, "rb") as handle:
            lines = handle.read().splitlines(keepends=True)
        if len(lines) >= 2 * KEPT_DELIVERIES:
            write_atomic(path, b"".join(lines[-KEPT_DELIVERIES:]), mode=0o600, sync=False)


def _write(town_root: str, session: str, handover: Handover) -> None:
    told = {**handover._asdict(), "at": format_micros(handover.at)}
    path = os.path.join(queue_dir(town_root, session), handover.id + SUFFIX)
    write_atomic(path, (json.dumps(told, ensure_ascii=False) + "\n").encode(), mode=0o600, sync=False)


def _read(folder: str, name: str) -> Handover:
    value = read_record(os.path.join(folder, name))
    number = name.removesuffix(SUFFIX)
    ending = f".claimed.{number}"
    members = value.get("members")
    names = tuple(map(str, members)) if isinstance(members, list) else ()
    return Handover(
        number,
        str(value.get("text") or ""),
        names or tuple(one.removesuffix(ending) for one in os.listdir(folder) if one.endswith(ending)),
        str(value.get("way") or ""),
        str(value.get("stage") or TYPING),
        parse_moment(value.get("at")) or 0.0,
        str(value.get("record") or ""),
        int(_number(value.get("offset"))),
        value.get("was_busy") is True,
        int(_number(value.get("pid"))),
        _number(value.get("started")),
    )


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and abs(value) < 1e15 else 0.0


def _forget(folder: str, handover: Handover) -> None:
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, handover.id + SUFFIX))
