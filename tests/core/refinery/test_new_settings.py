"""Settings that change while an engine works: a queue that is never empty must see them, too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.refinery.window import Window
from tests.support.patience import until
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]


class Gate:
    """A gate that says it has begun and then waits until it may go on, and one that only says that it ran."""

    def __init__(self, folder: Path) -> None:
        self.begun, self.go, self.new = folder / "begun", folder / "go", folder / "new"
        self.first = f"touch {self.begun}; while ! test -e {self.go}; do sleep 0.05; done"
        self.second = f"touch {self.new}"

    def while_it_runs(self, change: Callable[[], None]) -> threading.Thread:
        """Change something once the first gate has begun, and let it go on."""

        def wait_and_change() -> None:
            until(self.begun.exists, timeout_s=60.0)
            change()
            self.go.touch()

        thread = threading.Thread(target=wait_and_change)
        thread.start()
        return thread


@pytest.fixture
def gate(queued: Queued, tmp_path: Path) -> Gate:
    made = Gate(tmp_path)
    queued.gate(made.first)
    queued.settings(max_concurrent=1, batch={"max_batch_size": 1})
    return made


def two_requests(queued: Queued) -> tuple[str, str]:
    """The ids of the one that is merged first, and of the other."""
    first, second = (queued.hand_in({f"file{number}": "1"}, priority=number).id for number in (1, 2))
    return first, second


def test_what_is_set_while_a_batch_is_tested_counts_from_the_next_batch_on(queued: Queued, gate: Gate) -> None:
    first, second = two_requests(queued)
    thread = gate.while_it_runs(lambda: queued.gate(gate.second))
    results = queued.process()
    thread.join()
    assert [result.merged for result in results] == [(first,), (second,)]
    assert gate.new.exists(), "the second was tested by the gate that was set meanwhile"
    assert queued.merged() == [first, second] and queued.state().phase == "idle"


def test_an_approval_that_is_wanted_from_now_on_keeps_back_what_waits(queued: Queued, gate: Gate) -> None:
    first, second = two_requests(queued)
    thread = gate.while_it_runs(lambda: queued.settings(needs_approval=True))
    results = queued.process()
    thread.join()
    assert [result.merged for result in results] == [(first,)] and queued.merged() == [first]
    assert queued.request(second).is_open


def test_a_queue_that_is_switched_off_ends_with_the_batch_in_flight_but_is_merged_by_hand(
    queued: Queued, gate: Gate
) -> None:
    first, second = two_requests(queued)
    thread = gate.while_it_runs(lambda: queued.settings(enabled=False))
    assert [result.merged for result in queued.process(patient=True)] == [(first,)]
    thread.join()
    assert queued.request(second).is_open and not queued.process(patient=True)
    assert [result.merged for result in queued.process()] == [(second,)]


def test_settings_that_cannot_be_used_leave_those_that_were_read(queued: Queued, gate: Gate) -> None:
    made = two_requests(queued)
    path = os.path.join(queued.rig, "settings", "config.json")
    thread = gate.while_it_runs(lambda: Path(path).write_text("junk"))
    results = queued.process()
    thread.join()
    assert [one for result in results for one in result.merged] == [*made]


def test_one_batch_is_all_that_once_asks_for_though_settings_change(queued: Queued, gate: Gate) -> None:
    first, _ = two_requests(queued)
    thread = gate.while_it_runs(lambda: queued.gate(gate.second))
    assert [result.merged for result in queued.process(once=True)] == [(first,)]
    thread.join()
    assert not gate.new.exists()


def test_a_batch_that_waits_for_more_goes_by_what_is_set_meanwhile(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.gate()
    queued.settings(batch={"batch_wait_time": "1h"})
    made, seen = queued.hand_in({"file": "1"}), threading.Event()

    def due_at(self: Window, ready: object, size: int) -> float:
        seen.set()
        return SYSTEM_CLOCK.now() - 60.0 + self.place.policy.batch_wait_s

    monkeypatch.setattr(Window, "due_at", due_at)

    def change() -> None:
        seen.wait(60.0)
        queued.settings(batch={"batch_wait_time": "1s"})

    thread = threading.Thread(target=change)
    thread.start()
    # it would wait an hour
    results = queued.process(patient=True, stop=lambda: False)
    thread.join()
    assert [result.merged for result in results] == [(made.id,)]
