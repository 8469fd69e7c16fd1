from __future__ import annotations

from gastown_core.work import retry_delay
from gastown_core.work.board import Board
from gastown_core.work.convoy import feeding
from gastown_core.work.convoys import add_to_convoy
from gastown_core.work.deferred import open_contexts
from gastown_core.work.workers import read_capacity


def plan(paper, **options):
    board = Board(paper.root, paper.ledger, paper.clock.now())
    return feeding.plan_feed(paper.root, paper.ledger, board, **options)


def line(paper, **options):
    return [one.bead for one in plan(paper, **options).line]


def feed(paper, **options):
    done = feeding.feed(paper.root, actor="daemon", clock=paper.clock, ledger=paper.ledger, **options)
    return [one.bead for one in done if one.ok]


def test_the_line_goes_by_urgency_then_age_and_the_rest_tells_why(paper):
    first, urgent = paper.file("first"), paper.file("urgent", priority=0)
    later = paper.file("later", after=(first,))
    convoy = paper.convoy("C", first, urgent, later)
    found = plan(paper)
    assert [one.bead for one in found.line] == [urgent, first]
    assert [(bead, owner, hold.code) for bead, owner, hold in found.held] == [(later, convoy, "blocked")]


def test_convoys_take_turns_and_the_one_that_runs_less_goes_first(paper):
    one = [paper.file(f"a{n}") for n in range(3)]
    two = [paper.file(f"b{n}", rig="billing") for n in range(3)]
    busy = paper.file("busy", status="hooked", assignee="shop/polecats/opal")
    paper.convoy("One", busy, *one)
    paper.convoy("Two", *two)
    assert line(paper) == [two[0], one[0], two[1], one[1], two[2], one[2]]


def test_an_old_convoy_goes_before_a_young_one(paper):
    old = paper.file("old")
    paper.convoy("Old", old)
    paper.clock.advance(3600 * 5)
    young = paper.file("young")
    paper.convoy("Young", young)
    assert line(paper) == [old, young]


def test_a_bead_of_two_convoys_goes_once(paper):
    bead, other = paper.file(), paper.file()
    paper.convoy("One", bead)
    paper.convoy("Two", bead, other)
    assert sorted(line(paper)) == sorted([bead, other])


def test_paused_and_staged_convoys_and_parked_rigs_are_not_fed(paper):
    paper.convoy("Paused", paper.file(), labels=["mountain", "mountain:paused"])
    paper.convoy("Staged", paper.file(), status="staged_ready")
    paper.convoy("Parked", paper.file(rig="billing"))
    paper.park("billing")
    good = paper.file()
    paper.convoy("Good", good)
    assert line(paper) == [good]


def test_feeding_fills_the_room_and_no_more(paper):
    paper.set("scheduler.max_polecats", "3")
    paper.convoy("C", *[paper.file(f"n{n}") for n in range(5)])
    paper.file(status="in_progress", assignee="shop/polecats/opal")
    assert len(feed(paper)) == 2
    # what waits in the queue has the room already
    assert feed(paper) == []
    assert len(open_contexts(paper.ledger)) == 2


def test_blocked_work_in_the_queue_takes_no_room(paper):
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.scheduler.scheduler import enqueue

    paper.set("scheduler.max_polecats", "1")
    first = paper.file("first", status="hooked", assignee="mayor")
    enqueue(paper.root, paper.ledger, SlingRequest(paper.file(after=(first,))), actor="x", clock=paper.clock)
    bead = paper.file("free")
    paper.convoy("C", bead)
    assert feed(paper) == [bead]


def test_launching_queues_everything_that_is_ready(paper):
    paper.set("scheduler.max_polecats", "1")
    beads = [paper.file(f"n{n}") for n in range(3)]
    paper.convoy("C", *beads)
    assert sorted(feed(paper, everything=True)) == sorted(beads)


