from __future__ import annotations

import pytest

from gastown_core.errors import NotFoundError
from gastown_core.work.explain import explain
from gastown_core.work.request import SlingRequest
from gastown_core.work.scheduler import scheduler


def told(paper, bead=""):
    account = explain(paper.root, paper.ledger, bead, clock=paper.clock)
    return [(one.bead, one.state, one.text) for one in account.answers]


def test_who_goes_next_who_is_in_line_and_who_is_held(paper):
    busy = paper.file("busy", status="hooked", assignee="shop/polecats/opal")
    a, b, c = paper.file("a", priority=0), paper.file("b"), paper.file("c")
    d = paper.file("d", after=(a,))
    paper.convoy("C", busy, a, b, c, d)
    loose = paper.file("loose")
    paper.set("operational.polecat.max_per_town", "2")
    paper.change(busy, title="busy")
    found = told(paper)
    assert found[0] == (a, "next", "a free polecat of shop takes it at the next feeding")
    assert found[1] == (
        b,
        "in line",
        "2nd in line; the free polecat goes to the one before it; starts when 1 more is done",
    )
    assert found[2][:2] == (c, "in line") and "starts when 2 more are done" in found[2][2]
    rest = {bead: (state, text) for bead, state, text in found[3:]}
    assert rest[d] == ("held", f"waits for {a} (open)")
    assert rest[loose] == ("nobody", "ready, but in no open convoy and not queued: nobody dispatches it")
    assert "on the hook of shop/opal" in rest[busy][1]


def test_no_capacity_is_named_with_its_setting(paper):
    paper.set("operational.polecat.max_per_town", "1")
    paper.file(status="hooked", assignee="shop/polecats/opal")
    bead = paper.file()
    paper.convoy("C", bead)
    assert told(paper, bead) == [
        (
            bead,
            "in line",
            "1st in line; 1 of 1 polecats at work (operational.polecat.max_per_town); starts when 1 more is done",
        )
    ]


def test_one_bead_is_followed_to_the_root_of_its_wait(paper):
    a = paper.file("a")
    b = paper.file("b", rig="billing", after=(a,))
    c = paper.file("c", after=(b,))
    paper.convoy("C", a, b, c)
    answer = explain(paper.root, paper.ledger, c, clock=paper.clock).answers[0]
    assert (answer.state, answer.code) == ("held", "blocked")
    inner = answer.because[0]
    assert (inner.bead, inner.because[0].bead, inner.because[0].state) == (b, a, "next")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "deferred"}, "deferred without a date"),
        ({"status": "blocked", "labels": ["mountain:skipped"]}, "skipped by its mountain"),
        ({"status": "in_review", "assignee": "shop/polecats/opal"}, "in review, handed in by shop/opal"),
        ({"status": "in_review", "defer_until": "2099-01-01T00:00:00Z"}, "the refinery leaves it alone meanwhile"),
        ({"issue_type": "epic"}, "an epic is not handed to polecats"),
        ({"status": "hooked", "assignee": "shop/crew/ana"}, "on the hook of shop/crew/ana"),
    ],
    ids=str,
)
def test_the_exact_reason_is_told(paper, fields, words):
    bead = paper.file(**fields)
    paper.convoy("C", bead)
    assert words in told(paper, bead)[0][2]


def test_parked_rigs_paused_mountains_and_staged_convoys(paper):
    far = paper.file(rig="billing")
    paper.convoy("C", far)
    paper.park("billing")
    assert told(paper, far)[0][2] == "rig billing is parked"
    slow, later = paper.file(), paper.file()
    climb = paper.convoy("M", slow, labels=["mountain", "mountain:paused"])
    staged = paper.convoy("S", later, status="staged_ready")
    assert told(paper, slow)[0][1:] == ("held", f"its mountain {climb} is paused")
    assert told(paper, later)[0][1:] == ("held", f"its convoy {staged} is staged, not launched")


def test_the_queue_comes_before_the_line(paper):
    paper.set("scheduler.max_polecats", "1")
    queued, waiting = paper.file("q"), paper.file("w")
    paper.convoy("C", waiting)
    scheduler.enqueue(paper.root, paper.ledger, SlingRequest(queued), actor="mayor", clock=paper.clock)
    found = told(paper)
    assert found[0] == (queued, "next", "a free polecat of shop takes it at the next cycle")
    assert found[1][:2] == (waiting, "in line")
    scheduler.pause(paper.root, actor="overseer", clock=paper.clock)
    paper.clock.advance(125)
    assert [(bead, text) for bead, _, text in told(paper)] == [
        (queued, "1st in the queue; the scheduler was paused by overseer 2m ago"),
        (waiting, "2nd in line, but the scheduler was paused by overseer 2m ago"),
    ]


def test_a_queued_sling_that_fails_tells_the_last_failure_and_the_next_try(paper):
    paper.set("scheduler.max_polecats", "1")
    bead = paper.file()
    paper.convoy("C", bead)
    scheduler.enqueue(paper.root, paper.ledger, SlingRequest(bead), actor="mayor", clock=paper.clock)
    for _ in range(3):
        scheduler.cycle(paper.root, clock=paper.clock)
        paper.clock.advance(61)
    scheduler.cycle(paper.root, clock=paper.clock)
    text = told(paper, bead)[0][2]
    assert text.startswith("queued, but 4 tries failed (") and text.endswith("; next try in 120s")


def test_closed_work_tells_how_it_closed_and_unknown_work_is_an_error(paper):
    bead = paper.file()
    paper.close(bead)
    assert told(paper, bead) == [(bead, "over", "closed: Merged in sh-mr001")]
    with pytest.raises(NotFoundError):
        explain(paper.root, paper.ledger, "sh-zzzzz")


def test_a_member_of_a_new_convoy_is_told_when_it_goes_out(paper):
    paper.set("convoy.feed_grace", "30s")
    bead = paper.file()
    convoy = paper.convoy("C", bead)
    ((found, state, text),) = told(paper, bead)
    assert (found, state) == (bead, "held") and text.startswith("its convoy is new; dispatched in ")
    answer = explain(paper.root, paper.ledger, bead, clock=paper.clock).answers[0]
    assert (answer.convoy, answer.code) == (convoy, "fresh")
