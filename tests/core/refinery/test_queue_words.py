"""Every face says with the same words where a request stands: the queue, ``gt mq explain``, and the snapshot of the live model."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, format_micros
from gastown_core.model import queue_words
from gastown_core.model.merge_request import with_facts
from gastown_core.refinery import freeze, hold, requests
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.explanation import explain_queue, explain_request
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.policy import load_policy
from gastown_core.state.collect import Sources, collect
from gastown_core.state.reduce import reduce_recorded
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]


def words(town: Queued) -> dict[str, str]:
    """Request → its word, once the three faces agree on it."""
    place = Refinery(town.root, "shop", policy=load_policy(town.root, "shop"))
    queue = RefineryEngine(place).queue()
    frozen = freeze.frozen(place)
    holds = {one.target: frozen.reason for one in queue.ready} if frozen is not None else {}
    found = {one.target: hold.read_hold(place, one.target) for one in queue.ready}
    holds |= {target: kept.reason for target, kept in found.items() if kept is not None and target not in holds}
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
