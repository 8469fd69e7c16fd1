from __future__ import annotations

import os

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError, UsageError
from gastown_core.git.repo import Git
from gastown_core.model.merge_request import with_facts
from gastown_core.town.polecat_worktree import add_polecat
from gastown_core.work.done.done import Done
from gastown_core.work.polecat import cleanup as polecat_upkeep
from gastown_core.work.polecat import removal as polecat_removal
from gastown_core.work.polecat.polecats import list_polecats
from tests.support.repos import commit_files
from tests.support.rigged import write


@pytest.fixture
def resting(rigged):
    """A polecat without work."""
    return rigged.entry(add_polecat(rigged.root, "shop", "opal").entry.address.path)


def take(rigged, entry, **options):
    return polecat_removal.remove(rigged.root, rigged.ledger, entry, actor="x", **options)


def test_a_polecat_can_be_made_ahead_of_work_and_is_used_first(rigged, resting):
    views = list_polecats(rigged.root, rigged.ledger, rig="shop", live=frozenset())
    assert [(view.entry.address.name, view.state, view.work) for view in views] == [("opal", "idle", None)]
    assert rigged.sling(rigged.file().id).result.agent == resting.address.path
    with pytest.raises(ConflictError, match="already has a polecat opal"):
        add_polecat(rigged.root, "shop", "opal")


@pytest.mark.parametrize(
    ("live", "agent_state", "state"),
    [(None, "", "working"), ({"sh-opal"}, "", "working"), (set(), "", "stalled"), (set(), "stuck", "stuck")],
)
def test_states_follow_hook_session_and_record(rigged, resting, live, agent_state, state):
    from gastown_core.town.agent_beads import put_agent_bead

    rigged.sling(rigged.file().id, "shop/opal")
    if agent_state:
        put_agent_bead(rigged.ledger, resting.address, "sh", agent_state=agent_state)
    (view,) = list_polecats(rigged.root, rigged.ledger, live=None if live is None else frozenset(live))
    assert view.state == state


def test_a_session_without_a_worktree_is_a_zombie(rigged):
    (view,) = list_polecats(rigged.root, rigged.ledger, live=frozenset(("sh-ghost", "hq-mayor")))
    assert (view.entry.address.name, view.state, view.as_json()["zombie"]) == ("ghost", "zombie", True)


def test_a_clean_one_goes_and_its_name_and_record_stay(rigged, resting):
    done = take(rigged, resting, nuke=True)
    assert (done.kept, done.branch_deleted) == ("", True)
    assert not os.path.exists(os.path.join(rigged.root, "shop", "polecats", "opal"))
    fields = rigged.bead(resting.bead_id).fields
    assert (fields["agent_state"], fields["hook_state"]) == ("nuked", "archived")
    assert add_polecat(rigged.root, "shop", "opal").entry == resting


def test_what_is_at_stake_refuses_and_force_keeps_it(rigged):
    result = rigged.sling(rigged.file("login").id).result
    entry = rigged.entry(result.agent)
    git = Git(entry.work_dir, identity=rigged.origin.identity)
    commit_files(git, {"mine.txt": "mine"}, "unpushed")
    write(os.path.join(git.path, "README.md"), "stashed")
    git.run("stash")
    write(os.path.join(git.path, "loose.txt"), "loose")
    with pytest.raises(
        ConflictError, match="1 file not committed: loose.txt; 1 commit on no remote.*; 1 stash; .*hook"
    ):
        take(rigged, entry, nuke=True)
    assert rigged.bead(result.bead).status == "hooked" and os.path.exists(git.path)
    done = take(rigged, entry, nuke=True, force=True, clock=FixedClock(5))
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    assert done.kept == f"refs/gastown/rescue/{entry.address.name}/5000"
    assert bare.run("show", f"{done.kept}:loose.txt") == "loose"
    assert bare.run("show", f"{done.kept}:mine.txt") == "mine"
    assert bare.run("show", f"{done.kept}-stash0:README.md") == "stashed"
    assert not bare.commit_of(f"refs/heads/{result.branch}")
    assert rigged.bead(result.bead).status == "open"


