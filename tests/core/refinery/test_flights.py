"""Several batches of one target in flight: who lands when, and that nothing lands that was not green together."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from gastown_core.errors import GitError
from gastown_core.model.flights import flight_line
from gastown_core.model.merge_request import MergeRequest
from gastown_core.model.refinery import FAIL, PASS, STATE_FILE, FlightLine, RefineryState, from_json, to_json
from gastown_core.refinery.bisect import Ask
from gastown_core.refinery.fleet import Closed, Fleet, Flight, Pushed, Ready, ToppledError, Turn
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.prober import Verdict
from gastown_core.refinery.records import BatchResult
from tests.core.refinery.test_crash import start
from tests.support.patience import until
from tests.support.queued import CHECK, Queued

GREEN = Verdict(PASS)


def course(ids: str, base: str, said: list[Turn]) -> Generator:
    """A batch that is green at once, retests what it is told to, and then explains with one probe."""
    good, probes = tuple(ids), [Ask(tuple(ids), "stack")]
    while True:
        yield probes
        turn = yield Ready(good, base)
        said.append(turn)
        if turn.land:
            yield Pushed(f"{base}+{''.join(good)}")
            break
        if turn.given:
            break
        good, base = (*good, *turn.others), "tip"
    yield [Ask((ids[0],), "alone")]


def end(fleet: Fleet, flight: Flight) -> None:
    """Give every probe of the flight that runs a green verdict."""
    for number in range(flight.started):
        fleet.answer(flight, number, GREEN)


def test_while_a_course_is_closed_nothing_lands_and_what_is_green_lands_afterwards() -> None:
    fleet, said = Fleet("0"), list[Turn]()

    def closing() -> Generator:
        yield Closed()
        yield [Ask((), "pushed")]

    batch, run = Flight("a", course("a", "0", said)), Flight("v", closing())
    run.is_late = run.is_urgent = True
    fleet.add(batch)
    fleet.add(run)
    assert [flight.name for flight, _, _ in fleet.take(2)] == ["v", "a"]
    end(fleet, batch)
    assert batch.ready is not None and not said and fleet.tip == "0"
    end(fleet, run)
    assert said == [Turn(land=True)] and fleet.tip == "0+a"


def asks_for_life(fleet: Fleet, said: list[Verdict], gates: str = "") -> Flight:
    """A batch that wants to know whether anything is still green."""

    def course() -> Generator:
        [verdict] = yield [Ask((), "base", fresh=True, shared=True)]
        said.append(verdict)

    flight = Flight("x", course())
    flight.gates = gates
    fleet.add(flight)
    return flight


def test_a_green_run_of_another_batch_that_began_later_answers_whether_anything_is_still_green() -> None:
    fleet, said = Fleet("0"), list[Verdict]()
    early, late = (Flight(ids, course(ids, "0", [])) for ids in ("a", "b"))
    fleet.add(early)
    fleet.take(4)
    asks_for_life(fleet, said)
    assert fleet.asked == 0, "it takes no place from others"
    fleet.add(late)
    assert [flight.name for flight, _, _ in fleet.take(4)] == ["b"], "the run that begins now may answer"
    fleet.answer(early, 0, Verdict(PASS, began=1))
    assert not said, "what began before says nothing of now"
    fleet.answer(late, 0, Verdict(PASS, began=1))
    assert [one.result for one in said] == [PASS] and said[0].stacked is None


def test_it_is_run_where_nobody_else_answers() -> None:
    fleet, said = Fleet("0"), list[Verdict]()
    mine = asks_for_life(fleet, said, "unit")
    assert [flight.name for flight, _, _ in fleet.take(4)] == ["x"], "nothing else runs"
    fleet.answer(mine, 0, Verdict(PASS, began=1))
    for verdict, gates in ((Verdict(FAIL, began=1), ""), (Verdict(PASS), ""), (Verdict(PASS, began=1), "ui")):
        fleet, said = Fleet("0"), list[Verdict]()
        asks_for_life(fleet, said, "unit")
        other = Flight("a", course("a", "0", []))
        other.gates = gates
        fleet.add(other)
        names = [flight.name for flight, _, _ in fleet.take(4)]
        assert names == (["a", "x"] if gates == "ui" else ["a"])
        fleet.answer(other, 0, verdict)
        assert not said, "red, known before, or of other gates"
        after = [flight.name for flight, _, _ in fleet.take(4)]
        assert ("x" in after) == (verdict.result == FAIL), "what was known before ran not; its next run may answer"


def test_the_first_green_batch_lands_and_the_others_are_united_on_what_it_made() -> None:
    fleet, said = Fleet("0"), {name: list[Turn]() for name in "abc"}
    flights = {ids[0]: Flight(ids, course(ids, "0", said[ids[0]])) for ids in ("ab", "bc", "cd")}
    for flight in flights.values():
        fleet.add(flight)
    assert [flight.name for flight, _, _ in fleet.take(3)] == ["ab", "bc", "cd"] and not fleet.take(3)
    end(fleet, flights["a"])
    assert said["a"] == [Turn(land=True)] and fleet.tip == "0+ab" and flights["a"].is_late
    end(fleet, flights["b"])
    assert said["b"] == [Turn(others=())] and fleet.lander is flights["b"]
    end(fleet, flights["c"])
    assert not said["c"], "while another is tested on the newest commit it waits"
    assert [flight.name for flight, _, _ in fleet.take(1)] == ["bc"], "what lands next comes before what explains"
    end(fleet, flights["b"])
    assert said["b"][-1] == Turn(land=True)
    assert said["c"] == [Turn(others=())], "it is tested again on what the other one made"


def test_green_batches_that_wait_are_tested_as_one() -> None:
    fleet, said = Fleet("new"), {name: list[Turn]() for name in "ab"}
    first, second = (Flight(ids, course(ids, "old", said[ids[0]])) for ids in ("ax", "by"))
    other = Flight("lander", course("lz", "new", []))
    for flight in (other, first, second):
        fleet.add(flight)
    fleet.take(3)
    fleet.lander = other
    end(fleet, first)
    end(fleet, second)
    assert not said["a"] and not said["b"]
    end(fleet, other)
    assert said["a"] == [Turn(others=("b", "y"))] and said["b"] == [Turn(given=True)]
    assert second.is_late and fleet.lander is first


def test_a_batch_that_cannot_go_on_leaves_and_the_next_one_lands() -> None:
    def stoppable() -> Generator:
        with suppress(GitError):
            yield from course("a", "0", [])

    fleet, said = Fleet("0"), list[Turn]()
    first, second = Flight("a", stoppable()), Flight("b", course("b", "0", said))
    fleet.add(first)
    fleet.add(second)
    fleet.take(2)
    fleet.lander = first
    end(fleet, second)
    assert not said
    fleet.fail(first, GitError("no disk"))
    assert first.is_over and said == [Turn(land=True)]


def test_many_explanations_are_not_put_off_for_ever() -> None:
    fleet = Fleet("0")
    for ids in "abc":
        flight = Flight(ids, course(ids, fleet.tip, []))
        fleet.add(flight)
        flight.started = 1
        end(fleet, flight)
    new = Flight("n", course("n", fleet.tip, []))
    fleet.add(new)
    assert [flight.name for flight, _, _ in fleet.take(2)] == ["a", "b"]


def test_the_state_file_names_all_batches_in_flight() -> None:
    lines = (FlightLine("b-1", "testing", ("m1", "m2"), 1, 2, "abc", 5.0), FlightLine("b-2"))
    state = RefineryState("shop", flights=lines)
    assert from_json(to_json(state)) == state
    assert from_json({"rig": "shop", "flights": [{"no": "batch"}, 5]}) == RefineryState("shop")


# -- on real git -----------------------------------------------------------------------------------------------


def beside(queued: Queued, tmp_path: Path, count: int, *, check: str = CHECK) -> None:
    """Batches of two, ``count`` places; the first runs wait for one another, and are red if they are alone."""
    runs = tmp_path / "runs"
    gate = f"""echo x >> {runs}
