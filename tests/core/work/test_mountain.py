from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.work.convoy.landing import check_convoys
from gastown_core.work.mountain import mountain
from gastown_core.work.mountain.audit import read_notes


def audit(paper):
    return mountain.audit(paper.root, clock=paper.clock)


def subjects(paper):
    return sorted(paper.mail())


@pytest.fixture
def climb(paper):
    """A mountain a → b beside c, owned by shop/ana; slings queue, so that nothing is started."""
    a = paper.file("a")
    b, c = paper.file("b", after=(a,)), paper.file("c")
    paper.convoy_id = paper.convoy("Climb", a, b, c, owner="shop/crew/ana", labels=["mountain"])
    return a, b, c


def hook(paper, *beads):
    for bead in beads:
        paper.change(bead, status="hooked", assignee="mayor")


def test_an_epic_becomes_a_mountain_and_sets_out(paper):
    paper.set("scheduler.max_polecats", "5")
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    two = paper.file("two", parent=epic, after=(one,))
    staged, launched = mountain.start(paper.root, paper.ledger, epic, actor="overseer", clock=paper.clock)
    convoy = paper.bead(staged.convoy)
    assert (convoy.title, convoy.status, convoy.labels) == ("Mountain: Auth", "open", ("mountain",))
    assert [done.bead for done in launched.started] == [one]
    view = mountain.look(paper.root, paper.ledger, convoy.id, clock=paper.clock)
    assert [(one.id, one.group, one.wave) for one in view.members] == [(one, "blocked", 1), (two, "blocked", 2)]
    assert [found.id for found in mountain.list_mountains(paper.ledger)] == [convoy.id]


def test_an_open_convoy_becomes_one_as_it_is(paper):
    paper.set("scheduler.max_polecats", "5")
    convoy = paper.convoy("Plain", paper.file())
    _, launched = mountain.start(paper.root, paper.ledger, convoy, actor="overseer", clock=paper.clock)
    assert launched.convoy == convoy and "mountain" in paper.bead(convoy).labels


def test_warnings_leave_it_staged(paper):
    epic = paper.file("Auth", issue_type="epic")
    one = paper.file("one", parent=epic)
    paper.file("two", parent=epic, after=(one,))
    paper.file("loose", parent=epic)
    staged, launched = mountain.start(paper.root, paper.ledger, epic, actor="x", clock=paper.clock)
    assert (staged.plan.status, launched, paper.bead(staged.convoy).status) == (
        "staged_warnings",
        None,
        "staged_warnings",
    )


def test_a_stall_is_told_once_and_again_after_it_got_on(paper, climb):
    a, b, c = climb
    hook(paper, a, c)
    assert audit(paper) == []
    paper.clock.advance(14 * 60)
    assert audit(paper) == []
    paper.clock.advance(2 * 60)
    assert audit(paper) == [f"{paper.convoy_id} has stalled"]
    paper.clock.advance(3600)
    assert audit(paper) == []
    assert subjects(paper) == [("mayor/", "⛰ Mountain stalled: Climb"), ("shop/ana", "⛰ Mountain stalled: Climb")]
    told = paper.events("convoy_stalled")
    assert [(event["payload"]["done"], event["payload"]["total"]) for event in told] == [(0, 3)]
    paper.close(c)
    assert audit(paper) == []
    assert read_notes(paper.root)[paper.convoy_id]["stalled_at"] is None
    paper.clock.advance(16 * 60)
    assert audit(paper) == [f"{paper.convoy_id} has stalled"]
    assert len(paper.events("convoy_stalled")) == 2


def test_what_is_ready_is_fed_before_anybody_is_alarmed(paper, climb):
    a, b, c = climb
    audit(paper)
    paper.set("scheduler.max_polecats", "5")
    paper.clock.advance(16 * 60)
    told = audit(paper)
    assert len(told) == 1 and "stood still: queued" in told[0]
    assert paper.mail() == [] and paper.events("convoy_stalled") == []
    paper.clock.advance(16 * 60)
    assert audit(paper) == [f"{paper.convoy_id} has stalled"]


def test_handing_in_counts_as_getting_on_and_coming_back_does_not(paper, climb):
    a, _, c = climb
    hook(paper, a, c)
    audit(paper)
    paper.clock.advance(14 * 60)
    paper.change(a, status="in_review")
    audit(paper)
    paper.clock.advance(14 * 60)
    assert audit(paper) == []
    paper.change(a, status="hooked", assignee="mayor")
    audit(paper)
    paper.change(a, status="in_review")
    paper.clock.advance(2 * 60)
    assert audit(paper) == [f"{paper.convoy_id} has stalled"]


