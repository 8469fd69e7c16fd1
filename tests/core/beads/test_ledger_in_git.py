"""The ledger in real repositories: initialising, syncing, and merging branches through git itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from gastown_core.beads.opening import driver_command, driver_registered, init_store, open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.sync import sync_store
from gastown_core.errors import ConflictError, GitError, StoreError
from tests.support.stores import change, close, create, lines_of, link, raw


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with a store, and a ``bd`` on the path that runs this checkout."""
    tools = tmp_path / "bin"
    tools.mkdir()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    program = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {root!r})\nfrom gastown_cli.main import bd\nsys.exit(bd())\n"
    (tools / "bd").write_text(program)
    (tools / "bd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for key, value in (("GIT_CONFIG_GLOBAL", os.devnull), ("GIT_CONFIG_NOSYSTEM", "1")):
        monkeypatch.setenv(key, value)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "op")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "op@example.com")
    place = tmp_path / "repo"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    init_store(str(place), "gt")
    return place


def git(place, *words, check=True):
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done.stdout.strip()


def store_of(place):
    return open_store(str(place / ".beads"))


def test_making_a_store_registers_the_driver_and_may_be_repeated(repo):
    assert driver_registered(str(repo)) is True
    assert git(repo, "config", "merge.beads.driver") == driver_command()
    assert git(repo, "check-attr", "merge", ".beads/issues.jsonl").endswith("beads")
    assert init_store(str(repo), "gt") == [] and init_store(str(repo)) == []
    with pytest.raises(ConflictError):
        init_store(str(repo), "other")


def test_a_sync_commits_the_canonical_form_and_nothing_local(repo):
    store = store_of(repo)
    bead_id = create(store)
    change(store, bead_id, title="new")
    create(store, kind="wisp")
    (repo / "other.txt").write_text("not mine to commit")
    git(repo, "add", "other.txt")
    done = sync_store(store)
    assert done.committed and done.compacted and len(lines_of(store)) == 1
    committed = git(repo, "show", "--name-only", "--format=").splitlines()
    assert sorted(committed) == [
        f".beads/{n}" for n in (".gitattributes", ".gitignore", "config.yaml", "issues.jsonl", "metadata.json")
    ]
    again = sync_store(store)
    assert not again.committed and not again.compacted and "nothing to commit" in again.sentence()


