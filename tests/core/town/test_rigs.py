from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.opening import init_store, open_store
from gastown_core.errors import ConflictError, GastownError, GitError, UsageError
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.process_table import mark
from gastown_core.town import rig_register as register_module
from gastown_core.town import rigs as rigs_module
from gastown_core.town.discover import read_rigs
from gastown_core.town.install import install_town
from gastown_core.town.rigs import add_rig, default_branch
from tests.support.cli import gt
from tests.support.repos import commit_files, make_repo


@pytest.fixture
def root(tmp_path):
    return install_town(str(tmp_path / "gt"), git=True).root


def snapshot(root: str) -> dict[str, bytes]:
    """Every file of the town outside git and derived ones."""
    found = {}
    for folder, _, files in os.walk(root):
        if ".git" in folder.split(os.sep):
            continue
        for name in files:
            if not name.endswith((".lock", ".db", ".db-wal", ".db-shm")) and ".runtime" not in folder:
                with open(os.path.join(folder, name), "rb") as handle:
                    found[os.path.relpath(os.path.join(folder, name), root)] = handle.read()
    return found


def test_a_rig_gets_clones_ledger_route_agents_and_patrols(rigged):
    path = os.path.join(rigged.root, "shop")
    assert read_rigs(rigged.root) == {"shop": "sh"}
    assert Git(os.path.join(path, "mayor", "rig")).branch() == "main"
    assert Git(os.path.join(path, "refinery", "rig")).branch() == "main"
    for bead_id in ("sh-shop-witness", "sh-shop-refinery", "sh-rig-shop"):
        assert rigged.ledger.get(bead_id) is not None
    with open(os.path.join(rigged.root, "mayor", "daemon.json")) as handle:
        assert json.load(handle)["patrols"]["witness"]["rigs"] == ["shop"]
    assert [event["payload"]["rig"] for event in rigged.events("rig_added")] == ["shop"]


def test_git_sees_nothing_of_ours_in_any_working_copy(rigged):
    for folder in ("mayor/rig", "refinery/rig"):
        assert worktree.status(Git(os.path.join(rigged.root, "shop", folder))) == ((), ())


def test_beads_created_in_a_worktree_land_in_the_rigs_ledger(rigged):
    store = open_store(os.path.join(rigged.root, "shop", "refinery", "rig", ".beads"))
    assert (store.prefix, store.beads_dir) == ("sh", os.path.join(rigged.root, "shop", ".beads"))


def test_a_path_becomes_a_file_url_and_another_default_branch_is_found(root, tmp_path):
    make_repo(str(tmp_path / "src"), branch="trunk")
    rig = add_rig(root, "myFrontend", str(tmp_path / "src"))
    assert (rig.url, rig.branch, rig.prefix) == (f"file://{tmp_path}/src", "trunk", "mf")
    assert default_branch(root, "myFrontend") == "trunk"


def test_tracked_beads_keep_their_prefix_and_are_reached_through_a_redirect(root, tmp_path):
    git = make_repo(str(tmp_path / "src"))
    init_store(git.path, "own", use_git=False)
    commit_files(git, {".beads/issues.jsonl": ""}, "beads")
    rig = add_rig(root, "shop", git.path)
    assert rig.prefix == "own"
    store = TownLedger(root).store_for("own-x")
    assert store.beads_dir == os.path.join(root, "shop", "mayor", "rig", ".beads")
    assert worktree.status(Git(os.path.join(root, "shop", "refinery", "rig"))) == ((), ())
    with pytest.raises(UsageError, match="prefix own"):
        add_rig(root, "shop2", git.path, prefix="other")


def test_an_empty_repository_is_told_apart(root, tmp_path):
    os.makedirs(tmp_path / "empty")
    Git(str(tmp_path / "empty")).run("init", "--quiet", "--bare")
    with pytest.raises(GitError) as caught:
        add_rig(root, "shop", str(tmp_path / "empty"))
    assert "empty" in caught.value.what
    assert not os.path.exists(os.path.join(root, "shop"))


