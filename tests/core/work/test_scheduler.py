from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.files.locks import FileLock
from gastown_core.town.settings import set_setting
from gastown_core.work.board import Board
from gastown_core.work.deferred import LABEL, open_contexts, read_context
from gastown_core.work.request import SlingRequest
from gastown_core.work.scheduler import scheduler
from gastown_core.work.scheduler.dispatch import Dispatched
from gastown_core.work.scheduler.scheduler import clear, read_report


def enqueue(town, bead_id, target="", **wishes):
    request = SlingRequest(bead_id, target, **{"session": False, **wishes})
    options = {"clock": town.clock} if hasattr(town, "clock") else {}
    return scheduler.enqueue(town.root, town.ledger, request, actor="mayor", **options)


def cycle(town, **options):
    clock = {"clock": town.clock} if hasattr(town, "clock") else {}
    return scheduler.cycle(town.root, **clock, **options)


def beads_of(done):
    return [one.bead for one in done.dispatched]


# -- enqueue -------------------------------------------------------------------------------------------------


def test_an_order_is_kept_whole_and_the_work_stays_untouched(paper):
    bead = paper.file("Fix login")
    before = paper.bead(bead).raw
    made = enqueue(paper, bead, "shop", args="keep the API", variables=("a=1", "b=2"), merge="direct", agent="cursor")
    assert (made.is_new, made.rig) == (True, "shop")
    found = open_contexts(paper.ledger)
    assert [one.context.bead for one in found] == [bead]
    context = found[0].context
    assert (context.enqueued_by, context.failures) == ("mayor", 0)
    request = context.request
    assert (request.args, request.variables, request.merge, request.agent) == (
        "keep the API",
        ("a=1", "b=2"),
        "direct",
        "cursor",
    )
    assert found[0].bead.is_ephemeral and found[0].bead.title == "sling-context: Fix login"
    assert paper.bead(bead).raw == before
    # a convoy tracks it, and the event tells of it
    assert paper.bead(made.convoy).title == "Work: Fix login"
    assert paper.events("scheduler_enqueue")[0]["payload"]["bead"] == bead


def test_a_bead_waits_once(paper):
    bead = paper.file()
    first = enqueue(paper, bead)
    again = enqueue(paper, bead, "shop")
    assert (again.context, again.is_new) == (first.context, False)
    assert len(open_contexts(paper.ledger)) == 1
    assert len(paper.events("scheduler_enqueue")) == 1


@pytest.mark.parametrize(
    ("fields", "target", "error"),
    [
        ({}, "shop/opal", UsageError),
        ({}, "mayor", UsageError),
        ({}, "nowhere", UsageError),
        ({}, "billing", ConflictError),
        ({"rig": "town"}, "", UsageError),
        ({"status": "in_review"}, "shop", ConflictError),
        ({"status": "hooked", "assignee": "shop/polecats/opal"}, "shop", ConflictError),
        ({"status": "deferred"}, "shop", ConflictError),
    ],
    ids=str,
)
def test_what_cannot_be_queued_leaves_nothing(paper, fields, target, error):
    bead = paper.file(**fields)
    with pytest.raises(error):
        enqueue(paper, bead, target)
    assert open_contexts(paper.ledger) == [] and paper.events("convoy_created") == []


def test_closed_work_and_unknown_work(paper):
    bead = paper.file()
    paper.close(bead)
    with pytest.raises(ConflictError, match="closed"):
        enqueue(paper, bead, force=True)
    with pytest.raises(NotFoundError):
        enqueue(paper, "sh-zzzzz")


def test_orders_of_the_go_tools_are_read(paper):
    bead = paper.file()
    order = f'{{"version":1,"work_bead_id":"{bead}","target_rig":"shop","vars":"a=1\\nb=2","dispatch_failures":1}}'
    context = paper.bead(paper.file("sling-context: x", description=order, labels=[LABEL]))
    found = read_context(context)
    assert found is not None
    assert (found.bead, found.rig, found.failures, found.request.variables) == (bead, "shop", 1, ("a=1", "b=2"))
    assert read_context(paper.bead(paper.file("x", description="{broken", labels=[LABEL]))) is None


# -- cycle ---------------------------------------------------------------------------------------------------


