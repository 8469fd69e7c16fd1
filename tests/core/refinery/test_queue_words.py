"""Every face says with the same words where a request stands: the queue, ``gt mq explain``, and the snapshot of the live model."""

from __future__ import annotations

import os
from typing import Any

import pytest

from gastown_core.attention import item as kinds
from gastown_core.attention.look import attention
from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.errors import SettingsError
from gastown_core.files.atomic import write_json
from gastown_core.files.locks import FileLock
from gastown_core.model import queue_words
from gastown_core.model.merge_request import with_facts
from gastown_core.model.refinery import FROZEN, IDLE, OFF, RED_TARGET, SETTINGS
from gastown_core.refinery import freeze, requests
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.explanation import explain_queue, explain_request
from gastown_core.refinery.held_targets import held_targets, holds_of
from gastown_core.refinery.place import Refinery, merge_lock
from gastown_core.refinery.policy import of_hours
from gastown_core.state.collect import Sources, collect
from gastown_core.state.reduce import reduce_recorded
from gastown_core.town import daemon_note
from gastown_core.town.settings import settings_path
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]


def words_of_list(town: Queued) -> dict[str, str]:
    """Request → its word in ``gt mq list``."""
    place = Refinery(town.root, "shop", policy=of_hours(town.root, "shop"))
    queue = RefineryEngine(place).queue()
    return {request.id: word for request, word, _ in queue.told(holds_of(place, queue.targets()))}


def words(town: Queued) -> dict[str, str]:
    """Request → its word, once the three faces agree on it."""
    place = Refinery(town.root, "shop", policy=of_hours(town.root, "shop"))
    queue = RefineryEngine(place).queue()
    holds = holds_of(place, (one.target for one in queue.ready))
    told = {request.id: word for request, word, _ in queue.told(holds)}
    assert {one.id: explain_request(place, queue, one).status for one in queue.open()} == told
    assert {one.id: one.word for one in collect(town.root).requests} == told
    assert explain_queue(place, queue)[0].status == (queue_words.counted(told.values()) or "empty")
    return told


def test_each_state_has_one_word_in_every_face(queued: Queued) -> None:
    queued.gate()
    ready, out, stuck = (queued.hand_in({name: "1"}) for name in ("a", "b", "c"))
    assert words(queued) == dict.fromkeys((ready.id, out.id, stuck.id), queue_words.READY)
    place = Refinery(queued.root, "shop")
    requests.dequeue(place, out.id, "later", actor="overseer")
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.update(stuck.source_issue, {"status": "deferred"})
    blocked = {out.id: queue_words.BLOCKED, stuck.id: queue_words.BLOCKED}
    assert words(queued) == {ready.id: queue_words.READY, **blocked}
    assert [one.id for one in collect(queued.root).requests if one.is_to_merge] == [ready.id, stuck.id]
    freeze.freeze(place, "release", actor="overseer")
    queued.process()
    assert words(queued) == {ready.id: queue_words.HELD, **blocked}
    freeze.thaw(place, actor="overseer")
    queued.settings(needs_approval=True)
    queued.process()
    assert words(queued) == {ready.id: queue_words.TO_APPROVE, **blocked}
    queued.settings(needs_approval=False)
    with queued.ledger.store_for("sh-x").write("shop/refinery") as batch:
        batch.update(ready.id, {"status": "in_progress", "assignee": "refinery-1"})
    assert words(queued) == {ready.id: queue_words.MERGING, **blocked}


def test_what_waits_for_a_red_target_is_held_in_every_face(queued: Queued) -> None:
    queued.settings(gates={"check": {"cmd": "echo broken; exit 1"}})
    one = queued.hand_in({"a": "1\n"})
    queued.process(once=True)
    assert words(queued) == {one.id: queue_words.HELD}


@pytest.mark.parametrize("first", [0, 4])
def test_of_two_targets_the_one_that_is_held_is_told_whichever_batch_was_last(queued: Queued, first: int) -> None:
    lost = queued.hand_in({"a": "1"}, target="nowhere", priority=first)
    for name in ("b", "c"):
        good = queued.hand_in({name: "1"})
        queued.process()
        assert good.id in queued.merged()
        assert words(queued) == {lost.id: queue_words.HELD}
        assert (queued.state().phase, queued.state().target) == ("held", "nowhere")


@pytest.mark.parametrize(
    "wrong", [{"lanes": {"no such name!": ["a/"]}}, {"gates": {"a": {"cmd": "true", "needs": ["b"]}}}, "{junk"]
)
def test_settings_that_cannot_be_used_hold_the_queue_in_every_face(queued: Queued, wrong: dict[str, Any] | str) -> None:
    queued.gate()
    one = queued.hand_in({"a": "1"})
    path = settings_path(queued.root, "rig", "shop")
    if isinstance(wrong, str):
        with open(path, "w", encoding="utf-8") as out:
            out.write(wrong)
    else:
        queued.settings(**wrong)
    with pytest.raises(SettingsError):
        queued.process()
    assert words(queued) == {one.id: queue_words.HELD}
    place = Refinery(queued.root, "shop", policy=of_hours(queued.root, "shop"))
    held = held_targets(place, ["main"])["main"]
    state = queued.state()
    assert (
        (held.kind, held.reason) == (state.hold_kind, state.hold_reason)
        and held.kind == SETTINGS
        and path in held.reason
    )
    assert explain_queue(place, RefineryEngine(place).queue())[0].why[0] == (queue_words.HELD, f"main: {held.reason}")
    with merge_lock(place, "main"):
        assert not held_targets(place, ["main"]), "an engine at work goes by what it has read"
    with open(path, "w", encoding="utf-8") as out:
        out.write("{}")
    queued.process()
    assert queued.merged() == [one.id]


