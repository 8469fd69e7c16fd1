"""Lanes: what a change affects, which gates it needs, and which requests the next batch takes, as tables and properties."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.refinery.lanes import EVERYTHING, NOTHING, Lane, Reach, gates_for, matches, reach_of, together
from gastown_core.refinery.planner import MOST_UNTESTED, Sight, begins, owes_union, takes_off
from gastown_core.refinery.policy import Gate

LANES = (Lane("core", ("core/",)), Lane("web", ("web/", "*.css"), ("core",)), Lane("docs", ("docs/", "**/*.md")))
GATES = (
    Gate("build", "make", paths=("core/", "web/")),
    Gate("unit", "pytest", paths=("core/",)),
    Gate("ui", "npm test", paths=("web/",), needs=("build",)),
    Gate("prose", "vale", paths=("**/*.md",)),
    Gate("whole", "make all"),
)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("web/", ["web/a", "web/b/c"], ["webs/a", "a/web/b"]),
        ("web", ["web", "web/a"], ["web.py"]),
        ("/web/", ["web/a"], ["a/web/b"]),
        ("*.md", ["a.md", ".md"], ["b/a.md", "a.mdx"]),
        ("**/*.md", ["a.md", "b/c/a.md"], ["a.txt"]),
        ("src/**/test_*.py", ["src/test_a.py", "src/b/c/test_a.py"], ["test_a.py", "src/a.py"]),
        ("src/**", ["src/a/b"], ["srcs/a"]),
        ("v?", ["v1", "v1/a"], ["v12", "v"]),
        ("a.b", ["a.b"], ["aXb"]),
        ("[x]", ["[x]"], ["x"]),
        ("**/api/**", ["api/a", "a/api/b/c"], ["a/apis/b"]),
    ],
)
def test_which_files_a_pattern_names(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [one for one in [*yes, *no] if matches(one, [pattern])] == yes


@pytest.mark.parametrize("name", ["web/new\nline", "web/\x1b[31mred", "web/" + "x" * 5000, "web/\u202ertl"])
def test_names_of_any_kind_are_names(name: str) -> None:
    assert matches(name, ["web/"]) and not matches(name, ["core/"])


@pytest.mark.parametrize(
    ("files", "lanes"),
    [
        (["core/a"], {"core", "web"}),
        (["web/a"], {"web"}),
        (["docs/a"], {"docs"}),
        (["docs/a", "web/a"], {"docs", "web"}),
        (["web/read.md"], {"docs", "web"}),
    ],
)
def test_a_change_affects_the_lanes_of_its_files_and_those_that_need_them(files: list[str], lanes: set[str]) -> None:
    found = reach_of(files, LANES, GATES)
    assert found.lanes == lanes and not found.is_wide


@pytest.mark.parametrize(
    ("files", "lanes"), [(["Makefile"], LANES), (["web/a", "x"], LANES), ([], LANES), (["web/a"], ())]
)
def test_what_no_lane_names_affects_everything(files: list[str], lanes: tuple[Lane, ...]) -> None:
    assert reach_of(files, lanes) == EVERYTHING


def test_a_gate_that_names_the_paths_of_two_lanes_ties_them_together() -> None:
    lanes = (Lane("core", ("core/",)), Lane("web", ("web/",)))
    core, web = ["core/a"], ["web/a"]
    assert not reach_of(core, lanes, GATES[1:]).meets(reach_of(web, lanes, GATES[1:]))
    assert reach_of(core, lanes, GATES).meets(reach_of(web, lanes, GATES)), "build looks at both"


def test_lanes_that_need_one_another_in_a_circle_are_one() -> None:
    lanes = (Lane("a", ("a/",), ("b",)), Lane("b", ("b/",), ("a",)))
    assert reach_of(["a/x"], lanes).lanes == reach_of(["b/x"], lanes).lanes == {"a", "b"}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["core/a"], ["build", "unit", "whole"]),
        (["web/a"], ["build", "ui", "whole"]),
        (["docs/a"], ["whole"]),
        (["docs/a.md", "core/a"], ["build", "unit", "prose", "whole"]),
        ([], ["build", "unit", "ui", "prose", "whole"]),
    ],
)
def test_the_gates_of_a_change_are_those_of_its_paths_and_what_they_need(files: list[str], names: list[str]) -> None:
    assert [gate.name for gate in gates_for(files, GATES)] == names
    assert gates_for(["docs/a"], GATES, LANES) == GATES[-1:] and gates_for(["Makefile"], GATES, LANES) == GATES
    assert [gate.name for gate in gates_for(["web/a"], [GATES[2], GATES[0]._replace(paths=("core/",))])] == [
        "ui",
        "build",
    ]


# -- who takes off ---------------------------------------------------------------------------------------------

A, B, C, D = (Reach(frozenset(name)) for name in "abcd")
AB = together([A, B])


@pytest.mark.parametrize(
    ("waiting", "fresh", "size", "free", "taken"),
    [
        ([], [], 5, 4, ()),
        ([A], [], 5, 0, ()),
        ([A, B, A], [], 5, 4, (0, 2)),
        ([B, A], [A], 5, 3, (0,)),
        ([A, B], [A], 5, 3, (1,)),
        ([A, B], [A], 5, 2, ()),
        ([B, B], [A], 5, 2, (0, 1)),
        ([B, C], [A], 5, 2, (0, 1)),
        ([B, C, C], [A, D], 5, 4, (0, 1, 2)),
        ([B, C], [A, D, D], 5, 4, ()),
        ([B, C], [A, D, D], 2, 4, (0, 1)),
        ([A, A], [A], 2, 2, (0, 1)),
        ([A, A, A], [], 2, 1, (0, 1)),
        ([AB, C], [A], 5, 3, (1,)),
        ([AB, B], [A], 5, 2, ()),
        ([EVERYTHING, B], [A], 5, 2, ()),
        ([EVERYTHING, B], [], 5, 2, (0, 1)),
        ([A, EVERYTHING, B], [], 5, 4, (0,)),
        ([A, B, C], [], 5, 1, (0, 1, 2)),
        ([A, B, C], [], 5, 2, (0, 1)),
        ([A, B, C], [], 2, 1, (0, 1)),
        ([A, B, C, A], [A], 5, 1, (1, 2)),
    ],
)  # fmt: skip
def test_the_first_whose_lanes_nobody_tests_begins_and_what_waits_keeps_its_lanes(
    waiting: list[Reach], fresh: list[Reach], size: int, free: int, taken: tuple[int, ...]
) -> None:
    assert takes_off(waiting, fresh, size, free) == taken


reaches = st.one_of(
    st.just(EVERYTHING), st.frozensets(st.sampled_from("abcd"), min_size=1, max_size=2).map(lambda names: Reach(names))
)


@given(st.lists(reaches, max_size=12), st.lists(reaches, max_size=4), st.integers(1, 6), st.integers(0, 4))
def test_nothing_overtakes_a_request_that_it_meets_and_a_free_queue_begins_with_its_first(
    waiting: list[Reach], fresh: list[Reach], size: int, free: int
) -> None:
    taken = takes_off(waiting, fresh, size, free)
    assert len(taken) <= size and list(taken) == sorted(set(taken)) and (free or not taken)
    within = together(waiting[one] for one in taken)
    full = len(taken) == size
    for one in taken:
        heads = [head for head in taken if head <= one and waiting[head].holds(waiting[one])]
        ahead = {head: [waiting[other] for other in range(head) if other not in taken] for head in heads}
        assert any(not any(waiting[head].meets(other) for other in ahead[head]) for head in heads)
    assert full or not any(within.meets(one) for one in fresh)
    if waiting and free and not fresh:
        assert 0 in taken


@given(st.lists(reaches, max_size=12), st.integers(1, 6), st.integers(0, 4))
def test_without_lanes_batches_begin_as_they_always_did(waiting: list[Reach], size: int, free: int) -> None:
    wide = [EVERYTHING] * len(waiting)
    for fresh in (0, 1):
        expected = begins(Sight(len(wide), fresh, free), size)
        assert takes_off(wide, [EVERYTHING] * fresh, size, free) == (tuple(range(len(wide)))[:size] if expected else ())


@given(reaches, reaches)
def test_to_meet_is_mutual_and_nothing_meets_nothing(one: Reach, other: Reach) -> None:
    assert one.meets(other) == other.meets(one) and together([one, other]).holds(one)
    assert not NOTHING.meets(one) and not one.meets(NOTHING) and one.meets(one)


@pytest.mark.parametrize(
    ("landings", "fresh", "free", "expected"),
    [(0, 0, 4, False), (1, 0, 1, True), (1, 1, 3, False), (1, 0, 0, False), (MOST_UNTESTED, 3, 0, True)],
)
def test_the_union_is_tested_when_nobody_wants_the_place_and_at_the_latest_after_ten(
    landings: int, fresh: int, free: int, expected: bool
) -> None:
    assert owes_union(landings, fresh, free) is expected


def test_a_pattern_of_many_stars_takes_no_longer_for_it() -> None:
    deep = "/".join(["folder"] * 40) + "/x.py"
    began = time.process_time()
    assert not matches(deep, ["**/" * 40 + "y.py", "**" * 40 + "/y.py"])
    assert matches(deep, ["**/" * 40 + "x.py"]) and matches(deep, ["**" * 40 + "/x.py"])
    assert time.process_time() - began < 10.0
