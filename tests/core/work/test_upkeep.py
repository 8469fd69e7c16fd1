from __future__ import annotations

import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.files.locks import FileLock
from gastown_core.model.address import parse_address
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.hook_record import never_started, record_hook
from gastown_core.town.identity import HUMAN
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.town.polecat_pool import drop_void_reservations
from gastown_core.work import death_count
from gastown_core.work.convoy.refresh import refresh
from gastown_core.work.failure_count import SKIPPED, count_failure, failures_of, retry
from gastown_core.work.hook.unsling import put_on_hook
from gastown_core.work.scheduler.reclaim import release_dead, settle_records
from tests.support.tmux import kill_session, needs_tmux, until


def hold(paper, name="opal", bead="", **fields):
    """A bead on the hook of a polecat whose record says so."""
    bead = bead or paper.file(status="hooked", assignee=f"shop/polecats/{name}")
    record = {"agent_state": "working", "hook_bead": bead, "hook_state": "active", **fields}
    put_agent_bead(paper.ledger, parse_address(f"shop/polecats/{name}"), "sh", **record)
    return bead


def release(paper, live=frozenset(), **options):
    return release_dead(paper.root, paper.ledger, clock=paper.clock, live=live, **options)


def test_what_a_dead_worker_holds_is_ready_again(paper):
    bead = hold(paper)
    paper.convoy("C", bead)
    assert release(paper, frozenset(["sh-opal"])) == []
    assert release(paper, None) == []
    assert release(paper) == [bead]
    found = paper.bead(bead)
    assert (found.status, found.assignee) == ("open", "")
    assert found.raw["metadata"]["dispatch"]["worker"] == "shop/polecats/opal"
    assert paper.bead("sh-shop-polecat-opal").fields["hook_state"] == "suspended"
    assert death_count.count_of(paper.root, bead) == 1
    assert paper.events("work_released")[0]["payload"]["bead"] == bead
    assert release(paper) == []


def test_work_outside_convoys_is_released_only_when_it_is_named(paper):
    bead = hold(paper)
    assert release(paper) == []
    assert release(paper, bead_ids=[bead]) == [bead]


def test_a_session_that_is_just_restarting_is_not_dead(paper, monkeypatch):
    from gastown_core.work.scheduler import reclaim

    looks = [frozenset(), frozenset(["sh-opal"])]
    monkeypatch.setattr(reclaim, "live_sessions", lambda root: looks.pop(0))
    monkeypatch.setattr(reclaim, "SECOND_LOOK_S", 0.0)
    paper.convoy("C", hold(paper))
    assert release_dead(paper.root, paper.ledger, clock=paper.clock) == [] and looks == []


@pytest.mark.parametrize(
    ("fields", "after_s", "released"),
    [
        ({"agent_state": "stuck"}, 99999, False),
        ({"agent_state": "paused"}, 99999, False),
        ({"exit_type": "DEFERRED", "agent_state": "idle"}, 99999, False),
        ({"hook_state": "created", "agent_state": "spawning"}, 600, False),
        ({"hook_state": "created", "agent_state": "spawning"}, 3 * 3600, True),
        ({"agent_state": "spawning"}, 10, False),
        ({"agent_state": "spawning"}, 600, True),
    ],
    ids=str,
)
def test_who_stopped_on_purpose_or_has_just_begun_is_let_be(paper, fields, after_s, released):
    bead = hold(paper, **fields)
    paper.convoy("C", bead)
    paper.clock.advance(after_s)
    assert release(paper) == ([bead] if released else [])


def test_work_that_cost_too_many_workers_is_fed_no_more(paper):
    from gastown_core.work.board import Board

    bead = paper.file()
    death_count.note(paper.root, bead, by=3, clock=paper.clock)
    held = Board(paper.root, paper.ledger, paper.clock.now()).hold(bead)
    assert held is not None and held.text.startswith("3 workers died on it")
    death_count.reset(paper.root, bead)
    assert Board(paper.root, paper.ledger, paper.clock.now()).is_ready(bead)


def test_people_and_crew_are_never_robbed(paper):
    for who in ("overseer", "shop/crew/ana", "mayor"):
        paper.convoy("C", paper.file(status="in_progress", assignee=who))
    assert release(paper) == []


def test_the_third_failure_puts_a_member_of_a_mountain_aside(paper):
    bead, plain = hold(paper), hold(paper, "jade")
    convoy = paper.convoy("Climb", bead, labels=["mountain"])
    paper.convoy("Plain", plain)
    assert count_failure(paper.root, paper.ledger, plain, "red") == 0
    for number in (1, 2):
        assert count_failure(paper.root, paper.ledger, bead, "red", clock=paper.clock) == number
    assert sorted(release(paper)) == sorted([bead, plain])
    found = paper.bead(bead)
    assert (found.status, SKIPPED in found.labels, failures_of(found.labels)) == ("blocked", True, 3)
    told = paper.events("mountain_skipped")[0]["payload"]
    assert (told["bead"], told["convoy"], told["failures"]) == (bead, convoy, 3)
    assert count_failure(paper.root, paper.ledger, bead, "again") == 3
    assert retry(paper.ledger, bead, actor="x") and not retry(paper.ledger, bead, actor="x")
    assert (paper.bead(bead).status, paper.bead(bead).labels) == ("open", ())


