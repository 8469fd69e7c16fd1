"""What acts leave behind goes when nobody waits for it, and nothing else goes with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.daemon.leftovers import DAY_S, HOUR_S, sweep_leftovers
from gastown_core.events.channels import emit, pending
from gastown_core.files.locks import FileLock
from gastown_core.messaging.queue import drain, enqueue, waiting
from tests.support.tmux import until

NOW = 1_772_445_000.0


def put(path: Path, text: str = "", *, age_s: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


@pytest.mark.parametrize(
    ("name", "age_s", "goes"),
    [
        (".runtime/locks/sling/sh-abc12.flock", 2 * DAY_S, True),
        (".runtime/locks/sling/sh-abc12.flock", HOUR_S, False),
        (".runtime/locks/dog-rex.lock", 2 * DAY_S, True),
        ("shop/.runtime/locks/polecat-opal.lock", 2 * DAY_S, True),
        ("events/refinery/1-1-1.event", 2 * DAY_S, True),
        ("events/refinery/1-1-1.event", HOUR_S, False),
        (".runtime/heartbeats/sh-opal.json.tmp4711", 2 * HOUR_S, True),
        ("mayor/rigs.json.tmp4711", 2 * HOUR_S, True),
        (".runtime/heartbeats/sh-opal.json", 9 * DAY_S, False),
        ("shop/.runtime/refinery/worktrees/w1/data.tmp1", 9 * DAY_S, False),
        ("shop/.runtime/refinery/worktrees/w1/poetry.lock", 9 * DAY_S, False),
        ("shop/mayor/rig/events/a/b.event", 9 * DAY_S, False),
        (".runtime/locks/notes.txt", 9 * DAY_S, False),
    ],
)
def test_only_what_nobody_waits_for_goes(tmp_path: Path, name: str, age_s: float, goes: bool) -> None:
    path = put(tmp_path / name, age_s=age_s)
    assert sweep_leftovers(str(tmp_path), [str(tmp_path / "shop")], NOW) == goes
    assert path.exists() is not goes


def test_a_lock_that_is_held_stays(tmp_path: Path) -> None:
    path = put(tmp_path / ".runtime/locks/sling/sh-abc12.flock", age_s=2 * DAY_S)
    with FileLock(str(path)):
        assert sweep_leftovers(str(tmp_path), [], NOW) == 0
    assert path.exists()


def test_whoever_waited_for_a_lock_file_that_was_swept_gets_the_one_in_place(tmp_path: Path) -> None:
    import threading

    path, order = str(tmp_path / "a.lock"), []

    def wait() -> None:
        with FileLock(path) as lock:
            order.append(lock.is_in_place())

    with FileLock(path) as swept:
        thread = threading.Thread(target=wait)
        thread.start()
        # it stands in the queue for the file that goes now
        until(lambda: sum(os.path.realpath(f"/proc/self/fd/{fd}") == path for fd in os.listdir("/proc/self/fd")) == 2)
        os.unlink(path)
        assert not swept.is_in_place()
    thread.join()
    assert order == [True] and os.path.exists(path)


def test_a_nudge_whose_taker_died_waits_again_and_an_expired_one_goes(tmp_path: Path) -> None:
    root, clock = str(tmp_path), FixedClock(NOW)
    lost = enqueue(root, "sh-opal", "mayor", "look here", clock=clock)
    old = enqueue(root, "sh-opal", "mayor", "too late", clock=FixedClock(NOW - DAY_S))
    os.rename(lost, f"{lost}.claimed.0a1b")
    os.utime(f"{lost}.claimed.0a1b", (NOW - 2 * HOUR_S,) * 2)
    junk = put(Path(os.path.dirname(lost), "9-junk.json"), "{", age_s=9 * DAY_S)
    assert sweep_leftovers(root, [], NOW) == 1
    assert waiting(root, "sh-opal") == [lost, str(junk)] and not os.path.exists(old)
    assert [record["message"] for record in drain(root, "sh-opal", clock=clock)] == ["look here"]


def test_a_fresh_wake_up_still_wakes(tmp_path: Path) -> None:
    path = emit(str(tmp_path), "refinery", "MQ_SUBMIT", {"n": "1"})
    sweep_leftovers(str(tmp_path), [], os.stat(path).st_mtime + 60)
    assert [wake.path for wake in pending(str(tmp_path), "refinery")] == [path]
    assert json.loads(Path(path).read_text())["type"] == "MQ_SUBMIT"