tries=0
until test $(wc -l < {runs}) -ge {count}; do
    sleep 0.05; tries=$((tries + 1)); test $tries -lt 1200 || exit 1
done
{check}"""
    queued.gate(gate)
    queued.settings(max_concurrent=count, batch={"max_batch_size": 2})


def test_batches_are_tested_beside_one_another_and_all_land(queued: Queued, tmp_path: Path) -> None:
    beside(queued, tmp_path, 3)
    requests = queued.hand_in_many(6)
    results = queued.process()
    assert sorted(one for result in results for one in result.merged) == sorted(one.id for one in requests)
    assert sorted(queued.merged()) == sorted(one.id for one in requests)
    assert not any(result.culprits or result.hold for result in results) and not queued.leftovers()
    assert all(queued.bead(one.source_issue).is_closed for one in requests)
    assert queued.state().phase == "idle" and not queued.state().flights


def test_what_another_batch_lands_is_not_taken_out_of_the_queue_again(queued: Queued, tmp_path: Path) -> None:
    """What was green on an older commit is claimed while it is tested with the rest, whatever else begins meanwhile."""
    beside(queued, tmp_path, 3)
    requests = queued.hand_in_many(20)
    results = queued.process()
    assert sorted(one for result in results for one in result.merged) == sorted(one.id for one in requests)
    flying: set[str] = set()
    for event in queued.events("merge_started", "merge_skipped", "merged"):
        name = str(event["payload"]["mr"])
        assert (name in flying) is (event["type"] != "merge_started"), event
        flying ^= {name}
    assert any(len(result.mrs) > 2 for result in results), "nothing was united"
    assert not flying and not any(result.left for result in results)


def test_the_state_says_which_batch_was_green_and_is_tested_once_more(queued: Queued, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    beside(queued, tmp_path, 3, check=f"cp {Refinery(queued.root, 'shop').path}/{STATE_FILE} {seen}/$$; {CHECK}")
    queued.hand_in_many(6)
    queued.process()
    states = [from_json(json.loads(one.read_text())) for one in seen.iterdir()]
    lines = [line for state in states if state is not None for line in state.flights or (flight_line(state),)]
    assert {line.lands_next for line in lines} == {False, True}, (
        "the first that lands was tested once, the others twice"
    )


def test_two_that_fail_only_together_do_not_both_land_though_each_was_green_in_its_batch(
    queued: Queued, tmp_path: Path
) -> None:
    beside(queued, tmp_path, 2)
    first = queued.hand_in({"pair-a": "1"}, priority=0)
    queued.hand_in({"x": "1"}, priority=0)
    second = queued.hand_in({"pair-b": "1"}, priority=1)
    queued.hand_in({"y": "1"}, priority=1)
    results = queued.process()
    culprits = [one for result in results for one in result.culprits]
    assert len(culprits) == 1 and culprits[0] in (first.id, second.id)
    assert not {"pair-a", "pair-b"} <= queued.files() and {"x", "y"} <= queued.files()


def test_a_culprit_in_one_batch_keeps_no_other_from_landing(queued: Queued, tmp_path: Path) -> None:
    beside(queued, tmp_path, 2)
    bad = queued.hand_in({"bad": "1"}, priority=0)
    others = [queued.hand_in({f"file{number}": "1"}, priority=1) for number in range(3)]
    results = queued.process()
    assert [one for result in results for one in result.culprits] == [bad.id]
    assert {one for result in results for one in result.merged} == {one.id for one in others}
    assert not queued.leftovers()


def test_a_push_from_outside_while_batches_are_in_flight_loses_nothing(queued: Queued, tmp_path: Path) -> None:
    beside(queued, tmp_path, 2)
    requests = queued.hand_in_many(4)
    seen: list[str] = []

    def at(point: str) -> None:
        seen.append(point)
        if point in ("judged", "before push") and seen.count(point) == 1:
            theirs = queued.commit({f"theirs-{len(seen)}": "1"}, "Theirs", git=queued.origin)
            queued.origin.run("update-ref", "refs/heads/main", theirs)

    queued.process(at=at)
    assert sorted(queued.merged()) == sorted(one.id for one in requests)
    assert queued.subjects().count("Theirs") == 2 and not queued.leftovers()


@pytest.mark.parametrize("point", ["judged", "after push"])
def test_a_run_killed_with_two_batches_in_flight_is_finished_by_the_next(
    queued: Queued, tmp_path: Path, point: str
) -> None:
    beside(queued, tmp_path, 2)
    requests = queued.hand_in_many(4)
    engine: subprocess.Popen[bytes] = start(queued, point)
    assert engine.wait(120) == -signal.SIGKILL
    queued.process()
    assert sorted(queued.merged()) == sorted(one.id for one in requests)
    assert all(queued.request(one.id).close_reason == "merged" for one in requests) and not queued.leftovers()
    told = [event["payload"]["mr"] for event in queued.events("merged")]
    assert sorted(told) == sorted(one.id for one in requests)


def test_a_red_verdict_is_what_a_fleet_hands_on() -> None:
    got: list[str] = []

    def one() -> Generator:
        verdicts = yield [Ask(("a",), "stack"), Ask(("b",), "left")]
        got.extend(verdict.result for verdict in verdicts)

    fleet, flight = Fleet(), Flight("f", one())
    fleet.add(flight)
    fleet.take(2)
    fleet.answer(flight, 1, Verdict(FAIL))
    assert not got
    fleet.answer(flight, 0, GREEN)
    assert got == [PASS, FAIL] and flight.is_over and not fleet.flights


# -- a chain ---------------------------------------------------------------------------------------------------


def chained(ids: str, base: str, said: list[object]) -> Generator:
    """A batch that says how it ended, also when it is cut off."""
    try:
        yield from course(ids, base, said)  # type: ignore[arg-type]
    except ToppledError:
        said.append("toppled")


def chain_of(fleet: Fleet, said: dict[str, list[object]]) -> list[Flight]:
    """Batches a, b and c, each on the one before, and all running."""
    flights: list[Flight] = []
    for name, base in (("a", "0"), ("b", "0+a"), ("c", "0+a+b")):
        below = fleet.chain[-1] if fleet.chain else None
        said[name] = []
        flights.append(Flight(name, chained(name, base, said[name]), on=below, base=base))
        fleet.add(flights[-1])
    assert list(fleet.chain) == flights and len(fleet.take(3)) == 3
    return flights


def test_what_stands_on_a_batch_lands_after_it_without_another_run() -> None:
    fleet, said = Fleet("0"), dict[str, list[object]]()
    first, second, third = chain_of(fleet, said)
    end(fleet, third)
    end(fleet, second)
    assert not said["b"] and not said["c"], "what it stands on has not landed"
    end(fleet, first)
    assert said == {name: [Turn(land=True)] for name in "abc"} and fleet.tip == "0+a+b+c"
    assert second.rounds == third.rounds == 2, "their run, and the explanation"


@pytest.mark.parametrize("how", ["taken apart", "other commit", "moved", "failed"])
def test_what_stands_on_a_batch_that_does_not_land_as_it_was_is_cut_off_at_once(how: str) -> None:
    def bottom() -> Generator:
        with suppress(GitError):
            yield [Ask(("a",), "stack")]
            if how == "taken apart":
                yield [Ask(("a",), "base")]
            yield Ready(("a",), "0")
            if how == "other commit":
                yield Pushed("0+a and a fix")
            yield [Ask(("a",), "again")]

    fleet, said, first = Fleet("0"), {"b": list[object](), "c": list[object]()}, Flight("a", bottom(), base="0")
    second = Flight("b", chained("b", "0+a", said["b"]), on=first, base="0+a")
    third = Flight("c", chained("c", "0+a+b", said["c"]), on=second, base="0+a+b")
    for flight in (first, second, third):
        fleet.add(flight)
    fleet.take(3)
    end(fleet, third)
    fleet.moved("theirs" if how == "moved" else "0")
    if how == "failed":
        fleet.fail(first, GitError("no disk"))
    else:
        end(fleet, first)
    assert said == {"b": ["toppled"], "c": ["toppled"]} and second.is_over and third.is_over


def test_no_batch_stands_on_one_that_is_not_alone_in_its_first_run_or_not_on_the_newest_commit() -> None:
    fleet = Fleet("0")
    fleet.add(Flight("a", course("a", "0", []), base="0"))
    assert len(fleet.chain) == 1
    fleet.moved("theirs")
    assert not fleet.chain
    fleet.moved("0")
    fleet.add(Flight("b", course("b", "0", []), base="0"))
    assert not fleet.chain


def in_two_steps(queued: Queued, tmp_path: Path, first: dict[str, str]) -> tuple[list[BatchResult], list[MergeRequest]]:
    """One request, and two more that are handed in while its gate runs; the gates end once the second batch is tested."""
    queued.gate(f"echo $$ >> {tmp_path}/runs; until test -e {tmp_path}/go; do sleep 0.05; done; {CHECK}")
    queued.settings(max_concurrent=2)
    requests = [queued.hand_in(first)]
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(queued.process)
        until(lambda: (tmp_path / "runs").exists(), timeout_s=60.0)
        requests += [queued.hand_in({name: "1"}) for name in ("x", "y")]
        try:
            until(lambda: len((tmp_path / "runs").read_text().split()) > 1, timeout_s=60.0)
            on = [line.on for line in queued.state().flights]
            assert on == ["", queued.state().flights[0].batch], "the second stands on the first"
        finally:
            (tmp_path / "go").touch()
        return done.result(120), requests


def test_requests_that_come_while_a_batch_is_tested_are_tested_on_top_of_it_and_land_after_it(
    queued: Queued, tmp_path: Path
) -> None:
    results, requests = in_two_steps(queued, tmp_path, {"a": "1"})
    assert queued.merged()[0] == requests[0].id and sorted(queued.merged()) == sorted(one.id for one in requests)
    assert [result.runs for result in results] == [1, 1] and not queued.leftovers()
    assert len((tmp_path / "runs").read_text().split()) == 2, "no stack was tested twice"


def test_a_red_batch_cuts_off_what_stands_on_it_and_that_is_tested_again_without_it(
    queued: Queued, tmp_path: Path
) -> None:
    results, requests = in_two_steps(queued, tmp_path, {"bad": "1"})
    assert sorted(queued.merged()) == sorted(one.id for one in requests[1:])
    assert [one for result in results for one in result.culprits] == [requests[0].id]
    told = [
        event["payload"] for event in queued.events("merge_skipped") if "did not land" in event["payload"]["reason"]
    ]
    assert {one["mr"] for one in told} == {one.id for one in requests[1:]}
    assert not queued.leftovers() and queued.state().phase == "idle"
