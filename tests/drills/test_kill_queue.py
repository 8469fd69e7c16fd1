"""Several batches in flight, beside one another, in a chain or in lanes: kill -9 at every point, a push from outside at
every moment, and both one after the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gastown_core.files import points
from gastown_core.refinery.engine import process
from tests.drills.drilled import LONG, POINT, note_sweep, spread
from tests.drills.flown import FORMATIONS, Flown
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(7200 if LONG else 900)
SHORT = 3
PARTS = 4 if LONG else 1
"""In so many parts, side by side, a long sweep of kills goes over its points."""
KILLER = """\
#!/bin/sh
echo >> "$GT_COUNTED"
if test "$(wc -l < "$GT_COUNTED")" -eq "$GT_FATAL"; then kill -9 $PPID; sleep 0.5; fi
exec "{git}" "$@"
"""
"""A git that, at its given call, kills whoever called it, and goes on by itself: so do commands of an engine that is killed."""


class Moments:
    """The points that an engine in this process passes; at the one chosen, something else happens first."""

    def __init__(self, flown: Flown, chosen: int = 0) -> None:
        self.flown = flown
        self.chosen = chosen
        self.passed = 0
        self._is_pushing = False

    def __call__(self, _: str) -> None:
        if self._is_pushing:
            return
        self.passed += 1
        if self.passed == self.chosen:
            self._is_pushing = True
            self.flown.push_from_outside()
            self._is_pushing = False


@pytest.fixture(params=FORMATIONS, ids=[one.name for one in FORMATIONS])
def flown(
    queued: Queued,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Flown:
    made = Flown(queued, str(tmp_path_factory.mktemp("flown") / "t"), request.param)
    made.plan(monkeypatch)
    return made


@pytest.mark.parametrize("part", range(PARTS), ids=[f"part {part}" for part in range(PARTS)])
@pytest.mark.parametrize("pushed", [0, 1] if LONG else [2], ids=lambda every: f"push {every}")
def test_batches_in_flight_that_are_killed_are_finished_by_the_next_run(flown: Flown, pushed: int, part: int) -> None:
    """Somebody pushes after no kill, each, or every second one."""
    listed = flown.fly("list")
    assert flown.is_formed(listed.stderr), listed.stderr
    names = dict(POINT.findall(listed.stderr))
    assert not flown.amiss()
    wrong, kills = [], 0
    for turn, number in enumerate(spread(len(names), SHORT)[part::PARTS], 1):
        flown.put_back()
        ran = flown.fly(str(number))
        # side by side the batches pass a point more or less
        kills += ran.returncode != 0
        if pushed and turn % pushed == 0:
            flown.push_from_outside()
        wrong += [f"killed at {number}, {names[str(number)]}: {one}" for one in flown.amiss()]
    note_sweep(f"batches, {flown.formation.name}{', then a push' if pushed else ''}", len(names), kills, wrong)
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
    for number in spread(calls, SHORT):
        flown.put_back()
        flown.fly_with(shim, number)
        wrong += [f"killed in call {number}: {one}" for one in flown.amiss()]
    note_sweep(f"git that outlives, {flown.formation.name}", calls, calls, wrong)
    assert not wrong, "\n".join(wrong)


def test_a_push_from_outside_at_any_moment_loses_nothing(flown: Flown, monkeypatch: pytest.MonkeyPatch) -> None:
    def flies(chosen: int) -> int:
        moments = Moments(flown, chosen)
        with monkeypatch.context() as patched:
            patched.setattr(points, "_WANTED", "a push")
            patched.setattr(points, "_drill", moments)
            process(flown.queued.root, "shop")
        return moments.passed

    passed = flies(0)
    assert passed and not flown.amiss()
    wrong, pushes = [], 0
    for number in spread(passed, SHORT):
        flown.put_back()
        flies(number)
        pushes += flown.theirs
        wrong += [f"pushed at {number}: {one}" for one in flown.amiss()]
    note_sweep(f"push from outside, {flown.formation.name}", passed, pushes, wrong)
    assert pushes, "nobody pushed"
    assert not wrong, "\n".join(wrong)