def test_stashes_are_saved_before_a_worktree_is_used_again(rigged, resting):
    git = Git(resting.work_dir, identity=rigged.origin.identity)
    write(os.path.join(git.path, "README.md"), "stashed")
    git.run("stash")
    result = rigged.sling(rigged.file().id).result
    assert result.agent == resting.address.path
    assert git.run("show", f"{result.rescue}:README.md") == "stashed"


def test_removing_a_worktree_keeps_branch_and_a_waiting_request(rigged):
    result = rigged.sling(rigged.file().id).result
    entry = rigged.entry(result.agent)
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    list(Done(rigged.root, entry).run())
    with pytest.raises(ConflictError, match="waits to be merged"):
        take(rigged, entry, nuke=True)
    take(rigged, entry)
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    assert bare.commit_of(f"refs/heads/{result.branch}")
    assert rigged.bead(result.bead).status == "in_review"


def test_a_folder_that_git_does_not_know_is_moved_aside_not_lost(rigged, resting):
    os.unlink(os.path.join(resting.work_dir, ".git"))
    write(os.path.join(resting.work_dir, "mine.txt"), "mine")
    with pytest.raises(ConflictError, match="git does not know"):
        take(rigged, resting, nuke=True)
    result = rigged.sling(rigged.file().id).result
    shelf = os.path.join(rigged.root, "shop", ".runtime", "rescue")
    (kept,) = os.listdir(shelf)
    assert open(os.path.join(shelf, kept, "mine.txt")).read() == "mine"
    assert Git(result.worktree).branch() == result.branch


def test_nobody_is_taken_away_while_being_given_work(rigged, resting):
    from gastown_core.town.polecat_pool import hold

    with hold(rigged.root, "shop", "sh", "opal"), pytest.raises(ConflictError, match="being assigned work"):
        take(rigged, resting, nuke=True, force=True)


def test_branches_go_once_their_merge_is_proved(rigged):
    def hand_in(title, **files):
        result = rigged.sling(rigged.file(title).id).result
        entry = rigged.entry(result.agent)
        commit_files(Git(entry.work_dir, identity=rigged.origin.identity), files, title)
        done = Done(rigged.root, entry)
        list(done.run())
        return entry, done.result

    (one, squashed), (two, waiting) = hand_in("squashed", a="1"), hand_in("waiting", b="2")
    with rigged.ledger.store_for("sh-x").write("x") as batch:
        request = batch.get(squashed.request)
        batch.update(request.id, {"metadata": with_facts(request, close_reason="merged")})
        batch.close(request.id, "merged", force=True)
    for entry in (one, two):
        take(rigged, entry, force=True)
    rigged.origin.run("branch", "-D", squashed.branch)
    looked = polecat_upkeep.prune_rig(rigged.root, rigged.ledger, "shop", dry_run=True)
    assert [(gone.branch, gone.why) for gone in looked.branches] == [(squashed.branch, "landed")]
    polecat_upkeep.prune_rig(rigged.root, rigged.ledger, "shop", remote=True)
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    kept = bare.run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/polecat").split()
    assert kept == [waiting.branch]
    assert rigged.origin.commit_of(waiting.branch)


def test_those_that_fell_behind_are_told_with_what_holds_them(rigged, resting):
    git = Git(resting.work_dir, identity=rigged.origin.identity)
    for number in range(3):
        commit = commit_files(git, {"n": str(number)}, f"main {number}")
    git.run("push", "--quiet", "--no-verify", "origin", f"{commit}:main")
    git.run("reset", "--quiet", "--hard", f"{commit}~3")
    git.run("fetch", "--quiet", "origin")
    found = polecat_upkeep.find_stale(rigged.root, rigged.ledger, threshold=3)
    assert [(one.entry, one.behind, one.is_safe) for one in found] == [(resting, 3, True)]
    assert polecat_upkeep.find_stale(rigged.root, rigged.ledger, threshold=4) == []


