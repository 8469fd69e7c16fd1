from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from gastown_core.clock import SYSTEM_CLOCK, backoff, format_seconds
from gastown_core.daemon import duty, main, starting
from gastown_core.daemon.daemon_log import DaemonLog
from gastown_core.daemon.duty import Duty, Shift
from gastown_core.daemon.main import Daemon
from gastown_core.errors import ConflictError, GastownError
from gastown_core.events.channels import emit
from gastown_core.events.log import append_event
from gastown_core.files.atomic import edit_json
from gastown_core.files.locks import FileLock
from gastown_core.model.daemon import DIED, FAILS, LATE, NEVER, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.process_table import environment_of
from gastown_core.town import daemon_note as note
from gastown_core.town.identity import session_environment
from tests.support.patience import until
from tests.support.rigged import Rigged


class Living:
    """A daemon in a thread, with the duties a test gives it."""

    def __init__(
        self,
        root: str,
        *duties: Duty,
        ran: Callable[[bool], None] | None = None,
        mine: Callable[[], bool] = lambda: True,
        beat_s: float = 30.0,
    ) -> None:
        self.root = root
        self.ran, self.mine, self.beat_s = ran, mine, beat_s
        self.duties = list(duties)
        self.said: list[str] = []
        self._up = threading.Event()
        os.makedirs(note.folder(root), exist_ok=True)

    def __enter__(self) -> Living:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._thread.start()
        assert self._up.wait(60)
        return self

    async def _live(self) -> None:
        # signals belong to the main thread; the test ends the daemon by the same call they make
        loop = asyncio.get_running_loop()
        loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]
        log = DaemonLog(self.root, SYSTEM_CLOCK, self.said.append)
        self.daemon = Daemon(self.root, log, lambda _: self.duties, SYSTEM_CLOCK, self.mine, self.beat_s)
        if self.ran is not None:
            self.daemon._ran = self.ran  # type: ignore[method-assign]
        self.loop = loop
        self._up.set()
        await self.daemon.live()

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.daemon._end)
        self._thread.join(60)
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


def test_a_duty_runs_at_the_moment_that_it_names_and_a_past_one_is_none(rigged: Rigged) -> None:
    runs: list[float] = []
    moments: list[float] = []

    def due(shift: object) -> float:
        moments.append(SYSTEM_CLOCK.now() + 0.3 if len(runs) == 1 else SYSTEM_CLOCK.now() - 5.0)
        return moments[-1]

    duty = Duty("looks", lambda _: runs.append(SYSTEM_CLOCK.now()) or "", (), 3600.0, 0.01, due=due)
    with Living(rigged.root, duty):
        until(lambda: len(runs) == 2, "the run at the moment")
        assert runs[1] >= moments[0] - 0.1
        until(lambda: len(moments) == 2, "the second answer")
        time.sleep(0.3)
    assert len(runs) == 2


@pytest.mark.parametrize("changed", ["mayor/rigs.json", ".beads-wisp/config/shop.json"])
def test_the_duties_of_a_rig_begin_as_soon_as_it_is_there_or_unparked(rigged: Rigged, changed: str) -> None:
    runs: list[str] = []
    path = os.path.join(rigged.root, changed)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with Living(rigged.root, Duty("town", lambda _: "", (), 3600.0), beat_s=3600.0) as living:
        until(lambda: "town" in living.daemon.attendants, "it did not start")
        living.duties.append(Duty("refinery:new", lambda _: runs.append("new") or "", (), 3600.0))
        edit_json(path, lambda value: value.update(seen=True))
        until(lambda: runs, "the new rig's duty did not begin")
        living.duties.pop()
        edit_json(path, lambda value: value.pop("seen"))
        until(lambda: "refinery:new" not in living.daemon.attendants, "the parked rig's duty did not end")


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


