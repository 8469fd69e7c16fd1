"""Why a batch is as it is: one sentence for its size, its begin, what it stands on and its order; and what is told of it where."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.model.refinery import from_json, subject_of, to_json
from gastown_core.refinery.decision import Scene, why_batch, why_none, with_subject
from gastown_core.refinery.engine import RefineryEngine
from gastown_core.refinery.explanation import Explanation, explain_batch, explain_queue, explain_request
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.planner import Rates
from gastown_core.refinery.records import recent
from tests.support.queued import Queued

FOUR = Scene(
    tuple("abcd"), 12, scores={"a": 1200.0, "b": 1100.0, "c": 1000.0, "d": 900.0}, rates=Rates(0.06, 0.01), places=4
)


@pytest.mark.parametrize(
    ("changes", "chosen", "words"),
    [
        ({}, "abcd", "size: all 4 that wait; a full batch has 12, the cheapest at a failure rate of 6 %"),
        ({}, "abcd", "begin: at once: no other batch is in flight"),
        ({}, "abcd", "order: by score: a 1200, b 1100, c 1000, d 900"),
        ({"size": 2}, "ab", "size: 2 of 4 that wait; a full batch has 2, the cheapest"),
        ({"size": 20}, "abcd", "a full batch has 20 (merge_queue.batch.max_batch_size)"),
        ({"size": 3, "floor": 3}, "abc", "a full batch has 3 (merge_queue.batch.min_batch_size)"),
        ({"merges_alone": frozenset("a")}, "a", "size: a asks to merge alone"),
        ({"places": 1}, "abcd", "begin: one batch at a time: the rig has one gate place"),
        ({"alone": "merging is frozen"}, "abcd", "begin: one batch at a time: merging is frozen"),
        ({"others": 2, "fresh": 1}, "abcd", "begin: beside the batch in the first run, since enough wait"),
        (
            {"others": 2, "fresh": 2, "by_lane": True, "is_apart": True},
            "ab",
            "begin: beside 2 batches in the first run, of other lanes",
        ),
        (
            {"others": 1, "fresh": 1, "by_lane": True},
            "ab",
            "begin: beside the batch in the first run, since enough wait",
        ),
        ({"others": 1}, "abcd", "begin: at once: the batch in flight is past the first run"),
        ({"on": "b-1", "below": 4}, "abcd", "chain: on the stack of b-1, which lands as it is tested 77 times of 100"),
        ({"is_cure": True}, "a", "order: the target is red: these may mend it, the least tried first"),
        ({}, "acb", "c before b: it hinders fewer others"),
        ({"needs": {"b": frozenset("c")}}, "acb", "c first, which b needs"),
        ({}, "acd", "b passed over: no merge with what is taken or tested"),
    ],
)
def test_each_decision_has_its_reason(changes: dict[str, object], chosen: str, words: str) -> None:
    told = why_batch(FOUR._replace(**changes), list(chosen))
    assert any(words in one for one in told), told
    assert [subject_of(one)[0] for one in told] in (["size", "begin", "order"], ["size", "chain", "order"])


def test_why_nothing_begins_and_a_sentence_takes_the_place_of_the_last_about_its_subject() -> None:
    assert why_none(0, 1, 12) == ""
    assert why_none(1, 2, 12).startswith("1 request waits, too few for a batch beside 2 batches in the first run")
    assert "when the target moves" in why_none(3, 0, 12)
    assert with_subject(("size: 1", "lane: web"), "lane", "core") == ("size: 1", "lane: core")
    assert with_subject(("size: 1",), "lane", "core") == ("size: 1", "lane: core")
    assert subject_of("no subject here: at all") == ("", "no subject here: at all")


def words_of(found: Explanation) -> dict[str, str]:
    return dict(found.why)


def test_a_rig_with_one_place_says_why_in_its_state_its_record_and_when_asked(queued: Queued) -> None:
    queued.gate()
    made = queued.hand_in_many(3)
    place, seen = Refinery(queued.root, "shop"), list[list[Explanation]]()

    def look(point: str) -> None:
        if point == "judged":
            queue = RefineryEngine(place).queue()
            request = queued.request(made[0].id)
            seen.append([*explain_queue(place, queue), explain_request(place, queue, request)])

    [result] = queued.process(at=look)
    [[queue, batch, request]] = seen
    assert queue.status == "3 merging" and words_of(queue)["begin"].startswith("one batch at a time: the rig has one")
    assert batch.about == result.id and words_of(batch)["size"].startswith("all 3 that wait")
    assert words_of(request)["size"] == words_of(batch)["size"] and result.id in words_of(request)["batch"]
    [record] = recent(place.path, 1)
    assert record.why == result.why and len(record.why) == 3
    ended = explain_batch(place, result.id)
    assert ended is not None and ended.status == "3 of 3 landed" and "order" in words_of(ended)
    assert explain_batch(place, "b-none") is None
    after = explain_request(place, RefineryEngine(place).queue(), queued.request(made[0].id))
    assert after.status == "merged" and "size" in words_of(after)
    assert from_json(to_json(queued.state())) == queued.state()


def test_what_keeps_a_request_is_told_as_the_list_tells_it(queued: Queued) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    made, other = queued.hand_in({"a": "1"}), queued.hand_in({"b": "1"})
    place = Refinery(queued.root, "shop")
    queue = RefineryEngine(place).queue()
    found = explain_request(place, queue, queued.request(made.id))
    assert found.status == "to approve" and "gt mq approve" in words_of(found)["why"]
    queued.settings(needs_approval=False, freeze=["mon 00:00-mon 23:59", "tue 00:00-sun 23:59"])
    place = Refinery(queued.root, "shop")
    queue = RefineryEngine(place).queue()
    found = explain_request(place, queue, queued.request(other.id))
    assert found.status == "held" and words_of(found)["held"].startswith("frozen")
    assert "place 2 of 2 for main" in words_of(found)["order"] or "place 1 of 2 for main" in words_of(found)["order"]
    assert words_of(explain_queue(place, queue)[0])["held"].startswith("main: frozen")


def test_a_second_batch_says_beside_what_it_begins_and_the_rest_why_it_waits(queued: Queued, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    gate = f"""echo x >> {runs}; tries=0
until test $(cat {runs} | wc -l) -ge 2; do sleep 0.05; tries=$((tries + 1)); test $tries -lt 1200 || exit 1; done"""
    queued.settings(gates={"check": {"cmd": gate}}, max_concurrent=2, batch={"max_batch_size": 1})
    queued.hand_in_many(3)
    seen = set[str]()
    path = os.path.join(queued.rig, ".runtime", "refinery", "state.json")

    def look(point: str) -> None:
        with open(path, encoding="utf-8") as handle:
            value = json.load(handle)
        seen.update(value["next"] and [value["next"]], *(one["why"] for one in value["flights"]))

    queued.process(at=look)
    assert any(one.startswith("begin: beside the batch in the first run") for one in seen), seen
    assert any(one.startswith("no gate place of the rig is free") for one in seen)
