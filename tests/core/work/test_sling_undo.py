"""A sling that fails anywhere leaves ledger, repository, folders and sessions as they were."""

from __future__ import annotations

import os
import signal

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import GastownError
from gastown_core.git import push_guard, worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.town import polecat_worktree, start_plan
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.dogs import DogClaim
from gastown_core.town.liveness import live_sessions
from gastown_core.work import convoys
from gastown_core.work.hook import hook
from gastown_core.work.request import SlingRequest
from gastown_core.work.sling import allocate, hooking, start_session
from gastown_core.work.sling.sling import Sling
from tests.support.repos import commit_files
from tests.support.rigged import write


def everything(rigged):
    """All that a sling may change."""
    beads = {
        bead.id: {key: value for key, value in bead.raw.items() if key != "updated_at"}
        for store in rigged.ledger.stores().values()
        for bead in store.find(BeadQuery(include_wisps=True))
    }
    rig = os.path.join(rigged.root, "shop")
    bare = Git(os.path.join(rig, ".repo.git"))
    trees = {
        row.path: (row.branch, row.head, worktree.status(Git(row.path)))
        for row in worktree.list_worktrees(bare)
        if not row.is_bare
    }
    folders = [sorted(os.listdir(path)) for path in (f"{rig}/polecats", f"{rigged.root}/deacon/dogs")]
    return beads, bare.run("for-each-ref"), trees, folders


def fails(*args, **kwargs):
    raise GastownError("broken")


PLACES = {
    "the convoy": (convoys, "create_convoy"),
    "planning the worktree": (polecat_worktree, "plan"),
    "making it": (worktree, "add"),
    "furnishing it": (polecat_worktree.clones, "provision"),
    "binding the push guard": (push_guard, "bind"),
    "its first checkpoint": (polecat_worktree.checkpoints, "save"),
    "telling of it": (allocate, "append_event"),
    "the hook's fields": (hooking.Handover, "dispatch"),
    "the molecule": (hooking, "attach_molecule"),
    "the agent's record": (hooking, "write_agent_bead"),
    "the record's event": (hooking, "tell_change"),
    "the event": (hooking, "append_event"),
    "planning the session": (start_plan, "plan_start"),
    "the last word": (start_session, "emit"),
}


@pytest.fixture
def formula(rigged):
    write(
        os.path.join(rigged.root, ".beads", "formulas", "mol-polecat-work.formula.toml"),
        'formula = "mol-polecat-work"\ntype = "workflow"\nversion = 1\npour = true\n\n'
        '[[steps]]\nid = "one"\ntitle = "One"\n\n[[steps]]\nid = "two"\ntitle = "Two"\nneeds = ["one"]\n',
    )


@pytest.fixture
def idle(rigged):
    """A polecat without work whose worktree holds a commit nobody else has and loose files."""
    made = rigged.sling(rigged.file("earlier").id).result
    hook.unhook(rigged.ledger, made.bead, actor="x")
    put_agent_bead(rigged.ledger, parse_address(made.agent), "sh", agent_state="idle", hook_bead="")
    git = Git(made.worktree, identity=rigged.origin.identity)
    commit_files(git, {"mine.txt": "mine"}, "unpushed")
    write(os.path.join(git.path, "loose.txt"), "loose")
    write(os.path.join(git.path, "README.md"), "changed")
    return made


@pytest.mark.parametrize("place", PLACES)
def test_with_a_new_polecat(rigged, formula, monkeypatch, place):
    bead = rigged.file()
    before = everything(rigged)
    owner, name = PLACES[place]
    monkeypatch.setattr(owner, name, fails)
    with pytest.raises(GastownError, match="broken"):
        rigged.sling(bead.id)
    monkeypatch.undo()
    assert everything(rigged) == before
    assert rigged.sling(bead.id).result.molecule


@pytest.mark.parametrize("place", ["making it", "furnishing it", "the molecule", "planning the session"])
def test_with_an_idle_one_that_holds_unsaved_work(rigged, formula, idle, monkeypatch, place):
    bead = rigged.file()
    before = everything(rigged)
    owner, name = PLACES[place] if place != "making it" else (worktree, "rescue")
    monkeypatch.setattr(owner, name, fails)
    with pytest.raises(GastownError, match="broken"):
        rigged.sling(bead.id)
    monkeypatch.undo()
    assert everything(rigged) == before
    result = rigged.sling(bead.id).result
    assert result.agent == idle.agent
    assert Git(result.worktree).run("show", f"{result.rescue}:loose.txt") == "loose"


@pytest.mark.parametrize("stage", ["validated", "convoy", "worktree", "hooked", "session"])
def test_when_it_is_abandoned_after_a_stage(rigged, formula, stage):
    bead = rigged.file()
    before = everything(rigged)
    run = Sling(rigged.root, SlingRequest(bead.id, "shop", session=False)).run()
    while next(run).stage != stage:
        pass
    run.close()
    assert everything(rigged) == before


def test_when_it_is_interrupted_and_interrupted_again_while_taking_back(rigged, formula, monkeypatch):
    bead = rigged.file()
    before = everything(rigged)

    def interrupt(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)

    taken_back = polecat_worktree.take_back

    def interrupted_again(*args):
        os.kill(os.getpid(), signal.SIGINT)
        taken_back(*args)

    monkeypatch.setattr(start_plan, "plan_start", interrupt)
    monkeypatch.setattr(polecat_worktree, "take_back", interrupted_again)
    # tests that run in the background of a shell ignore it
    before_us = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            rigged.sling(bead.id)
    finally:
        signal.signal(signal.SIGINT, before_us)
    monkeypatch.undo()
    assert everything(rigged) == before


def test_a_stolen_bead_goes_back_to_who_had_it(rigged, formula, monkeypatch):
    first = rigged.sling(rigged.file().id).result
    before = everything(rigged)
    monkeypatch.setattr(start_plan, "plan_start", fails)
    with pytest.raises(GastownError, match="broken"):
        rigged.sling(first.bead, "shop/other", force=True)
    monkeypatch.undo()
    assert everything(rigged) == before


def test_with_a_dog(rigged, monkeypatch):
    bead = rigged.file()
    before = everything(rigged)
    for owner, name in ((DogClaim, "make"), (start_plan, "plan_start")):
        monkeypatch.setattr(owner, name, fails)
        with pytest.raises(GastownError, match="broken"):
            rigged.sling(bead.id, "deacon/dogs")
        monkeypatch.undo()
        assert everything(rigged) == before


def test_a_step_that_cannot_be_taken_back_is_told_and_keeps_no_other_from_it(rigged, monkeypatch):
    bead = rigged.file()
    monkeypatch.setattr(start_plan, "plan_start", fails)
    monkeypatch.setattr(polecat_worktree, "take_back", fails)
    with pytest.raises(GastownError, match="not taken back: worktree of shop/"):
        rigged.sling(bead.id)
    assert rigged.bead(bead.id).status == "open"
    assert convoys.list_convoys(rigged.ledger) == []


def test_sessions_are_ended_again(sessions_too, monkeypatch):
    rigged = sessions_too
    bead = rigged.file()
    before = everything(rigged)
    monkeypatch.setattr(start_session, "emit", fails)
    with pytest.raises(GastownError, match="broken"):
        rigged.sling(bead.id, session=True, agent="scripted")
    monkeypatch.undo()
    assert everything(rigged) == before
    assert live_sessions(rigged.root) in (frozenset(), None)