def test_two_polecats_and_five_beads_go_out_two_two_one(rigged, without_tmux):
    set_setting(rigged.root, "scheduler.max_polecats", "2")
    set_setting(rigged.root, "scheduler.batch_size", "5")
    beads = [rigged.file(f"n{n}").id for n in range(5)]
    for bead in beads:
        enqueue(rigged, bead)
    given = []
    for _ in range(3):
        done = cycle(rigged)
        given.append(beads_of(done))
        assert cycle(rigged).reason in ("capacity", "none")
        for bead in beads_of(done):
            with rigged.ledger.store_for(bead).write("x") as batch:
                batch.close(bead, "Merged in sh-mr", force=True)
    assert given == [beads[:2], beads[2:4], beads[4:]]
    assert [event["payload"]["bead"] for event in rigged.events("scheduler_dispatch")] == beads
    assert scheduler.read_state(rigged.root).last_dispatch_count == 1
    assert open_contexts(rigged.ledger) == []


def test_a_queue_left_over_is_drained_by_a_town_that_slings_directly(rigged, without_tmux):
    set_setting(rigged.root, "scheduler.max_polecats", "1")
    beads = [rigged.file(f"n{n}").id for n in range(2)]
    for bead in beads:
        enqueue(rigged, bead)
    set_setting(rigged.root, "scheduler.max_polecats", "-1")
    assert read_report(rigged.root, rigged.ledger).as_json()["mode"] == "draining"
    assert beads_of(cycle(rigged)) == beads


def test_a_pause_between_two_spawns_stops_the_second(rigged, without_tmux):
    set_setting(rigged.root, "scheduler.max_polecats", "5")
    set_setting(rigged.root, "scheduler.spawn_delay", "2s")
    beads = [rigged.file(f"n{n}").id for n in range(3)]
    for bead in beads:
        enqueue(rigged, bead)
    waits = []

    def pause(seconds):
        waits.append(seconds)
        scheduler.pause(rigged.root, actor="overseer")

    done = cycle(rigged, batch=3, sleep=pause)
    assert (beads_of(done), done.reason, waits) == (beads[:1], "paused", [2.0])
    assert cycle(rigged).reason == "paused"


def test_a_sling_that_fails_rests_longer_each_time_alarms_once_and_is_never_given_up(paper):
    """On paper there is no repository, so every sling fails."""
    paper.set("scheduler.max_polecats", "5")
    bead = paper.file()
    enqueue(paper, bead)
    for failures, rest_s in ((1, 15), (2, 30), (3, 60), (4, 120), (5, 240)):
        assert [one.bead for one in cycle(paper).failed] == [bead]
        assert cycle(paper).failed == (), "it is tried again at once"
        hold = Board(paper.root, paper.ledger, paper.clock.now()).hold(bead, queued=True)
        assert hold is not None and hold.code == "cooling"
        assert f"{failures} tries failed" in hold.text or failures == 1
        assert [one.context.failures for one in open_contexts(paper.ledger)] == [failures]
        paper.clock.advance(rest_s - 2)
        assert cycle(paper).failed == (), "it did not rest long enough"
        paper.clock.advance(4)
    assert read_report(paper.root, paper.ledger, clock=paper.clock).failing == (bead,)
    assert [one["payload"]["target"] for one in paper.events("escalation_sent")] == [bead]
    assert paper.events("scheduler_gave_up") == []
    # hours later it is still wanted, and tried every half hour at the most
    paper.clock.advance(1900)
    assert [one.bead for one in cycle(paper).failed] == [bead]


def test_what_goes_at_last_settles_its_alarm(paper, monkeypatch):
    paper.set("scheduler.max_polecats", "5")
    bead = paper.file()
    enqueue(paper, bead)
    for _ in range(3):
        cycle(paper)
        paper.clock.advance(100)
    works = Dispatched(bead, "shop", True, agent="shop/polecats/opal")
    monkeypatch.setattr(scheduler, "sling_now", lambda *_, **__: works)
    assert beads_of(cycle(paper)) == [bead]
    assert len(paper.events("escalation_closed")) == 1
    assert read_report(paper.root, paper.ledger, clock=paper.clock).failing == ()


