from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon import note, starting
from gastown_core.daemon.duty import Duty, Shift
from gastown_core.daemon.log import DaemonLog
from gastown_core.daemon.main import Daemon
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.files.locks import FileLock
from tests.support.rigged import Rigged


def until(condition: Callable[[], bool], why: str, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.005)


class Living:
    """A daemon in a thread, with the duties a test gives it."""

    def __init__(self, root: str, *duties: Duty) -> None:
        self.root = root
        self.duties = list(duties)
        self.said: list[str] = []
        self._up = threading.Event()
        os.makedirs(note.folder(root), exist_ok=True)

    def __enter__(self) -> Living:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._thread.start()
        assert self._up.wait(10)
        return self

    async def _live(self) -> None:
        # signals belong to the main thread; the test ends the daemon by the same call they make
        loop = asyncio.get_running_loop()
        loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]
        log = DaemonLog(self.root, SYSTEM_CLOCK, self.said.append)
        self.daemon = Daemon(self.root, log, lambda _: self.duties, SYSTEM_CLOCK)
        self.loop = loop
        self._up.set()
        await self.daemon.live()

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.daemon._end)
        self._thread.join(20)
        assert not self._thread.is_alive()


def test_a_duty_runs_at_once_and_again_when_its_ledger_changes(rigged: Rigged) -> None:
    runs: list[str] = []
    duty = Duty("count", lambda shift: runs.append(shift.root) or "", ("ledger:shop",), 3600.0, 0.01)
    with Living(rigged.root, duty):
        until(lambda: len(runs) == 1, "it did not run at the start")
        until(lambda: _asleep(runs), "it never came to rest")
        before = len(runs)
        rigged.file("new work")
        until(lambda: len(runs) > before, "the ledger's change did not wake it")


def _asleep(runs: list[str]) -> bool:
    before = len(runs)
    time.sleep(0.1)
    return len(runs) == before


def test_events_and_wake_up_files_wake_those_who_listen(rigged: Rigged) -> None:
    heard: list[str] = []
    duties = [
        Duty("log", lambda _: heard.append("events") or "", ("events",), 3600.0, 0.01),
        Duty("merge", lambda _: heard.append("channel") or "", ("channel:refinery",), 3600.0, 0.01),
    ]
    with Living(rigged.root, *duties):
        until(lambda: {"events", "channel"} <= set(heard) and _asleep(heard), "they did not run at the start")
        heard.clear()
        append_event(rigged.root, "boot", "gt", {})
        until(lambda: "events" in heard, "the event log did not wake the first")
        emit(rigged.root, "refinery", "MQ_SUBMIT")
        until(lambda: "channel" in heard, "the wake-up file did not wake the second")


def test_a_failing_duty_is_told_once_and_does_not_stop_the_others(rigged: Rigged) -> None:
    runs: list[int] = []

    def fails(shift: Shift) -> str:
        runs.append(1)
        raise GastownError("the disk is full")

    def breaks(shift: Shift) -> str:
        raise ZeroDivisionError("oops")

    lived: list[int] = []
    duties = [
        Duty("fails", fails, (), 0.01, 0.01),
        Duty("breaks", breaks, (), 3600.0, 0.01),
        Duty("lives", lambda _: lived.append(1) or "", (), 0.01, 0.01),
    ]
    with Living(rigged.root, *duties) as living:
        until(lambda: len(runs) >= 3 and len(lived) >= 5, "a duty stopped")
        until(lambda: any("oops" in line for line in living.said), "the fault was not told")
    told = [line for line in living.said if "the disk is full" in line]
    assert told == ["fails: failed: the disk is full"]
    log = open(note.log_path(rigged.root), encoding="utf-8").read()
    assert "Traceback" in log and os.stat(note.log_path(rigged.root)).st_mode & 0o077 == 0
    assert living.daemon.attendants["fails"].told["error"] == "the disk is full"


def test_ending_waits_for_what_is_in_work_and_tells_it_to_stop(rigged: Rigged) -> None:
    began, finished = threading.Event(), threading.Event()

    def long_work(shift: Shift) -> str:
        began.set()
        while not shift.stopping():
            time.sleep(0.005)
        finished.set()
        return ""

    with Living(rigged.root, Duty("long", long_work, (), 3600.0)):
        assert began.wait(10)
    assert finished.is_set()


def test_the_lock_is_the_truth_and_a_second_daemon_is_refused(rigged: Rigged) -> None:
    from gastown_core.daemon.main import run

    assert note.read_note(rigged.root) is None
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    with open(note.pid_path(rigged.root), "w") as handle:
        handle.write("1\nabc\n")
    assert note.read_note(rigged.root) is None, "a pid file alone is no daemon"
    with FileLock(note.lock_path(rigged.root)):
        assert note.read_note(rigged.root).pid == 1
        with open(note.state_path(rigged.root), "w") as handle:
            handle.write("{")
        assert note.read_note(rigged.root).pid == 1, "a torn state file hides nothing"
        with pytest.raises(ConflictError) as caught:
            run(rigged.root)
    assert "runs already" in str(caught.value)


def test_the_real_daemon_starts_once_tells_of_itself_and_ends(rigged: Rigged) -> None:
    pid, is_new = starting.start(rigged.root)
    try:
        assert is_new and note.read_pid(rigged.root) == pid
        assert starting.start(rigged.root) == (pid, False)
        until(lambda: bool(note.read_note(rigged.root).duties), "it told nothing of its duties")
        assert {"dispatch", "refinery:shop"} <= set(note.read_note(rigged.root).duties)
    finally:
        assert starting.stop(rigged.root) == pid
    assert not note.is_running(rigged.root) and starting.stop(rigged.root) == 0
    assert json.load(open(note.state_path(rigged.root)))["running"] is False


def test_a_daemon_that_cannot_start_says_why(rigged: Rigged) -> None:
    from gastown_core.errors import TownError

    os.makedirs(note.pid_path(rigged.root))
    with pytest.raises(TownError) as caught:
        starting.start(rigged.root)
    assert "cannot write" in caught.value.why
