"""What an engine makes beside merging fails: merging goes on, it is told once, and once more when it is made again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gastown_core.model.refinery import BATCHES_FILE
from gastown_core.refinery import engine, foresight, records, runway, side_work
from gastown_core.refinery.place import Refinery, StoppedError
from gastown_core.refinery.prober import FILE
from gastown_core.refinery.records import recent
from gastown_core.refinery.side_work import FAILED, WORKS, aside
from tests.support.queued import CHECK, Queued

SLOW = "sleep 1.2; " + CHECK
"""Long enough for two looks of the forecast."""
FAULTS = (ZeroDivisionError("division by zero"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyError("at"))
LEDGERS = {
    "flakes": ".runtime/refinery/flakes.json",
    "tests": ".runtime/refinery/tests.json",
    "collisions": ".runtime/refinery/collisions.json",
    "verdicts": f".runtime/{FILE}",
}
JUNK = (
    '{"version": 2, "gates": {"check": {"cmd": 1, "verdicts": 7}, "*": {"verdicts": [[1], 2, null]}, "x": []}}',
    '{"version": 2, "gates": {"check": {"runs": {"a": 1}, "known": 7, "quarantine": [1], "released": {"x": []}}}}',
    '{"pairs": [[1, 2, 3, 4], ["a"], null, ["a", "b", [], true]], "verdicts": {"a:b": 1}, "gates": {"a:b": []}}',
    '{"gates": [], "verdicts": [], "pairs": {}}',
    "[]",
    "no JSON",
)


@pytest.fixture(autouse=True)
def none_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_work, "_FAILING", set())


def told(queued: Queued) -> list[tuple[str, str]]:
    return [(event["type"], event["payload"]["what"]) for event in queued.events(FAILED, WORKS)]


def fails(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, fault: Exception) -> list[object]:
    """Let a function of a module fail; its calls."""
    calls: list[object] = []

    def work(*arguments: object, **_: object) -> None:
        calls.append(arguments)
        raise fault

    monkeypatch.setattr(module, name, work)
    return calls


@pytest.mark.parametrize("fault", FAULTS)
def test_a_forecast_that_fails_ends_no_batch_and_is_told_once(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    queued.gate(SLOW)
    queued.hand_in({"a": "1"})
    queued.process()
    with monkeypatch.context() as patched:
        calls = fails(patched, foresight, "forecast", fault)
        made = [queued.hand_in({name: "1"}) for name in "bc"]
        queued.settings(max_concurrent=2, batch={"max_batch_size": 1})
        queued.process()
        more = queued.hand_in({"d": "1"})
        queued.process()
        assert len(calls) > 1
        assert {*(one.id for one in made), more.id} < set(queued.merged())
        assert told(queued) == [(FAILED, "the forecast")]
        [event] = queued.events(FAILED)
        assert any(word in event["payload"]["reason"] for word in ("division", "space", "'at'"))
        assert not queued.leftovers()
    queued.hand_in({"e": "1"})
    queued.process()
    assert told(queued) == [(FAILED, "the forecast"), (WORKS, "the forecast")]


def test_what_is_only_shown_ends_no_merge(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    queued.gate()
    fault = RuntimeError("no more")
    places = {
        "the quarantine of flaky tests": (engine, "review"),
        "the reasons of a batch": (runway, "why_batch"),
        "the look for conflicts ahead": (engine, "rivals"),
    }
    calls = {what: fails(monkeypatch, *place, fault) for what, place in places.items()}
    fails(monkeypatch, records, "keep", fault)
    fails(monkeypatch, engine.RefineryEngine, "dispatch", fault)
    good, other, bad = (queued.hand_in({name: "1"}) for name in ("a", "b", "bad"))
    queued.process()
    assert sorted(queued.merged()) == sorted((good.id, other.id)) and queued.bead(bad.id).is_closed
    assert all(calls.values())
    kinds = {"the record of a batch", "the dispatch of work that was sent back", *places}
    assert sorted(told(queued)) == sorted((FAILED, what) for what in kinds)


def test_a_record_that_cannot_be_kept_is_told_with_its_reason(queued: Queued) -> None:
    queued.gate()
    first = queued.hand_in({"a": "1"})
    queued.process()
    assert [one.merged for one in recent(queued.rig)] == [(first.id,)]
    found = Path(queued.rig, BATCHES_FILE)
    found.unlink()
    found.mkdir()
    queued.hand_in({"b": "1"})
    queued.process()
    assert len(queued.merged()) == 2 and told(queued) == [(FAILED, "the record of a batch")]
    [event] = queued.events(FAILED)
    assert "directory" in event["payload"]["reason"].lower()
    found.rmdir()
    queued.hand_in({"c": "1"})
    queued.process()
    assert told(queued)[-1] == (WORKS, "the record of a batch")
    assert sorted(one for record in recent(queued.rig) for one in record.merged) == sorted(queued.merged()[1:]), (
        "the record that could not be kept is kept now"
    )


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("ledger", LEDGERS)
def test_junk_in_what_is_remembered_ends_no_merge(queued: Queued, ledger: str, junk: str) -> None:
    queued.gate()
    path = Path(queued.rig, LEDGERS[ledger])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(junk)
    made = [queued.hand_in({name: "1"}) for name in ("a", "b", "bad")]
    queued.process()
    assert sorted(queued.merged()) == sorted(one.id for one in made[:2])
    assert not told(queued)


def test_nothing_made_ends_no_fault_and_a_stop_is_none(queued: Queued) -> None:
    place = Refinery(queued.root, "shop")
    assert aside(place, "it", lambda: int("no"), 7) == 7
    assert aside(place, "it", lambda: None, 7) is None and told(queued) == [(FAILED, "it")]
    assert aside(place, "it", lambda: 0, 7) == 0 and told(queued) == [(FAILED, "it"), (WORKS, "it")]

    def stops() -> int:
        raise StoppedError

    with pytest.raises(StoppedError):
        aside(place, "it", stops, 7)
    assert len(told(queued)) == 2
