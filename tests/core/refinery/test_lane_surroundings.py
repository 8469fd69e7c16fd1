"""Broken surroundings in a rig with lanes: noticed also for gates that never ran on the target as it is now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.model.refinery import RED_TARGET
from gastown_core.refinery.hold import HoldError, put_on_hold, read_hold
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.prober import VerdictCache
from tests.support.queued import Queued

LANES = {"web": {"paths": ["web/"]}, "core": {"paths": ["core/"]}}


@pytest.fixture
def service(queued: Queued, tmp_path: Path) -> Path:
    """What both gates need; without it each of them is red."""
    found = tmp_path / "service"
    found.touch()
    gates = {
        name: {"cmd": f"test -e {found} || {{ echo no service; exit 1; }}; ! test -e {name}/bad", "paths": [f"{name}/"]}
        for name in LANES
    }
    queued.settings(lanes=LANES, gates=gates, max_concurrent=4)
    return found


def land(queued: Queued, *files: str) -> None:
    for file in files:
        request = queued.hand_in({file: "1"})
        queued.process()
        assert request.id in queued.merged()


def test_a_gate_that_was_green_before_others_landed_without_it_holds_the_queue_for_its_surroundings(
    queued: Queued, service: Path
) -> None:
    land(queued, "core/a", "web/a", "web/b")
    service.unlink()
    clock = FixedClock(SYSTEM_CLOCK.now())
    request = queued.hand_in({"core/b": "1"})
    [result] = queued.process(clock=clock)
    assert "so its environment has changed" in result.hold and not result.culprits
    hold = read_hold(Refinery(queued.root, "shop"), "main")
    assert hold is not None and hold.kind == "environment" and hold.until - clock.now() < 31
    service.touch()
    clock.advance(31)
    [again] = queued.process(clock=clock)
    assert again.merged == (request.id,)


def test_a_gate_that_never_ran_is_red_by_itself_but_not_beside_one_that_was_green(
    queued: Queued, service: Path
) -> None:
    land(queued, "web/a")
    service.unlink()
    queued.hand_in({"core/a": "1"})
    [result] = queued.process()
    assert "red by itself" in result.hold and "environment" not in result.hold
    queued.hand_in({"web/b": "1"})
    queued.process()
    place = Refinery(queued.root, "shop")
    hold = read_hold(place, "main")
    assert hold is not None
    put_on_hold(place, "main", HoldError("environment", "the service is gone"), hold.base, ())
    kept = put_on_hold(place, "main", HoldError(RED_TARGET, "core is red by itself"), hold.base, ())
    assert (kept.kind, kept.reason) == ("environment", "the service is gone")
    moved = put_on_hold(place, "main", HoldError(RED_TARGET, "core is red by itself"), "another commit", ())
    assert moved.kind == RED_TARGET


def test_what_a_gate_said_is_kept_for_each_tree_and_what_is_assumed_is_told_apart(tmp_path: Path) -> None:
    cache = VerdictCache(str(tmp_path), "set")
    cache.put("tree", "pass", 1000.0)
    cache.put_greens("tree", {"web": 1000.0})
    cache.put_greens("tree", {"core": 2000.0}, assumed=True)
    assert [cache.green_at("tree", one, assumed=True) for one in ("web", "core", "docs")] == [1000.0, 2000.0, 0.0]
    assert cache.green_at("tree", "core", assumed=False) == 0.0 and cache.get("tree") == ("pass", 1000.0)
    for one in range(1001):
        cache.put_greens(f"tree{one}", {"web": 3000.0})
    assert cache.green_at("tree", "web", assumed=True) == 0.0 and cache.get("tree") == ("pass", 1000.0)
    # an older version wrote no gates, and junk counts as nothing
    Path(cache.path).write_text(json.dumps({"version": 1, "verdicts": {}, "gates": [5]}))
    assert cache.green_at("tree", "web", assumed=True) == 0.0
    cache.put_greens("tree", {"web": 4000.0})
    assert cache.green_at("tree", "web", assumed=False) == 4000.0