def test_refresh_mends_edges_and_tells_before_and_after(paper):
    bead, other = hold(paper), paper.file(rig="billing")
    paper.set("scheduler.max_polecats", "5")
    convoy = paper.convoy("C", bead, other)
    with paper.ledger.store_for(convoy).write("x") as batch:
        edges = [
            {**edge, "depends_on_id": other} if other in edge["depends_on_id"] else edge
            for edge in paper.bead(convoy).raw["dependencies"]
        ]
        batch.update(convoy, {"dependencies": edges})
    done = refresh(paper.root, paper.ledger, convoy, actor="overseer", clock=paper.clock)
    assert done.repaired == (other,)
    assert f"external:bi:{other}" in [edge["depends_on_id"] for edge in paper.bead(convoy).raw["dependencies"]]
    assert (done.before.progress.running, done.after.progress.total) == (1, 2)
    assert [one.bead for one in done.fed if one.deferred] == (
        [other] if not done.released else sorted([bead, other], key=[one.bead for one in done.fed].index)
    )


def test_the_successor_goes_on_in_the_same_branch_and_at_the_first_undone_step(rigged, without_tmux):
    from gastown_core.model.metadata import dispatch_words
    from gastown_core.work.convoys import create_convoy

    bead = rigged.file("Long work")
    create_convoy(rigged.root, rigged.ledger, "C", [bead.id], owner="overseer")
    first = rigged.sling(bead.id).result
    put_agent_bead(rigged.ledger, parse_address(first.agent), "sh", agent_state="working", hook_state="active")
    before = dispatch_words(rigged.bead(bead.id))["molecule"]
    assert release_dead(rigged.root, rigged.ledger, live=frozenset()) == [bead.id]
    again = rigged.sling(bead.id).result
    after = dispatch_words(rigged.bead(bead.id))
    assert (again.agent, again.branch, after["molecule"]) == (first.agent, first.branch, before)
    assert "worker" not in after


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch):
    monkeypatch.setattr("gastown_core.work.scheduler.reclaim.SECOND_LOOK_S", 0.0)


@needs_tmux
def test_refresh_after_a_killed_worker_goes_on_in_its_worktree(rigged, server):
    from gastown_core.town.sessions import find_session, is_alive, server_of
    from gastown_core.town.settings import set_setting
    from gastown_core.work.convoys import create_convoy

    set_setting(rigged.root, "default_agent", "scripted")
    bead = rigged.file("Long work", labels=["mood:stall"])
    convoy = create_convoy(rigged.root, rigged.ledger, "C", [bead.id], owner="overseer")
    slung = rigged.sling(bead.id, session=True).result
    with open(os.path.join(slung.worktree, "half-done.txt"), "w") as handle:
        handle.write("half")
    entry = rigged.entry(slung.agent)
    until(lambda: is_alive(find_session(rigged.root, entry)), "the worker runs")
    idle = refresh(rigged.root, rigged.ledger, convoy.id, actor="overseer")
    assert (idle.released, idle.fed) == ((), ())
    town = server_of(rigged.root)
    try:
        kill_session(town, entry.session)
        with rigged.ledger.store_for("hq-x").write("x") as batch:
            batch.set_fields(entry.bead_id, {"agent_state": "working", "hook_state": "active"})
        done = refresh(rigged.root, rigged.ledger, convoy.id, actor="overseer")
        assert done.released == (bead.id,)
        assert [(one.agent, one.branch, one.ok) for one in done.fed] == [(slung.agent, slung.branch, True)]
        assert os.path.exists(os.path.join(slung.worktree, "half-done.txt"))
        assert rigged.bead(bead.id).status in ("hooked", "in_progress")
    finally:
        town.kill_server()


def test_a_person_hears_once_of_work_that_has_cost_its_last_worker(paper):
    bead = hold(paper)
    paper.convoy("C", bead)
    for _ in range(4):
        paper.change(bead, status="hooked", assignee="shop/polecats/opal")
        assert release(paper) == [bead]
    sent = paper.events("escalation_sent")
    assert [one["payload"]["reason"] for one in sent] == [f"3 workers died on {bead}: Fix it"]
    assert ("mayor/", f"[HIGH] 3 workers died on {bead}: Fix it") in paper.mail()


def test_a_sling_that_was_killed_before_its_session_is_taken_up_again_at_once(paper):
    bead = hold(paper, hook_state="created", agent_state="spawning")
    paper.convoy("C", bead)
    assert release(paper) == [], "somebody may work there by hand"
    paper.change(bead, metadata={"dispatch": {"start": "session"}})
    lock = os.path.join(paper.root, ".runtime", "locks", "sling")
    os.makedirs(lock, exist_ok=True)
    with FileLock(os.path.join(lock, f"{bead}.flock")):
        assert release(paper) == [], "its sling is at it"
    assert release(paper) == [bead]


