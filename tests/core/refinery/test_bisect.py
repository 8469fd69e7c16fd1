from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.model.refinery import ERROR, FAIL, GAVE_UP, PASS
from gastown_core.refinery.bisect import (
    MOST_REDS,
    Ask,
    Bisection,
    ProbeAnswer,
    cuts_between,
    reds_that_prove,
    useful_width,
)

Judge = Callable[[tuple[str, ...]], str]


def names(count: int) -> tuple[str, ...]:
    return tuple(f"r{number:02d}" for number in range(count))


def drive(rounds: object, judge: Judge, asked: list[list[Ask]]) -> None:
    """Answer every probe of a bisection by ``judge``."""
    try:
        asks = next(rounds)  # type: ignore[call-overload]
        while True:
            asked.append(asks)
            answers = [judge(ask.requests) for ask in asks]
            asks = rounds.send([one if isinstance(one, ProbeAnswer) else ProbeAnswer(one) for one in answers])  # type: ignore[attr-defined]
    except StopIteration:
        return


def isolate(requests: tuple[str, ...], judge: Judge, needs: dict | None = None, **how: object):
    width = how.pop("width", 1)
    made = Bisection(requests, needs, width=lambda: width, **how)  # type: ignore[arg-type]
    asked: list[list[Ask]] = []
    drive(made.isolate(), judge, asked)
    drive(made.explain(), judge, asked)
    return made, asked


def count(asked: list[list[Ask]]) -> tuple[int, int]:
    """Probes in all, and re-runs of suspects among them."""
    flat = [ask for asks in asked for ask in asks]
    return len(flat), sum(ask.fresh for ask in flat)


def red_with(*bad: str) -> Judge:
    return lambda stack: FAIL if set(bad) & set(stack) else PASS


@pytest.mark.parametrize("size", range(1, 34))
def test_one_culprit_costs_at_most_twice_the_logarithm(size: int) -> None:
    requests = names(size)
    most = 2 * (size - 1).bit_length()
    for bad in requests:
        found, asked = isolate(requests, red_with(bad))
        probes, again = count(asked)
        assert [one.id for one in found.culprits] == [bad]
        assert found.good == tuple(one for one in requests if one != bad)
        assert probes - again <= most and again <= 2
        if size > 4:
            assert probes <= most
        assert not found.culprits[0].peers


@pytest.mark.parametrize("width", [2, 3, 4, 8, 16])
def test_as_many_probes_run_side_by_side_as_there_may(width: int) -> None:
    for size in (8, 16, 40):
        requests = names(size)
        for bad in requests:
            found, asked = isolate(requests, red_with(bad), width=width)
            assert [one.id for one in found.culprits] == [bad] and len(found.good) == size - 1
            assert len(asked[0]) == useful_width(size, width)
            assert max(map(len, asked)) <= width
            rounds, left = 0, size
            while left > 1:
                left = math.ceil(left / (useful_width(left, width) + 1))
                rounds += 1
            assert len(asked) <= rounds + 3, "the search, the suspect again with the rest, the suspect alone"


@given(st.integers(1, 20), st.data(), st.integers(1, 4))
def test_every_culprit_is_found_and_every_other_one_lands(size: int, data: st.DataObject, width: int) -> None:
    requests = names(size)
    bad = data.draw(st.sets(st.sampled_from(requests), min_size=1))
    found, asked = isolate(requests, red_with(*bad), width=width)
    assert {one.id for one in found.culprits} == bad
    assert set(found.good) == set(requests) - bad
    assert list(found.good) == sorted(found.good)
    probes, again = count(asked)
    assert again <= 2 * len(bad)
    if width == 1:
        assert probes - again <= 2 * len(bad) * max(1, (size - 1).bit_length())


@given(st.integers(2, 20), st.data(), st.integers(1, 4))
def test_of_a_pair_the_later_is_blamed_and_names_the_earlier(size: int, data: st.DataObject, width: int) -> None:
    requests = names(size)
    first, second = sorted(data.draw(st.sets(st.sampled_from(requests), min_size=2, max_size=2)))
    found, asked = isolate(requests, lambda stack: FAIL if {first, second} <= set(stack) else PASS, width=width)
    assert [(one.id, one.peers) for one in found.culprits] == [(second, (first,))]
    assert set(found.good) == set(requests) - {second}
    again = {ask.requests for asks in asked for ask in asks if ask.fresh}
    assert any({first, second} <= set(stack) for stack in again), "what singled it out was red twice"
    if width == 1:
        assert count(asked)[0] - count(asked)[1] <= 4 * max(1, (size - 1).bit_length())


