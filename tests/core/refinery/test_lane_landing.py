"""Lanes on real git: who lands without another run, that the union is tested afterwards, and what a red union does."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gastown_core.errors import SettingsError
from gastown_core.model.refinery import PASS, RED_TARGET
from gastown_core.refinery.engine import next_wake
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.policy import load_policy
from gastown_core.refinery.reaches import Reaches
from gastown_core.refinery.records import BatchResult
from gastown_core.refinery.untested import note_untested, read_untested
from tests.core.refinery.test_crash import start
from tests.support.patience import until
from tests.support.queued import Queued

LANES = {"web": {"paths": ["web/"]}, "core": {"paths": ["core/"]}}


def lanes(queued: Queued, tmp_path: Path, *, waits: int = 2, **more: Any) -> Path:
    """A rig with two lanes, a gate for each and one for the whole; each of the first batches waits for ``waits`` runs of its
    kind to have begun. The file has a line for each run."""
    runs = tmp_path / "runs"
    runs.touch()
    meet = f"""echo $GT_GATE >> {runs}
tries=0
until test $(grep -c -e web -e core {runs}) -ge {waits}; do
    sleep 0.05; tries=$((tries + 1)); test $tries -lt 1200 || exit 1
done
"""
    whole = f"""echo whole >> {runs}
