"""Figures of finished batches, and whether the forecast's intervals hold what they promise."""

from __future__ import annotations

import random

import pytest

from bench.forecast_figures import CASES, contained, what_if
from gastown_core.clock import FixedClock
from gastown_core.model.merge_request import MergeRequest
from gastown_core.model.refinery import BISECTING, TESTING, BatchRecord, FlightLine, RefineryState, batch_record
from gastown_core.refinery.foresight import foresee, times_now
from gastown_core.refinery.lanes import Reach
from gastown_core.refinery.merge_queue import MergeQueue
from gastown_core.refinery.outlook import UNKNOWN_S, Outlook, forecast, gate_times, handed_in, quantile, spread, stats
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.planner import Rates
from gastown_core.refinery.records import BatchResult, keep
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import Airborne, Request, World
from tests.support.queued import Queued

IDS = [f"m{number}" for number in range(12)]


def test_stats_are_sums_and_a_span_without_batches_is_empty() -> None:
    batches = [
        BatchRecord("b1", "main", merged=("a", "b"), culprits=("c",), runs=4, flaky=True),
        BatchRecord("b2", "main", merged=("d",), held=("e",), runs=1),
    ]
    found = stats(batches, [60.0, 120.0, 600.0], 2.0)
    assert (found.batches, found.merged, found.sent_back, found.held, found.flaky, found.runs) == (2, 3, 1, 1, 1, 5)
    assert found.per_hour == 1.5 and found.runs_per_landed == pytest.approx(5 / 3)
    assert (found.wait_p50, found.wait_p95) == (120.0, 600.0)
    pushes = [BatchRecord("b3", "main", pushed=("a",), found=word) for word in ("green", "red", "taken back")]
    of_pushes = stats(pushes, [], 2.0)
    assert (of_pushes.verified, of_pushes.red_pushes, of_pushes.taken_back) == (3, 2, 1)
    none = stats([], [], 2.0)
    assert none.per_hour == none.runs_per_landed == none.wait_p95 == 0.0 and stats([], [], 0.0).per_hour == 0.0


def test_gate_times_come_from_batches_of_one_run_if_there_are_any() -> None:
    one, many = BatchRecord("b", runs=1, secs=30.0), BatchRecord("b", runs=4, secs=100.0)
    assert gate_times([]) == ()
    assert gate_times([many]) == (25.0,) and gate_times([many, one]) == (30.0,)
    assert quantile([], 0.5) == 0.0


def test_gate_times_are_those_of_the_gates_as_they_are_now() -> None:
    before = BatchRecord("b", runs=1, secs=2.0, gate_set="old", times=(2.0,))
    now = BatchRecord("b", runs=3, secs=70.0, gate_set="new", times=(25.0, 24.0, 0.0, 21.0))
    assert gate_times([now, before], "new") == (25.0, 24.0, 21.0)
    assert gate_times([before, BatchRecord("b", runs=1, secs=9.0)], "new") == (), "what ran before says nothing now"
    assert gate_times([BatchRecord("b", runs=1, secs=9.0)], "new") == (9.0,), (
        "an older engine did not say which gates ran"
    )
    odd = batch_record({"id": "b", "gate_set": "new", "times": [1, "x", True, 2.5, 1e300]})
    assert odd is not None and gate_times([odd], "new") == (1.0, 2.5)
    unknown = forecast(IDS[:1], Rates(0.0, 0.0), (), places=1, floor=1, ceiling=1)
    assert unknown[0].middle == UNKNOWN_S


def test_a_search_that_is_nearly_over_lands_sooner_and_what_was_tested_on_an_older_commit_later() -> None:
    def told(*airborne: Airborne, times: tuple[float, ...] = (100.0,)) -> list[Outlook]:
        return forecast(IDS[:8], Rates(0.05, 0.0), times, places=1, floor=1, ceiling=9, airborne=airborne)

    begun, nearly = told(Airborne(8, 10.0, is_red=True)), told(Airborne(8, 10.0, is_red=True, clean=6, window=2))
    assert nearly[0].late < begun[0].late and nearly[0].sent_back == 0.0 < nearly[6].sent_back
    assert nearly[7].sent_back > 0.3, "it or the one before is the culprit"
    new, old = told(Airborne(8, 50.0)), told(Airborne(8, 50.0, is_stale=True))
    assert new[0].early == 50.0 and old[0].early == 150.0