def test_a_queue_that_is_switched_off_is_held_with_what_switches_it_on_in_every_face(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    queued.settings(enabled=False)
    assert not queued.process(patient=True)
    assert words(queued) == {one.id: queue_words.HELD}
    place = Refinery(queued.root, "shop", policy=of_hours(queued.root, "shop"))
    held, state, view = held_targets(place, ["main"])["main"], queued.state(), collect(queued.root).refineries[0]
    assert (held.kind, held.reason) == (state.hold_kind, state.hold_reason) and held.kind == OFF
    assert "gt rig settings set shop merge_queue.enabled true" in held.reason
    assert view.is_held and view.is_by_choice and not view.is_frozen
    assert not [row for row in attention(collect(queued.root)) if row.kind == kinds.QUEUE], (
        "nobody is asked for what they did"
    )
    with merge_lock(place, "main"):
        assert not held_targets(place, ["main"]), "a merge by hand goes on"
    queued.settings(enabled=True)
    assert words_of_list(queued) == {one.id: queue_words.READY}
    queued.process(patient=True)
    assert queued.merged() == [one.id] and queued.state().phase == IDLE


def test_what_is_left_of_a_hold_when_the_queue_is_switched_on_or_thawed_is_told(queued: Queued) -> None:
    queued.settings(gates={"check": {"cmd": "echo broken; exit 1"}})
    one = queued.hand_in({"a": "1\n"})
    queued.process(once=True)
    place = Refinery(queued.root, "shop")
    freeze.freeze(place, "release", actor="overseer")
    queued.process()
    assert queued.state().hold_kind == FROZEN
    requests.dequeue(place, one.id, "later", actor="overseer")
    freeze.thaw(place, actor="overseer")
    queued.process()
    assert queued.state().hold_kind == RED_TARGET


def test_settings_whose_last_good_version_counts_in_the_daemon_hold_nothing(queued: Queued) -> None:
    one = queued.hand_in({"a": "1"})
    path = settings_path(queued.root, "rig", "shop")
    with open(path, "w", encoding="utf-8") as out:
        out.write("{junk")
    assert of_hours(queued.root, "shop").error
    os.makedirs(daemon_note.folder(queued.root), exist_ok=True)
    with FileLock(daemon_note.lock_path(queued.root), timeout_s=0.0, name_holder=True):
        write_json(daemon_note.state_path(queued.root), {"pid": os.getpid(), "kept_settings": [path]})
        policy = of_hours(queued.root, "shop")
        assert not policy.error and "last good" in policy.warnings[0]
        assert words(queued) == {one.id: queue_words.READY}
    assert of_hours(queued.root, "shop").error


def test_a_request_goes_with_what_resolves_its_conflict_and_stands_with_it(queued: Queued) -> None:
    queued.gate()
    one = queued.hand_in({"a": "1"})
    store = queued.ledger.store_for("sh-x")
    with store.write("overseer") as batch:
        task = batch.create({"title": "Resolve", "issue_type": "task", "status": "open"})
        bead = batch.get(one.id)
        assert bead is not None
        batch.update(one.id, {"metadata": with_facts(bead, conflict_task_id=task.id)})
        batch.add_edge(one.id, task.id, "blocks")
    assert words(queued) == {one.id: queue_words.BLOCKED}
    assert collect(queued.root).requests[0].has_conflict_task
    solved = queued.hand_in({"b": "1"}, source_issue=task.id)
    assert words(queued) == dict.fromkeys((one.id, solved.id), queue_words.READY)
    assert not any(view.has_conflict_task or view.blockers for view in collect(queued.root).requests)
    requests.dequeue(Refinery(queued.root, "shop"), solved.id, "later", actor="overseer")
    assert words(queued) == dict.fromkeys((one.id, solved.id), queue_words.BLOCKED)
    assert next(view for view in collect(queued.root).requests if view.id == one.id).blockers == (solved.id,)


def test_work_that_waits_for_other_work_is_blocked_in_every_face(queued: Queued) -> None:
    queued.gate()
    one = queued.hand_in({"a": "1"})
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        other = batch.create({"title": "First", "issue_type": "task"})
        batch.add_edge(one.source_issue, other.id, "blocks")
    assert words(queued) == {one.id: queue_words.BLOCKED}


def test_what_rests_before_another_try_is_blocked_in_every_face_until_then(queued: Queued) -> None:
    queued.gate()
    one, now = queued.hand_in({"a": "1"}), float(int(SYSTEM_CLOCK.now()))
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        bead = batch.get(one.id)
        assert bead is not None
        facts = with_facts(bead, not_before=format_micros(now + 600.0), put_off="nothing moved")
        batch.update(one.id, {"metadata": facts})
    assert words(queued) == {one.id: queue_words.BLOCKED}
    sources = Sources(queued.root)
    sources.look(now)
    before = reduce_recorded(sources.facts, now)
    assert before.requests[0].rests.endswith(": nothing moved") and before.requests[0].rests_until == now + 600.0
    assert reduce_recorded(sources.facts, now + 60.0, before).requests is before.requests
    assert reduce_recorded(sources.facts, now + 601.0, before).requests[0].word == queue_words.READY


def test_the_table_of_words_is_told_in_the_pages_words() -> None:
    with open("docs/merge-queue.md", encoding="utf-8") as handle:
        page = handle.read()
    assert all(f"| {word} | {means} |" in page for word, means in queue_words.MEANINGS.items())
    assert set(queue_words.OLDER.values()) <= set(queue_words.MEANINGS)
    assert queue_words.counted(["blocked", "ready", "blocked"]) == "1 ready, 2 blocked" and not queue_words.counted(())
