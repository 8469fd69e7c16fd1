"""Several batches in flight: kill -9 at every point, a push from outside at every moment, and both one after the other.

Afterwards everything good has landed once, nothing bad ever has, and nothing is left over.  What the target ever was is
read from the origin's reflog.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_core.model.bead import OPEN
from gastown_core.model.merge_request import MERGED, MergeRequest
from gastown_core.refinery.engine import process
from tests.drills.drilled import LONG, POINT, spread
from tests.support.queued import CHECK, Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(3600 if LONG else 300)
PROGRAM = """
import sys
import gastown_core.work.scheduler.dispatch as dispatch
dispatch.dispatch = lambda *args, **more: dispatch.Dispatched(args[2], args[3], True)
from gastown_core.refinery.engine import process
process(sys.argv[1], "shop")
"""
KILLER = """\
#!/bin/sh
echo >> "$GT_COUNTED"
if test "$(wc -l < "$GT_COUNTED")" -eq "$GT_FATAL"; then kill -9 $PPID; sleep 0.5; fi
exec "{git}" "$@"
"""
"""A git that, at its given call, kills whoever called it, and goes on by itself: so do commands of an engine that is killed."""
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Flown:
    """A queue of five with one bad request and a pair that fails together, and two places for batches of two."""

    def __init__(self, queued: Queued, kept: str) -> None:
        self.queued = queued
        self.base = os.path.dirname(queued.root)
        self.kept = kept
        queued.gate(f"sleep 0.1\n{CHECK}")
        queued.settings(max_concurrent=2, batch={"max_batch_size": 2})
        queued.origin.run("config", "core.logAllRefUpdates", "always")
        self.good = [queued.hand_in({f"file{number}": "1"}) for number in range(2)]
        self.pair = [queued.hand_in({f"pair-{name}": "1"}) for name in "ab"]
        self.bad = queued.hand_in({"bad": "1"})
        self.theirs = 0
        shutil.copytree(self.base, kept, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.base)
        shutil.copytree(self.kept, self.base, symlinks=True)
        self.theirs = 0

    def fly(self, kill_at: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": HERE, "GT_KILL_AT": kill_at}
        words = [sys.executable, "-c", PROGRAM, self.queued.root]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)

    def fly_with(self, folder: Path, fatal: int) -> int:
        """Fly until the given call of git, which outlives the engine; how many calls there were."""
        counted = folder / "counted"
        counted.unlink(missing_ok=True)
        more = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "GT_COUNTED": str(counted), "GT_FATAL": str(fatal)}
        env = {**os.environ, **more, "PYTHONPATH": HERE}
        words = [sys.executable, "-c", PROGRAM, self.queued.root]
        ran = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
        assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
        return len(counted.read_text().splitlines())

    def push_from_outside(self) -> None:
        """Somebody pushes a commit onto the target, whatever it is now."""
        self.theirs += 1
        origin = self.queued.origin
        while True:
            before = self.queued.tip()
            made = self.queued.commit({f"theirs{self.theirs}": "1"}, "Theirs", parent=before, git=origin)
            if origin.attempt("update-ref", "-m", "push", "refs/heads/main", made, before).code == 0:
                return

    def amiss(self) -> list[str]:
        """What is wrong once the queue has come to rest."""
        for _ in range(4):
            if not process(self.queued.root, "shop"):
                break
        return [*self._content(), *self._ledger(), *self._history()]

    def _content(self) -> list[str]:
        merged = sorted(self.queued.merged())
        one_of_pair = [one.id for one in self.pair if one.id in merged]
        wanted = sorted([*(one.id for one in self.good), *one_of_pair])
        wrong = [] if merged == wanted else [f"on main: {merged}, wanted {wanted}"]
        wrong += [] if len(one_of_pair) == 1 else [f"of the pair landed {one_of_pair}"]
        count = self.queued.subjects().count("Theirs")
        wrong += [] if count == self.theirs else [f"{count} of {self.theirs} pushes from outside are there"]
        return wrong + [f"left over: {one}" for one in self.queued.leftovers()]

    def _ledger(self) -> list[str]:
        merged = self.queued.merged()
        told = sorted(str(event["payload"]["mr"]) for event in self.queued.events("merged"))
        wrong = [] if told == sorted(merged) else [f"told: {told}, merged {sorted(merged)}"]
        for one in (*self.good, *self.pair, self.bad):
            wrong += self._of_request(one, is_in=one.id in merged)
        return wrong

    def _of_request(self, one: MergeRequest, *, is_in: bool) -> list[str]:
        now, work = self.queued.request(one.id), self.queued.bead(one.source_issue)
        if is_in:
            return [] if now.close_reason == MERGED and work.is_closed else [f"{one.id} landed, and is {now.status}"]
        is_back = not now.is_claimed and work.status == OPEN
        return [] if is_back else [f"{one.id} did not land; it is {now.status}, its work {work.status}"]

    def _history(self) -> list[str]:
        """Every commit that the target ever was at must be green."""
        log = Path(self.queued.origin.path, "logs", "refs", "heads", "main").read_text(encoding="utf-8")
        ever = [line.split()[1] for line in log.splitlines()]
        wrong = []
        for commit in ever:
            files = set(self.queued.origin.run("ls-tree", "--name-only", commit).splitlines())
            if "bad" in files or {"pair-a", "pair-b"} <= files:
                wrong.append(f"main was red at {commit[:8]}: {sorted(files)}")
        return wrong if ever else ["the origin kept no reflog"]


@pytest.fixture
def flown(queued: Queued, tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flown(queued, str(tmp_path_factory.mktemp("flown") / "t"))


@pytest.mark.parametrize("pushed", [False, True], ids=["alone", "and a push from outside"])
def test_batches_in_flight_that_are_killed_are_finished_by_the_next_run(flown: Flown, *, pushed: bool) -> None:
    listed = flown.fly("list")
    assert listed.returncode == 0, listed.stderr
    points = dict(POINT.findall(listed.stderr))
    assert not flown.amiss()
    wrong, kills = [], 0
    for number in spread(len(points), 4):
        flown.put_back()
        ran = flown.fly(str(number))
        # side by side the batches pass a point more or less
        assert ran.returncode in (0, -signal.SIGKILL), (number, ran.stderr)
        kills += ran.returncode != 0
        if pushed:
            flown.push_from_outside()
        wrong += [f"killed at {number}, {points[str(number)]}: {one}" for one in flown.amiss()]
    assert kills, "nothing was killed"
    assert not wrong, "\n".join(wrong)


def test_git_commands_that_outlive_a_killed_engine_leave_nothing(flown: Flown, tmp_path: Path) -> None:
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "git").write_text(KILLER.format(git=shutil.which("git")))
    (shim / "git").chmod(0o755)
    calls = flown.fly_with(shim, 0)
    assert calls and not flown.amiss()
    wrong = []
    for number in spread(calls, 4):
        flown.put_back()
        flown.fly_with(shim, number)
        wrong += [f"killed in call {number}: {one}" for one in flown.amiss()]
    assert not wrong, "\n".join(wrong)


def test_a_push_from_outside_at_any_moment_loses_nothing(flown: Flown) -> None:
    passed = 0

    def count(_: str) -> None:
        nonlocal passed
        passed += 1

    process(flown.queued.root, "shop", at=count)
    assert passed and not flown.amiss()
    wrong = []
    for number in spread(passed, 4):
        flown.put_back()
        seen = 0

        def at(_: str, moment: int = number) -> None:
            nonlocal seen
            seen += 1
            if seen == moment:
                flown.push_from_outside()

        process(flown.queued.root, "shop", at=at)
        wrong += [f"pushed at {number}: {one}" for one in flown.amiss()]
    assert not wrong, "\n".join(wrong)
