"""Who hands in themselves, without an agent's name, is told when it comes back."""

from __future__ import annotations

import pytest

from gastown_core.messaging.mailbox import inbox
from gastown_core.refinery import failure, recovery
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import reject
from tests.support.queued import Queued


def subjects(queued: Queued) -> list[str]:
    return [one.subject for one in inbox(queued.ledger.store_for("hq-x"), "overseer")]


def test_a_person_is_told_of_work_that_is_red_does_not_merge_or_was_rejected_by_another(queued: Queued) -> None:
    queued.gate()
    red = queued.hand_in({"bad1": "1"}, worker="")
    queued.process()
    assert subjects(queued) == [f"{red.source_issue} was not merged and is open again"]
    queued.hand_in({"shared": "1"})
    queued.process()
    clash = queued.hand_in({"shared": "2"}, worker="")
    queued.process()
    assert f"{clash.source_issue} does not merge" in subjects(queued)
    turned_down = queued.hand_in({"other": "1"}, worker="")
    reject(Refinery(queued.root, "shop"), turned_down.id, "not wanted", actor="mayor/")
    assert f"{turned_down.source_issue} was rejected and is open again" in subjects(queued)
    assert len(subjects(queued)) == 3


def test_nobody_is_told_twice_a_worker_has_ways_of_its_own_and_who_rejects_knows(queued: Queued) -> None:
    queued.gate()
    queued.hand_in({"bad1": "1"})
    queued.process()
    mine = queued.hand_in({"other": "1"}, worker="")
    reject(Refinery(queued.root, "shop"), mine.id, "not wanted", actor="overseer")
    assert subjects(queued) == []


@pytest.mark.parametrize("told", (False, True))
def test_a_person_is_told_once_where_a_kill_comes_before_or_after_the_mail(
    queued: Queued, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    queued.gate()
    red = queued.hand_in({"bad1": "1"}, worker="")
    tells = failure.tell_person

    def dies(*how: object) -> None:
        if told:
            tells(*how)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(failure, "tell_person", dies)
        with pytest.raises(KeyboardInterrupt):
            queued.process()
    assert len(subjects(queued)) == told
    monkeypatch.setattr(recovery, "lives", lambda *_: False)
    for _ in range(2):
        queued.process()
        assert subjects(queued) == [f"{red.source_issue} was not merged and is open again"]
        assert len(queued.events("merge_failed")) == 1