@pytest.mark.parametrize("act", ["clear", "enqueue"])
def test_a_person_may_have_it_tried_at_once(paper, act):
    paper.set("scheduler.max_polecats", "5")
    bead = paper.file()
    enqueue(paper, bead)
    cycle(paper)
    assert clear(paper.root, paper.ledger, bead, actor="x") == [bead]
    if act == "enqueue":
        assert enqueue(paper, bead).is_new
        assert [one.bead for one in cycle(paper).failed] == [bead]
    else:
        assert Board(paper.root, paper.ledger, paper.clock.now()).is_ready(bead)


def test_void_orders_are_taken_out_with_their_reason(paper):
    paper.set("scheduler.max_polecats", "5")
    closed, hooked = paper.file(), paper.file()
    enqueue(paper, closed)
    enqueue(paper, hooked)
    paper.close(closed)
    paper.change(hooked, status="hooked", assignee="shop/polecats/opal")
    junk = paper.file("sling-context: junk", description="{", labels=[LABEL], ephemeral=True)
    seen = cycle(paper, dry_run=True)
    assert sorted(reason for _, reason in seen.cleaned) == ["invalid-context", "stale-work-bead", "stale-work-bead"]
    assert len(open_contexts(paper.ledger)) == 3
    cycle(paper)
    assert open_contexts(paper.ledger) == []
    assert paper.bead(junk).text("close_reason") == "invalid-context"


def test_blocked_work_waits_in_the_queue_and_says_why(paper):
    paper.set("scheduler.max_polecats", "5")
    first = paper.file()
    bead = paper.file(after=(first,))
    enqueue(paper, bead)
    assert cycle(paper).reason == "none"
    told = read_report(paper.root, paper.ledger, clock=paper.clock).as_json()
    assert (told["queued_total"], told["queued_ready"], told["beads"][0]["blocked"]) == (1, 0, True)
    assert told["beads"][0]["held"] == f"waits for {first} (open)"


def test_a_bead_counts_as_queued_as_long_as_its_order_is_open(paper):
    paper.set("scheduler.max_polecats", "5")
    bead = paper.file()
    enqueue(paper, bead)
    paper.clock.advance(31 * 60)
    hold = Board(paper.root, paper.ledger, paper.clock.now()).hold(bead)
    assert hold is not None and hold.code == "queued"


def test_only_one_cycle_at_a_time(paper):
    with FileLock(os.path.join(paper.root, ".runtime", "scheduler-dispatch.lock")):
        assert cycle(paper).reason == "locked"


def test_many_at_once_queue_a_bead_once(paper):
    from concurrent.futures import ThreadPoolExecutor

    bead = paper.file()
    paper.convoy("C", bead)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: enqueue(paper, bead), range(6)))
    assert sum(one.is_new for one in made) == 1
    assert len(open_contexts(paper.ledger)) == 1


def test_pause_and_resume_keep_the_first_word(paper):
    assert scheduler.pause(paper.root, actor="mayor", clock=paper.clock)
    assert not scheduler.pause(paper.root, actor="overseer", clock=paper.clock)
    assert scheduler.read_state(paper.root).paused_by == "mayor"
    assert scheduler.resume(paper.root, actor="overseer") and not scheduler.resume(paper.root, actor="overseer")
    assert [event["type"] for event in paper.events()] == ["scheduler_paused", "scheduler_resumed"]


def test_a_state_file_of_junk_counts_as_none(paper):
    with open(scheduler.state_path(paper.root), "w") as handle:
        handle.write("[")
    assert scheduler.read_state(paper.root) == scheduler.SchedulerState()


def test_the_queue_is_cleared_and_the_work_stays(paper):
    paper.set("scheduler.max_polecats", "5")
    beads = [paper.file(), paper.file()]
    for bead in beads:
        paper.clock.advance(1)
        enqueue(paper, bead)
    assert clear(paper.root, paper.ledger, actor="x", dry_run=True) == beads
    assert clear(paper.root, paper.ledger, beads[0], actor="x") == beads[:1]
    assert clear(paper.root, paper.ledger, actor="x") == beads[1:]
    assert [paper.bead(bead).status for bead in beads] == ["open", "open"]