def test_lanes_apart_are_forecast_to_land_beside_one_another() -> None:
    web, core = Reach(frozenset(["web"])), Reach(frozenset(["core"]))

    def told(reaches: list[Reach]) -> list[Outlook]:
        return forecast(IDS[:2], Rates(0.0, 0.0), (100.0,), places=2, floor=1, ceiling=1, reaches=reaches)

    assert [one.middle for one in told([web, core])] == [100.0, 100.0]
    assert [one.middle for one in told([web, web])] == [100.0, 200.0]


def test_more_places_land_sooner_and_what_ran_already_counts() -> None:
    slow, fast = (forecast(IDS, Rates(0.1, 0.01), (100.0,), places=n, floor=3, ceiling=3) for n in (1, 4))
    assert [one.id for one in slow] == IDS
    assert slow[-1].middle > fast[-1].middle and all(one.early <= one.middle <= one.late for one in slow)
    later = forecast(IDS, Rates(0.1, 0.01), (100.0,), places=1, floor=3, ceiling=3, airborne=[Airborne(3, 50.0)])
    assert later[0].early == slow[0].early - 50.0
    assert slow == forecast(IDS, Rates(0.1, 0.01), (100.0,), places=1, floor=3, ceiling=3)
    assert (
        all(0.0 < one.sent_back < 0.3 for one in slow)
        and forecast([], Rates(), (1.0,), places=1, floor=1, ceiling=9) == []
    )


def test_four_of_five_requests_land_within_their_interval() -> None:
    of_times, rates = random.Random(1), Rates(0.06, 0.01)
    times = tuple(of_times.uniform(60.0, 240.0) for _ in range(50))
    inside = seen = 0
    found = forecast(IDS, rates, times, places=2, floor=4, ceiling=4)
    for seed in range(1000, 1080):
        chance = random.Random(seed)
        requests = [Request(0.0, chance.random() < rates.bad, False) for _ in IDS]
        world = World(0.0, 0.0, 2, rates.bad, rates.flake, 0.0, 1e6, gates_s=times)
        play = Simulation(world, seed, floor=4, ceiling=4, requests=requests)
        play.run()
        for said, wait in zip(found, play.waits_of(len(IDS)), strict=True):
            if wait != float("inf"):
                seen += 1
                inside += said.early <= wait <= said.late
    # an interval is a little wider than its plays, since queues vary more
    assert 0.76 < inside / seen < 0.92


def test_what_is_forecast_of_a_queue_in_the_midst_of_its_work_holds_four_times_of_five() -> None:
    inside, seen = contained(CASES[0][1], range(2001, 2013), plays=40)
    assert seen > 60 and 0.7 < inside / seen < 0.9


def test_what_is_forecast_of_fewer_places_is_what_comes_of_them() -> None:
    inside, seen, said, true = what_if(CASES[1][1], 2, range(2401, 2405), plays=30)
    # so few looks say little: over eighty of them it is four of five
    assert seen > 80 and inside / seen > 0.6 and true / 2.0 < said < true * 2.0


def test_a_batch_that_is_taken_apart_lands_later_than_one_that_is_tested_and_what_stands_on_one_no_sooner() -> None:
    def told(*airborne: Airborne) -> list[Outlook]:
        return forecast(IDS[:6], Rates(0.1, 0.01), (100.0,), places=2, floor=1, ceiling=9, airborne=airborne)

    green, red = told(Airborne(4, 50.0)), told(Airborne(4, 50.0, is_red=True))
    assert green[0].early == 50.0 and red[0].late > green[0].late and red[0].sent_back > green[0].sent_back
    chain = told(Airborne(2, 50.0), Airborne(2, 10.0, is_on=True))
    assert chain[0].early == 50.0 and chain[2].early == 90.0
    assert told(Airborne(4, 500.0))[0].late <= 4000.0, "a gate that runs longer than ever before has an end too"


