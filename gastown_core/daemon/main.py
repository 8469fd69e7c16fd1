"""The daemon process: one per town, woken by file changes, ended by a signal, never by a failing duty.

It holds ``daemon/daemon.lock`` while it runs and writes its state to ``daemon/state.json``.  It ends by itself when the
town or the lock file is gone.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from gastown_core.background import Background
from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds
from gastown_core.daemon.cpu_share import Budget
from gastown_core.daemon.daemon_log import DaemonLog
from gastown_core.daemon.deaths import DeathWatch
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import DEATHS, Attendant, Shift
from gastown_core.daemon.wakeups import RIGS, SETTINGS, Wakeups
from gastown_core.errors import ConflictError, GastownError, words_of
from gastown_core.files.atomic import write_atomic, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.files.spool import spool
from gastown_core.patrols import lookout
from gastown_core.town import daemon_note as note
from gastown_core.town.daemon_note import HEARTBEAT_S
from gastown_core.town.discover import is_town
from gastown_core.town.settings import keep_last_good, kept_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock
    from gastown_core.daemon.duty import Duty

TOLD_S = 1.0
"""How long the state file may lag behind a duty's run that did something, failed or works again."""
QUIET_TOLD_S = 5.0
"""How long it may lag behind a run without news; each write of it wakes every console."""
MOST_DUTIES = 64
AROUND_BEATS = 2
"""The rigs and the lock are looked at again with every second heartbeat: that costs as much as all patrols of an idle town."""
AROUND_S = 0.2
"""How long after a change of the rigs they are looked at: adding one writes several files."""