def test_a_sync_pushes_if_asked_and_says_why_it_cannot(repo, tmp_path):
    store = store_of(repo)
    create(store)
    with pytest.raises(GitError, match="not pushed"):
        sync_store(store, push=True)
    git(tmp_path, "init", "-q", "--bare", "there.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "there.git"))
    git(repo, "config", "push.autoSetupRemote", "true")
    create(store)
    assert sync_store(store, push=True).pushed
    assert git(tmp_path / "there.git", "log", "--format=%s", "-1", "main") == "beads: sync gt"


def test_a_sync_outside_git_only_compacts(tmp_path):
    init_store(str(tmp_path), "gt")
    store = store_of(tmp_path)
    create(store)
    done = sync_store(store)
    assert not done.in_git and "not in a git repository" in done.sentence()


def test_two_branches_that_edit_one_bead_are_merged_by_git(repo):
    store = store_of(repo)
    one, two, three, gone, shut = (
        create(store, name, labels=["keep", "drop"]) for name in ("one", "two", "three", "gone", "shut")
    )
    link(store, one, two)
    link(store, one, three)
    sync_store(store)
    git(repo, "checkout", "-q", "-b", "side")
    change(store, one, title="one from side", labels=["keep", "side"])
    with store.write("side") as batch:
        batch.remove_edge(one, two)
        batch.delete(gone)
    close(store, shut, "closed on side")
    create(store, "born on side", bead_id="gt-side1")
    sync_store(store)
    git(repo, "checkout", "-q", "main")
    change(store, one, assignee="nux", labels=["keep", "drop", "main"])
    with store.write("main") as batch:
        batch.comment(one, "from main")
    change(store, gone, title="edited on main")
    change(store, shut, status="in_progress")
    create(store, "born on main", bead_id="gt-main1")
    sync_store(store)
    git(repo, "merge", "-q", "-m", "merge", "side")
    bead = store.get(one)
    assert (bead.title, bead.assignee, bead.labels) == ("one from side", "nux", ("keep", "main", "side"))
    assert [edge.target for edge in bead.edges] == [three] and bead.comments[0]["text"] == "from main"
    assert store.get(gone) is None
    assert store.get(shut).is_closed and store.get(shut).text("close_reason") == "closed on side"
    assert store.get("gt-side1") and store.get("gt-main1")
    assert store.oddities() == [] and not sync_store(store).compacted


def test_switching_branches_is_seen_at_once(repo):
    store = store_of(repo)
    create(store, "both", bead_id="gt-both1")
    sync_store(store)
    git(repo, "checkout", "-q", "-b", "side")
    create(store, "side", bead_id="gt-side1")
    sync_store(store)
    git(repo, "checkout", "-q", "main")
    assert [bead.id for bead in store.find(BeadQuery())] == ["gt-both1"]
    git(repo, "checkout", "-q", "side")
    assert len(store.find(BeadQuery())) == 2


@pytest.mark.parametrize("driver", ["bd merge %A %O %A %B", "bd merge-driver %O %A %B"], ids=["go's", "ours"])
@pytest.mark.parametrize("way", ["merge", "rebase"])
def test_two_worktrees_under_one_epic_come_to_one_ledger(repo, tmp_path, driver, way):
    store = store_of(repo)
    epic = create(store, "epic", issue_type="epic")
    sync_store(store)
    git(repo, "config", "merge.beads.driver", driver)
    other = tmp_path / "other"
    git(repo, "worktree", "add", "-q", "-b", "side", str(other))
    beside = store_of(other)
    for one, who in ((store, "main"), (beside, "side")):
        child = create(one, f"child of {who}", parent=epic)
        assert child == f"{epic}.1"
        create(one, f"waits for the child of {who}", bead_id=f"gt-after{who}")
        link(one, f"gt-after{who}", child)
        sync_store(one)
    git(other, "branch", "-q", "before")
    said = subprocess.run(
        ["git", way, *(["-q", "--no-edit"] if way == "merge" else []), "main"],
        cwd=other,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0 and f"two beads had the id {epic}.1" in said.stderr
    git(repo, "merge", "-q", "-m", "m", "before")
    for one in (store, beside):
        children = {bead.title: bead.id for bead in one.find(BeadQuery(parent=epic))}
        assert children["child of main"] == f"{epic}.1" and len(children) == 2
        for who in ("main", "side"):
            assert [edge.target for edge in one.get(f"gt-after{who}").edges] == [children[f"child of {who}"]]
    assert (repo / ".beads/issues.jsonl").read_bytes() == (other / ".beads/issues.jsonl").read_bytes()
    git(repo, "merge", "-q", "-m", "m", "side")
    assert (repo / ".beads/issues.jsonl").read_bytes() == (other / ".beads/issues.jsonl").read_bytes()


@pytest.fixture
def clone(repo, tmp_path):
    """A fresh clone of a repository whose attributes name the driver; its git knows none."""
    create(store_of(repo), bead_id="gt-mine")
    sync_store(store_of(repo))
    git(tmp_path, "clone", "-q", str(repo), "clone")
    assert driver_registered(str(tmp_path / "clone")) is False
    return tmp_path / "clone"


def run_bd(place, *words):
    return subprocess.run(["bd", *words], cwd=place, capture_output=True, text=True, timeout=60)


def test_the_first_write_in_a_fresh_clone_registers_the_driver_and_says_so_once(clone):
    assert run_bd(clone, "list").stderr == "" and driver_registered(str(clone)) is False
    first = run_bd(clone, "update", "gt-mine", "--title", "one", "--json")
    assert "registered the merge driver" in first.stderr and first.stdout.startswith(("[", "{"))
    assert git(clone, "config", "--local", "merge.beads.driver") == driver_command()
    assert run_bd(clone, "update", "gt-mine", "--title", "two").stderr == ""


def test_the_first_write_in_a_worktree_of_a_fresh_clone_registers_it_for_all(clone):
    git(clone, "worktree", "add", "-q", "../tree", "-b", "side")
    assert "registered the merge driver" in run_bd(clone.parent / "tree", "update", "gt-mine", "--title", "one").stderr
    assert driver_registered(str(clone)) is True


def test_a_driver_that_somebody_else_registered_stays(clone):
    git(clone, "config", "merge.beads.driver", "bd merge %A %O %A %B")
    assert run_bd(clone, "update", "gt-mine", "--title", "one").stderr == ""
    assert git(clone, "config", "merge.beads.driver") == "bd merge %A %O %A %B"


def test_where_git_cannot_be_told_the_write_is_done_and_the_line_to_type_is_said(clone):
    (clone / ".git" / "config.lock").write_text("")
    done = run_bd(clone, "update", "gt-mine", "--title", "one")
    assert done.returncode == 0 and "bd doctor --fix" in done.stderr
    assert store_of(clone).get("gt-mine").title == "one"


def linked(repo, name, text=""):
    """A file of the store as a link out of the repository; what it leads to."""
    target = repo.parent / f"outside-{name.replace('/', '-')}"
    target.write_text(text)
    path = repo / ".beads" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return target


def test_a_ledger_that_a_person_linked_is_followed_also_by_a_compaction(repo):
    target = linked(repo, "issues.jsonl")
    store = store_of(repo)
    bead_id = create(store)
    change(store, bead_id, title="new")
    assert store.compact() and (repo / ".beads" / "issues.jsonl").is_symlink()
    assert len(target.read_text().splitlines()) == 1 and store_of(repo).get(bead_id).title == "new"


def test_a_ledger_that_the_repository_links_out_of_itself_is_read_and_not_written(repo):
    secret = json.dumps(raw("gt-secret")) + "\n"
    target = linked(repo, "issues.jsonl", secret)
    git(repo, "add", "-f", ".beads/issues.jsonl")
    done = run_bd(repo, "create", "new", "--force")
    assert done.returncode == 1 and "leads out of the repository" in done.stderr
    with pytest.raises(StoreError, match="leads out of the repository"):
        create(store_of(repo))
    assert target.read_text() == secret


def test_a_ledger_that_the_repository_links_within_itself_is_written(repo):
    (repo / "data.jsonl").write_text("")
    (repo / ".beads" / "issues.jsonl").unlink()
    (repo / ".beads" / "issues.jsonl").symlink_to("../data.jsonl")
    git(repo, "add", "-f", ".beads/issues.jsonl")
    create(store_of(repo))
    assert (repo / "data.jsonl").read_text() and (repo / ".beads" / "issues.jsonl").is_symlink()


def test_what_bd_writes_beside_the_ledger_follows_no_link(repo):
    targets = [linked(repo, name, "mine\n") for name in ("last-touched", "formulas/again.formula.toml", ".gitignore")]
    epic = create(store_of(repo), "Much", issue_type="epic")
    create(store_of(repo), "part", parent=epic)
    assert run_bd(repo, "update", epic, "--title", "More").returncode == 0
    assert run_bd(repo, "mol", "distill", epic, "again", "--force").returncode == 1
    assert run_bd(repo, "doctor", "--fix").returncode == 1
    assert {target.read_text() for target in targets} == {"mine\n"}


def test_what_a_killed_compaction_left_goes_with_the_next_write(repo):
    (repo / ".beads" / ".issues.jsonl.tmp").write_text("half")
    create(store_of(repo))
    assert not (repo / ".beads" / ".issues.jsonl.tmp").exists()