@given(st.integers(3, 20), st.data(), st.integers(1, 4))
def test_of_three_that_fail_only_together_the_last_is_blamed_and_names_both(
    size: int, data: st.DataObject, width: int
) -> None:
    requests = names(size)
    trio = sorted(data.draw(st.sets(st.sampled_from(requests), min_size=3, max_size=3)))
    found, _ = isolate(requests, lambda stack: FAIL if set(trio) <= set(stack) else PASS, width=width)
    assert [(one.id, one.stack, one.peers) for one in found.culprits] == [(trio[2], tuple(trio), tuple(trio[:2]))]
    assert set(found.good) == set(requests) - {trio[2]}


def unlucky(*reds: tuple[str, ...]) -> Judge:
    """A judge that says red to each of these stacks as often as it is named here, and then green."""
    left = list(reds)

    def judge(stack: tuple[str, ...]) -> str:
        if stack not in left:
            return PASS
        left.remove(stack)
        return FAIL

    return judge


def test_of_a_whole_that_was_unlucky_the_suspect_is_cleared() -> None:
    found, asked = isolate(names(4), unlucky())
    assert found.good == names(3) and [(one.id, one.result) for one in found.culprits] == [("r03", PASS)]
    assert asked[-1] == [Ask(names(4), "again", True, names(4))] and found.is_flaky


def test_a_suspect_that_passes_alone_and_does_not_fail_again_with_its_peer_is_cleared() -> None:
    whole, pair = names(4), ("r00", "r01")
    found, _ = isolate(whole, unlucky(pair, pair))
    assert [(one.id, one.result) for one in found.culprits] == [("r01", PASS)]
    found, _ = isolate(whole, unlucky(pair, pair, pair))
    assert [(one.id, one.result, one.peers) for one in found.culprits] == [("r01", FAIL, ("r00",))]


def test_a_suspect_at_the_bottom_is_run_alone_once_more() -> None:
    whole = names(4)
    found, _ = isolate(whole, unlucky(whole[:1], whole[:2]))
    assert [(one.id, one.result) for one in found.culprits] == [("r00", PASS)]


def test_a_green_larger_prefix_clears_the_smaller_one() -> None:
    whole = names(9)
    found, asked = isolate(
        whole, lambda stack: FAIL if stack in (whole[:3], whole) or "r08" in stack else PASS, width=3
    )
    assert [ask.requests for ask in asked[0]] == [whole[:3], whole[:5], whole[:7]]
    assert [one.id for one in found.culprits] == ["r08"]


def test_where_gates_were_unlucky_a_suspect_is_confirmed_more_often() -> None:
    whole = names(4)
    reds = [reds_that_prove(flake) for flake in (0.0, 0.001, 0.01, 0.05, 0.2, 0.9)]
    assert reds == [1, 2, 2, 4, 6, MOST_REDS]
    usual, often = (isolate(whole, red_with("r01"), flake=flake)[1] for flake in (0.01, 0.2))
    assert count(often)[1] == count(usual)[1] + 4


def test_a_suspect_whose_gate_gives_up_each_time_is_blamed_and_no_peer_runs_beside_it() -> None:
    found, asked = isolate(names(4), lambda stack: GAVE_UP if "r02" in stack else PASS, runs=(GAVE_UP,), width=2)
    assert [(one.id, one.result) for one in found.culprits] == [("r02", FAIL)]
    assert all(len(asks) == 1 for asks in asked if asks[0].purpose == "again")


@given(st.integers(1, 14), st.data(), st.integers(1, 3))
def test_what_lands_was_always_seen_green(size: int, data: st.DataObject, width: int) -> None:
    """Whatever makes stacks red, also in ways that make no sense, only a stack that was judged green may land."""
    requests = names(size)
    verdicts: dict[tuple[str, ...], str] = {requests: FAIL, (): PASS}

    def judge(stack: tuple[str, ...]) -> str:
        if stack not in verdicts:
            verdicts[stack] = data.draw(st.sampled_from([PASS, FAIL, ERROR]))
        return verdicts[stack]

    found, asked = isolate(requests, judge, width=width)
    assert verdicts[found.good] == PASS
    assert {*found.good, *(one.id for one in found.culprits), *found.held, *found.aside} == set(requests)
    assert all(verdicts[one.stack] != PASS for one in found.culprits if one.result == FAIL)


