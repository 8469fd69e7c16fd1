from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_core.work.convoy.staging import waves_of


@st.composite
def graphs(draw):
    """Acyclic: a task waits only for earlier ones, in any order of keys, also for tasks outside."""
    count = draw(st.integers(0, 14))
    waits = {}
    for number in range(count):
        inside = draw(st.lists(st.integers(0, number - 1), max_size=4)) if number else []
        outside = draw(st.lists(st.sampled_from(["x", "y"]), max_size=1))
        waits[f"t{number}"] = [*(f"t{one}" for one in inside), *outside]
    order = draw(st.permutations(list(waits)))
    return {task: waits[task] for task in order}


@given(graphs())
def test_every_edge_goes_to_a_later_wave_and_each_task_is_in_exactly_one(graph):
    waves = waves_of(graph)
    place = {task: number for number, wave in enumerate(waves) for task in wave}
    assert sorted(task for wave in waves for task in wave) == sorted(graph)
    for task, others in graph.items():
        inside = [other for other in others if other in graph]
        assert all(place[other] < place[task] for other in inside)
        # and none waits longer than it must
        assert place[task] == max((place[other] + 1 for other in inside), default=0)


def test_what_is_on_a_cycle_or_behind_one_is_in_no_wave():
    assert waves_of({"a": [], "b": ["c"], "c": ["b"], "d": ["c"], "e": ["a"]}) == [["a"], ["e"]]