@pytest.mark.parametrize(("path", "wakeup"), [("settings", "settings"), ("shop/settings", "settings:shop")])
def test_settings_that_change_wake_at_once_also_what_failed_by_them(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch, path: str, wakeup: str
) -> None:
    monkeypatch.setattr(duty, "backoff", lambda *_: 3600.0)
    runs: list[int] = []

    def work(_: Shift) -> str:
        runs.append(1)
        if len(runs) == 1:
            raise GastownError("the settings are wrong")
        return ""

    file = os.path.join(rigged.root, path, "config.json")
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with Living(rigged.root, Duty("merge", work, (wakeup,), 3600.0, 0.01), beat_s=3600.0) as living:
        until(lambda: runs, "it did not run at the start")
        until(lambda: living.daemon.attendants["merge"].told["failures"] == 1, "its failure was not counted")
        edit_json(os.path.join(os.path.dirname(file), "other.json"), lambda value: value.update(seen=True))
        assert _asleep(runs), "another file is no setting"
        edit_json(file, lambda value: value.update(seen=True))
        until(lambda: len(runs) > 1, "the settings did not end the delay after a failure")


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
        assert began.wait(60)
    assert finished.is_set()


def test_the_lock_is_the_truth_and_a_second_daemon_is_refused(rigged: Rigged) -> None:
    from gastown_core.daemon.main import run

    assert note.read_note(rigged.root) is None
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    with open(note.pid_path(rigged.root), "w") as handle:
        handle.write("1\nabc\n")
    assert note.read_note(rigged.root) is None, "a pid file alone is no daemon"
    with FileLock(note.lock_path(rigged.root)):
        assert note.read_note(rigged.root).pid == os.getpid(), "the lock's holder is the daemon"
        with open(note.state_path(rigged.root), "w") as handle:
            handle.write("{")
        assert note.read_note(rigged.root).pid == os.getpid(), "a torn state file hides nothing"
        with pytest.raises(ConflictError) as caught:
            run(rigged.root)
    assert "already running" in str(caught.value)


def test_the_real_daemon_starts_once_tells_of_itself_and_ends(rigged: Rigged) -> None:
    pid, is_new = starting.start(rigged.root)
    try:
        assert is_new and note.running_pid(rigged.root) == pid
        assert starting.start(rigged.root) == (pid, False)
        assert note.read_note(rigged.root).duties, "started, and it told nothing of its duties"
        assert {"dispatch", "refinery:shop"} <= set(note.read_note(rigged.root).duties)
    finally:
        assert starting.stop(rigged.root) == pid
    assert not note.is_running(rigged.root) and starting.stop(rigged.root) == 0
    assert json.load(open(note.state_path(rigged.root)))["running"] is False