def run(
    root: str,
    *,
    echo: Callable[[str], None] | None = None,
    duties: Callable[[str], list[Duty]] = duties_of,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Run the town's daemon until SIGTERM or SIGINT. Raises ConflictError if one is running."""
    private_folder(note.folder(root))
    lock = FileLock(note.lock_path(root), timeout_s=2.0, name_holder=True)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except ConflictError as error:
            raise ConflictError("the daemon is already running", error.why, "gt daemon status shows it") from error
        write_atomic(note.pid_path(root), f"{os.getpid()}\n{secrets.token_hex(8)}\n".encode(), mode=0o600)
        try:
            # commands run without garbage collection; a process that runs for weeks needs it
            gc.enable()
            log = DaemonLog(root, clock, echo)
            keep_last_good(log.line)
            asyncio.run(Daemon(root, log, duties, clock, lock.is_in_place).live())
        finally:
            keep_last_good(None)
            _leave_word(root, clock)


def _leave_word(root: str, clock: Clock) -> None:
    """Write that it has ended; if that fails, the released lock says so."""
    ended = {"running": False, "pid": os.getpid(), "ended_at": format_seconds(clock.now())}
    with suppress(GastownError):
        write_json(note.state_path(root), ended, mode=0o600)
    with suppress(OSError):
        os.unlink(note.pid_path(root))


class Daemon:
    """The loop: attendants for the duties, wake-ups for them, a heartbeat.

    All its tasks run in ``Background``.  ``is_mine`` says whether the lock still keeps other daemons out.
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
        # finer than a second: the program's files and a plugin's runs are compared with it
        self._started = format_micros(clock.now())
        self._beats = 0
        self._telling: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._told_by = 0.0
        self._budget = Budget()
        self._deaths = DeathWatch(root, self._agents_ended)

    def _follow_servers(self, wakeups: Wakeups) -> None:
        """Keep stores on a Dolt server up to date, also those of rigs that came since."""
        pulse = wakeups.pulse()
        if pulse is not None:
            self.background.start("dolt", pulse.run)

    async def live(self) -> None:
        """Run the duties until told to end, then wait for the running ones."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.log.line(f"internal error: {_fault(context)}"))
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._end)
            except NotImplementedError:
                # Windows: its loop takes no signals, and only Ctrl-C arrives
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._end))
        pool = ThreadPoolExecutor(max_workers=MOST_DUTIES, thread_name_prefix="duty")
        wakeups = Wakeups(
            self.root,
            lambda wakeup: self._wake_for(wakeup, pool, wakeups),
            lambda _, why: self._broke("the watch of files", why),
        )
        self._begin(pool, wakeups)
        self.log.line(f"daemon {os.getpid()} runs {', '.join(self.attendants)}")
        try:
            while not self._over.is_set():
                self._beat()
                self._write_state()
                try:
                    await asyncio.wait_for(self._over.wait(), self._beat_s)
                except TimeoutError:
                    if self._beats % AROUND_BEATS == 0:
                        self._look_around(pool, wakeups)
        finally:
            for timer in (self._telling, self._looking):
                if timer is not None:
                    timer.cancel()
            self._deaths.close()
            await self.background.close()
            await wakeups.close()
            # running duties see ``stopping`` and are waited for: nothing is left half done
            pool.shutdown(wait=True, cancel_futures=True)
            lookout.close_all()
            self._close_telemetry()
            self.log.line("daemon ended")

    def _begin(self, pool: ThreadPoolExecutor, wakeups: Wakeups) -> None:
        """Start the duties and the watch of files."""
        self._take_up(pool)
        wakeups.start()
        # read once more now that it is watched: a rig may have come in between
        self._take_up(pool)
        self._follow_servers(wakeups)

    def _close_telemetry(self) -> None:
        """Send the last figures; what a daemon without telemetry never imported is not imported now."""
        export = sys.modules.get("gastown_core.telemetry.export")
        fault = export.close_all() if export is not None else ""
        if fault:
            self.log.line(f"telemetry: the last figures were not sent: {fault}")

    def _beat(self) -> None:
        """Count the heartbeat, and slow the looks while the daemon uses more of a core than it may."""
        self._beats += 1
        told = self._budget.note(time.monotonic(), time.process_time())
        if told:
            self.log.line(told)
        spool(self.root, "daemon.heartbeat", {}, actor="daemon", clock=self.clock)
        for attendant in self.attendants.values():
            attendant.beat = self._beats
            # duties that the ledger wakes run when there is something to do: only mere looks are slowed
            attendant.slower = self._budget.slower if attendant.duty.is_look else 1.0

    def _end(self) -> None:
        self._ending.set()
        self._over.set()

    def _look_soon(self, pool: ThreadPoolExecutor, wakeups: Wakeups) -> None:
        """Look around shortly, once for all changes until then."""
        if self._looking is None and not self._ending.is_set():
            self._looking = asyncio.get_running_loop().call_later(AROUND_S, self._look_around, pool, wakeups)

    def _look_around(self, pool: ThreadPoolExecutor, wakeups: Wakeups) -> None:
        """End if the town or the lock is gone; take up duties and stores of new rigs."""
        self._looking = None
        if not is_town(self.root):
            self.log.line("the town is gone")
            self._end()
            return
        if not self._is_mine():
            self.log.line("the lock's file was removed or replaced, so another daemon may start: this one ends")
            self._end()
            return
        try:
            self._take_up(pool)
            wakeups.watch_new_stores()
            self._follow_servers(wakeups)
        except (GastownError, OSError) as error:
            self.log.line(f"the rigs could not be read again: {words_of(error)}")

    def _take_up(self, pool: ThreadPoolExecutor) -> None:
        """Start new duties and stop those that are no longer wanted."""
        try:
            wanted = {duty.name: duty for duty in self.duties(self.root)}
        except GastownError as error:
            self.log.line(f"the duties could not be read again: {error}")
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
        """Record that a task of the daemon failed and restarts, or (``why`` empty) has recovered."""
        attendant = self.attendants.get(name)
        if attendant is not None:
            attendant.broke(why)
            self._ran()
        else:
            self.log.line(f"{name}: {'failed: ' + why if why else 'works again'}")

    def _agents_ended(self) -> None:
        """Let the patrols look at once: an agent's program has ended."""
        lookout.stir(self.root)
        self._wake(DEATHS)

    def _wake_for(self, wakeup: str, pool: ThreadPoolExecutor, wakeups: Wakeups) -> None:
        """Wake whom a change concerns; of settings and rigs shortly, since a hand that writes them writes twice."""
        if wakeup == RIGS:
            self._look_soon(pool, wakeups)
        if wakeup == RIGS or wakeup.startswith(SETTINGS):
            asyncio.get_running_loop().call_later(AROUND_S, self._wake, wakeup)
        else:
            self._wake(wakeup)

    def _wake(self, wakeup: str) -> None:
        for attendant in self.attendants.values():
            if wakeup in attendant.duty.wakes:
                attendant.wake(is_mended=wakeup.startswith(SETTINGS))

    def _ran(self, has_news: bool = True) -> None:
        """Schedule one state write for all duties that run until then, and watch the agents that one of them saw."""
        self._deaths.follow(lookout.pids_in(self.root))
        loop = asyncio.get_running_loop()
        told_by = loop.time() + (TOLD_S if has_news else QUIET_TOLD_S)
        if self._telling is not None:
            if self._told_by <= told_by:
                return
            self._telling.cancel()
        self._told_by = told_by
        self._telling = loop.call_at(told_by, self._write_state)

    def _write_state(self) -> None:
        if self._telling is not None:
            # the heartbeat tells what was to be told
            self._telling.cancel()
            self._telling = None
        state = {
            "running": True,
            "pid": os.getpid(),
            "started_at": self._started,
            "last_heartbeat": format_seconds(self.clock.now()),
            "heartbeat_count": self._beats,
            "load": round(self._budget.load, 4),
            "slower": self._budget.slower,
            "sources": {
                one.name: {"good_at": format_seconds(one.good_at) if one.good_at else "", "error": one.error}
                for one in lookout.ages_in(self.root)
            },
            "duties": {name: attendant.told for name, attendant in self.attendants.items()},
            "kept_settings": sorted(kept_files()),
        }
        try:
            write_json(note.state_path(self.root), state, mode=0o600)
        except GastownError as error:
            self.log.line(f"the heartbeat could not be written: {error}")


def _fault(context: dict[str, object]) -> str:
    """Return asyncio's description of an error that nothing caught."""
    problem = context.get("exception")
    return words_of(problem) if isinstance(problem, BaseException) else str(context.get("message") or "unknown")
