"""Background tasks that never die silently: one that fails is told of, rests, and is begun again.

Whoever keeps something going beside the rest (the daemon's duties, the live model's links and watches) starts it here
and nowhere else.
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
"""A task that was begun anew and lasts this long counts as recovered."""


class Background:
    """The tasks of one owner, by name; use it from one event loop.

    ``tell(name, why)`` is called each time a task fails, with what went wrong in words, and once with an empty text when
    it has recovered.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep ``work`` going until it returns by itself or is stopped; one of that name that still runs is stopped."""
        self.stop(name)
        self._tasks[name] = asyncio.get_running_loop().create_task(self._keep(name, work), name=name)

    def stop(self, name: str) -> None:
        """End a task; one that is not there is fine."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def is_alive(self, name: str) -> bool:
        """Whether a task of that name works or rests."""
        task = self._tasks.get(name)
        return task is not None and not task.done()

    async def close(self) -> None:
        """End all of them and wait until they have ended."""
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
            except (Exception, SystemExit) as problem:  # noqa: BLE001  told, and begun again: that is what this is for
                failures = 1 if loop.time() - began >= LASTED_S else failures + 1
                self._say(name, words_of(problem))
            finally:
                if well is not None:
                    well.cancel()
            await asyncio.sleep(backoff(FIRST_REST_S, failures, LONGEST_REST_S))

    def _say(self, name: str, why: str) -> None:
        # who cannot tell of a failure must not become a second one
        with contextlib.suppress(Exception):
            self._tell(name, why)