def test_a_daemon_that_an_agent_starts_runs_in_nobodys_name(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = rigged.entry(rigged.sling(rigged.file().id).result.agent)
    told = session_environment(rigged.root, entry, branch="b", run="r")
    for key, value in {**told, "TMUX": "/tmp/x,1,0", "GT_PROCESS_NAMES": "python3"}.items():
        monkeypatch.setenv(key, value)
    pid, _ = starting.start(rigged.root)
    try:
        inherited = environment_of(pid)
    finally:
        starting.stop(rigged.root)
    assert inherited["GT_TOWN_ROOT"] == rigged.root
    assert not {key for key in inherited if entry.address.name in inherited[key]} and "TMUX" not in inherited
    assert "GT_SESSION" not in inherited and "GT_PROCESS_NAMES" not in inherited


@pytest.mark.parametrize("spoil", [os.unlink, lambda path: open(path, "w").close()], ids=["gone", "empty"])
def test_a_daemon_without_its_pid_file_is_seen_and_ends(rigged: Rigged, spoil: Callable[[str], object]) -> None:
    pid, _ = starting.start(rigged.root)
    try:
        spoil(note.pid_path(rigged.root))
        assert note.read_note(rigged.root).pid == pid and starting.start(rigged.root) == (pid, False)
    finally:
        assert starting.stop(rigged.root) == pid
    assert not note.is_running(rigged.root)


def test_a_start_never_reports_the_pid_that_a_dead_daemon_left(rigged: Rigged) -> None:
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    for path, text in ((note.pid_path(rigged.root), "1\nabc\n"), (note.state_path(rigged.root), DEAD_STATE)):
        with open(path, "w") as handle:
            handle.write(text)
    pid, is_new = starting.start(rigged.root)
    try:
        assert is_new and pid == note.running_pid(rigged.root) != 1
    finally:
        starting.stop(rigged.root)


DEAD_STATE = (
    '{"running": true, "pid": 1, "started_at": "2026-03-02T10:00:00Z", "last_heartbeat": "2026-03-02T10:05:00Z"}'
)


def test_a_daemon_that_ignores_the_request_to_end_is_killed(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "END_S", 0.05)
    pid, _ = starting.start(rigged.root)
    os.kill(pid, signal.SIGSTOP)
    assert starting.stop(rigged.root) == pid and not note.is_running(rigged.root)


def test_a_lock_whose_holder_nobody_names_is_an_error_and_no_lie(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gastown_core.errors import TownError

    monkeypatch.setattr(note, "holder_of", lambda path: 0)
    assert note.read_note(rigged.root).pid == 0
    with pytest.raises(TownError) as caught:
        starting.stop(rigged.root)
    assert "fuser" in caught.value.hint


def test_how_the_daemon_is_at_each_turn_of_its_life(rigged: Rigged) -> None:
    now = SYSTEM_CLOCK.now()
    assert note.view(rigged.root, now) == DaemonView(NEVER)
    pid, _ = starting.start(rigged.root)
    seen = note.view(rigged.root, now)
    assert (seen.pid, seen.is_at_work, seen.short(now)) == (pid, True, "")
    late = note.view(rigged.root, now + 600)
    assert late.state == SILENT and late.short(now + 600).startswith("daemon silent ")
    assert late.words(now + 600).endswith("check gt daemon logs, then run gt daemon restart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4096))
        full = note.view(rigged.root, now + 600)
    assert "the town's disk is full; free some space" in full.words(now + 600)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not note.is_running(rigged.root), "the killed daemon still holds the lock")
    dead = note.view(rigged.root, now + 300)
    assert dead.state == DIED and dead.short(now + 300) in ("daemon died 5m ago", "daemon died 4m ago")
    assert starting.start(rigged.root)[1] and starting.stop(rigged.root)
    ended = note.view(rigged.root, SYSTEM_CLOCK.now())
    assert ended.state == STOPPED and "gt daemon start" in ended.words(ended.since + 60)


def test_a_duty_that_fails_for_a_minute_is_told_beside_the_pid(rigged: Rigged) -> None:
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    now = SYSTEM_CLOCK.now()
    told = {"error": "no space left", "failing_since": format_seconds(now - 120)}
    with FileLock(note.lock_path(rigged.root)), open(note.state_path(rigged.root), "w") as handle:
        state = {"running": True, "pid": os.getpid(), "last_heartbeat": format_seconds(now)}
        handle.write(json.dumps(state | {"duties": {"dispatch": told, "log": {"error": ""}, "junk": 3}}))
        handle.flush()
        seen = note.view(rigged.root, now)
    assert (seen.state, seen.short(now)) == (FAILS, "daemon: dispatch fails")


def test_a_duty_outlives_a_full_disk_and_a_log_that_cannot_be_written(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    full = threading.Event()
    full.set()
    real = DaemonLog._append

    def append(self: DaemonLog, data: bytes) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        real(self, data)

    def fails(shift: Shift) -> str:
        runs.append(1)
        if full.is_set():
            raise OSError(28, "No space left on device")
        return "done"

    monkeypatch.setattr(DaemonLog, "_append", append)
    with Living(rigged.root, Duty("fails", fails, (), 0.01, 0.01)) as living:
        until(lambda: len(runs) >= 3, "the duty ended with the full disk")
        assert living.daemon.background.is_alive("fails")
        full.clear()
        until(lambda: living.daemon.attendants["fails"].told["did"] == "done", "it did not recover")
    log = open(note.log_path(rigged.root), encoding="utf-8").read()
    assert "lines before this one could not be written" in log


def test_a_task_that_breaks_outside_its_work_is_told_and_begun_anew(rigged: Rigged) -> None:
    runs: list[int] = []
    broken = [True]

    def told(has_news: bool = True) -> None:
        if broken:
            broken.clear()
            raise OSError(28, "No space left on device")

    duty = Duty("works", lambda _: runs.append(1) or "", (), 0.01, 0.01)
    with Living(rigged.root, duty, ran=told) as living:
        until(lambda: len(runs) >= 3, "the attendant ended for good")
        assert any("the attendant failed: No space left" in line for line in living.said)


def test_runs_without_news_are_told_together_and_news_at_once(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "TOLD_S", 0.05)
    monkeypatch.setattr(main, "QUIET_TOLD_S", 3600.0)
    quiet: list[int] = []
    news: list[str] = []
    duties = [
        Duty("looks", lambda _: quiet.append(1) or "", (), 0.05, 0.05),
        Duty("works", lambda _: news.pop() if news else "", (), 0.05, 0.05),
    ]

    def told() -> dict[str, object]:
        try:
            with open(note.state_path(rigged.root), encoding="utf-8") as handle:
                return dict(json.load(handle)["duties"].get("looks", {}))
        except FileNotFoundError:
            return {}

    with Living(rigged.root, *duties, beat_s=3600.0):
        until(lambda: told().get("runs"), "the first run was not told")
        until(lambda: len(quiet) >= 20, "it does not look")
        until(_stays(told), "looks without news were told each by itself")
        before = told()["runs"]
        news.append("done")
        until(lambda: told()["runs"] != before, "news waited for its hour")


def _stays(told: Callable[[], object]) -> Callable[[], bool]:
    """Whether a second passes without another word."""

    def look() -> bool:
        before = told()
        time.sleep(1.0)
        return told() == before

    return look


def test_thousands_of_failures_only_make_the_rest_as_long_as_it_may_be() -> None:
    assert backoff(0.15, 5000, 300.0) == 300.0 and backoff(15.0, 1, 300.0) == 15.0 and backoff(15.0, 3, 300.0) == 60.0


def test_the_log_rotates_once_when_many_write_at_the_limit(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    from gastown_core.daemon import daemon_log as module

    monkeypatch.setattr(module, "MOST_BYTES", 2000)
    monkeypatch.setattr(module, "KEPT", 1000)
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    logs = [DaemonLog(rigged.root, SYSTEM_CLOCK) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda n=n, log=log: [log.line(f"{n} {i}") for i in range(100)])
        for n, log in enumerate(logs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = note.folder(rigged.root)
    names = [name for name in os.listdir(folder) if name.startswith("daemon.log") and not name.endswith(".lock")]
    lines = [line.split(" ", 1)[1] for name in names for line in open(os.path.join(folder, name), encoding="utf-8")]
    assert sorted(lines) == sorted(f"{n} {i}\n" for n in range(4) for i in range(100))


def test_a_daemon_whose_lock_file_is_removed_makes_way_for_the_next(rigged: Rigged) -> None:
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    with FileLock(note.lock_path(rigged.root)) as lock:
        assert lock.is_in_place()
        os.unlink(note.lock_path(rigged.root))
        assert not lock.is_in_place()
        with Living(rigged.root, Duty("works", lambda _: "", (), 3600.0), mine=lock.is_in_place, beat_s=0.02) as living:
            living._thread.join(60)
            assert not living._thread.is_alive() and any("this one ends" in line for line in living.said)


def test_a_daemon_that_cannot_start_says_why(rigged: Rigged) -> None:
    from gastown_core.errors import TownError

    os.makedirs(note.pid_path(rigged.root))
    with pytest.raises(TownError) as caught:
        starting.start(rigged.root)
    assert "cannot write" in caught.value.why


def late_view(rigged: Rigged, now: float, **told: object) -> DaemonView:
    """How the daemon looks whose duty ``dispatch`` told this, 100 beats after its start."""
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    duty = {"error": "", "every_s": 10.0, "longest_s": 300.0, "last_run": format_seconds(now), "beat": 70} | told
    state = {"running": True, "pid": os.getpid(), "started_at": format_seconds(now - 3000), "heartbeat_count": 100}
    state |= {"last_heartbeat": format_seconds(now), "duties": {"dispatch": duty}}
    with FileLock(note.lock_path(rigged.root)), open(note.state_path(rigged.root), "w") as handle:
        handle.write(json.dumps(state))
        handle.flush()
        return note.view(rigged.root, now)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"last_run": -34.0}, RUNS),
        ({"last_run": -37.0}, LATE),
        ({"last_run": -37.0, "beat": 100}, RUNS),  # the machine slept: no beat has passed
        ({"last_run": 9000.0}, LATE),  # a run that has not been yet is no run
        ({"last_run": ""}, LATE),  # it has never run, and the daemon has been up for long
        ({"last_run": -37.0, "every_s": 60.0}, RUNS),
        ({"last_run": -9000.0, "every_s": 0}, RUNS),  # one of the Go tools tells no period
        ({"last_run": -900.0, "busy_since": -290.0}, RUNS),
        ({"last_run": -900.0, "busy_since": -310.0}, LATE),
        ({"last_run": -310.0, "error": "no space left"}, FAILS),  # it rests longer after failures
        ({"last_run": -410.0, "error": "no space left", "beat": 40}, LATE),
    ],
)
def test_a_duty_that_has_not_run_in_three_periods_is_a_fault_whatever_the_daemon_says(
    rigged: Rigged, told: dict[str, object], state: str
) -> None:
    now = float(int(SYSTEM_CLOCK.now()))
    moments = {
        key: format_seconds(now + value)
        for key, value in told.items()
        if isinstance(value, float) and key in ("last_run", "busy_since")
    }
    seen = late_view(rigged, now, **{**told, **moments})
    assert seen.state == state
    if state == LATE:
        assert seen.short(now).startswith("daemon: dispatch ") and "gt daemon restart" in seen.words(now)
        assert seen.as_json()["late"]


def test_the_daemon_notes_periods_and_beats_of_its_duties(rigged: Rigged) -> None:
    duty = Duty("looks", lambda _: "", (), 0.05, 0.01, 7.0)
    with Living(rigged.root, duty, beat_s=0.05) as living:
        attendant = living.daemon.attendants["looks"]
        until(lambda: attendant.told["beat"] >= 2, "no beat was noted")
        assert (attendant.told["every_s"], attendant.told["longest_s"]) == (0.05, 7.0)


def test_a_daemon_over_its_budget_looks_more_rarely_until_it_is_under_it_again() -> None:
    from gastown_core.daemon.cpu_share import Budget

    budget, said = Budget(most=0.1), []
    moment = used = 0.0
    for busy_s in [0.6] * 20 + [15.0] * 8 + [0.3] * 20:
        moment, used = moment + 30.0, used + busy_s
        said.append((budget.note(moment, used), budget.slower))
    assert said[19] == ("", 1.0)
    assert max(slower for _, slower in said) == 8.0 and "more than 10%" in next(words for words, _ in said if words)
    assert said[-1] == ("", 1.0) and "as often as before" in [words for words, _ in said if words][-1]


def test_only_looks_are_slowed_and_not_what_the_ledger_wakes(rigged: Rigged) -> None:
    looks = Duty("looks", lambda _: "", (), 30.0, 0.01)
    woken = Duty("woken", lambda _: "", ("ledger",), 30.0, 0.01)
    with Living(rigged.root, looks, woken, beat_s=0.02) as living:
        living.daemon._budget.slower = 4.0
        until(lambda: living.daemon.attendants["looks"].slower == 4.0, "the look was not slowed")
        assert living.daemon.attendants["woken"].slower == 1.0
