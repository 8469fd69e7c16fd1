from __future__ import annotations

import json
import os
import stat

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import TownError
from gastown_core.events.chronicle import state_path
from gastown_core.git.repo import Git
from gastown_core.town.discover import find_town
from gastown_core.town.install import install_town
from tests.support.rigged import write


def read(path: str) -> dict:
    with open(path) as handle:
        return json.load(handle)


def test_a_fresh_town_has_registers_ledger_and_a_clean_first_commit(tmp_path):
    made = install_town(str(tmp_path / "harbor"), git=True)
    root = made.root
    assert (made.is_new, made.name) == (True, "harbor")
    town = read(os.path.join(root, "mayor", "town.json"))
    assert (town["type"], town["version"], town["name"]) == ("town", 2, "harbor")
    assert read(os.path.join(root, "mayor", "rigs.json")) == {"version": 1, "rigs": {}}
    assert stat.S_IMODE(os.stat(os.path.join(root, "mayor", "town.json")).st_mode) == 0o600
    assert os.readlink(os.path.join(root, "AGENTS.md")) == "CLAUDE.md"
    git = Git(root)
    write(state_path(root), "{}")
    assert (git.branch(), git.run("status", "--porcelain")) == ("main", "")
    ledger = TownLedger(root)
    for bead_id in ("hq-mayor", "hq-deacon"):
        bead = ledger.get(bead_id)
        assert bead is not None and "gt:agent" in bead.labels and bead.fields["agent_state"] == "idle"


def test_agent_beads_are_no_ready_work(tmp_path):
    from gastown_core.beads.query import BeadQuery

    root = install_town(str(tmp_path / "t")).root
    assert TownLedger(root).store_for("hq-x").ready(BeadQuery(), 0.0) == []


def test_installing_twice_is_refused_and_with_force_changes_nothing_written_by_a_person(tmp_path):
    root = install_town(str(tmp_path / "t"), git=True).root
    path = os.path.join(root, "settings", "escalation.json")
    write(path, '{"mine": 1}')
    os.unlink(os.path.join(root, "config", "messaging.json"))
    with pytest.raises(TownError, match="is already a town"):
        install_town(root)
    again = install_town(root, git=True, again=True)
    assert again.added == ("config/messaging.json",)
    assert read(path) == {"mine": 1}
    assert install_town(root, git=True, again=True).added == ()


def test_a_town_inside_a_town_is_refused_and_leaves_nothing(tmp_path):
    root = install_town(str(tmp_path / "t")).root
    with pytest.raises(TownError, match="inside the town"):
        install_town(os.path.join(root, "sub"))
    assert not os.path.exists(os.path.join(root, "sub"))


def test_a_town_is_found_from_a_rigs_own_mayor_folder(rigged):
    assert find_town(os.path.join(rigged.root, "shop", "mayor", "rig"), env={}) == rigged.root


def test_the_town_root_goes_back_to_its_main_branch(tmp_path):
    root = install_town(str(tmp_path / "t"), git=True).root
    git = Git(root)
    git.attempt("checkout", "-b", "feature")
    assert git.branch() == "main"
    assert git.commit_of("feature")