@pytest.mark.parametrize("name", ["a-b", "a.b", "a b", "a/b", "hq", "mayor", "", "../x"])
def test_bad_rig_names_are_refused(root, tmp_path, name):
    with pytest.raises(UsageError):
        add_rig(root, name, str(tmp_path))


@pytest.mark.parametrize("url", ["-x", "", "/no/such/place", "--upload-pack=touch /tmp/x"])
def test_bad_sources_are_refused(root, url):
    with pytest.raises(UsageError):
        add_rig(root, "shop", url)


def test_a_taken_prefix_is_refused(rigged, tmp_path):
    make_repo(str(tmp_path / "other"))
    with pytest.raises(ConflictError, match="prefix sh"):
        add_rig(rigged.root, "other", str(tmp_path / "other"), prefix="sh")
    with pytest.raises(ConflictError, match="prefix hq"):
        add_rig(rigged.root, "other", str(tmp_path / "other"), prefix="hq")


@pytest.mark.parametrize(
    ("module", "step"),
    [(rigs_module, "_clone"), (rigs_module, "_furnish"), (rigs_module, "register"), (register_module, "_patrol")],
)
def test_a_failure_half_way_leaves_no_trace(root, tmp_path, monkeypatch, module, step):
    make_repo(str(tmp_path / "src"))
    before = snapshot(root)
    real = getattr(module, step)

    def fail_afterwards(*args, **kwargs):
        real(*args, **kwargs)
        raise GastownError("broken")

    monkeypatch.setattr(module, step, fail_afterwards)
    with pytest.raises(GastownError, match="broken"):
        add_rig(root, "shop", str(tmp_path / "src"))
    after = snapshot(root)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    # the ledger is an append log: it keeps the lines of what was made and deleted
    assert changed <= {".beads/issues.jsonl"}
    assert TownLedger(root).get("sr-shop-witness") is None
    assert not os.path.exists(os.path.join(root, "shop"))
    monkeypatch.undo()
    assert add_rig(root, "shop", str(tmp_path / "src")).name == "shop"


KILLED = """
import os, sys
from gastown_core.town import rigs
rigs.{step} = lambda *args, **more: os.kill(os.getpid(), 9)
rigs.add_rig(sys.argv[1], "shop", sys.argv[2])
"""


@pytest.mark.parametrize("step", ["_clone", "_furnish", "register"])
def test_a_killed_add_is_named_and_the_next_one_starts_anew(root, tmp_path, step):
    source = make_repo(str(tmp_path / "src")).path
    done = subprocess.run([sys.executable, "-c", KILLED.format(step=step), root, source], capture_output=True)
    assert done.returncode == -9
    assert rigs_module.interrupted_rigs(root) == ["shop"] and read_rigs(root) == {}
    listed = gt("rig", "list", cwd=root)
    assert "gt rig add shop was interrupted" in listed.err
    assert "shop is half a rig" in gt("doctor", cwd=root).out

    told: list[str] = []
    add_rig(root, "shop", source, progress=told.append)

    assert any("interrupted gt rig add" in line for line in told)
    assert read_rigs(root) == {"shop": "sh"} and rigs_module.interrupted_rigs(root) == []
    assert not os.path.exists(os.path.join(root, "shop", ".adding"))
    assert TownLedger(root).get("sh-rig-shop") is not None


def test_a_folder_of_somebody_elses_stays(root, tmp_path):
    source = make_repo(str(tmp_path / "src")).path
    os.makedirs(os.path.join(root, "shop", "mine"))
    with pytest.raises(ConflictError, match="cannot use"):
        add_rig(root, "shop", source)
    with open(os.path.join(root, "shop", ".adding"), "w") as handle:
        handle.write(mark())
    with pytest.raises(ConflictError, match="being added now"):
        add_rig(root, "shop", source)
    assert os.path.isdir(os.path.join(root, "shop", "mine"))