def test_a_paused_mountain_is_neither_fed_nor_alarming(paper, climb):
    audit(paper)
    assert mountain.pause(paper.root, paper.ledger, "", actor="overseer", clock=paper.clock)
    assert not mountain.pause(paper.root, paper.ledger, "", actor="overseer", clock=paper.clock)
    paper.set("scheduler.max_polecats", "5")
    paper.clock.advance(3600)
    assert audit(paper) == [] and paper.mail() == []
    was, landed, launched = mountain.resume(paper.root, paper.ledger, "", actor="overseer", clock=paper.clock)
    assert (was, landed, len(launched.started)) == (True, False, 2)
    # the clock starts anew
    assert audit(paper) == []


def test_skips_let_the_rest_go_on_and_end_in_one_letter(paper, climb):
    a, b, c = climb
    for _ in range(3):
        mountain.count_failure(paper.root, paper.ledger, a, "opal died", clock=paper.clock)
    view = mountain.look(paper.root, paper.ledger, paper.convoy_id, clock=paper.clock)
    assert [(one.id, one.group, one.by_skip) for one in view.members] == [
        (a, "skipped", False),
        (b, "blocked", True),
        (c, "ready", False),
    ]
    assert audit(paper) == []
    paper.close(c)
    assert audit(paper) == [f"{paper.convoy_id} is complete with 1 skipped"]
    paper.clock.advance(3600)
    assert audit(paper) == []
    assert subjects(paper) == [
        ("mayor/", "⛰ Mountain complete with skips: Climb"),
        ("shop/ana", "⛰ Mountain complete with skips: Climb"),
    ]
    assert paper.bead(paper.convoy_id).status == "open"


def test_descoping_and_resuming_completes_it(paper, climb):
    a, b, c = climb
    for _ in range(3):
        mountain.count_failure(paper.root, paper.ledger, a, "red", clock=paper.clock)
    paper.close(c)
    mountain.pause(paper.root, paper.ledger, "", actor="x", clock=paper.clock)
    for bead in (a, b):
        paper.close(bead, "not wanted any more")
    was, landed, _ = mountain.resume(paper.root, paper.ledger, "", actor="x", clock=paper.clock)
    assert (was, landed, paper.bead(paper.convoy_id).status) == (True, True, "closed")
    assert audit(paper) == []
    assert read_notes(paper.root) == {}


def test_a_mountain_with_skips_does_not_close_by_itself(paper, climb):
    a, b, c = climb
    for _ in range(3):
        mountain.count_failure(paper.root, paper.ledger, c, "red", clock=paper.clock)
    paper.close(a)
    paper.close(b)
    assert check_convoys(paper.root, paper.ledger, actor="daemon", clock=paper.clock) == []


def test_cancelled_it_is_a_plain_convoy(paper, climb):
    audit(paper)
    assert mountain.cancel(paper.root, paper.ledger, "", actor="x", clock=paper.clock)
    assert paper.bead(paper.convoy_id).labels == ()
    with pytest.raises(NotFoundError, match="no mountain"):
        mountain.pause(paper.root, paper.ledger, "", actor="x")
    with pytest.raises(NotFoundError, match="is not a mountain"):
        mountain.pause(paper.root, paper.ledger, paper.convoy_id, actor="x")


def test_which_of_two_is_asked(paper, climb):
    paper.convoy("Other", labels=["mountain"])
    with pytest.raises(ConflictError, match="which mountain"):
        mountain.pause(paper.root, paper.ledger, "", actor="x")


def test_new_commits_are_progress(rigged, without_tmux):
    from gastown_core.clock import FixedClock
    from gastown_core.git.repo import Git
    from gastown_core.work.convoys import create_convoy
    from tests.support.repos import PERSON, commit_files

    clock = FixedClock(1_795_262_671.0)
    bead = rigged.file("Long")
    create_convoy(rigged.root, rigged.ledger, "Climb", [bead.id], owner="overseer", labels=["mountain"])
    tree = Git(rigged.sling(bead.id).result.worktree, identity=PERSON)
    mountain.audit(rigged.root, clock=clock)
    clock.advance(14 * 60)
    commit_files(tree, {os.path.join("src", "a.py"): "pass\n"}, "half")
    assert mountain.audit(rigged.root, clock=clock) == []
    clock.advance(14 * 60)
    assert mountain.audit(rigged.root, clock=clock) == []
    clock.advance(2 * 60)
    assert len(mountain.audit(rigged.root, clock=clock)) == 1
