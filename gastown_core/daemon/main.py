"""The daemon's life: one per town, told of changes by the kernel, ended by a signal, never by a failing duty.

It holds ``daemon/daemon.lock`` for as long as it lives and tells of itself in ``daemon/state.json``.  It ends by itself
when its town is gone.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from gastown_core.background import Background
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Attendant, Shift
from gastown_core.daemon.log import DaemonLog
from gastown_core.daemon.stirs import Stirs
from gastown_core.errors import ConflictError, GastownError, words_of
from gastown_core.files.atomic import write_atomic, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.town import daemon_note as note
from gastown_core.town.daemon_note import HEARTBEAT_S
from gastown_core.town.discover import is_town

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.daemon.duty import Duty

TOLD_S = 1.0
"""How long after a duty has run its state file may still be behind."""
MOST_DUTIES = 64


def run(
    root: str,
    *,
    echo: Callable[[str], None] | None = None,
    duties: Callable[[str], list[Duty]] = duties_of,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Be the town's daemon until SIGTERM or SIGINT. Raises ConflictError if there is one already."""
    private_folder(note.folder(root))
    lock = FileLock(note.lock_path(root), timeout_s=2.0, name_holder=True)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except ConflictError as error:
            raise ConflictError("the daemon runs already", error.why, "gt daemon status tells about it") from error
        write_atomic(note.pid_path(root), f"{os.getpid()}\n{secrets.token_hex(8)}\n".encode(), mode=0o600)
        try:
            # commands run without it; what goes on for weeks needs it
            gc.enable()
            asyncio.run(Daemon(root, DaemonLog(root, clock, echo), duties, clock, lock.is_in_place).live())
        finally:
            _leave_word(root, clock)


def _leave_word(root: str, clock: Clock) -> None:
    """Say that it has ended; where that cannot be written, the lock that is let go of says so."""
    ended = {"running": False, "pid": os.getpid(), "ended_at": format_seconds(clock.now())}
    with suppress(GastownError):
        write_json(note.state_path(root), ended, mode=0o600)
    with suppress(OSError):
        os.unlink(note.pid_path(root))


class Daemon:
    """The loop: attendants for the duties, stirs that wake them, a heartbeat that shows they live.

    Everything it keeps going runs in ``Background``.  ``is_mine`` tells whether the lock still keeps others out.
    """

    def __init__(
        self,
        root: str,
        log: DaemonLog,
        duties: Callable[[str], list[Duty]],
        clock: Clock,
        is_mine: Callable[[], bool] = lambda: True,
        beat_s: float = HEARTBEAT_S,
    ) -> None:
        self.root = root
        self.log = log
        self.duties = duties
        self.clock = clock
        self.attendants: dict[str, Attendant] = {}
        self.background = Background(self._broke)
        self._is_mine = is_mine
        self._beat_s = beat_s
        self._ending = threading.Event()
        self._over = asyncio.Event()
        self._started = format_seconds(clock.now())
        self._beats = 0
        self._telling: asyncio.TimerHandle | None = None

    async def live(self) -> None:
        """See to every duty until told to end, then wait for what is in work."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.log.line(f"a fault in the programme: {_fault(context)}"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        pool = ThreadPoolExecutor(max_workers=MOST_DUTIES, thread_name_prefix="duty")
        stirs = Stirs(self.root, self._stirred, lambda _, why: self._broke("the watch of files", why))
        self._take_up(pool)
        stirs.start()
        self.log.line(f"daemon {os.getpid()} sees to {', '.join(self.attendants)}")
        try:
            while not self._over.is_set():
                self._beats += 1
                self._write_state()
                try:
                    await asyncio.wait_for(self._over.wait(), self._beat_s)
                except TimeoutError:
                    self._look_around(pool, stirs)
        finally:
            if self._telling is not None:
                self._telling.cancel()
            await self.background.close()
            await stirs.close()
            # what runs is asked to come to an end (stopping is true) and is waited for: nothing is left half done
            pool.shutdown(wait=True, cancel_futures=True)
            self.log.line("daemon ended")

    def _end(self) -> None:
        self._ending.set()
        self._over.set()

    def _look_around(self, pool: ThreadPoolExecutor, stirs: Stirs) -> None:
        """The town may have gone, or have got a rig."""
        if not is_town(self.root):
            self.log.line("the town is gone")
            self._end()
            return
        if not self._is_mine():
            self.log.line("the lock's file was removed or replaced, so another daemon may begin: this one ends")
            self._end()
            return
        try:
            self._take_up(pool)
            stirs.look_again()
        except (GastownError, OSError) as error:
            self.log.line(f"the rigs could not be looked at anew: {words_of(error)}")

    def _take_up(self, pool: ThreadPoolExecutor) -> None:
        """Begin duties that are new and drop those that are no longer wanted."""
        try:
            wanted = {duty.name: duty for duty in self.duties(self.root)}
        except GastownError as error:
            self.log.line(f"the duties could not be read anew: {error}")
            if not self.attendants:
                raise
            return
        shift = Shift(self.root, self.clock, self._ending.is_set)
        for name in [name for name in self.attendants if name not in wanted]:
            self.background.stop(name)
            del self.attendants[name]
        for name, duty in wanted.items():
            if name not in self.attendants:
                attendant = self.attendants[name] = Attendant(duty, shift, pool, self.log, self._ran)
                self.background.start(name, attendant.attend)

    def _broke(self, name: str, why: str) -> None:
        """A task of the daemon failed and is begun anew, or (``why`` empty) has recovered."""
        attendant = self.attendants.get(name)
        if attendant is not None:
            attendant.broke(why)
            self._ran()
        else:
            self.log.line(f"{name}: {'failed: ' + why if why else 'works again'}")

    def _stirred(self, stir: str) -> None:
        for attendant in self.attendants.values():
            if stir in attendant.duty.wakes:
                attendant.wake()

    def _ran(self) -> None:
        """A duty has run: tell of it soon, once for all that run meanwhile."""
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOLD_S, self._write_state)

    def _write_state(self) -> None:
        self._telling = None
        state = {
            "running": True,
            "pid": os.getpid(),
            "started_at": self._started,
            "last_heartbeat": format_seconds(self.clock.now()),
            "heartbeat_count": self._beats,
            "duties": {name: attendant.told for name, attendant in self.attendants.items()},
        }
        try:
            write_json(note.state_path(self.root), state, mode=0o600)
        except GastownError as error:
            self.log.line(f"the heartbeat could not be written: {error}")


def _fault(context: dict[str, Any]) -> str:
    """What asyncio tells of a call that failed with nobody to catch it."""
    problem = context.get("exception")
    return words_of(problem) if isinstance(problem, BaseException) else str(context.get("message") or "unknown")
