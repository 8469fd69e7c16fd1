from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_core.errors import GitError
from gastown_core.git import checkpoints, own_index, worktree
from gastown_core.git.repo import Git, Identity
from tests.support.repos import commit_files, make_bare, make_repo


@pytest.fixture
def bare(tmp_path):
    make_repo(str(tmp_path / "src"))
    return make_bare(str(tmp_path / "bare.git"), str(tmp_path / "src"))


def write(path: str, text: str) -> None:
    with open(path, "w") as handle:
        handle.write(text)


def test_a_fresh_worktree_stands_on_its_branch_and_is_clean(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "a" / "w"), branch="polecat/opal/sh-1@x", start="origin/main")
    assert tree.branch() == "polecat/opal/sh-1@x"
    assert worktree.status(tree) == ((), ())
    assert worktree.count_ahead(tree, "origin/main") == 0
    assert [row.branch for row in worktree.list_worktrees(bare) if not row.is_bare] == ["polecat/opal/sh-1@x"]


def test_unsaved_work_is_counted(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    write(os.path.join(tree.path, "README.md"), "changed")
    write(os.path.join(tree.path, "new file.txt"), "x")
    assert worktree.status(tree) == (("README.md",), ("new file.txt",))
    commit_files(tree, {"c.txt": "c"}, "mine")
    assert worktree.unsaved(tree) == (0, 1, 0)


def test_a_rescue_ref_holds_dirty_untracked_and_unpushed_work(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    commit_files(tree, {"kept.txt": "kept"}, "unpushed")
    write(os.path.join(tree.path, "README.md"), "changed")
    write(os.path.join(tree.path, "loose.txt"), "loose")
    before = worktree.status(tree)
    ref = worktree.rescue(tree, "opal", 12.5)
    assert ref == "refs/gastown/rescue/opal/12500"
    assert worktree.status(tree) == before
    assert bare.run("show", f"{ref}:loose.txt") == "loose"
    assert bare.run("show", f"{ref}:README.md") == "changed"
    assert bare.run("show", f"{ref}:kept.txt") == "kept"


def test_what_is_rescued_in_one_millisecond_stands_under_refs_of_its_own(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    saved = []
    for text in ("one", "two"):
        write(os.path.join(tree.path, "README.md"), text + " put by")
        tree.run("stash", "push", "--quiet")
        write(os.path.join(tree.path, "README.md"), text)
        saved.append(worktree.rescue(tree, "opal", 12.5))
    assert [bare.run("show", f"{ref}:README.md") for ref in saved] == ["one", "two"]
    write(os.path.join(tree.path, "README.md"), "three put by")
    tree.run("stash", "push", "--quiet")
    alone = worktree.rescue(tree, "opal", 12.5)
    assert bare.run("show", f"{alone}:README.md") == "three put by"
    stashes = bare.run("for-each-ref", "--format=%(refname)", "refs/gastown/rescue/opal").split()
    put_by = {bare.run("show", f"{ref}:README.md") for ref in stashes if "-stash" in ref}
    assert put_by == {"one put by", "two put by", "three put by"}


def test_checkpoints_of_one_millisecond_are_all_kept(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    for text in ("one", "two"):
        write(os.path.join(tree.path, "README.md"), text)
        checkpoints.save(tree, "opal", text, 12.5)
    assert {one.why for one in checkpoints.saved_states(tree, "opal")} == {"one", "two"}


def test_a_clean_pushed_worktree_needs_no_rescue(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    assert worktree.rescue(tree, "opal", 1.0) == ""


def test_removing_a_dirty_worktree_saves_it_first(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    write(os.path.join(tree.path, "loose.txt"), "loose")
    ref = worktree.remove(bare, tree.path, rescue_as="opal", now=3.0)
    assert not os.path.exists(tree.path)
    assert bare.run("show", f"{ref}:loose.txt") == "loose"


def test_excludes_hide_our_files_in_every_worktree_and_are_written_once(bare, tmp_path):
    one = worktree.add(bare, str(tmp_path / "one"), branch="b1", start="origin/main")
    worktree.exclude(one)
    worktree.exclude(one)
    two = worktree.add(bare, str(tmp_path / "two"), branch="b2", start="origin/main")
    os.makedirs(os.path.join(two.path, ".beads"))
    write(os.path.join(two.path, ".beads", "redirect"), "x")
    assert worktree.status(two) == ((), ())
    with open(os.path.join(bare.path, "info", "exclude")) as handle:
        assert handle.read().splitlines().count("/.beads/redirect") == 1


@pytest.mark.parametrize(
    "theirs",
    [
        "state.json",
        "conf/state.json",
        ".claude/commands/go.md",
        ".beads/notes.md",
        ".logs/a.log",
        ".runtime/a",
        "sub/CLAUDE.local.md",
    ],
)
def test_a_file_of_the_project_is_never_hidden_by_its_name(bare, tmp_path, theirs):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    worktree.exclude(tree)
    path = os.path.join(tree.path, theirs)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write(path, "theirs")
    assert worktree.status(tree).untracked == (theirs,)
    ref = worktree.remove(bare, tree.path, rescue_as="opal", now=3.0)
    assert bare.run("show", f"{ref}:{theirs}") == "theirs"


def test_patterns_that_hid_too_much_go_when_the_worktree_is_looked_at(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    path = os.path.join(bare.path, "info", "exclude")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write(path, "# mine\n*.tmp\n.claude/\nstate.json\n")
    write(os.path.join(tree.path, "state.json"), "theirs")
    write(os.path.join(tree.path, "a.tmp"), "hidden by the user")
    assert worktree.unsaved(tree).files == 1
    with open(path) as handle:
        assert handle.read().splitlines() == ["# mine", "*.tmp", *worktree.OURS]


def test_a_note_that_somebody_else_wrote_on_our_path_is_theirs(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b", start="origin/main")
    worktree.exclude(tree)
    note = os.path.join(tree.path, worktree.WORKER_NOTE)
    write(note, f"# You are x, a polecat {worktree.WORKER_MARK}\n")
    assert worktree.status(tree) == ((), ())
    write(note, "# How we work here\n")
    assert worktree.status(tree).untracked == (worktree.WORKER_NOTE,)
    ref = worktree.rescue(tree, "opal", 3.0)
    assert bare.run("show", f"{ref}:{worktree.WORKER_NOTE}") == "# How we work here"


def test_an_identity_set_in_one_worktree_is_unseen_in_another(bare, tmp_path):
    one = worktree.add(bare, str(tmp_path / "one"), branch="b1", start="origin/main")
    two = worktree.add(bare, str(tmp_path / "two"), branch="b2", start="origin/main")
    worktree.set_identity(one, Identity("opal", "opal@gastown.local"))
    assert one.config("user.name") == "opal"
    assert two.config("user.name") != "opal"
    assert Git(bare.path).run("rev-parse", "--is-bare-repository") == "true"
    assert worktree.status(two) == ((), ())


def test_stashes_are_counted_for_their_own_branch_only(bare, tmp_path):
    one = worktree.add(bare, str(tmp_path / "one"), branch="b1", start="origin/main")
    two = worktree.add(bare, str(tmp_path / "two"), branch="b2", start="origin/main")
    one.identity = two.identity = Identity("a", "a@b.c")
    write(os.path.join(one.path, "README.md"), "changed")
    one.run("stash")
    assert (worktree.count_stashes(one), worktree.count_stashes(two)) == (1, 0)


def test_git_words_are_in_the_error(bare):
    with pytest.raises(GitError) as caught:
        bare.run("rev-parse", "--verify", "no-such-branch")
    assert "Needed a single revision" in caught.value.why


def test_a_surrounding_git_dir_is_ignored(bare, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert bare.commit_of("origin/main")


def test_a_kill_while_worktrees_get_their_own_configuration_takes_no_worktree_from_git(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b1", start="origin/main")
    real, done = Git.attempt, []

    def killed_after(number):
        def attempt(git, *words, **how):
            if words[:1] == ("config",) and "--get-regexp" not in words:
                if len(done) == number:
                    raise KeyboardInterrupt
                done.append(words)
            return real(git, *words, **how)

        return attempt

    for number in (0, 1, 2):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            done.clear()
            patch.setattr(Git, "attempt", killed_after(number))
            worktree.own_configuration(tree)
        assert worktree.status(tree) == ((), ()), number
        assert Git(bare.path).run("rev-parse", "--is-bare-repository") == "true", number
        bare.run("config", "--file", os.path.join(bare.path, "config"), "core.bare", "true")
    worktree.own_configuration(tree)
    assert tree.config("extensions.worktreeConfig") == "true" and worktree.status(tree) == ((), ())


def test_a_repository_whose_worktrees_all_count_as_bare_is_mended(bare, tmp_path):
    tree = worktree.add(bare, str(tmp_path / "w"), branch="b1", start="origin/main")
    bare.run("config", "--file", os.path.join(bare.path, "config"), "extensions.worktreeConfig", "true")
    worktree.own_configuration(tree)
    assert worktree.status(tree) == ((), ())
    assert Git(bare.path).run("rev-parse", "--is-bare-repository") == "true"


def test_saving_twice_at_once_and_after_a_kill_of_the_same_number_gives_two_whole_commits(tmp_path):
    git = make_repo(str(tmp_path / "repo"))
    folder = os.path.join(git.path, ".git")
    write(os.path.join(git.path, "new.txt"), "work\n")
    # what a process of the same number left that was killed while it saved
    left = os.path.join(folder, f"{own_index.NAME}{os.getpid()}.lock")
    write(left, "")
    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(lambda _: worktree.commit_of_everything(git), range(4)))
    assert {git.run("show", f"{one}:new.txt") for one in saved} == {"work"}
    assert [name for name in os.listdir(folder) if name.startswith(own_index.NAME)] == [os.path.basename(left)]
    os.utime(left, (1, 1))
    worktree.commit_of_everything(git)
    assert not os.path.exists(left)