@given(st.integers(2, 14), st.data(), st.integers(1, 3))
def test_flakes_never_lose_a_request_or_land_a_red_stack(size: int, data: st.DataObject, width: int) -> None:
    requests = names(size)
    bad = data.draw(st.sets(st.sampled_from(requests), max_size=2))
    seen: dict[tuple[str, ...], list[str]] = {}

    def judge(stack: tuple[str, ...]) -> str:
        is_red = bool(bad & set(stack)) or data.draw(st.integers(0, 9)) == 0
        seen.setdefault(stack, []).append(FAIL if is_red else PASS)
        return seen[stack][-1]

    found, _ = isolate(requests, judge, width=width)
    assert not bad & set(found.good)
    assert not found.good or PASS in seen.get(found.good, [])
    assert {*found.good, *(one.id for one in found.culprits)} == set(requests)


@given(st.integers(2, 12), st.data())
def test_dependents_leave_with_their_culprit_and_are_not_blamed(size: int, data: st.DataObject) -> None:
    requests = names(size)
    needs = {}
    for place, one in enumerate(requests[1:], 1):
        below = data.draw(st.sets(st.sampled_from(requests[:place]), max_size=2))
        if below:
            needs[one] = frozenset(below)
    bad = data.draw(st.sampled_from(requests))
    found, _ = isolate(requests, red_with(bad), needs)
    assert [one.id for one in found.culprits] == [bad]
    gone = {bad}
    for one in requests:
        if needs.get(one, frozenset()) & gone:
            gone.add(one)
    assert set(found.held) == gone - {bad} and set(found.good) == set(requests) - gone
    assert all(needs.get(one, frozenset()) <= set(found.good) for one in found.good)


def test_what_does_not_stack_without_the_culprit_is_put_aside() -> None:
    requests = names(5)

    def judge(stack: tuple[str, ...]) -> str | ProbeAnswer:
        if "r01" not in stack and "r03" in stack:
            return ProbeAnswer("", conflict="r03")
        return FAIL if "r01" in stack else PASS

    found, _ = isolate(requests, judge)  # type: ignore[arg-type]
    assert found.good == ("r00", "r02", "r04") and found.aside == {"r03": "r01"}


def test_a_suspect_without_a_verdict_is_not_blamed() -> None:
    found, _ = isolate(names(4), lambda stack: ERROR if "r02" in stack else PASS, runs=(ERROR,))
    assert [(one.id, one.result) for one in found.culprits] == [("r02", ERROR)]


def test_a_mixed_verdict_is_none() -> None:
    answers = iter([FAIL, ERROR])
    found, _ = isolate(names(2), lambda stack: PASS if "r00" not in stack else next(answers))
    assert [(one.id, one.result) for one in found.culprits] == [("r00", ERROR)]


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_one_bad_of_five_costs_six_runs_at_most(width: int) -> None:
    requests = names(5)
    for bad in requests:
        found, asked = isolate(requests, red_with(bad), width=width)
        assert [one.id for one in found.culprits] == [bad] and len(found.good) == 4
        assert 4 <= 1 + sum(map(len, asked)) <= 6, "the batch itself, the search, the rest, the suspect alone"


@pytest.mark.parametrize(
    ("candidates", "places", "wanted"), [(2, 8, 2), (5, 4, 2), (9, 4, 3), (20, 8, 4), (20, 1, 1), (5, 0, 1)]
)
def test_a_search_is_no_wider_than_pays(candidates: int, places: int, wanted: int) -> None:
    assert useful_width(candidates, places) == wanted


@given(st.integers(0, 30), st.integers(2, 40), st.integers(1, 8))
def test_cuts_part_the_candidates(low: int, size: int, width: int) -> None:
    cuts = cuts_between(low, low + size, width)
    assert cuts == sorted(set(cuts)) and cuts and low < cuts[0] and cuts[-1] < low + size
    assert len(cuts) <= width
