"""Background tasks that never die silently: a failed task is reported and restarted after a pause.

Long-running tasks (the daemon's duties, the live state's connections and watches) are started only here.
"""

from __future__ import annotations

import asyncio
import contextlib

from gastown_core.clock import backoff
from gastown_core.errors import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_REST_S, LONGEST_REST_S = 0.2, 30.0
LASTED_S = 5.0
"""A restarted task that runs this long counts as recovered."""


class Background:
    """The tasks of one owner, by name; use it from one event loop.

    ``tell(name, why)`` is called with the error text each time a task fails, and once with an empty text when it has
    recovered.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` until it returns or is stopped, restarting it on failure; first stops a task of that name."""
        self.stop(name)
        self._tasks[name] = asyncio.get_running_loop().create_task(self._keep(name, work), name=name)

    def stop(self, name: str) -> None:
        """Cancel a task; an unknown name is ignored."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def is_alive(self, name: str) -> bool:
        """Return whether a task of that name runs or waits to be restarted."""
        task = self._tasks.get(name)
        return task is not None and not task.done()

    async def close(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            well = loop.call_later(LASTED_S, self._say, name, "") if failures else None
            try:
                await work()
                if failures:
                    self._say(name, "")
                return
            except (Exception, SystemExit) as problem:  # noqa: BLE001  reported and restarted: what this class is for
                failures = 1 if loop.time() - began >= LASTED_S else failures + 1
                self._say(name, words_of(problem))
            finally:
                if well is not None:
                    well.cancel()
            await asyncio.sleep(backoff(FIRST_REST_S, failures, LONGEST_REST_S))

    def _say(self, name: str, why: str) -> None:
        # a failing callback must not end the task
        with contextlib.suppress(Exception):
            self._tell(name, why)