def test_how_many_are_handed_in_comes_from_the_last_hours() -> None:
    batches = [BatchRecord("b", merged=("a", "b"), at=now, secs=600.0) for now in (10_000.0, 8_000.0, 7_000.0)]
    assert handed_in(batches, 10_000.0) == pytest.approx(6 / 1.0) and handed_in(batches[:2], 10_000.0) == 0.0
    assert handed_in(batches, 90_000.0) == 0.0


def test_the_forecast_of_a_rig_knows_its_gates_and_how_far_each_batch_is(queued: Queued) -> None:
    queued.gate()
    place, now = Refinery(queued.root, "shop"), 1_000_000.0
    place.clock = FixedClock(now)
    made = tuple(MergeRequest(f"m{number}", "open", 2, 0.0, target="main", rig="shop") for number in range(5))
    queue = MergeQueue(ready=made[4:], claimed=made[:4])
    tip = place.git.commit_of("refs/remotes/origin/main")
    flights = (
        FlightLine("b-1", TESTING, ("m0",), 1, 1, tip, now - 50.0, ran_since=now - 50.0),
        FlightLine(
            "b-2", BISECTING, ("m1", "m2", "m3"), 1, 3, tip, ran_since=now - 10.0, clean=("m1",), window=("m2",), suspects=("m3",)
        ),
    )  # fmt: skip
    state = RefineryState("shop", TESTING, target="main", flights=flights)

    def told(gate_set: str) -> list[Outlook]:
        keep(
            place,
            BatchResult("b-0", "shop", "main", merged=("m9",), runs=1, secs=9.0, gate_set=gate_set, times=(100.0,)),
        )
        return foresee(place, "main", queue, state)

    told("another")
    assert not times_now(place, "main")
    found = {one.id: one for one in told(place.policy.gate_set)}
    assert times_now(place, "main") == (100.0,) and sorted(found) == ["m0", "m1", "m2", "m3", "m4"]
    assert found["m3"].sent_back > 0.5, "it was singled out"
    assert found["m0"].early == 190.0, (
        "what is green of the other batch lands now, so it is tested again when a place is free"
    )
    assert found["m1"].sent_back == 0.0 < found["m2"].sent_back
    state = state._replace(flights=(flights[0]._replace(lands_next=True), flights[1]._replace(good=("m1", "m2"))))
    found = {one.id: one for one in foresee(place, "main", queue, state)}
    assert [found[one].sent_back for one in ("m0", "m1", "m2")] == [0.0] * 3, "all of them were green"


def test_with_fewer_places_what_runs_already_goes_on() -> None:
    airborne = [Airborne(1, 50.0), Airborne(1, 50.0), Airborne(1, 50.0)]
    told = forecast(IDS[:4], Rates(0.0, 0.0), (100.0,), places=1, floor=1, ceiling=1, airborne=airborne)
    assert told[0].early == 50.0 and told[1].early == 150.0, "the other two are united and run once more"
    assert told[3].early <= 350.0


def test_what_is_green_takes_no_place_and_lands_with_what_lands_next() -> None:
    airborne = [Airborne(1, 50.0, is_next=True), *[Airborne(2, is_green=True, is_stale=True)] * 2, Airborne(2, 80.0)]
    told = forecast(IDS[:7], Rates(0.3, 0.0), (100.0,), places=2, floor=1, ceiling=2, airborne=airborne)
    assert told[0].early == told[0].late == 50.0
    assert {(one.early, one.late) for one in told[1:5]} == {(150.0, 150.0)}, (
        "their union is tested as soon as that has landed"
    )
    assert {one.sent_back for one in told[:5]} == {0.0} and told[5].sent_back > 0.1, (
        "what was green is not bad by itself"
    )


