"""A duty: one task of the daemon, what wakes it, and its last result.

An attendant runs its duty in a thread, one run at a time; if it is woken during a run, it runs again afterwards.  A
duty that fails is tried again with growing delays, and does not affect the others.
"""

from __future__ import annotations

import asyncio
import math
import time
import traceback
from contextlib import suppress

from gastown_core.clock import backoff, format_seconds
from gastown_core.errors import GastownError, words_of
from gastown_core.model.record import Record
from gastown_core.town import estop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.daemon.daemon_log import DaemonLog

LONGEST_REST_S = 300.0
DEATHS = "deaths"
"""The wake-up when an agent's program has ended."""


class Shift(Record):
    """What a duty gets: the town, the clock, and ``stopping``, true once the daemon is to end."""

    root: str
    clock: Clock
    stopping: Callable[[], bool]


class Duty(Record):
    """One row: ``work`` runs it and returns what it did in words (empty: nothing).

    ``longest_s`` is how long a run may take before it counts as hung.  ``wakes`` are the wake-ups that start it (``ledger``, ``ledger:shop``, ``channel:refinery``, ``events``, ``deaths``); it runs at
    least every ``every_s`` and at most every ``apart_s`` seconds.  ``rests``: during an emergency stop of the town it does
    nothing; ``paused`` says why it does nothing now, empty if it goes on.
    """

    name: str
    work: Callable[[Shift], str]
    wakes: tuple[str, ...] = ()
    every_s: float = 60.0
    apart_s: float = 0.2
    longest_s: float = 300.0
    rests: bool = False
    due: Callable[[Shift], float | None] | None = None
    """Asked after each run: a moment at which it runs again, if that comes before its interval ends."""
    paused: Callable[[str], str] = lambda _: ""

    @property
    def is_look(self) -> bool:
        """Whether it mostly runs because time has passed, and not because there is something to do."""
        return set(self.wakes) <= {DEATHS}


class Attendant:
    """Runs one duty until it is cancelled.

    ``on_run`` is called after each run, with whether it brought anything but its time.
    """

    def __init__(
        self, duty: Duty, shift: Shift, pool: Executor, log: DaemonLog, on_run: Callable[[bool], None]
    ) -> None:
        self.duty = duty
        self.told: dict[str, Any] = {"last_run": "", "runs": 0, "took_s": 0.0, "did": "", "error": ""}
        self.told |= {"busy_since": "", "failing_since": "", "failures": 0, "beat": 0, "paused": ""}
        self.told |= {"every_s": duty.every_s, "longest_s": duty.longest_s}
        self.beat = 0
        """The daemon's heartbeats so far; a run notes it, so that time in which the machine slept does not count."""
        self.slower = 1.0
        """How much longer than its interval it rests while the daemon is over its budget."""
        self._shift = shift
        self._pool = pool
        self._log = log
        self._on_run = on_run
        self._woken = asyncio.Event()
        self._mended = asyncio.Event()
        self._failures = 0
        self._has_news = True
        self._due_at = math.inf

    def wake(self, *, is_mended: bool = False) -> None:
        """Run the duty as soon as its interval allows; with ``is_mended`` also if it failed: the cause may be gone."""
        self._woken.set()
        if is_mended:
            self._mended.set()

    async def attend(self) -> None:
        """Run the duty whenever it is woken or due."""
        loop = asyncio.get_running_loop()
        while not self._shift.stopping():
            self._woken.clear()
            self._mended.clear()
            await loop.run_in_executor(self._pool, self._run)
            self._on_run(self._has_news)
            rest = max(backoff(self.duty.apart_s, self._failures + 1, LONGEST_REST_S), self.duty.apart_s)
            await asyncio.sleep(self.duty.apart_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._mended.wait(), rest - self.duty.apart_s)
            try:
                pause = min(self.duty.every_s * self.slower - rest, self._due_at - self._shift.clock.now())
                await asyncio.wait_for(self._woken.wait(), max(pause, 0.01))
            except TimeoutError:
                continue

    def broke(self, why: str) -> None:
        """Record that the attendant itself failed and restarts, like a failed run; an empty ``why`` means recovered."""
        if why:
            self._failures += 1
            self._tell("", f"the attendant failed: {why}", 0.0)

    def _next(self) -> float:
        """When it is due, perhaps before its interval ends; never if it cannot say so."""
        if self.duty.due is None:
            return math.inf
        try:
            moment = self.duty.due(self._shift)
        except (GastownError, OSError):
            return math.inf
        # a moment that has passed is one that its run could not use
        return moment if moment is not None and moment > self._shift.clock.now() else math.inf

    def _run(self) -> None:
        began = time.monotonic()
        error, did, paused = "", "", ""
        self.told["busy_since"] = format_seconds(self._shift.clock.now())
        try:
            paused = self.duty.paused(self._shift.root)
            rests = paused or (self.duty.rests and estop.is_set(self._shift.root))
            did = "" if rests else self.duty.work(self._shift)
        except (GastownError, OSError) as problem:
            error = words_of(problem)
        except (Exception, SystemExit) as problem:  # noqa: BLE001  a fault in one duty must not end the others; it is logged whole
            error = words_of(problem)
            self._log.line(f"{self.duty.name}: internal error\n{traceback.format_exc()}")
        self._failures = self._failures + 1 if error else 0
        is_first = not self.told["runs"]
        self._has_news = is_first or bool(did) or error != self.told["error"] or paused != self.told["paused"]
        if paused != self.told["paused"]:
            self._log.line(f"{self.duty.name}: {paused or 'goes on'}")
            self.told["paused"] = paused
        self._tell(did, error, time.monotonic() - began)
        self._due_at = self._next()

    def _tell(self, did: str, error: str, took_s: float) -> None:
        if error and error != self.told["error"]:
            self._log.line(f"{self.duty.name}: failed: {error}")
        elif did:
            self._log.line(f"{self.duty.name}: {did}")
        elif self.told["error"] and not error:
            self._log.line(f"{self.duty.name}: works again")
        now = format_seconds(self._shift.clock.now())
        since = (self.told["failing_since"] or now) if error else ""
        self.told.update(last_run=now, runs=self.told["runs"] + 1, took_s=round(took_s, 3), error=error)
        self.told.update(busy_since="", failing_since=since, failures=self._failures, beat=self.beat)
        self.told.update(every_s=self.duty.every_s * self.slower)
        if did:
            self.told["did"] = did
