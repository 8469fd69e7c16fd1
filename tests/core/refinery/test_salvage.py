"""What of a red batch lands at once, and what goes back to the queue, while its culprit is looked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gastown_core.refinery.fleet import Fleet, Flight, Pushed, Ready, Turn
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.planner import PRIOR_BAD, PRIOR_FLAKE, Rates, Sight, has_room
from gastown_core.refinery.records import BatchResult, keep
from gastown_core.refinery.salvage import Salvage
from gastown_core.refinery.virtual_queue import Simulation
from gastown_core.refinery.virtual_world import Request, World
from tests.core.refinery.test_crash import kill_at
from tests.support.queued import Queued


def salvage(clean: str, window: str, *, tip: str = "0", few: bool = True, **more: Any) -> Salvage:
    """A batch of a to f, of which the judge knows this much."""
    green = {tuple(clean): None}
    judge = SimpleNamespace(clean=tuple(clean), window=tuple(window), green=green, base="0", needs={})
    judge.suspects, judge.is_cut_short = set(), False
    judge.__dict__.update(more)
    return Salvage(judge, tuple("abcdef"), tip=lambda: tip, few_wait=lambda: few)  # type: ignore[arg-type]


def test_what_is_green_from_the_bottom_up_lands_at_once_and_only_once() -> None:
    found = salvage("ab", "cd")
    assert found.lands_ahead() == ("a", "b")
    found.landed(("a", "b"), "0")
    assert found.lands_ahead() == () and found.ahead == ("a", "b")


@pytest.mark.parametrize("more", [{"tip": "1"}, {"green": {}}])
def test_nothing_lands_ahead_that_was_not_green_on_the_target_as_it_is(more: dict[str, Any]) -> None:
    assert salvage("ab", "cd", **more).lands_ahead() == ()


def test_while_few_wait_what_is_not_suspected_goes_back_and_ends_the_search_at_its_first_culprit() -> None:
    found = salvage("ab", "cd")
    assert not found.is_enough()
    assert found.goes_back() == ("e", "f"), "the clean ones land from here"
    assert found.is_enough() and found.goes_back() == ()
    assert salvage("ab", "cd", tip="1").goes_back() == ("a", "b", "e", "f"), "they would be tested again in any case"
    assert salvage("ab", "cd", few=False).goes_back() == ()
    assert salvage("ab", "").goes_back() == (), "nothing is searched now"


def test_what_needs_a_suspect_stays_with_it() -> None:
    needs = {"e": frozenset("d"), "f": frozenset("e")}
    assert salvage("ab", "cd", needs=needs).goes_back() == ()
    assert salvage("ab", "cd", suspects={"e"}).goes_back() == ("f",)


def test_what_is_left_lands_where_it_was_tested_and_goes_back_where_others_were_first() -> None:
    assert salvage("abcdef", "").left(tuple("abcdef")) == (tuple("abcdef"), ())
    assert salvage("ab", "", tip="1", suspects={"c"}).left(("a", "b")) == ((), tuple("abdef"))
    assert salvage("ab", "", tip="1", few=False).left(("a", "b")) == (("a", "b"), ())
    assert salvage("ab", "", suspects={"c"}, is_cut_short=True).left(("a", "b")) == (("a", "b"), tuple("def"))


def test_the_next_batch_has_room_while_it_is_not_full_and_runs_beside_this_one() -> None:
    assert [has_room(Sight(waiting, 0, 0), 4, places) for waiting, places in ((3, 2), (4, 2), (0, 1))] == [
        True,
        False,
        False,
    ]
    assert [has_room(Sight(waiting, 0, 0), 4, 2, is_quiet=True) for waiting in (0, 1)] == [False, True]


def test_an_early_push_waits_for_nobody_and_overtakes_no_batch_that_lands() -> None:
    said: list[Turn] = []

    def course(base: str) -> Any:
        turn = yield Ready(("a",), base, is_early=True)
        said.append(turn)
        if turn.land:
            yield Pushed("1", is_early=True)
        yield []

    fleet = Fleet("0")
    first = Flight("first", course("0"))
    fleet.add(first)
    assert said == [Turn(land=True)] and fleet.tip == "1" and not first.is_late
    fleet.add(Flight("stale", course("0")))
    fleet.lander = first
    fleet.add(Flight("beside", course("1")))
    assert said[1:] == [Turn(), Turn()]


# -- on real git -----------------------------------------------------------------------------------------------


def with_one_bad(queued: Queued, below: int, above: int) -> tuple[list[str], str, str]:
    """Requests below a bad one, that one with its bead, and some above it; the ids of the clean ones come first."""
    clean = [queued.hand_in({f"low{number}": "1"}, priority=0).id for number in range(below)]
    bad = queued.hand_in({"bad1": "1"}, priority=2)
    clean += [queued.hand_in({f"high{number}": "1"}, priority=4).id for number in range(above)]
    return clean, bad.id, bad.source_issue


def is_busy(queued: Queued) -> None:
    """Twenty requests an hour, with gates of five minutes."""
    ids = tuple(f"sh-old{number}" for number in range(20))
    keep(Refinery(queued.root, "shop"), BatchResult("b-old", "shop", "main", mrs=ids, merged=ids, times=(300.0,)))


def test_the_clean_part_of_a_red_batch_lands_before_the_rest_is_tested(queued: Queued) -> None:
    queued.gate()
    clean, bad, bead = with_one_bad(queued, 3, 2)
    [result] = queued.process()
    assert sorted(result.merged) == sorted(clean) and result.culprits == (bad,)
    told = [(event["type"], event["payload"]) for event in queued.events("merged", "bisect_probe")]
    final = [kind == "bisect_probe" and payload["purpose"] == "final" for kind, payload in told].index(True)
    early = {payload["mr"] for kind, payload in told[:final] if kind == "merged"}
    assert early == {*clean[:3]}
    assert sorted(queued.merged()) == sorted(clean) and not queued.leftovers()
    assert queued.bead(bead).status == "open"


@pytest.mark.parametrize("point", ["before push", "after push", "branches dropped"])
def test_a_run_killed_at_its_early_push_is_finished_by_the_next(queued: Queued, point: str) -> None:
    queued.gate()
    clean, _, bead = with_one_bad(queued, 2, 1)
    kill_at(queued, point)
    assert len(queued.subjects()) == (0 if point == "before push" else 2)
    queued.process()
    assert sorted(queued.merged()) == sorted(clean)
    told = sorted(event["payload"]["mr"] for event in queued.events("merged"))
    assert told == sorted(clean) and not queued.leftovers()
    assert not queued.bead(bead).is_closed


def test_a_push_from_outside_before_an_early_push_loses_nothing(queued: Queued) -> None:
    queued.gate()
    clean, bad, _ = with_one_bad(queued, 2, 1)
    pushed = list[str]()

    def intrude(point: str) -> None:
        if point == "before push" and not pushed:
            pushed.append(queued.commit({"outside": "1"}, "From outside", parent=queued.tip(), git=queued.origin))
            queued.origin.run("update-ref", "refs/heads/main", pushed[0])

    results = queued.process(at=intrude)
    assert pushed and "outside" in queued.files() and "bad1" not in queued.files()
    assert sorted(queued.merged()) == sorted(clean)
    assert [one for result in results for one in result.culprits] == [bad]


def test_with_a_second_place_the_rest_of_a_red_batch_is_tested_with_the_next(queued: Queued) -> None:
    queued.gate()
    queued.settings(max_concurrent=2, batch={"max_batch_size": 8})
    is_busy(queued)
    clean, bad, _ = with_one_bad(queued, 1, 6)
    results = queued.process()
    assert sorted(one for result in results for one in result.merged) == sorted(clean)
    assert sorted(queued.merged()) == sorted(clean)
    assert [one for result in results for one in result.culprits] == [bad] and len(results) > 1
    skipped = {event["payload"]["mr"] for event in queued.events("merge_skipped")}
    assert skipped and bad not in skipped
    assert not queued.leftovers() and queued.state().phase == "idle"


@pytest.mark.parametrize("flake", [0.0, PRIOR_FLAKE])
@pytest.mark.parametrize(
    ("places", "per_hour", "most"), [(1, 20.0, 6), (2, 0.0, 6), (4, 0.0, 6), (2, 20.0, 7), (4, 20.0, 7)]
)
def test_one_bad_of_five_costs_six_runs_in_virtual_time_too_and_one_or_two_more_where_others_could_share_them(
    places: int, per_hour: float, most: int, flake: float
) -> None:
    for bad in range(5):
        requests = [Request(1.0, one == bad, False) for one in range(5)]
        world = World(per_hour, 300.0, places, flake=0.0, hours=1e6)
        play = Simulation(world, 1, requests=requests, rates=Rates(PRIOR_BAD, flake))
        play.run()
        assert set(play.blamed) == {bad} and len(play.landed) == 4
        assert play.runs <= most + (most > 6 and flake > 0.0)


@pytest.mark.parametrize("places", [1, 2, 4])
@pytest.mark.parametrize("bad", range(5))
def test_one_bad_of_five_in_a_quiet_queue_costs_six_gate_runs_of_gates_without_history(
    queued: Queued, places: int, bad: int
) -> None:
    queued.gate()
    queued.settings(max_concurrent=places)
    ids = tuple(f"sh-old{number}" for number in range(60))
    # sixty in the last hour, but none while a gate of a second runs
    keep(Refinery(queued.root, "shop"), BatchResult("b-old", "shop", "main", mrs=ids, merged=ids, times=(1.0,)))
    made = [queued.hand_in({f"{'bad' if one == bad else 'file'}{one}": "1"}, priority=one).id for one in range(5)]
    [result] = queued.process()
    assert result.culprits == (made[bad],) and sorted(result.merged) == sorted({*made} - {made[bad]})
    assert result.runs <= 6
