"""The roster: which agents exist, by the folders, whether all are listed or one is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.model.address import parse_address
from gastown_core.town.inventory import find_agent, is_absent, survey
from tests.support.rigged import Rigged

HERE = ("mayor", "deacon", "deacon/dogs/rex", "shop/witness", "shop/refinery", "shop/crew/ana", "shop/ana")
GONE = (
    "shop/polecats/ruby",
    "shop/ruby",
    "shop/crew/zoe",
    "deacon/dogs/boot",
    "deacon/dogs/max",
    "toys/polecats/opal",
)
PEOPLE = ("", "ana", "team/bob", "ana@example.org", "shop/polecats/.old", "shop/polecats/../crew", "shop/polecats/a/b")


@pytest.fixture
def root(rigged: Rigged) -> str:
    town = Path(rigged.root)
    for folder in ("deacon/dogs/rex", "deacon/dogs/boot", "shop/crew/ana", "shop/polecats/opal/shop"):
        (town / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("shop/polecats/.old", "shop/polecats/jade"):
        (town / folder).mkdir(parents=True)
    (town / "shop" / "polecats" / "ruby").write_text("a file is no agent")
    return rigged.root


@pytest.mark.parametrize("who", [*HERE, "shop/polecats/opal", "shop/opal", "shop/polecats/jade", *GONE, *PEOPLE])
def test_an_agent_that_is_looked_for_alone_is_found_as_in_the_whole_roster(root: str, who: str) -> None:
    whole, lazy = survey(root), survey(root, with_agents=False)
    assert whole.agents and not lazy.agents and whole.rigs == lazy.rigs
    assert is_absent(lazy, who) == is_absent(whole, who)
    address = parse_address(who) if who else None
    if address is not None:
        assert find_agent(lazy, address) == find_agent(whole, address)


def test_an_agent_without_a_folder_is_absent_and_one_with_it_is_not(root: str) -> None:
    lazy = survey(root, with_agents=False)
    assert [who for who in (*HERE, "shop/opal") if is_absent(lazy, who)] == []
    assert [who for who in GONE if not is_absent(lazy, who)] == []
