from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.model.metadata import dispatch_words
from gastown_core.town.crew import add_crew
from gastown_core.work import convoys
from gastown_core.work.hook import hook
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling.sling import Sling


def state(rigged, bead_id):
    """What must be as before when a sling failed."""
    bead = rigged.bead(bead_id)
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    return (
        bead.status,
        bead.assignee,
        sorted(os.listdir(os.path.join(rigged.root, "shop", "polecats"))),
        bare.run("for-each-ref", "--format=%(refname)", "refs/heads"),
        [one.bead.id for one in convoys.list_convoys(rigged.ledger)],
    )


def test_a_sling_makes_convoy_worktree_hook_and_says_how_to_go_on(rigged):
    bead = rigged.file("Fix login")
    sling = Sling(rigged.root, SlingRequest(bead.id, "shop", args="be quick", session=False), actor="mayor")
    stages = [receipt.stage for receipt in sling.run()]
    assert stages == ["validated", "convoy", "worktree", "hooked", "session", "started"]
    result = sling.result
    now = rigged.bead(bead.id)
    assert (now.status, now.assignee) == ("hooked", result.agent)
    assert dispatch_words(now)["branch"] == result.branch
    assert Git(result.worktree).branch() == result.branch
    convoy = rigged.bead(result.convoy)
    assert (convoy.title, convoy.fields["owner"]) == ("Work: Fix login", "mayor")
    agent = rigged.ledger.get(rigged.entry(result.agent).bead_id)
    assert (agent.fields["agent_state"], agent.fields["hook_bead"]) == ("spawning", bead.id)
    assert [event["type"] for event in rigged.events("spawn", "sling")] == ["spawn", "sling"]
    assert result.by_hand.startswith(f"cd {result.worktree} && ")


def test_slinging_again_to_the_same_rig_is_no_change(rigged):
    bead = rigged.file()
    first = rigged.sling(bead.id)
    again = rigged.sling(bead.id, first.result.agent)
    assert again.result.was_hooked
    assert len(rigged.events("sling")) == 1


def test_a_bead_in_a_convoy_gets_no_second_one(rigged):
    bead = rigged.file()
    made = convoys.create_convoy(rigged.root, rigged.ledger, "Mine", [bead.id], owner="x")
    assert rigged.sling(bead.id).result.convoy == made.id
    assert len(convoys.list_convoys(rigged.ledger)) == 1


def test_an_idle_polecat_is_used_again_and_a_busy_one_is_not(rigged):
    first = rigged.sling(rigged.file("one").id)
    second = rigged.sling(rigged.file("two").id)
    assert first.result.agent != second.result.agent
    hook.unhook(rigged.ledger, first.result.bead, actor="x")
    from gastown_core.town.agent_beads import put_agent_bead

    put_agent_bead(rigged.ledger, parse_address(first.result.agent), "sh", agent_state="idle", hook_bead="")
    third = rigged.sling(rigged.file("three").id)
    assert third.result.agent == first.result.agent
    assert third.result.branch != first.result.branch


def test_two_slings_of_one_bead_side_by_side_have_one_effect(rigged):
    bead = rigged.file()

    def attempt(_):
        try:
            return rigged.sling(bead.id).result
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, range(2)))
    assert len(rigged.events("sling")) == 1
    assert len(os.listdir(os.path.join(rigged.root, "shop", "polecats"))) == 1