def test_a_failed_dispatch_is_not_tried_again_at_once(paper):
    """There is no repository on paper: every sling fails."""
    bead = paper.file()
    paper.convoy("C", bead)
    done = feeding.feed(paper.root, actor="daemon", clock=paper.clock)
    assert [(one.bead, one.ok) for one in done] == [(bead, False)]
    assert feeding.feed(paper.root, actor="daemon", clock=paper.clock) == []
    hold = Board(paper.root, paper.ledger, paper.clock.now()).hold(bead)
    assert hold is not None and hold.code == "cooling" and "the last try failed" in hold.text
    paper.clock.advance(17)
    assert line(paper) == [bead]
    assert retry_delay.note(paper.root, bead, "again", paper.clock.now()) == 30.0


def test_the_third_failure_is_escalated_once(paper):
    bead = paper.file()
    paper.convoy("C", bead)
    for _ in range(5):
        feeding.feed(paper.root, actor="daemon", clock=paper.clock)
        paper.clock.advance(600)
    assert paper.mail() == [("deacon/", f"[MEDIUM] {bead} could not be started 3 times")]
    assert len(paper.events("escalation_sent")) == 1


def test_a_second_feeder_leaves_it_to_the_first(paper):
    import os

    from gastown_core.files.locks import FileLock

    paper.set("scheduler.max_polecats", "1")
    paper.convoy("C", paper.file())
    with FileLock(os.path.join(paper.root, ".runtime", "feed.lock")):
        assert feed(paper) == []
    assert len(feed(paper)) == 1


def test_capacity_counts_hooks_fresh_slings_and_live_sessions_that_hold_work(paper):
    from gastown_core.model.address import parse_address
    from gastown_core.town.agent_beads import put_agent_bead

    def agent(name, **fields):
        put_agent_bead(paper.ledger, parse_address(f"shop/polecats/{name}"), "sh", **fields)

    paper.file(status="hooked", assignee="shop/polecats/opal")
    paper.file(status="hooked", assignee="shop/opal")
    paper.file(status="hooked", assignee="shop/crew/ana")
    paper.file(status="in_review", assignee="shop/polecats/jade")
    agent("ruby", agent_state="spawning", hook_bead=paper.file())
    agent("topaz", agent_state="spawning", hook_bead="sh-ccccc")
    agent("onyx", agent_state="working", hook_bead="sh-bbbbb")
    agent("pearl", agent_state="idle", hook_bead="")

    def count(**options):
        return read_capacity(paper.root, paper.ledger, clock=paper.clock, **options)

    assert count().workers == ("shop/polecats/opal", "shop/polecats/ruby")
    assert count(live=frozenset(["sh-onyx", "sh-pearl"])).working == 3
    paper.clock.advance(3600)
    found = count()
    assert (found.working, found.limit, found.room, found.per_rig) == (1, 25, 24, {"shop": 1})
    paper.set("scheduler.max_polecats", "1")
    assert count().refusal() == "1 of 1 polecats at work (scheduler.max_polecats)"


def test_members_of_a_new_convoy_are_left_to_the_person_for_a_while(paper):
    paper.set("convoy.feed_grace", "30s")
    first, later = paper.file("first"), paper.file("later")
    done = paper.file("done")
    freed = paper.file("freed", after=(done,))
    paper.close(done)
    convoy = paper.convoy("C", first, freed)
    paper.clock.advance(5)

    def line() -> list[str]:
        plan = feeding.plan_feed(paper.root, paper.ledger, Board(paper.root, paper.ledger, paper.clock.now()))
        return [one.bead for one in plan.line]

    assert line() == [freed], "what others had to finish first goes at once"
    plan = feeding.plan_feed(paper.root, paper.ledger, Board(paper.root, paper.ledger, paper.clock.now()))
    assert [(bead, hold.code, hold.text) for bead, _, hold in plan.held] == [
        (first, "fresh", "its convoy is new; dispatched in 25 s")
    ]
    paper.clock.advance(26)
    assert set(line()) == {first, freed}
    add_to_convoy(paper.root, paper.ledger, convoy, [later], actor="ana", clock=paper.clock)
    assert line() == [freed], "an addition begins the while anew"
    only = feeding.plan_feed(
        paper.root, paper.ledger, Board(paper.root, paper.ledger, paper.clock.now()), only=(convoy,)
    )
    assert len(only.line) == 3, "a launch or a refresh does not wait"
