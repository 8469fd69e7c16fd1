"""A duty: one thing the daemon sees to, what wakes it, and how it went.

An attendant runs one duty at a time in a thread of its own; what wakes it while it runs is seen to right after.  A
duty that fails is tried again, each time after a longer rest, and never takes another one down.
"""

from __future__ import annotations

import asyncio
import time
import traceback

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.daemon.log import DaemonLog

LONGEST_REST_S = 300.0


class Shift(Record):
    """What a duty gets: the town, the clock, and ``stopping``, true once it shall come to an end."""

    root: str
    clock: Clock
    stopping: Callable[[], bool]


class Duty(Record):
    """One row: ``work`` does it and tells in words what it did (empty: nothing was to do).

    ``wakes`` are stirs it listens to (``ledger``, ``ledger:shop``, ``channel:refinery``, ``events``); it runs at least
    every ``every_s`` and at most every ``apart_s`` seconds.
    """

    name: str
    work: Callable[[Shift], str]
    wakes: tuple[str, ...] = ()
    every_s: float = 60.0
    apart_s: float = 0.2


class Attendant:
    """Sees to one duty until it is cancelled."""

    def __init__(self, duty: Duty, shift: Shift, pool: Executor, log: DaemonLog, on_run: Callable[[], None]) -> None:
        self.duty = duty
        self.told: dict[str, Any] = {"last_run": "", "runs": 0, "took_s": 0.0, "did": "", "error": ""}
        self._shift = shift
        self._pool = pool
        self._log = log
        self._on_run = on_run
        self._woken = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """Let it run as soon as it may."""
        self._woken.set()

    async def attend(self) -> None:
        """Run the duty whenever it is woken or its time has come."""
        loop = asyncio.get_running_loop()
        while not self._shift.stopping():
            self._woken.clear()
            await loop.run_in_executor(self._pool, self._run)
            self._on_run()
            rest = min(self.duty.apart_s * 2**self._failures, LONGEST_REST_S)
            await asyncio.sleep(max(rest, self.duty.apart_s))
            try:
                await asyncio.wait_for(self._woken.wait(), max(self.duty.every_s - rest, 0.01))
            except TimeoutError:
                continue

    def _run(self) -> None:
        began = time.monotonic()
        error, did = "", ""
        try:
            did = self.duty.work(self._shift)
        except (GastownError, OSError) as problem:
            error = str(problem)
        except Exception as problem:  # noqa: BLE001  a fault in one duty must not end the others; it is logged whole
            error = f"{type(problem).__name__}: {problem}"
            self._log.line(f"{self.duty.name}: a fault in the programme\n{traceback.format_exc()}")
        self._note(did, error, time.monotonic() - began)

    def _note(self, did: str, error: str, took_s: float) -> None:
        if error and error != self.told["error"]:
            self._log.line(f"{self.duty.name}: failed: {error}")
        elif did:
            self._log.line(f"{self.duty.name}: {did}")
        self._failures = self._failures + 1 if error else 0
        last = format_seconds(self._shift.clock.now())
        self.told.update(last_run=last, runs=self.told["runs"] + 1, took_s=round(took_s, 3), error=error)
        if did:
            self.told["did"] = did