if test -e web/pair && test -e core/pair && ! test -e core/mended; then echo "do not go together"; exit 1; fi"""
    gates = {
        "web": {"cmd": meet + "! test -e web/bad", "paths": ["web/"]},
        "core": {"cmd": meet + "! test -e core/bad", "paths": ["core/"]},
        "whole": {"cmd": whole},
    }
    queued.settings(**{"lanes": LANES, "gates": gates, "max_concurrent": 4, **more})
    return runs


def test_a_request_whose_commit_is_not_here_yet_names_no_lanes_instead_of_all(queued: Queued, tmp_path: Path) -> None:
    lanes(queued, tmp_path)
    request = queued.hand_in({"web/a": "1"})
    reaches = Reaches(Refinery(queued.root, "shop"))
    asked = request._replace(target="main")
    assert reaches.names(asked) == ("web",)
    away = asked._replace(commit_sha="1" * 40)
    assert reaches.names(away) == () and reaches.of(away).is_wide
    assert reaches.names(asked._replace(commit_sha="")) == ()


def merged(results: list[BatchResult]) -> list[str]:
    return sorted(one for result in results for one in result.merged)


def test_batches_of_lanes_apart_land_without_another_run_and_then_the_union_is_tested(
    queued: Queued, tmp_path: Path
) -> None:
    runs = lanes(queued, tmp_path)
    requests = [queued.hand_in({"web/a": "1"}), queued.hand_in({"core/a": "1"})]
    results = queued.process()
    assert merged(results) == sorted(one.id for one in requests) == sorted(queued.merged())
    assert sorted(result.lanes for result in results if result.merged) == [("core",), ("web",)]
    assert [result.untested for result in results if result.merged].count(True) == 1
    assert {result.gate_set for result in results} == {load_policy(queued.root, "shop").gate_set}
    assert all(len(result.times) == result.runs and min(result.times) > 0.0 for result in results)
    union = results[-1]
    landed = [result.id for result in results if result.untested]
    assert list(union.union) == landed and union.runs == 1 and not union.hold
    assert sorted(runs.read_text().split()) == ["core", "core", "web", "web", "whole", "whole", "whole"]
    [event] = queued.events("union_tested")
    assert event["payload"]["result"] == PASS and event["payload"]["batches"] == landed
    assert read_untested(Refinery(queued.root, "shop"), "main") is None and not queued.leftovers()
    assert queued.state().phase == "idle" and queued.process() == []


@pytest.mark.parametrize(
    ("files", "more"),
    [
        ({"core/a": "1", "Makefile": "x"}, {}),
        ({"core/a": "1", "web/b": "1"}, {}),
        ({"core/a": "1"}, {"lanes": {"web": {"paths": ["web/"], "needs": ["core"]}, "core": ["core/"]}}),
        ({"core/a": "1"}, {"lanes": None}),
    ],
)
def test_what_is_not_apart_waits_and_is_tested_on_what_the_other_made(
    queued: Queued, tmp_path: Path, files: dict[str, str], more: dict[str, Any]
) -> None:
    lanes(queued, tmp_path, waits=1, **more)
    requests = [queued.hand_in({"web/a": "1"}, priority=1), queued.hand_in(files, priority=2)]
    results = queued.process()
    assert merged(results) == sorted(one.id for one in requests)
    assert not any(result.untested or result.union for result in results)


def test_a_gate_that_names_both_lanes_keeps_them_from_landing_apart(queued: Queued, tmp_path: Path) -> None:
    runs = lanes(queued, tmp_path, waits=1)
    gates = load_policy(queued.root, "shop").gates
    tied = {gate.name: {"cmd": gate.cmd, "paths": list(gate.paths)} for gate in gates}
    queued.settings(gates={**tied, "both": {"cmd": f"echo both >> {runs}", "paths": ["web/", "core/"]}})
    queued.hand_in({"web/a": "1"})
    queued.hand_in({"core/a": "1"})
    results = queued.process()
    assert len(merged(results)) == 2 and not any(result.untested for result in results)


def test_a_red_union_holds_the_queue_blames_nobody_and_is_cured_by_a_request(queued: Queued, tmp_path: Path) -> None:
    lanes(queued, tmp_path)
    queued.hand_in({"web/pair": "1"})
    queued.hand_in({"core/pair": "1"})
    results = queued.process()
    assert len(merged(results)) == 2 and not any(result.culprits for result in results)
    place = Refinery(queued.root, "shop")
    hold = read_hold(place, "main")
    assert hold is not None and hold.kind == RED_TARGET and "gate whole failed (exit 1)" in hold.reason
    assert all(one in hold.reason for one in results[-1].union) and results[-1].hold == hold.reason
    [event] = queued.events("union_tested")
    assert event["payload"]["result"] == "fail"
    assert read_untested(place, "main") is not None and not queued.leftovers()
    wake = next_wake(queued.root, "shop")
    assert wake is not None and wake > 0, "it looks again though nothing waits"
    other = queued.hand_in({"web/more": "1"}, priority=1)
    results = queued.process()
    assert not merged(results) and not any(result.culprits for result in results), "all gates run on a red target"
    cure = queued.hand_in({"core/mended": "1"}, priority=2)
    results = queued.process()
    assert merged(results) == sorted([other.id, cure.id]) and not any(result.culprits for result in results)
    assert read_hold(place, "main") is None and read_untested(place, "main") is None


def test_on_a_red_target_a_request_of_another_lane_does_not_land_either(queued: Queued) -> None:
    gates = {
        "web": {"cmd": "true", "paths": ["web/"]},
        "core": {"cmd": "! test -e core/bad || test -e core/mended", "paths": ["core/"]},
        "docs": {"cmd": "true", "paths": ["docs/"]},
    }
    queued.settings(lanes=LANES, gates=gates, max_concurrent=2)
    theirs = queued.commit({"core/bad": "1"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    first = queued.hand_in({"core/a": "1"})
    assert queued.process()[-1].hold
    other = queued.hand_in({"web/a": "1"})
    assert not merged(queued.process()) and read_hold(Refinery(queued.root, "shop"), "main") is not None
    cure = queued.hand_in({"core/mended": "1"})
    queued.process()
    assert sorted(queued.merged()) == sorted(one.id for one in (first, other, cure))


@pytest.mark.parametrize(("moment", "times"), [("judged", 2), ("after push", 1)])
def test_a_push_from_outside_is_not_landed_on_without_a_test(
    queued: Queued, tmp_path: Path, moment: str, times: int
) -> None:
    lanes(queued, tmp_path)
    requests = [queued.hand_in({"web/a": "1"}), queued.hand_in({"core/a": "1"})]
    seen: list[str] = []

    def at(point: str) -> None:
        seen.append(point)
        if point == moment and seen.count(point) == times:
            theirs = queued.commit({"web/theirs": "1"}, "Theirs", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", theirs)

    results = queued.process(at=at)
    assert merged(results) == sorted(one.id for one in requests) and not any(result.untested for result in results)
    assert "Theirs" in queued.subjects() and not queued.leftovers()


@pytest.mark.parametrize("point", ["before push", "after push"])
def test_a_run_killed_at_a_landing_without_a_test_leaves_the_union_to_the_next(
    queued: Queued, tmp_path: Path, point: str
) -> None:
    lanes(queued, tmp_path)
    requests = [queued.hand_in({"web/a": "1"}), queued.hand_in({"core/a": "1"})]
    engine = start(queued, point, times=2)
    assert engine.wait(120) == -signal.SIGKILL
    assert read_untested(Refinery(queued.root, "shop"), "main") is not None
    queued.process()
    assert sorted(queued.merged()) == sorted(one.id for one in requests) and not queued.leftovers()
    assert read_untested(Refinery(queued.root, "shop"), "main") is None
    assert len(queued.events("merged")) == 2


def test_a_culprit_in_one_lane_keeps_no_other_lane_from_landing(queued: Queued, tmp_path: Path) -> None:
    lanes(queued, tmp_path)
    bad, good = queued.hand_in({"web/bad": "1"}), queued.hand_in({"core/a": "1"})
    results = queued.process()
    assert merged(results) == [good.id] and [one for result in results for one in result.culprits] == [bad.id]


def test_a_batch_that_is_green_with_all_gates_tests_the_union_as_well(queued: Queued, tmp_path: Path) -> None:
    lanes(queued, tmp_path, waits=1)
    place = Refinery(queued.root, "shop")
    note_untested(place, "main", queued.tip(), "b-1")
    queued.hand_in({"web/a": "1", "core/a": "1"})
    results = queued.process()
    assert [result.union for result in results] == [()] and read_untested(place, "main") is None


def test_a_note_that_cannot_be_read_costs_a_run_and_no_more(queued: Queued, tmp_path: Path) -> None:
    lanes(queued, tmp_path, waits=1)
    place = Refinery(queued.root, "shop")
    note_untested(place, "main", queued.tip(), "b-1")
    [path] = [os.path.join(place.folder, name) for name in os.listdir(place.folder) if name.startswith("union-")]
    Path(path).write_text("{half")
    request = queued.hand_in({"web/a": "1"})
    results = queued.process()
    assert merged(results) == [request.id] and read_untested(place, "main") is None


@pytest.mark.parametrize("junk", ["{half", "[]", "null", '{"target": 5, "batches": "x"}', "\x00"])
def test_a_note_that_says_nothing_is_tested_though_no_request_waits(queued: Queued, tmp_path: Path, junk: str) -> None:
    lanes(queued, tmp_path, waits=1)
    place = Refinery(queued.root, "shop")
    note_untested(place, "main", queued.tip(), "b-1")
    [path] = [os.path.join(place.folder, name) for name in os.listdir(place.folder) if name.startswith("union-")]
    Path(path).write_text(junk)
    results = queued.process()
    assert [bool(result.union) for result in results] == [True] and not os.path.exists(path)


def test_gates_run_where_their_paths_changed_after_what_they_need(queued: Queued, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    gates = {
        "ui": {"cmd": f"echo ui >> {runs}", "paths": ["web/"], "needs": ["build"]},
        "unit": {"cmd": f"echo unit >> {runs}", "paths": ["core/"]},
        "build": {"cmd": f"sleep 0.3; echo build >> {runs}", "paths": ["core/"]},
    }
    queued.settings(gates=gates)
    queued.hand_in({"web/a": "1"})
    queued.hand_in({"read.me": "1"}, priority=4)
    assert len(merged(queued.process())) == 2
    assert runs.read_text().split() == ["build", "ui"]
    docs = queued.hand_in({"other": "1"})
    assert merged(queued.process()) == [docs.id]
    assert runs.read_text().split() == ["build", "ui"], "no gate looks at it"


def test_a_gate_whose_need_is_red_does_not_run(queued: Queued, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    gates = {"ui": {"cmd": f"echo ui >> {runs}", "needs": ["build"]}, "build": {"cmd": "! test -e bad"}}
    queued.settings(gates=gates)
    bad = queued.hand_in({"bad": "1"})
    results = queued.process()
    assert [one for result in results for one in result.culprits] == [bad.id]
    assert runs.read_text().split() == ["ui"], "on the bare target only"


def test_a_gate_with_one_place_runs_once_at_a_time(queued: Queued, tmp_path: Path) -> None:
    lock, bad = tmp_path / "lock", tmp_path / "twice"
    gate = f"mkdir {lock} || touch {bad}; sleep 0.5; rmdir {lock} || true"
    queued.settings(
        lanes=LANES, gates={"db": {"cmd": gate, "places": 1}}, max_concurrent=2, batch={"max_batch_size": 1}
    )
    requests = [queued.hand_in({"web/a": "1"}), queued.hand_in({"core/a": "1"})]
    assert merged(queued.process()) == sorted(one.id for one in requests) and not bad.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"lanes": ["web/"]}, "merge_queue.lanes in"),
        ({"lanes": {"web": {}}}, "lanes.web.paths"),
        ({"lanes": {"web": {"path": ["web/"]}}}, "lanes.web.path in"),
        ({"lanes": {"web": ["../x"]}}, "lanes.web.paths"),
        ({"lanes": {"web": ["/"]}}, "lanes.web.paths"),
        ({"lanes": {"web": ["x" * 300]}}, "lanes.web.paths"),
        ({"lanes": {"web": {"paths": ["web/"], "needs": ["cor"]}}}, "lanes.web.needs: 'cor'"),
        ({"lanes": {"../web": ["web/"]}}, "lanes.../web"),
        ({"lanes": {"web": 3}}, "lanes.web in"),
        ({"gates": {"a": {"cmd": "true", "needs": ["b"]}}}, "gates.a.needs: 'b'"),
        ({"gates": {"a": {"cmd": "true", "needs": ["b"]}, "b": {"cmd": "true", "needs": ["a"]}}}, "merge_queue.gates"),
        (
            {"gates": {"a": {"cmd": "true", "needs": ["b"]}, "b": {"cmd": "true", "phase": "post-squash"}}},
            "gates.a.needs: 'b'",
        ),
        ({"gates": {"a": {"cmd": "true", "paths": "web/"}}}, "gates.a.paths"),
        ({"gates": {"a": {"cmd": "true", "places": -1}}}, "gates.a.places"),
        ({"gates": {"a": {"cmd": "true", "places": True}}}, "gates.a.places"),
    ],
)
def test_lanes_and_gates_that_are_not_understood_stop_the_queue(
    queued: Queued, more: dict[str, Any], said: str
) -> None:
    queued.settings(**more)
    request = queued.hand_in({"web/a": "1"})
    with pytest.raises(SettingsError) as raised:
        queued.process()
    assert said in raised.value.what and until(lambda: queued.state().phase == "held") and not queued.merged()
    assert queued.request(request.id).is_open
