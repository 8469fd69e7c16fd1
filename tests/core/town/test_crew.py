from __future__ import annotations

import json
import os

import pytest

from gastown_core.errors import ConflictError, UsageError
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.town.crew import add_crew, look_at, split_name


def test_a_crew_member_gets_a_clean_clone_and_an_agent_bead(rigged):
    entry = add_crew(rigged.root, "shop", "ana")
    git = Git(entry.work_dir)
    assert (git.branch(), worktree.status(git)) == ("main", ((), ()))
    assert git.config("remote.origin.url") == "file://" + rigged.origin.path
    with open(os.path.join(entry.work_dir, "state.json")) as handle:
        assert json.load(handle)["name"] == "ana"
    assert rigged.ledger.get("sh-shop-crew-ana").fields["role_type"] == "crew"
    assert rigged.entry("shop/crew/ana") == entry
    assert look_at(entry, set()).is_clean is True


def test_a_branch_of_ones_own(rigged):
    entry = add_crew(rigged.root, "shop", "bo", new_branch=True)
    assert Git(entry.work_dir).branch() == "crew/bo"


def test_a_second_one_of_that_name_is_refused(rigged):
    add_crew(rigged.root, "shop", "ana")
    with pytest.raises(ConflictError):
        add_crew(rigged.root, "shop", "ana")


@pytest.mark.parametrize("name", ["a-b", "a.b", "..", "a b", "a/b", ""])
def test_bad_names_are_refused(rigged, name):
    with pytest.raises(UsageError):
        add_crew(rigged.root, "shop", name)


def test_the_rig_comes_from_option_text_or_the_only_rig(rigged):
    assert split_name(rigged.root, "ana") == ("shop", "ana")
    assert split_name(rigged.root, "shop/ana") == ("shop", "ana")
    assert split_name(rigged.root, "shop/crew/ana") == ("shop", "ana")
    with pytest.raises(UsageError):
        split_name(rigged.root, "shop/ana", rig="other")
