"""Told when an engine dies: the kernel says so through a process descriptor, nobody asks again and again.

Where there are no process descriptors a dead engine is noticed by the slow safety look of the folder watch.
"""

from __future__ import annotations

import asyncio
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class EngineWatch:
    """Calls ``on_death`` once for each watched process that ends."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._open: dict[int, int] = {}

    def watch(self, pids: set[int]) -> None:
        """Watch these processes and no others."""
        for pid in self._open.keys() - pids:
            self._let_go(pid)
        for pid in pids - self._open.keys():
            self._take_up(pid)

    def _take_up(self, pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            # no such thing on this system, or it is gone already: the next look tells
            return
        self._open[pid] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._died, pid)

    def _died(self, pid: int) -> None:
        self._let_go(pid)
        self._on_death()

    def _let_go(self, pid: int) -> None:
        descriptor = self._open.pop(pid)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)

    def close(self) -> None:
        """Let go of all."""
        self.watch(set())
