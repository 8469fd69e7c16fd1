"""Leftovers of acts are removed once no process waits for them, and nothing else is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.beads.routes import add_route
from gastown_core.clock import FixedClock
from gastown_core.daemon.leftovers import DAY_S, HOUR_S, sweep_leftovers
from gastown_core.events.channels import emit, pending
from gastown_core.events.feed import catch_up
from gastown_core.events.retention import reword
from gastown_core.files import atomic
from gastown_core.files.locks import FileLock
from gastown_core.formulas.overlay import make_overlay, overlay_path
from gastown_core.formulas.resolve import find_formula
from gastown_core.git.repo import Git
from gastown_core.git.worktree import exclude
from gastown_core.messaging.queue import bury, dead_letters, enqueue, waiting
from gastown_core.runtimes.heartbeat import write_heartbeat
from gastown_core.town.names import write_theme
from gastown_core.town.restarts import noted
from gastown_core.town.settings import set_setting
from gastown_tui.preferences import Preferences, save_preferences
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
        ("mayor/rigs.json.tmp4711", HOUR_S / 2, False),
        (".beads/.issues.jsonl.tmp", 2 * HOUR_S, True),
        ("shop/mayor/rig/.beads/.wisps.jsonl.tmp", 2 * HOUR_S, True),
        ("shop/mayor/rig/.beads/notes.tmp1", 9 * DAY_S, False),
        (".events.jsonl.tmp12", 2 * HOUR_S, True),
        ("notes.tmp12", 9 * DAY_S, False),
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


def test_a_dead_letter_is_kept_for_a_week_and_what_waits_is_left_alone(tmp_path: Path) -> None:
    root, clock = str(tmp_path), FixedClock(NOW)
    path = enqueue(root, "sh-opal", "mayor", "look here", clock=clock)
    old, fresh = (enqueue(root, "sh-opal", "mayor", f"too late {days}", clock=clock) for days in (8, 6))
    for letter, days in ((old, 8), (fresh, 6)):
        bury(root, "sh-opal", letter, "it expired", clock=clock)
        grave = os.path.join(os.path.dirname(letter), "dead", os.path.basename(letter))
        os.utime(grave, (NOW - days * DAY_S,) * 2)
    assert sweep_leftovers(root, [], NOW) == 1
    assert waiting(root, "sh-opal") == [path]
    assert [letter.message for letter in dead_letters(root, "sh-opal")] == ["too late 6"]


def test_a_fresh_wake_up_still_wakes(tmp_path: Path) -> None:
    path = emit(str(tmp_path), "refinery", "MQ_SUBMIT", {"n": "1"})
    sweep_leftovers(str(tmp_path), [], os.stat(path).st_mtime + 60)
    assert [wake.path for wake in pending(str(tmp_path), "refinery")] == [path]
    assert json.loads(Path(path).read_text())["type"] == "MQ_SUBMIT"


class Killed(BaseException):
    """No handler of errors sees it, as none sees a kill."""


WRITES = {
    "a setting": lambda town: set_setting(town.root, "cli_theme", "dark"),
    "a rig's setting": lambda town: set_setting(town.root, "namepool.style", "minerals", scope="rig", rig="shop"),
    "a theme": lambda town: write_theme(town.root, "mine", ["alpha", "bravo"]),
    "a route": lambda town: add_route(town.root, "zz", "shop"),
    "a heartbeat": lambda town: write_heartbeat(town.root, "sh-opal", clock=FixedClock(NOW)),
    "a nudge": lambda town: enqueue(town.root, "sh-opal", "me", "hi", clock=FixedClock(NOW)),
    "a wake-up": lambda town: emit(town.root, "refinery", "go"),
    "the curator's place": lambda town: catch_up(town.root),
    "the event log": lambda town: reword(town.root, bytes.upper),
    "an overlay": lambda town: make_overlay(
        overlay_path(town.root, "", "f"), find_formula(town.root, "mol-polecat-work")
    ),
    "what the console keeps": lambda town: save_preferences(town.root, Preferences()),
    "what git is not to see": lambda town: exclude(Git(os.path.join(town.root, "shop", ".repo.git")), ("/x",)),
    "a restart": lambda town: noted(town.root, "sh-opal", "why").__enter__(),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_write_that_was_killed_leaves_nothing_for_good(rigged, monkeypatch, what: str) -> None:
    """On file systems that have no nameless files, whatever the write."""
    before = files_of(rigged.root)
    monkeypatch.setattr(atomic, "_open_nameless", lambda folder, mode: -1)

    def killed(fd: int, chunks: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "fill", killed)
        with pytest.raises(Killed):
            WRITES[what](rigged)
    left = {path for path in files_of(rigged.root) - before if ".tmp" in path}
    assert len(left) == 1
    later = os.stat(left.pop()).st_mtime + 2 * DAY_S
    sweep_leftovers(rigged.root, [os.path.join(rigged.root, "shop")], later)
    assert not [path for path in files_of(rigged.root) - before if ".tmp" in path]


def files_of(root: str) -> set[str]:
    return {os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names}


def test_what_a_killed_write_left_beside_a_linked_setting_goes_too(tmp_path: Path) -> None:
    target = put(tmp_path / "dotfiles" / "gastown.json", "{}")
    (tmp_path / "gt" / "settings").mkdir(parents=True)
    (tmp_path / "gt" / "settings" / "config.json").symlink_to(target)
    left = put(tmp_path / "dotfiles" / "gastown.json.tmp12", age_s=2 * HOUR_S)
    other = put(tmp_path / "dotfiles" / "other.json.tmp12", age_s=2 * HOUR_S)
    assert sweep_leftovers(str(tmp_path / "gt"), [], NOW) == 1
    assert not left.exists() and other.exists() and target.exists()
