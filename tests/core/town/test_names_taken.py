"""No name means two things: role words, folders of the town, names of workers and prefixes of sessions."""

from __future__ import annotations

import os

import pytest

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.town import clones
from gastown_core.town.crew import add_crew
from gastown_core.town.dogs import check_dog_name
from gastown_core.town.identity import rig_prefix
from gastown_core.town.names import is_good
from gastown_core.town.polecat_pool import claim
from gastown_core.town.rig_register import check_free
from tests.support.rigged import Rigged

ROLES = "mayor deacon boot dog witness refinery crew polecat polecats overseer human daemon".split()


@pytest.mark.parametrize("word", [*ROLES, "Mayor", "settings", "hq", "events"])
def test_a_rig_never_bears_a_word_of_the_town(word: str) -> None:
    with pytest.raises(UsageError):
        clones.check_rig_name(word)


@pytest.mark.parametrize("word", ROLES)
def test_no_worker_bears_the_word_of_a_role(rigged: Rigged, word: str) -> None:
    assert not is_good(word)
    with pytest.raises(UsageError):
        add_crew(rigged.root, "shop", word)
    with pytest.raises(UsageError):
        claim(rigged.root, "shop", "sh", wanted=word, is_idle=lambda _: True)
    with pytest.raises(UsageError):
        check_dog_name(word)
    assert os.listdir(os.path.join(rigged.root, "shop", "crew")) == []


def test_a_polecat_and_a_crew_member_of_a_rig_never_share_a_name_or_a_session(rigged: Rigged) -> None:
    add_crew(rigged.root, "shop", "ana")
    with pytest.raises(ConflictError, match="crew member ana"):
        claim(rigged.root, "shop", "sh", wanted="ana", is_idle=lambda _: True)
    with pytest.raises(UsageError):
        claim(rigged.root, "shop", "sh", wanted="crew-ana", is_idle=lambda _: True)
    os.makedirs(os.path.join(rigged.root, "shop", "polecats", "opal"))
    with pytest.raises(ConflictError, match="polecat opal"):
        add_crew(rigged.root, "shop", "opal")


@pytest.mark.parametrize("prefix", ["sh", "sh-x", "hq"])
def test_a_prefix_that_makes_a_session_mean_two_is_refused(prefix: str) -> None:
    with pytest.raises(ConflictError):
        check_free(prefix, {"shop": "sh"})
    assert check_free("shx", {"shop": "sh"}) == "shx"


def test_the_prefix_of_a_rig_that_is_not_registered_is_an_error(rigged: Rigged) -> None:
    assert (rig_prefix(rigged.root, ""), rig_prefix(rigged.root, "shop")) == ("hq", "sh")
    with pytest.raises(NotFoundError, match="no rig nowhere"):
        rig_prefix(rigged.root, "nowhere")
