from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gastown_core.refinery import gate_slots
from gastown_core.refinery.gate_slots import free_places, gate_slot
from gastown_core.refinery.policy import load_policy
from gastown_core.refinery.state_file import read_state
from gastown_core.town import host_load
from gastown_core.town.host_load import HostLoad
from gastown_core.town.settings import set_setting
from tests.support.patience import until
from tests.support.queued import Queued


@pytest.mark.parametrize("places", [1, 2])
def test_no_more_than_the_places_are_taken_and_everybody_gets_one(tmp_path: Path, places: int) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> bool:
        nonlocal inside, most
        with gate_slot(str(tmp_path), places, lambda: False) as has_one:
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.02)
            with lock:
                inside -= 1
            return has_one

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(work, range(5)))
    assert most <= places


def test_whoever_is_stopped_waits_no_longer_and_without_a_limit_nobody_waits(tmp_path: Path) -> None:
    with gate_slot(str(tmp_path), 1, lambda: False):
        with gate_slot(str(tmp_path), 1, lambda: True) as has_one:
            assert not has_one
        with gate_slot(str(tmp_path), 0, lambda: False) as has_one:
            assert has_one


def test_an_engine_waits_for_a_place_that_another_rig_of_the_town_holds(queued: Queued, tmp_path: Path) -> None:
    set_setting(queued.root, "merge_queue.gate_slots", "1")
    queued.gate(f"touch {tmp_path}/ran")
    queued.hand_in({"a": "1"})
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 60

    with gate_slot(queued.root, 1, lambda: False):
        [result] = queued.process(stop=stop)
        assert result.stopped and not (tmp_path / "ran").exists()
    assert len(queued.process()[0].merged) == 1


def test_a_rig_has_as_many_places_as_the_town_unless_its_settings_say_otherwise(queued: Queued) -> None:
    assert load_policy(queued.root, "shop").max_concurrent == 1
    set_setting(queued.root, "merge_queue.gate_slots", "4")
    assert load_policy(queued.root, "shop").max_concurrent == 4
    queued.settings(max_concurrent=2)
    assert load_policy(queued.root, "shop").max_concurrent == 2
    assert load_policy(queued.root, "shop").gate_slots == 4


@pytest.mark.parametrize("places", [0, 3])
def test_a_machine_with_too_little_left_tests_one_stack_at_a_time_and_says_why(
    queued: Queued, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = HostLoad(9.0, 8.0, 100.0)
    monkeypatch.setattr(host_load, "read_load", lambda _: load)
    monkeypatch.setattr(gate_slots, "LOADS_S", 0.1)
    set_setting(queued.root, host_load.CPU_KEY, "3")
    told: list[str] = []
    with gate_slot(queued.root, places, lambda: False) as first:
        assert first
        with gate_slot(queued.root, places, lambda: bool(told), told.append) as second:
            assert not second and host_load.CPU_KEY in told[0]
        asked: list[int] = []

        def stop() -> bool:
            nonlocal load
            asked.append(1)
            load = HostLoad(0.5, 8.0, 100.0) if len(asked) > 3 else load
            return len(asked) > 300

        with gate_slot(queued.root, places, stop, told.append) as third:
            assert third and told[-1] == ""


def test_a_run_that_waits_for_its_place_says_so_in_the_state_and_counts_as_none(queued: Queued) -> None:
    set_setting(queued.root, "merge_queue.gate_slots", "1")
    queued.gate("true")
    queued.hand_in({"a": "1"})
    seen: list[str] = []

    def stop() -> bool:
        state = read_state(queued.rig)
        seen.extend(probe.waits for probe in (state.probes if state is not None else ()) if probe.waits)
        return bool(seen)

    with gate_slot(queued.root, 1, lambda: False):
        assert queued.process(stop=stop)[0].stopped
    assert "merge_queue.gate_slots" in seen[0]


def test_no_batch_begins_beside_another_for_a_place_that_another_rig_holds(
    queued: Queued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would only wait, with fewer requests than it could have by then."""
    set_setting(queued.root, "merge_queue.gate_slots", "2")
    queued.gate(f"echo >> {tmp_path}/runs; until test -e {tmp_path}/go; do sleep 0.05; done")
    queued.settings(max_concurrent=2, batch={"max_batch_size": 1})
    requests = [queued.hand_in({f"file{number}": "1"}) for number in range(3)]
    seen: list[int] = []

    def free_places(root: str, places: int) -> int:
        seen.append(gate_slots.free_places(root, places))
        return seen[-1]

    monkeypatch.setattr("gastown_core.refinery.runway.free_places", free_places)
    with ThreadPoolExecutor(1) as pool:
        with gate_slot(queued.root, 2, lambda: False):
            done = pool.submit(queued.process)
            try:
                until(lambda: seen.count(0) > 2, timeout_s=60.0)
                assert not queued.state().flights, "two batches in flight"
                assert queued.state().next == "no gate place of the town is free"
            finally:
                (tmp_path / "go").touch()
        results = done.result(120)
    assert sorted(one for result in results for one in result.merged) == sorted(one.id for one in requests)


def test_a_town_with_any_number_of_places_counts_those_that_are_held(tmp_path: Path) -> None:
    many = 10**9
    assert free_places(str(tmp_path), many) == many
    with gate_slot(str(tmp_path), many, lambda: False):
        assert free_places(str(tmp_path), many) == many - 1
        assert free_places(str(tmp_path), 1) == 0
    assert free_places(str(tmp_path), many) == many
