"""Patrols that sleep until something happens: a new line in the event log, or a wake-up on a channel.

The folder is watched.  An idle patrol sleeps longer after each wait that ends in nothing; the count, and the end of
an interrupted wait, are labels of the agent's bead.  The read position is stored, so that events between two waits
are not missed.
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
"""Label prefixes on an agent's bead; times are whole Unix seconds."""


class Patience(Record):
    """How long to wait: ``timeout_s``, or ``base_s * factor ** idle waits``, at most ``most_s`` (0: no limit)."""

    timeout_s: float = 60.0
    base_s: float = 0.0
    factor: float = 2.0
    most_s: float = 0.0

    def span_s(self, idle: int) -> float:
        """Return the seconds to wait after ``idle`` waits that ended in nothing."""
        if not self.base_s:
            return self.timeout_s
        grown = self.base_s * self.factor ** min(idle, 64)
        return min(grown, self.most_s) if self.most_s else grown


class Waited(Record):
    """What ended the wait; ``found`` holds the events as JSON."""

    reason: str
    elapsed_s: float
    found: tuple[dict[str, Any], ...] = ()
    idle: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``gt mol step await-signal --json`` prints."""
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
    """Wait until another actor appends to the event log, or the time is up."""
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
    """Return the offset of this agent's last wait; None (the end) if there was none or the log was replaced."""
    try:
        kept = read_json(place)
        if kept is None or kept.get("inode") == 0:
            # there was no log yet, so all of it is new
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
    """Wait for a wake-up on the channel (waiting ones count, oldest first), or until the time is up.

    With ``cleanup`` the returned ones are deleted.  Raises UsageError for an invalid channel name.
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
            # another process took it first
            continue
    return waited


def _wait(
    folder: str,
    look: Callable[[], list[dict[str, object]]],
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
    # an interrupted wait keeps its original end
    end = until if until > began else began + patience.span_s(idle)
    if not until > began:
        _set_labels(ledger, agent_bead, actor, idle=idle, until=end, now=began)
    found = look() or asyncio.run(_until_stirred(folder, look, end - began))
    now = clock.now()
    idle = 0 if found else idle + 1
    _set_labels(ledger, agent_bead, actor, idle=idle, until=0.0, now=now)
    return Waited(reason if found else TIMEOUT, now - began, tuple(found), idle)


async def _until_stirred(
    folder: str, look: Callable[[], list[dict[str, object]]], timeout_s: float
) -> list[dict[str, object]]:
    """Return what ``look`` finds after a change in the folder, or once the time is up."""
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
        raise UsageError(f"no agent bead {agent_bead}", "", "gt agents lists agents; or omit --agent-bead")
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