def test_reservations_of_dead_processes_are_swept(paper):
    folder = os.path.join(paper.root, "shop", "polecats")
    os.makedirs(folder)
    for name, pid in (("dead", 2**22 - 7), ("alive", os.getpid())):
        with open(os.path.join(folder, f"{name}.pending"), "w") as handle:
            handle.write(f"{pid}\n")
    drop_void_reservations(paper.root, "shop", SYSTEM_CLOCK.now())
    drop_void_reservations(paper.root, "nowhere", SYSTEM_CLOCK.now())
    assert os.listdir(folder) == ["alive.pending"]


def test_work_that_a_person_hooked_is_not_taken_for_a_dead_workers(paper):
    """The worker has no session yet, and an earlier sling of the bead was to start one."""
    bead = paper.file(metadata={"dispatch": {"by": "mayor", "start": "session", "branch": "polecat/opal/x"}})
    paper.convoy("C", bead)
    who = parse_address("shop/polecats/opal")
    entry = RosterEntry(who, "sh-opal", paper.root, who.bead_id("sh"))
    put_on_hook(paper.root, paper.ledger, paper.bead(bead), entry, actor="overseer", me=HUMAN, clock=paper.clock)
    paper.clock.advance(60)
    assert release(paper) == []
    assert paper.bead(bead).status == "hooked"
    assert paper.bead(bead).raw["metadata"]["dispatch"]["branch"] == "polecat/opal/x"


def test_a_hook_that_is_refused_costs_the_work_that_hangs_there_nothing(paper):
    held = paper.file(status="hooked", assignee="shop/polecats/opal")
    closed = paper.file()
    paper.close(closed)
    who = parse_address("shop/polecats/opal")
    entry = RosterEntry(who, "sh-opal", paper.root, who.bead_id("sh"))
    with pytest.raises(ConflictError, match="closed"):
        put_on_hook(paper.root, paper.ledger, paper.bead(closed), entry, actor="overseer", me=HUMAN)
    assert paper.bead(held).status == "hooked"


@pytest.mark.parametrize("status", ["in_review", "closed"])
def test_a_worker_killed_while_it_handed_in_is_at_rest_once_its_work_is_out_of_its_hands(paper, status):
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal", "shop"))
    bead = hold(paper, hook_state="created")
    assert settle_records(paper.root, paper.ledger, clock=paper.clock) == []
    paper.close(bead) if status == "closed" else paper.change(bead, status=status)
    assert settle_records(paper.root, paper.ledger, clock=paper.clock) == [], "it may be about to write its end itself"
    paper.clock.advance(11)
    assert settle_records(paper.root, paper.ledger, clock=paper.clock) == ["shop/opal"]
    fields = paper.bead("sh-shop-polecat-opal").fields
    assert (fields["hook_state"], fields["agent_state"]) == ("completed", "idle") and "hook_bead" not in fields
    assert settle_records(paper.root, paper.ledger, clock=paper.clock) == []


def test_a_record_of_work_that_is_no_longer_its_own_sets_nobody_going(paper):
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal", "shop"))
    bead = hold(paper, hook_state="created")
    agents = read_inventory(paper.root).agents
    assert list(never_started(paper.ledger, agents).values()) == [bead]
    paper.change(bead, status="in_review")
    assert never_started(paper.ledger, agents) == {}


def test_the_end_of_work_whose_worktree_was_taken_away_is_written_too(paper):
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal", "shop"))
    bead = hold(paper, hook_state="archived")
    paper.close(bead)
    paper.clock.advance(11)
    assert settle_records(paper.root, paper.ledger, clock=paper.clock) == ["shop/opal"]
    fields = paper.bead("sh-shop-polecat-opal").fields
    assert (fields["hook_state"], "hook_bead" in fields) == ("archived", False)


def test_a_hook_lives_only_as_its_life_allows(paper):
    """Nothing runs and nothing is handed in where there is no worktree: such a record is refused, and nothing written."""
    hold(paper, hook_state="archived")
    who, record = parse_address("shop/polecats/opal"), "sh-shop-polecat-opal"
    for state in ("active", "completed"):
        with pytest.raises(ConflictError, match=f"archived cannot become {state}"):
            record_hook(paper.root, paper.ledger, who, "sh", state, agent_state="idle")
    fields = paper.bead(record).fields
    assert (fields["hook_state"], fields["agent_state"]) == ("archived", "working")
    assert paper.events("hook_state") == []
    record_hook(paper.root, paper.ledger, who, "sh", "created")
    record_hook(paper.root, paper.ledger, who, "sh", "active")
    # the session's end was not noted: it is told of before what follows
    record_hook(paper.root, paper.ledger, who, "sh", "archived")
    told = [(one["payload"]["from"], one["payload"]["to"]) for one in paper.events("hook_state")]
    passed = ["archived", "created", "active", "suspended", "archived"]
    assert told == list(zip(passed, passed[1:], strict=False))
