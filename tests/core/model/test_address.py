"""Every form of an address in the wild becomes one Address, and back."""

from __future__ import annotations

import pytest

from gastown_core.model.address import Address, parse_address, parse_bead_id, parse_session, same_agent

RIGS = {"shop": "sh", "gt-x": "gt-x", "tools": "gt", "myrig": "hq"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("mayor", "mayor"),
        ("mayor/", "mayor"),
        ("hq/mayor", "mayor"),
        ("deacon/", "deacon"),
        ("deacon-boot", "boot"),
        ("deacon/boot", "boot"),
        ("deacon/dogs/rex", "deacon/dogs/rex"),
        ("overseer", "overseer"),
        ("shop/witness", "shop/witness"),
        ("shop/refinery/", "shop/refinery"),
        ("shop/crew/ana", "shop/crew/ana"),
        ("shop/polecats/opal", "shop/polecats/opal"),
        ("shop/opal", "shop/polecats/opal"),
        ("shop/mayor", "mayor"),
        ("sh-opal", "shop/polecats/opal"),
        ("sh-crew-ana", "shop/crew/ana"),
        ("hq-mayor", "mayor"),
        ("hq-dog-rex", "deacon/dogs/rex"),
        ("gt-x-opal", "gt-x/polecats/opal"),
        ("gt-opal", "tools/polecats/opal"),
        ("hq-witness", "myrig/witness"),
    ],
)
def test_forms(text: str, path: str) -> None:
    assert parse_address(text, RIGS).path == path


@pytest.mark.parametrize("text", ["gt", "daemon", "unknown", "polecat", "", "nowhere/opal", "hq-wisp-6t8", "town"])
def test_what_names_no_agent_makes_no_rig(text: str) -> None:
    address = parse_address(text, {"shop": "sh", "tools": "gt"})
    assert not address.is_agent
    assert address.rig == ""


@pytest.mark.parametrize(
    "address",
    [
        Address("mayor", "", ""),
        Address("deacon", "", ""),
        Address("dog", "", "rex"),
        Address("witness", "shop", ""),
        Address("refinery", "gt-x", ""),
        Address("crew", "shop", "ana"),
        Address("polecat", "gt-x", "opal-two"),
        Address("polecat", "shop", "witness-2"),
    ],
)
def test_sessions_and_agent_beads_read_back(address: Address) -> None:
    prefix = RIGS.get(address.rig, "")
    assert parse_session(address.session(prefix), RIGS) == address
    assert parse_bead_id(address.bead_id(prefix), RIGS) == address


def test_the_rig_is_dropped_from_an_agent_bead_when_it_equals_the_prefix() -> None:
    assert Address("witness", "gt-x", "").bead_id("gt-x") == "gt-x-witness"
    assert Address("polecat", "demo", "rust").bead_id("dm") == "dm-demo-polecat-rust"


def test_crew_and_polecats_share_the_short_mail_form() -> None:
    assert same_agent("shop/opal", "shop/polecats/opal")
    assert same_agent("shop/crew/ana", "shop/ana")
    assert not same_agent("shop/opal", "shop/ruby")
