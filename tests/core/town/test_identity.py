from __future__ import annotations

import pytest

from gastown_core.errors import NotFoundError
from gastown_core.model.address import Address
from gastown_core.town.crew import add_crew
from gastown_core.town.identity import caller, own_entry, resolve_agent, session_environment, signature
from gastown_core.town.inventory import read_inventory
from tests.support.towns import reference_town


def test_a_polecats_environment_tells_it_who_it_is(rigged):
    from gastown_core.town.polecat_pool import polecat_entry

    entry = polecat_entry(rigged.root, "shop", "sh", "opal")
    env = session_environment(rigged.root, entry, branch="polecat/opal/sh-1@x", run="r1")
    assert {key: env[key] for key in ("GT_ROLE", "BD_ACTOR", "GT_RIG", "GT_POLECAT", "GT_SESSION", "GT_BRANCH")} == {
        "GT_ROLE": "shop/polecats/opal",
        "BD_ACTOR": "shop/polecats/opal",
        "GT_RIG": "shop",
        "GT_POLECAT": "opal",
        "GT_SESSION": "sh-opal",
        "GT_BRANCH": "polecat/opal/sh-1@x",
    }
    assert env["GT_TOWN_ROOT"] == env["GT_ROOT"] == env["GIT_CEILING_DIRECTORIES"] == rigged.root
    assert env["GIT_AUTHOR_NAME"] == env["GIT_COMMITTER_NAME"] == "opal"
    assert env["GIT_AUTHOR_EMAIL"] == "shop.polecats.opal@gastown.local"
    assert env["CLAUDECODE"] == env["NODE_OPTIONS"] == ""


def test_signatures_carry_the_towns_domain():
    assert signature(Address("mayor", "", ""), "ex.org") == ("mayor", "mayor@ex.org")


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({}, "overseer"),
        ({"GT_ROLE": "shop/polecats/opal"}, "shop/polecats/opal"),
        ({"GT_ROLE": "witness", "GT_RIG": "shop"}, "shop/witness"),
        ({"GT_ROLE": "crew", "GT_RIG": "shop", "GT_CREW": "ana"}, "shop/crew/ana"),
        ({"GT_ROLE": "polecat", "GT_RIG": "shop", "GT_POLECAT": "opal"}, "shop/polecats/opal"),
        ({"GT_ROLE": "deacon/boot"}, "boot"),
        ({"GT_ROLE": "mayor"}, "mayor"),
    ],
)
def test_the_caller_is_known_by_every_form_of_gt_role(env, path):
    assert caller(env).path == path


def test_agents_are_found_by_what_people_type(rigged):
    add_crew(rigged.root, "shop", "ana")
    inventory = read_inventory(rigged.root)
    for text, path in {
        "mayor/": "mayor",
        "may": "mayor",
        "shop/ana": "shop/crew/ana",
        "ana": "shop/crew/ana",
        "sh-crew-ana": "shop/crew/ana",
        "hq-deacon": "deacon",
        "witness": "shop/witness",
        "shop/refinery": "shop/refinery",
    }.items():
        assert resolve_agent(inventory, text).address.path == path, text
    with pytest.raises(NotFoundError) as caught:
        resolve_agent(inventory, "shop/anna")
    assert "shop/crew/ana" in caught.value.hint


def test_an_agent_folder_tells_who_stands_in_it(rigged):
    entry = add_crew(rigged.root, "shop", "ana")
    inventory = read_inventory(rigged.root)
    assert own_entry(rigged.root, inventory, env={}, cwd=entry.work_dir + "/mail") == entry
    assert own_entry(rigged.root, inventory, env={}, cwd=rigged.root) is None


def test_the_roster_of_the_reference_town(tmp_path):
    inventory = read_inventory(reference_town(tmp_path))
    assert [entry.address.path for entry in inventory.agents] == [
        "mayor",
        "deacon",
        "demo/witness",
        "demo/refinery",
        "demo/crew/alice",
        "demo/polecats/rust",
    ]
    assert inventory.agents[-1].work_dir.endswith("demo/polecats/rust/demo")
    assert [entry.bead_id for entry in inventory.agents][-2:] == ["dm-demo-crew-alice", "dm-demo-polecat-rust"]
