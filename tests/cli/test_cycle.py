"""``gt cycle`` and the keys n and p: round the sessions of one group, and nowhere else."""

from __future__ import annotations

import pytest

from gastown_core.process import gt_argv
from gastown_core.tmux.keys import bind_keys, town_keys
from gastown_core.tmux.sessions import create_session
from gastown_core.town import sessions, start_plan
from gastown_core.town.cycling import NEXT, PREV, TOWN, neighbour
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.fake_town import address
from tests.support.tmux import start_plain, until

PEOPLE = ("mayor", "deacon", "shop/witness", "shop/refinery", "shop/polecats/opal", "shop/crew/ana", "shop/crew/bo")
AGENTS = [RosterEntry(a, a.session("sh" if a.rig else "hq"), "/t", a.bead_id("sh")) for a in map(address, PEOPLE)]
LIVE = {one.session for one in AGENTS}


@pytest.mark.parametrize(
    ("here", "direction", "there"),
    [
        ("hq-mayor", NEXT, "hq-deacon"),
        ("hq-deacon", NEXT, "hq-mayor"),
        ("sh-opal", NEXT, "sh-refinery"),
        ("sh-witness", NEXT, "sh-opal"),
        ("sh-opal", PREV, "sh-witness"),
        ("sh-crew-ana", NEXT, "sh-crew-bo"),
        ("sh-crew-ana", PREV, "sh-crew-bo"),
    ],
)
def test_the_ring_of_a_group(here: str, direction: str, there: str) -> None:
    found = neighbour(AGENTS, LIVE, here, direction)
    assert found is not None and found.session == there


def test_sessions_that_do_not_run_are_passed_over_and_a_lone_one_has_no_neighbour() -> None:
    assert neighbour(AGENTS, {"sh-opal", "sh-witness"}, "sh-opal", NEXT).session == "sh-witness"  # type: ignore[union-attr]
    assert neighbour(AGENTS, {"hq-mayor"}, "hq-mayor", NEXT) is None
    assert neighbour(AGENTS, LIVE, "mine", NEXT) is None


@pytest.mark.parametrize(
    ("here", "direction", "group", "there"),
    [
        ("sh-opal", NEXT, TOWN, "hq-deacon"),
        ("sh-opal", PREV, TOWN, "hq-mayor"),
        ("hq-deacon", NEXT, TOWN, "hq-mayor"),
        ("sh-opal", NEXT, "crew", "sh-crew-ana"),
        ("sh-opal", PREV, "crew", "sh-crew-bo"),
        ("sh-crew-bo", NEXT, "crew", "sh-crew-ana"),
    ],
)
def test_one_group_is_reached_from_everywhere(here: str, direction: str, group: str, there: str) -> None:
    found = neighbour(AGENTS, LIVE, here, direction, group)
    assert found is not None and found.session == there
    assert neighbour(AGENTS, {here}, here, direction, group) is None


def shown(server):
    """The session that each terminal shows."""
    lines = server.run("list-clients", "-F", "#{client_control_mode} #{client_session}").splitlines()
    return [line[2:] for line in lines if line.startswith("0 ")]


@pytest.fixture
def watched(rigged, server):
    """A town with mayor and witness running, keys bound, and a person's terminal that shows the mayor, inside a session of ours."""
    set_setting(rigged.root, "default_agent", "scripted")
    town = sessions.server_of(rigged.root)
    for name in ("mayor", "shop/witness", "shop/refinery"):
        entry = rigged.entry(name)
        sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
    bind_keys(town, town_keys(gt_argv()), prefixes=["sh"])
    attach = ["env", "-u", "TMUX", *town.argv, "attach-session", "-t", "=sh-witness:"]
    create_session(server, "outer", "/tmp", {}, attach, watch_s=0.0)
    until(lambda: shown(town) == ["sh-witness"], "the terminal shows the witness")
    yield rigged, town, server
    town.kill_server()


def press(server, *keys):
    server.run("send-keys", "-t", "=outer:", *keys)


def test_the_keys_go_round_the_group(watched):
    _, town, outer = watched
    press(outer, "C-b", "n")
    until(lambda: shown(town) == ["sh-refinery"], "n goes on to the refinery")
    press(outer, "C-b", "p")
    until(lambda: shown(town) == ["sh-witness"], "p goes back")


def test_elsewhere_the_keys_are_the_users_own(watched):
    _, town, outer = watched
    start_plain(town, "mine")
    town.run("new-window", "-t", "=mine:", "cat")
    town.run("switch-client", "-c", town.run("list-clients", "-F", "#{client_name}").strip(), "-t", "=mine:")
    window = town.run("display-message", "-p", "-t", "=mine:", "#{window_index}").strip()
    press(outer, "C-b", "n")
    until(
        lambda: town.run("display-message", "-p", "-t", "=mine:", "#{window_index}").strip() != window,
        "n is next-window there",
    )
    assert shown(town) == ["mine"]


def test_the_command_says_where_it_goes_and_what_is_wrong(watched):
    rigged, town, _ = watched
    dry = gt("cycle", "next", "--session", "sh-witness", "-n", "--json", cwd=rigged.root)
    assert dry.json == {"from": "sh-witness", "to": "sh-refinery", "agent": "shop/refinery", "switched": False}
    assert shown(town) == ["sh-witness"]
    alone = gt("cycle", "next", "--session", "hq-mayor", cwd=rigged.root)
    assert (alone.code, alone.out) == (0, "") and "no other session" in alone.err
    nobody = gt("cycle", "next", cwd=rigged.root)
    assert nobody.code == 2 and "gt attach AGENT" in nobody.err
    assert gt("cycle", "next", "--session", "sh-nobody", cwd=rigged.root).code == 1
    assert gt("cycle", "sideways", cwd=rigged.root).code == 2


def test_town_and_crew_have_rings_of_their_own(watched) -> None:
    root = watched[0].root
    for words, there in ((("town", "next"), "hq-mayor"), (("town", "prev"), "hq-mayor"), (("crew", "next"), "")):
        ran = gt(*words, "--session", "sh-witness", "-n", "--json", cwd=root)
        assert ran.code == 0, ran.err
        assert (ran.json["to"], ran.json["switched"]) == (there, False)


def test_who_attaches_gets_the_keys(rigged, server):
    set_setting(rigged.root, "default_agent", "scripted")
    town = sessions.server_of(rigged.root)
    try:
        entry = rigged.entry("mayor")
        sessions.start_agent(rigged.root, start_plan.plan_start(rigged.root, entry))
        assert "cycle" not in town.run("list-keys", "-T", "prefix", "n")
        attach = ["env", "-u", "TMUX", *gt_argv("attach", "mayor")]
        create_session(server, "outer", rigged.root, {}, attach, watch_s=0.0)
        until(lambda: "cycle next" in town.run("list-keys", "-T", "prefix", "n"), "n is bound")
        until(lambda: shown(town) == ["hq-mayor"], "the mayor is shown")
    finally:
        town.kill_server()
