from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_core.beads.ids import base36
from gastown_core.clock import FixedClock
from gastown_core.errors import ConflictError, UsageError
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.town import branches, polecat_pool, polecat_worktree
from gastown_core.town.names import THEMES, free_names, pick_theme
from tests.support.repos import commit_files
from tests.support.rigged import make_executable, write

NEVER = lambda entry: False  # noqa: E731
ALWAYS = lambda entry: True  # noqa: E731


def take(rigged, is_idle=NEVER, **options):
    return polecat_pool.claim(rigged.root, "shop", "sh", is_idle=is_idle, **options)


def test_a_new_polecat_gets_a_clean_worktree_on_its_own_branch(rigged):
    with take(rigged) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-x1", clock=FixedClock(1_700_000_000))
    git = Git(made.entry.work_dir)
    assert made.branch == f"polecat/{claimed.name}/sh-x1@{base36(1_700_000_000_000)}"
    assert git.branch() == made.branch
    assert worktree.status(git) == ((), ())
    assert git.config("user.name") == claimed.name
    assert made.entry.work_dir == os.path.join(rigged.root, "shop", "polecats", claimed.name, "shop")
    assert os.listdir(os.path.join(rigged.root, "shop", "polecats")) == [claimed.name]
    assert branches.bead_of_branch(made.branch) == "sh-x1"


def test_ten_claims_side_by_side_get_ten_names(rigged):
    with ThreadPoolExecutor(10) as pool:
        claims = list(pool.map(lambda _: take(rigged), range(10)))
    assert len({claimed.name for claimed in claims}) == 10
    for claimed in claims:
        claimed.__exit__(None, None, None)


def test_two_claims_with_one_idle_polecat_reuse_it_once(rigged):
    with take(rigged) as first:
        polecat_worktree.prepare(first, "sh-1")
    one, two = take(rigged, ALWAYS), take(rigged, ALWAYS)
    assert sorted([one.is_new, two.is_new]) == [False, True]
    assert one.name != two.name
    one.__exit__(None, None, None)
    two.__exit__(None, None, None)


def test_reuse_saves_unpushed_and_dirty_work_first_and_the_old_branch_stands(rigged):
    with take(rigged) as claimed:
        old = polecat_worktree.prepare(claimed, "sh-1")
    git = Git(old.entry.work_dir, identity=Git(rigged.origin.path).identity)
    git.identity = rigged.origin.identity
    mine = commit_files(git, {"kept.txt": "kept"}, "unpushed")
    write(os.path.join(git.path, "loose.txt"), "loose")
    with take(rigged, ALWAYS) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-2")
    assert (made.is_new, made.was) == (False, old.branch)
    assert git.branch() == made.branch
    assert git.commit_of(old.branch) == mine
    assert git.run("show", f"{made.rescue}:loose.txt") == "loose"
    assert git.run("show", f"{made.rescue}:kept.txt") == "kept"
    assert worktree.status(git) == ((), ())
    assert git.commit_of("HEAD") == git.commit_of("origin/main")


def test_work_on_the_same_bead_is_gone_on_with(rigged):
    with take(rigged) as claimed:
        old = polecat_worktree.prepare(claimed, "sh-1")
    write(os.path.join(old.entry.work_dir, "half.txt"), "half")
    with take(rigged, ALWAYS) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-1")
        polecat_worktree.take_back(rigged.root, made)
    assert (made.branch, made.rescue) == (old.branch, "")
    assert worktree.status(Git(old.entry.work_dir)).untracked == ("half.txt",)


def test_taking_back_a_new_polecat_leaves_nothing(rigged):
    with take(rigged) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-1")
        polecat_worktree.take_back(rigged.root, made)
    assert os.listdir(os.path.join(rigged.root, "shop", "polecats")) == []
    assert not Git(os.path.join(rigged.root, "shop", ".repo.git")).commit_of(made.branch)


def test_taking_back_a_reused_polecat_returns_to_its_old_branch(rigged):
    with take(rigged) as claimed:
        old = polecat_worktree.prepare(claimed, "sh-1")
    with take(rigged, ALWAYS) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-2")
        polecat_worktree.take_back(rigged.root, made)
    assert Git(old.entry.work_dir).branch() == old.branch


def test_a_named_one_at_work_is_refused_and_bad_names_too(rigged):
    with take(rigged, wanted="nova") as claimed:
        polecat_worktree.prepare(claimed, "sh-1")
    with pytest.raises(ConflictError, match="on its hook"):
        take(rigged, wanted="nova")
    for name in ("Witness", "witness", "a b", "../x"):
        with pytest.raises(UsageError):
            take(rigged, wanted=name)


def test_a_stale_reservation_is_void(rigged):
    folder = os.path.join(rigged.root, "shop", "polecats")
    first = take(rigged)
    name = first.name
    first.__exit__(None, None, None)
    path = os.path.join(folder, f"{name}.pending")
    write(path, str(os.getpid()))
    with take(rigged) as claimed:
        assert claimed.name != name
    os.utime(path, (1, 1))
    with take(rigged) as claimed:
        assert claimed.name == name
    write(path, "4194305")
    with take(rigged) as claimed:
        assert claimed.name == name


def test_overlay_files_are_there_and_set_up_hooks_run_in_order(rigged):
    rig = os.path.join(rigged.root, "shop")
    write(os.path.join(rig, ".runtime", "overlay", ".env.local"), "A=1")
    make_executable(os.path.join(rig, ".runtime", "setup-hooks", "10-first"), "#!/bin/sh\necho 1 >> .runtime-order\n")
    make_executable(os.path.join(rig, ".runtime", "setup-hooks", "20-bad"), "#!/bin/sh\necho oops >&2; exit 3\n")
    write(os.path.join(rig, ".runtime", "setup-hooks", "30-plain"), "not executable")
    with take(rigged) as claimed:
        made = polecat_worktree.prepare(claimed, "sh-1")
    assert os.path.exists(os.path.join(made.entry.work_dir, ".env.local"))
    assert os.path.exists(os.path.join(made.entry.work_dir, ".runtime-order"))
    assert [("20-bad" in made.warnings[0], "oops" in made.warnings[0]), "30-plain" in made.warnings[1]] == [
        (True, True),
        True,
    ]


def test_themes_have_fifty_names_each_and_numbers_follow():
    assert all(len(set(names)) == 50 for names in THEMES.values())
    pool = THEMES["minerals"]
    names = free_names(pool, pool, 51)
    assert [next(names), next(names)] == ["51", "52"]
    assert next(free_names(["witness", "opal"], [])) == "opal"


def test_a_new_rig_gets_a_theme_that_no_other_has():
    first = pick_theme("shop", [])
    second = pick_theme("shop", [first])
    assert len({first, second, pick_theme("shop", [first, second])}) == 3
