"""A rig that is parked, docked or removed while it merges: what is tested goes back, and nothing lands until it is open."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon.duties import duties_of, refinery_of
from gastown_core.daemon.duty import Duty, Shift
from gastown_core.daemon.wakeups import RIGS
from gastown_core.errors import ConflictError
from gastown_core.model.refinery import HELD, IDLE, OFF
from gastown_core.refinery import rig_removal
from gastown_core.refinery.place import Refinery, merge_lock
from gastown_core.refinery.rig_removal import remove_rig
from gastown_core.town import rig_states
from gastown_core.town.closed_rig import ClosedRig
from gastown_core.town.inventory import read_inventory
from gastown_core.town.rig_register import adopt
from tests.support.patience import until
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]
BY = {"actor": "overseer"}


@pytest.fixture(autouse=True)
def no_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is about sessions."""
    monkeypatch.setattr(rig_states, "has_tmux", lambda: False)


@pytest.fixture
def go(queued: Queued, tmp_path: Path) -> Path:
    """The file that lets a gate go on which has begun."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    queued.gate(f"touch {begun}; while ! test -e {go}; do sleep 0.05; done")
    return go


@contextmanager
def at_work(queued: Queued, go: Path) -> Iterator[threading.Thread]:
    """The refinery of the daemon, while the gate of a batch runs."""
    shift = Shift(queued.root, SYSTEM_CLOCK, lambda: False)
    thread = threading.Thread(target=refinery_of(queued.root, "shop").work, args=(shift,))
    thread.start()
    try:
        until((go.parent / "begun").exists, "the gate begins")
        yield thread
    finally:
        go.touch()
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("verb", ["park", "dock"])
def test_what_is_tested_goes_back_when_its_rig_is_closed_and_lands_once_it_is_open(
    queued: Queued, go: Path, verb: str
) -> None:
    requests = [queued.hand_in({name: "1"}).id for name in ("a", "b")]
    with at_work(queued, go) as thread:
        getattr(rig_states, verb)(queued.root, "shop", **BY)
        thread.join(60)
        assert not thread.is_alive() and not go.exists(), "its gate ended, not waited for"
    assert queued.merged() == [] and [queued.request(one).assignee for one in requests] == ["", ""]
    state = queued.state()
    assert (state.phase, state.hold_kind) == (HELD, OFF) and f"gt rig un{verb} shop" in state.hold_reason
    getattr(rig_states, f"un{verb}")(queued.root, "shop", **BY)
    refinery_of(queued.root, "shop").work(Shift(queued.root, SYSTEM_CLOCK, lambda: False))
    assert sorted(queued.merged()) == sorted(requests) and queued.state().phase == IDLE


def test_a_closed_rig_is_merged_by_hand_all_the_same(queued: Queued) -> None:
    queued.gate()
    request = queued.hand_in({"a": "1"}).id
    rig_states.park(queued.root, "shop", **BY)
    assert [result.merged for result in queued.process()] == [(request,)]


def test_the_refinery_of_a_closed_rig_still_says_so_and_hears_when_it_is_open(queued: Queued) -> None:
    rig_states.park(queued.root, "shop", **BY)
    duties: dict[str, Duty] = {duty.name: duty for duty in duties_of(queued.root)}
    assert RIGS in duties["refinery:shop"].wakes and "conflicts:shop" not in duties


def test_a_closed_rig_is_read_again_each_time_it_changes(queued: Queued) -> None:
    is_closed = ClosedRig(queued.root, "shop")
    seen = [is_closed()]
    for change in (rig_states.park, rig_states.unpark, rig_states.dock, rig_states.undock):
        change(queued.root, "shop", **BY)
        seen.append(is_closed())
    assert seen == [False, True, False, True, False]


def test_a_rig_that_merges_is_removed_by_force_alone_and_nothing_lands_after_that(queued: Queued, go: Path) -> None:
    requests = [queued.hand_in({name: "1"}).id for name in ("a", "b")]
    with at_work(queued, go):
        with pytest.raises(ConflictError, match="in use"):
            remove_rig(queued.root, "shop", force=False, **BY)
        remove_rig(queued.root, "shop", force=True, **BY)
        assert read_inventory(queued.root).rigs == ()
    assert queued.merged() == []
    adopt(queued.root, "shop")
    assert [queued.request(one).assignee for one in requests] == ["", ""]
    queued.process()
    assert sorted(queued.merged()) == sorted(requests)


def test_a_rig_that_is_merged_by_hand_stays_until_that_process_ends(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig_removal, "WAIT_S", 0.3)
    place = Refinery(queued.root, "shop")
    with merge_lock(place, "main"), pytest.raises(ConflictError, match="in use") as refused:
        remove_rig(queued.root, "shop", force=True, **BY)
    assert str(os.getpid()) in str(refused.value.why)
    assert [rig.state for rig in read_inventory(queued.root).rigs] == ["operational"]
