"""Deaths pushed to the daemon: the end of an agent's program wakes those who look after agents, without waiting for their period.

The kernel tells of a process's end; where it does not (no pidfd), the daemon notices with the next run of any duty.
"""

from __future__ import annotations

import asyncio
import os

from gastown_core.state.keepers import ProcessWatch
from gastown_core.town.restarts import under_way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SETTLE_S = 1.5
"""How long after an end the patrols look: a restart on purpose is over by then, and tmux has noticed the end."""
MOST_TRIES = 4
"""A pane may be listed as alive for a moment after its program ended: so often its end is announced again."""


class DeathWatch:
    """Calls ``on_death`` on the event loop a moment after one or more of the followed processes have ended.

    While somebody restarts an agent of the town it waits on: that end is no death.
    """

    def __init__(self, root: str, on_death: Callable[[], None], settle_s: float = SETTLE_S) -> None:
        self._root = root
        self._on_death = on_death
        self._settle_s = settle_s
        self._processes = ProcessWatch(self._ended)
        self._tries: dict[int, int] = {}
        self._due: asyncio.TimerHandle | None = None
        self._is_closed = False

    def follow(self, pids: Iterable[int]) -> None:
        """Watch these processes, and no others; one that has ended already counts as just ended."""
        if self._is_closed:
            return
        wanted = set(pids)
        self._processes.watch(wanted)
        self._tries = {pid: tried for pid, tried in self._tries.items() if pid in wanted}
        for pid in wanted:
            # the kernel tells of those that are watched: only the others are asked
            if self._processes.is_watched(pid):
                continue
            if self._tries.get(pid, 0) < MOST_TRIES and _is_gone(pid):
                self._tries[pid] = self._tries.get(pid, 0) + 1
                self._ended()

    def close(self) -> None:
        """Stop watching."""
        self._is_closed = True
        self._processes.close()
        if self._due is not None:
            self._due.cancel()

    def _ended(self) -> None:
        if self._due is None and not self._is_closed:
            self._due = asyncio.get_running_loop().call_later(self._settle_s, self._tell)

    def _tell(self) -> None:
        self._due = None
        if under_way(self._root):
            self._ended()
        else:
            self._on_death()


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