def test_a_queue_in_which_all_is_green_already_lands_at_once() -> None:
    told = forecast(
        IDS[:2], Rates(0.06, 0.02), (100.0,), places=1, floor=1, ceiling=9, airborne=[Airborne(2, is_green=True)]
    )
    assert [(one.id, one.early, one.late, one.sent_back) for one in told] == [(one, 0.0, 0.0, 0.0) for one in IDS[:2]]


def test_a_union_that_is_red_holds_one_that_was_green_before() -> None:
    union = Airborne(4, 50.0, is_red=True, is_next=True, clean=1, window=2)
    told = forecast(IDS[:4], Rates(0.3, 0.0), (100.0,), places=1, floor=1, ceiling=4, airborne=[union])
    assert [one.sent_back > 0.0 for one in told] == [False, True, True, False]


def test_times_that_differ_stand_for_others_around_them_and_steady_ones_do_not() -> None:
    assert set(spread((100.0,))) == {100.0} == set(spread((100.0,) * 9))
    wide = spread((50.0, 100.0, 200.0))
    assert min(wide) < 50.0 and max(wide) > 200.0 and len(wide) == 15 and wide == spread((50.0, 100.0, 200.0))
    few, many = spread((50.0, 200.0)), spread((50.0, 200.0) * 30)
    assert max(many) < max(few), "the more were measured, the nearer is the next to one of them"


def test_who_was_singled_out_mostly_goes_back_and_who_is_cleared_lands_after_a_run_alone() -> None:
    told = forecast(
        IDS[:3], Rates(0.1, 0.02), (100.0,), places=1, floor=1, ceiling=9, airborne=[Airborne(1, 50.0, suspects=1)]
    )
    lands, suspect, waits = told
    assert suspect.id == "m1" and suspect.sent_back > 0.6 > 0.3 > max(lands.sent_back, waits.sent_back)
    assert lands.early == 50.0 and suspect.early >= 150.0
    alone = forecast(
        IDS[:2], Rates(0.1, 0.02), (100.0,), places=1, floor=1, ceiling=9, airborne=[Airborne(0, 50.0, suspects=1)]
    )
    assert [one.id for one in alone] == IDS[:2] and alone[0].sent_back > 0.6 and alone[1].early >= 150.0
    busy = forecast(IDS[:1], Rates(0.0, 0.0), (100.0,), places=1, floor=1, ceiling=9, airborne=[Airborne(0, 50.0)])
    assert busy[0].early == 150.0 and busy[0].sent_back == 0.0, "a run of the target takes the place"


@pytest.mark.parametrize(("landed", "early"), [("web/b", 50.0), ("core/b", 150.0)])
def test_what_was_tested_on_an_older_commit_lands_without_another_run_where_lanes_are_apart(
    queued: Queued, landed: str, early: float
) -> None:
    queued.settings(lanes={"web": ["web/"], "core": ["core/"]}, gates={"whole": {"cmd": "true"}}, max_concurrent=2)
    request = queued.hand_in({"core/a": "1"})
    place, now = Refinery(queued.root, "shop"), 1_000_000.0
    place.clock = FixedClock(now)
    before = place.git.commit_of("refs/remotes/origin/main")
    place.git.run("update-ref", "refs/remotes/origin/main", queued.commit({landed: "1"}, "Landed", git=place.git))
    line = FlightLine("b-1", TESTING, (request.id,), 1, 1, before, now - 50.0, ran_since=now - 50.0)
    state = RefineryState("shop", TESTING, target="main", flights=(line,))
    ran = BatchResult("b-0", "shop", "main", merged=("m9",), runs=1, gate_set=place.policy.gate_set, times=(100.0,))
    keep(place, ran)
    assert foresee(place, "main", MergeQueue(claimed=[request]), state)[0].early == early