def test_recovery_verdicts(rigged):
    result = rigged.sling(rigged.file().id).result
    entry = rigged.entry(result.agent)

    def verdict():
        found = polecat_upkeep.check_recovery(rigged.root, rigged.ledger, entry)
        return found["verdict"], found["cleanup_status"], found["mq_status"]

    assert verdict() == ("NEEDS_MQ_SUBMIT", "clean", "not_submitted")
    commit_files(Git(entry.work_dir, identity=rigged.origin.identity), {"a": "1"}, "one")
    assert verdict() == ("NEEDS_RECOVERY", "has_unpushed", "not_submitted")
    list(Done(rigged.root, entry).run())
    assert verdict() == ("SAFE_TO_NUKE", "clean", "submitted")


def test_themes_of_ones_own(rigged):
    from gastown_core.town import names
    from gastown_core.town.settings import load_settings, set_setting

    names.write_theme(rigged.root, "birds", ["heron", "swift", "heron"])
    assert names.all_themes(rigged.root)["birds"] == ("heron", "swift")
    set_setting(rigged.root, "namepool.style", "birds", scope="rig", rig="shop")
    assert names.pool_names(rigged.root, load_settings(rigged.root, "rig", "shop")) == ("heron", "swift")
    assert add_polecat(rigged.root, "shop").entry.address.name == "heron"
    for bad in (["ox"], ["witness"], ["A b"]):
        with pytest.raises(UsageError):
            names.write_theme(rigged.root, "bad", bad)
    for number in ("swift", "51", "52"):
        assert add_polecat(rigged.root, "shop").entry.address.name == number


def test_files_beside_the_worktree_are_moved_aside_not_lost(rigged, resting):
    write(os.path.join(rigged.root, "shop", "polecats", "opal", "CONTEXT.md"), "what to know")
    done = take(rigged, resting, nuke=True)
    with open(os.path.join(done.kept, "CONTEXT.md")) as handle:
        assert handle.read() == "what to know"
    assert not os.path.exists(os.path.join(rigged.root, "shop", "polecats", "opal"))


def test_a_polecat_without_a_worktree_is_never_called_clean(rigged, resting):
    import shutil

    shutil.rmtree(resting.work_dir)
    found = polecat_upkeep.check_recovery(rigged.root, rigged.ledger, resting)
    assert (found["cleanup_status"], found["verdict"]) == ("unknown", "SAFE_TO_NUKE")


def test_commits_and_stashes_of_a_worktree_that_is_gone_are_seen_and_saved(rigged):
    import shutil

    entry = rigged.entry(rigged.sling(rigged.file().id).result.agent)
    git = Git(entry.work_dir, identity=rigged.origin.identity)
    commit = commit_files(git, {"a": "1"}, "only here")
    write(os.path.join(git.path, "README.md"), "stashed")
    git.run("stash")
    shutil.rmtree(entry.work_dir)
    found = polecat_upkeep.check_recovery(rigged.root, rigged.ledger, entry)
    assert (found["cleanup_status"], found["verdict"]) == ("has_unpushed", "NEEDS_RECOVERY")
    with pytest.raises(ConflictError, match="1 commit on no remote, the newest: .* only here; 1 stash"):
        take(rigged, entry, nuke=True)
    done = take(rigged, entry, nuke=True, force=True)
    bare = Git(os.path.join(rigged.root, "shop", ".repo.git"))
    assert bare.commit_of(done.kept) == commit
    assert bare.run("show", f"{done.kept}-stash0:README.md") == "stashed"


def test_a_stash_made_on_an_earlier_branch_of_the_polecat_counts(rigged, resting):
    git = Git(resting.work_dir, identity=rigged.origin.identity)
    write(os.path.join(git.path, "README.md"), "stashed")
    git.run("stash", "push", "--message", "for later: maybe")
    git.run("switch", "--quiet", "--create", "polecat/opal/sh-9@x")
    found = polecat_upkeep.check_recovery(rigged.root, rigged.ledger, resting)
    assert (found["cleanup_status"], found["verdict"]) == ("has_stash", "NEEDS_RECOVERY")
    git.run("checkout", "--quiet", "--detach")
    assert polecat_upkeep.check_recovery(rigged.root, rigged.ledger, resting)["verdict"] == "NEEDS_RECOVERY"
