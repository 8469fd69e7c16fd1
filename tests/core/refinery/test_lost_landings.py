"""A target that is pushed back or rewritten: a person is told once which landed work it lacks, and what to do."""

from __future__ import annotations

from gastown_core.git.worktree import RESCUE
from gastown_core.messaging.escalation import open_escalations
from gastown_core.refinery import freeze
from gastown_core.refinery.place import Refinery
from tests.support.queued import Queued

MAIN = "refs/heads/main"


def land(queued: Queued, name: str) -> str:
    """Hand work in that writes a file, and let it land; the request."""
    made = queued.hand_in({name: "1\n"})
    queued.process()
    assert made.id in queued.merged()
    return made.id


def test_landings_that_a_push_took_from_the_target_are_told_once(queued: Queued) -> None:
    queued.gate()
    land(queued, "a")
    before = queued.tip()
    lost = [land(queued, "b"), land(queued, "c")]
    head = queued.tip()
    assert not open_escalations(queued.ledger)
    queued.origin.run("update-ref", MAIN, before)
    land(queued, "d")
    [alarm] = open_escalations(queued.ledger)
    assert alarm.title == "shop: 2 landed requests are no longer on main"
    said = queued.bead(alarm.id).text("description")
    assert all(one in said for one in lost) and "git cherry-pick" in said and "bd reopen" in said
    assert queued.bare.run("for-each-ref", "--format=%(objectname)", f"{RESCUE}/landed").split().count(head) == 1
    land(queued, "e")
    [again] = open_escalations(queued.ledger)
    assert again.times == alarm.times, "it is told once"


def test_the_alarm_ends_when_the_target_has_them_again(queued: Queued) -> None:
    queued.gate()
    before = queued.tip()
    land(queued, "b")
    head = queued.tip()
    queued.origin.run("update-ref", MAIN, before)
    queued.hand_in({"c": "1\n"})
    place = Refinery(queued.root, "shop")
    freeze.freeze(place, "a look at main", actor="overseer")
    queued.process()
    assert len(open_escalations(queued.ledger)) == 1
    queued.origin.run("update-ref", MAIN, head)
    freeze.thaw(place, actor="overseer")
    queued.process()
    assert not open_escalations(queued.ledger)


def test_a_rewritten_target_that_has_the_change_in_another_commit_lacks_nothing(queued: Queued) -> None:
    queued.gate()
    before = queued.tip()
    land(queued, "b")
    tree = queued.origin.run("rev-parse", "main^{tree}")
    made = queued.origin.run(
        "-c", "user.name=Ana", "-c", "user.email=a@b", "commit-tree", tree, "-p", before, "-m", "in other words"
    )
    queued.origin.run("update-ref", MAIN, made)
    land(queued, "c")
    assert not open_escalations(queued.ledger)