def test_slings_of_several_beads_side_by_side_get_a_polecat_each(rigged):
    beads = [rigged.file(f"bead {n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        agents = list(pool.map(lambda bead: rigged.sling(bead.id).result.agent, beads))
    assert len(set(agents)) == 4


def test_crew_and_standing_agents_get_the_hook_without_a_worktree(rigged):
    add_crew(rigged.root, "shop", "ana")
    for target, holder in {"shop/ana": "shop/crew/ana", "shop/witness": "shop/witness", "mayor": "mayor"}.items():
        result = rigged.sling(rigged.file(target).id, target).result
        assert (result.agent, result.worktree) == (holder, "")


def test_a_polecat_named_for_the_first_time_is_made(rigged):
    assert rigged.sling(rigged.file().id, "shop/my-agent").result.agent == "shop/polecats/my-agent"


@pytest.mark.parametrize(
    "target",
    [
        "shop//x",
        "shop/a/b/c",
        "mayor/x",
        "shop/witness/x",
        "shop/crew",
        "shop/polecats",
        "shop/x/y",
        "",
    ],
)
def test_targets_that_are_none_are_refused_before_anything_happens(rigged, target):
    bead = rigged.file()
    before = state(rigged, bead.id)
    with pytest.raises(UsageError):
        rigged.sling(bead.id, target)
    assert state(rigged, bead.id) == before


@pytest.mark.parametrize("target", ["shop/crew/nobody", "nowhere", "nowhere/opal", "shpo"])
def test_targets_that_are_not_there_are_refused_before_anything_happens(rigged, target):
    bead = rigged.file()
    before = state(rigged, bead.id)
    with pytest.raises(NotFoundError) as caught:
        rigged.sling(bead.id, target)
    assert "shop" in caught.value.hint and state(rigged, bead.id) == before


def test_town_work_is_not_for_polecats(rigged):
    with rigged.ledger.store_for("hq-x").write("x") as batch:
        bead = batch.create({"title": "town work"})
    with pytest.raises(ConflictError, match="does not belong to shop"):
        rigged.sling(bead.id)


def test_unknown_closed_and_flag_like_beads_are_refused(rigged):
    with pytest.raises(NotFoundError):
        rigged.sling("sh-nope")
    bead = rigged.file("--force")
    with pytest.raises(UsageError):
        rigged.sling(bead.id)
    done = rigged.file()
    with rigged.ledger.store_for(done.id).write("x") as batch:
        batch.close(done.id)
    with pytest.raises(ConflictError, match="closed"):
        rigged.sling(done.id, force=True)


def test_a_polecat_does_not_sling(rigged):
    with pytest.raises(UsageError):
        Sling(rigged.root, SlingRequest(rigged.file().id, "shop"), me=parse_address("shop/opal")).plan()


def test_an_unknown_runtime_is_refused_before_anything_happens(rigged):
    bead = rigged.file()
    before = state(rigged, bead.id)
    with pytest.raises(NotFoundError):
        rigged.sling(bead.id, agent="nonesuch")
    assert state(rigged, bead.id) == before


def test_a_dry_run_changes_nothing(rigged):
    bead = rigged.file()
    before = state(rigged, bead.id)
    found, target = Sling(rigged.root, SlingRequest(bead.id, "shop")).plan()
    assert (found.id, target.rig) == (bead.id, "shop")
    assert state(rigged, bead.id) == before


def test_without_tmux_the_work_is_hooked_and_the_command_is_told(rigged, without_tmux):
    bead = rigged.file()
    sling = Sling(rigged.root, SlingRequest(bead.id, "shop"))
    last = list(sling.run())[-1]
    assert rigged.bead(bead.id).status == "hooked"
    assert last.final and last.ok and "claude" in last.detail and sling.result.worktree in last.detail
    assert sling.result.session == ""


def test_a_polecat_left_behind_by_a_sling_that_died_is_used_again(rigged):
    from gastown_core.town.agent_beads import put_agent_bead

    dead = rigged.sling(rigged.file("one").id).result
    hook.unhook(rigged.ledger, dead.bead, actor="x")
    put_agent_bead(rigged.ledger, parse_address(dead.agent), "sh", agent_state="spawning", hook_bead=dead.bead)
    assert rigged.sling(rigged.file("two").id).result.agent == dead.agent


def test_an_agent_that_asked_for_help_gets_no_new_work(rigged):
    from gastown_core.town.agent_beads import put_agent_bead

    stuck = rigged.sling(rigged.file("one").id).result
    hook.unhook(rigged.ledger, stuck.bead, actor="x")
    put_agent_bead(rigged.ledger, parse_address(stuck.agent), "sh", agent_state="stuck")
    assert rigged.sling(rigged.file("two").id).result.agent != stuck.agent


def test_blocked_work_is_slung_only_by_force(rigged, without_tmux):
    first, then = rigged.file("First").id, rigged.file("Then").id
    with rigged.ledger.store_for(then).write("mayor") as batch:
        batch.add_edge(then, first, "blocks")
    with pytest.raises(ConflictError, match=f"{then} is blocked") as caught:
        rigged.sling(then)
    assert first in caught.value.why and "--force" in caught.value.hint
    assert rigged.bead(then).status == "open" and os.listdir(os.path.join(rigged.root, "shop", "polecats")) == []
    rigged.sling(then, force=True)
    assert rigged.bead(then).status == "hooked"
