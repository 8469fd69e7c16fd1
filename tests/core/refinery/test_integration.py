from __future__ import annotations

import os
import threading

import pytest

from gastown_core.errors import ConflictError
from gastown_core.messaging.escalation import open_beads
from gastown_core.refinery import integration
from gastown_core.refinery.freeze import freeze, thaw
from gastown_core.refinery.place import Refinery
from gastown_core.work.solved import settle_solved
from tests.support.patience import until
from tests.support.queued import Queued


def make_epic(queued: Queued, title: str = "Auth: log in!") -> str:
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        return batch.create({"title": title, "issue_type": "epic"}).id


def child_lands(queued: Queued, epic: str, branch: str, files: dict[str, str]) -> None:
    request = queued.hand_in(files, target=branch)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.add_edge(request.source_issue, epic, "parent-child")
    queued.process()
    assert queued.bead(request.source_issue).is_closed


def create(queued: Queued, epic: str, **how: str) -> str:
    return integration.create(Refinery(queued.root, "shop"), epic, actor="overseer", **how)[0]  # type: ignore[arg-type]


def land(queued: Queued, epic: str, at=None, **how: bool):
    return integration.land(Refinery(queued.root, "shop", at=at), epic, actor="overseer", **how)


def status(queued: Queued, epic: str) -> integration.Integration:
    return integration.status(Refinery(queued.root, "shop"), epic)


def test_an_epic_gathers_its_work_on_a_branch_and_lands_as_one_merge(queued: Queued) -> None:
    queued.gate()
    epic = make_epic(queued)
    branch = create(queued, epic)
    assert branch == "integration/auth-log-in" and queued.tip(branch) == queued.tip()
    assert "no commits that main lacks" in status(queued, epic).lacks
    child_lands(queued, epic, branch, {"a": "1"})
    assert queued.subjects() == [] and status(queued, epic).lacks == ""
    assert status(queued, epic).as_json()["ready_to_land"] is True
    assert land(queued, epic, dry_run=True)[1] == "" and queued.subjects() == []
    commit = land(queued, epic)[1]
    assert queued.tip() == commit and queued.bead(epic).is_closed
    assert queued.origin.run("log", "-1", "--format=%P", commit).count(" ") == 1
    assert not queued.origin.commit_of(f"refs/heads/{branch}") and "a" in queued.files()
    assert land(queued, epic)[1] == ""


def test_what_is_not_complete_does_not_land_unless_forced(queued: Queued) -> None:
    epic = make_epic(queued)
    branch = create(queued, epic)
    child_lands(queued, epic, branch, {"a": "1"})
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.create({"title": "More"}, parent=epic)
    with pytest.raises(ConflictError) as raised:
        land(queued, epic)
    assert "1 of 2 children are open" in raised.value.why
    assert land(queued, epic, force=True)[1]


def test_a_landing_that_is_not_green_or_conflicts_changes_nothing(queued: Queued) -> None:
    epic = make_epic(queued)
    branch = create(queued, epic)
    child_lands(queued, epic, branch, {"a": "1\n"})
    queued.gate("exit 1")
    with pytest.raises(ConflictError, match="not green"):
        land(queued, epic)
    theirs = queued.commit({"a": "2\n"}, "Theirs", git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", theirs)
    with pytest.raises(ConflictError, match="does not merge"):
        land(queued, epic, skip_tests=True)
    assert queued.tip() == theirs and not queued.leftovers()


def test_nothing_lands_while_merging_is_frozen_also_if_that_begins_during_the_gates(queued: Queued) -> None:
    queued.gate()
    epic = make_epic(queued)
    child_lands(queued, epic, create(queued, epic), {"a": "1"})
    place, before = Refinery(queued.root, "shop"), queued.tip()
    freeze(place, "release", actor="overseer")
    for how in ({}, {"force": True}, {"dry_run": True}):
        with pytest.raises(ConflictError, match="frozen by overseer until gt mq thaw: release"):
            land(queued, epic, **how)
    thaw(place, actor="overseer")
    began = os.path.join(os.path.dirname(queued.root), "began")
    queued.gate(
        f"touch {began}; tries=0; while test ! -e {began}.frozen; do sleep 0.05; tries=$((tries + 1)); test $tries -lt 1200; done"
    )
    said: list[BaseException] = []

    def try_it() -> None:
        try:
            land(queued, epic)
        except ConflictError as error:
            said.append(error)

    landing = threading.Thread(target=try_it)
    landing.start()
    until(lambda: os.path.exists(began), "the gate")
    freeze(place, "now", actor="overseer")
    open(f"{began}.frozen", "w").close()
    landing.join()
    assert "frozen" in str(said[0]) and queued.tip() == before and not queued.bead(epic).is_closed
    thaw(place, actor="overseer")
    queued.gate()
    assert land(queued, epic)[1] == queued.tip()


def test_a_landing_that_was_cut_off_is_finished_by_the_next(queued: Queued) -> None:
    epic = make_epic(queued)
    branch = create(queued, epic)
    child_lands(queued, epic, branch, {"a": "1"})

    def at(point: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        land(queued, epic, at=at)
    head = queued.tip()
    assert not queued.bead(epic).is_closed
    land(queued, epic)
    assert queued.tip() == head and queued.bead(epic).is_closed
    assert not queued.origin.commit_of(f"refs/heads/{branch}")


def test_a_name_that_is_taken_gets_the_epics_id(queued: Queued) -> None:
    first, second = make_epic(queued), make_epic(queued)
    create(queued, first)
    assert create(queued, second) == f"integration/auth-log-in-{second}"
    with pytest.raises(ConflictError, match="already"):
        create(queued, first)


def test_a_complete_epic_lands_by_itself_where_the_rig_wants_it(queued: Queued) -> None:
    queued.settings(integration_branch_auto_land=True)
    epic = make_epic(queued)
    branch = create(queued, epic)
    request = queued.hand_in({"a": "1"}, target=branch)
    with queued.ledger.store_for("sh-x").write("overseer") as batch:
        batch.add_edge(request.source_issue, epic, "parent-child")
    queued.process()
    assert queued.bead(epic).is_closed and "a" in queued.files()


def test_a_person_is_told_once_of_a_complete_epic_that_does_not_land_by_itself(queued: Queued) -> None:
    queued.gate()
    queued.settings(integration_branch_auto_land=True)
    epic = make_epic(queued)
    branch = create(queued, epic)
    queued.origin.run("update-ref", "refs/heads/main", queued.commit({"pair-b": "1"}, "Beside", git=queued.origin))
    child_lands(queued, epic, branch, {"pair-a": "1"})
    child_lands(queued, epic, branch, {"more": "1"})
    assert not queued.bead(epic).is_closed
    [told] = [one["payload"] for one in queued.events("escalation_sent")]
    assert epic in str(told) and "is not green: gate check" in str(told)
    settle_solved(queued.root, queued.ledger, actor="daemon")
    assert len(open_beads(queued.ledger)) == 1
    queued.gate("true")
    assert land(queued, epic)[1] == queued.tip()
    assert len(settle_solved(queued.root, queued.ledger, actor="daemon")) == 1
