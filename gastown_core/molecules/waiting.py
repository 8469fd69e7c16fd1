"""Patrols that sleep until something happens: the next line of the event log, or a wake-up on a channel.

Nothing is polled: the folder is watched.  How long an idle patrol sleeps grows with every wait that ends in nothing;
the count, and an interrupted wait's end, are labels of the agent's bead, changed in one write.  Where an agent had
read to is kept, so that what happens between two waits is not missed.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, UsageError
from gastown_core.events.channels import channel_folder, pending
from gastown_core.events.log import log_path, parse_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.tail import Tailer
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
SIGNAL, EVENT, TIMEOUT = "signal", "event", "timeout"
IDLE, UNTIL, BEAT = "idle:", "backoff-until:", "heartbeat:"
"""Labels of an agent's bead; moments are whole Unix seconds."""


class Patience(Record):
    """How long to wait: ``timeout_s``, or ``base_s`` times ``factor`` per idle wait before, at most ``most_s`` (0: no limit)."""

    timeout_s: float = 60.0
    base_s: float = 0.0
    factor: float = 2.0
    most_s: float = 0.0

    def span_s(self, idle: int) -> float:
        """Seconds to wait after that many waits that ended in nothing."""
        if not self.base_s:
            return self.timeout_s
        grown = self.base_s * self.factor ** min(idle, 64)
        return min(grown, self.most_s) if self.most_s else grown


class Waited(Record):
    """What ended the wait; ``found`` are the events as JSON."""

    reason: str
    elapsed_s: float
    found: tuple[dict[str, Any], ...] = ()
    idle: int = 0

    def as_json(self) -> dict[str, Any]:
        """As ``gt mol step await-signal --json`` prints it."""
        out: dict[str, Any] = {"reason": self.reason, "elapsed": round(self.elapsed_s, 3)}
        if self.reason == SIGNAL:
            out["signal"] = self.found[0] if self.found else None
        out["events"] = list(self.found)
        return {**out, "idle_cycles": self.idle, "effort_level": "abbreviated" if self.idle else "full"}


def await_signal(
    root: str,
    patience: Patience,
    *,
    ledger: TownLedger | None = None,
    agent_bead: str = "",
    actor: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Waited:
    """Until a line is appended to the event log by somebody else, or time is up."""
    place = os.path.join(root, ".runtime", "await", f"{agent_bead or 'anybody'}.json")
    tailer = Tailer(log_path(root), offset=_read_to(place, log_path(root)) if agent_bead else None)

    def look() -> list[dict[str, Any]]:
        found = [parse_event(line) for _, line in tailer.read().lines]
        return [_event_json(event) for event in found if event is not None and event.actor != (actor or None)]

    try:
        waited = _wait(root, look, SIGNAL, patience, ledger, agent_bead, actor, clock)
        if agent_bead:
            status = os.stat(log_path(root)) if os.path.exists(log_path(root)) else None
            inode = status.st_ino if status is not None else 0
            private_folder(os.path.dirname(place))
            write_json(place, {"inode": inode, "offset": tailer.offset}, mode=0o600)
        return waited
    finally:
        tailer.close()


def _read_to(place: str, path: str) -> int | None:
    """Where this agent's last wait had read to; None (the end) if there was none or the log is another."""
    try:
        kept = read_json(place)
        if kept is None or kept.get("inode") == 0:
            # there was no log yet: all of it is new
            return None if kept is None else 0
        offset = kept.get("offset") if os.stat(path).st_ino == kept.get("inode") else None
    except (OSError, GastownError):
        return None
    return offset if isinstance(offset, int) else None


def _event_json(event: Any) -> dict[str, Any]:
    return {"type": event.type, "actor": event.actor, "payload": dict(event.payload), "at": event.ts}


def await_event(
    root: str,
    channel: str,
    patience: Patience,
    *,
    cleanup: bool = False,
    ledger: TownLedger | None = None,
    agent_bead: str = "",
    actor: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Waited:
    """Until there is a wake-up on the channel (those that lie there already count, oldest first), or time is up.

    With ``cleanup`` those that are returned are taken away.  Raises UsageError for a bad channel name.
    """
    folder = channel_folder(root, channel)
    private_folder(folder)
    taken: list[str] = []

    def look() -> list[dict[str, Any]]:
        found = pending(root, channel)
        taken[:] = [one.path for one in found]
        return [{"type": one.type, "payload": dict(one.payload), "path": one.path} for one in found]

    waited = _wait(folder, look, EVENT, patience, ledger, agent_bead, actor, clock)
    for path in taken if cleanup else ():
        try:
            os.unlink(path)
        except FileNotFoundError:
            # somebody else took it first
            continue
    return waited


def _wait(
    folder: str,
    look: Callable[[], list[dict[str, Any]]],
    reason: str,
    patience: Patience,
    ledger: TownLedger | None,
    agent_bead: str,
    actor: str,
    clock: Clock,
) -> Waited:
    import asyncio

    began = clock.now()
    idle, until = _read_labels(ledger, agent_bead)
    # a wait that was cut short goes on to its old end
    end = until if until > began else began + patience.span_s(idle)
    if not until > began:
        _set_labels(ledger, agent_bead, actor, idle=idle, until=end, now=began)
    found = look() or asyncio.run(_until_stirred(folder, look, end - began))
    now = clock.now()
    idle = 0 if found else idle + 1
    _set_labels(ledger, agent_bead, actor, idle=idle, until=0.0, now=now)
    return Waited(reason if found else TIMEOUT, now - began, tuple(found), idle)


async def _until_stirred(
    folder: str, look: Callable[[], list[dict[str, Any]]], timeout_s: float
) -> list[dict[str, Any]]:
    """What ``look`` finds once something stirs in the folder; nothing when time is up."""
    import asyncio

    from gastown_core.files.watch import FolderWatch

    stirred = asyncio.Event()
    watch = FolderWatch(lambda *_: stirred.set())
    watch.start([folder])
    try:
        async with asyncio.timeout(max(0.0, timeout_s)):
            while not (found := look()):
                await stirred.wait()
                stirred.clear()
            return found
    except TimeoutError:
        return look()
    finally:
        await watch.close()


def _read_labels(ledger: TownLedger | None, agent_bead: str) -> tuple[int, float]:
    bead = ledger.get(agent_bead) if ledger is not None and agent_bead else None
    if ledger is not None and agent_bead and bead is None:
        raise UsageError(f"no agent bead {agent_bead}", "", "gt agents shows who there is; leave --agent-bead out")
    labels = bead.labels if bead is not None else ()
    return int(_number(labels, IDLE)), _number(labels, UNTIL)


def _number(labels: tuple[str, ...], stem: str) -> float:
    text = next((label.removeprefix(stem) for label in labels if label.startswith(stem)), "0")
    return float(text) if text.isdecimal() else 0.0


def _set_labels(ledger: TownLedger | None, agent_bead: str, actor: str, *, idle: int, until: float, now: float) -> None:
    home = ledger.home_of(agent_bead) if ledger is not None and agent_bead else None
    if home is None:
        return
    with home.write(actor or "gt") as batch:
        bead = batch.get(agent_bead)
        if bead is not None:
            rest = [label for label in bead.labels if not label.startswith((IDLE, UNTIL, BEAT))]
            more = [f"{IDLE}{idle}", f"{BEAT}{int(now)}", *([f"{UNTIL}{int(until)}"] if until else [])]
            batch.update(agent_bead, {"labels": [*rest, *more]})
