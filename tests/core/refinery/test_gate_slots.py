from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gastown_core.refinery.gate_slots import gate_slot
from gastown_core.town.settings import set_setting
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
