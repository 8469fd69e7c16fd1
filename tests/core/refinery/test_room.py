"""A full disk holds the rig before a gate runs; a person is told once, and merging goes on when there is room."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gastown_core.errors import StoreError
from gastown_core.files import atomic
from gastown_core.messaging.escalation import open_escalations
from gastown_core.model.refinery import INFRASTRUCTURE
from gastown_core.refinery import freeze as freezing
from gastown_core.refinery import room
from gastown_core.refinery.freeze import freeze, frozen, thaw
from gastown_core.refinery.held_targets import held_targets
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import recent
from gastown_core.refinery.room import why_no_room
from tests.support.queued import CHECK, Queued

FULL = "is on a full disk (less than 256 kB are free)"


class Disk:
    """A disk that is full for all that an engine notes, from a moment on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self.runs_out_with = ""
        """The file with which it runs out."""
        opens = atomic.open_new

        def fault(folder: str) -> str:
            return FULL if self.is_full else ""

        def open_new(temp: str, path: str, mode: int) -> tuple[int, bool]:
            self.is_full |= bool(self.runs_out_with) and os.path.basename(path).startswith(self.runs_out_with)
            if self.is_full and "/.runtime/" in path:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return opens(temp, path, mode)

        monkeypatch.setattr(atomic, "open_new", open_new)
        monkeypatch.setattr(room, "_fault", fault)
        monkeypatch.setattr(room, "_TOLD", {})


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def runs(queued: Queued) -> int:
    """How often the gate ran."""
    path = Path(queued.root, "runs")
    return len(path.read_text()) if path.exists() else 0


def counted(queued: Queued) -> None:
    queued.gate(f"printf x >> {queued.root}/runs; {CHECK}")


def alarms(queued: Queued) -> list[str]:
    return [one.title for one in open_escalations(queued.ledger)]


def test_no_gate_runs_while_the_disk_is_full_and_merging_goes_on_by_itself(queued: Queued, disk: Disk) -> None:
    counted(queued)
    requests = queued.hand_in_many(2)
    disk.is_full = True
    for _ in range(3):
        assert queued.process(patient=True) == []
    assert not runs(queued) and not queued.merged()
    held = held_targets(Refinery(queued.root, "shop"), ["main"])["main"]
    assert held.kind == INFRASTRUCTURE and FULL in held.reason and "goes on by itself" in held.reason
    assert alarms(queued) == ["merging in shop waits: its disk is full"]
    [told] = queued.events("queue_held")
    assert FULL in told["payload"]["reason"] and len(queued.events("escalation_sent")) == 1
    assert all(not queued.request(one.id).is_claimed for one in requests)

    disk.is_full = False
    queued.process(patient=True)
    assert sorted(queued.merged()) == sorted(one.id for one in requests) and runs(queued) == 1
    assert not alarms(queued) and len(queued.events("queue_released")) == 1
    assert not held_targets(Refinery(queued.root, "shop"), ["main"]) and queued.state().phase == "idle"


@pytest.mark.parametrize("name", ("owed-", "pushed-", "intent-"))
def test_a_disk_that_runs_out_before_the_push_gives_the_requests_back(queued: Queued, disk: Disk, name: str) -> None:
    counted(queued)
    queued.settings(
        gates={"check": {"cmd": f"printf x >> {queued.root}/runs"}, "after": {"cmd": "true", "phase": "post-push"}}
    )
    requests = queued.hand_in_many(2)
    disk.runs_out_with = name
    queued.process()
    assert alarms(queued) == ["merging in shop waits: its disk is full"], "at once"
    for _ in range(2):
        queued.process()
    assert disk.is_full and runs(queued) == 1 and not queued.merged()
    assert all(queued.request(one.id).status == "open" for one in requests)
    assert alarms(queued) == ["merging in shop waits: its disk is full"]
    disk.is_full, disk.runs_out_with = False, ""
    queued.process()
    assert sorted(queued.merged()) == sorted(one.id for one in requests) and not queued.leftovers()
    assert not alarms(queued) and [sorted(one.merged) for one in recent(queued.rig) if one.merged] == [
        sorted(one.id for one in requests)
    ]


def test_a_search_ends_where_the_disk_runs_out(queued: Queued, disk: Disk) -> None:
    counted(queued)
    requests = queued.hand_in_many(4, {2: {"bad": "1"}})
    disk.runs_out_with = "gate-cache.json"
    queued.process()
    assert alarms(queued) == ["merging in shop waits: its disk is full"]
    assert disk.is_full and runs(queued) == 1 and not queued.merged()
    assert all(queued.request(one.id).is_open and not queued.request(one.id).is_claimed for one in requests)
    disk.is_full, disk.runs_out_with = False, ""
    queued.process()
    assert len(queued.merged()) == 3 and not queued.leftovers()


def test_a_note_that_cannot_be_written_for_another_reason_holds_the_queue(queued: Queued) -> None:
    queued.gate()
    [request] = queued.hand_in_many(1)
    path = Path(queued.rig, ".runtime", "refinery", "intent-main.json")
    path.mkdir(parents=True)
    [result] = queued.process()
    assert not result.merged and "intent-main.json" in result.hold
    assert len(alarms(queued)) == 1 and queued.request(request.id).status == "open"
    path.rmdir()


def test_a_disk_is_asked_whether_it_has_room(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Refinery(queued.root, "shop")
    assert why_no_room(place) == ""
    status = os.statvfs(queued.rig)
    seen = {"f_bavail": status.f_bavail, "f_flag": 0, "f_frsize": 1024, "f_files": 10, "f_favail": 5}

    class Status:
        def __init__(self, **more: int) -> None:
            self.__dict__.update({**seen, **more})

    for more, words in (
        ({"f_bavail": 100}, "full disk"),
        ({"f_flag": os.ST_RDONLY}, "read-only"),
        ({"f_favail": 0}, "no more files"),
        ({"f_files": 0, "f_favail": 0}, ""),
        ({}, ""),
    ):
        monkeypatch.setattr(os, "statvfs", lambda _, more=more: Status(**more))
        why = why_no_room(place)
        assert words in why and bool(words) == bool(why)


def test_a_thaw_that_the_full_disk_refuses_says_that_and_what_to_do(queued: Queued, disk: Disk) -> None:
    place = Refinery(queued.root, "shop")
    freeze(place, "a release", actor="overseer")
    disk.is_full = True
    with pytest.raises(StoreError) as refused:
        thaw(place, actor="overseer")
    assert "stays frozen" in refused.value.what and "No space" in refused.value.why
    assert "gt mq thaw shop" in refused.value.hint and "make room" in refused.value.hint
    assert frozen(place) is not None and not queued.events(freezing.THAWED_EVENT)
    with pytest.raises(StoreError) as refused:
        freeze(place, "another", actor="overseer")
    assert "was not frozen anew" in refused.value.what and "gt mq freeze shop" in refused.value.hint
    disk.is_full = False
    thaw(place, actor="overseer")
    assert frozen(place) is None and len(queued.events(freezing.THAWED_EVENT)) == 1
