"""``gt rig park|dock|start|stop|remove|add --adopt``: the state of a rig, with real sessions and a real daemon's duty."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import ConflictError, GastownError
from gastown_core.town import rig_states
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import Rigged, write
from tests.support.tmux import needs_tmux


def state_of(town: Rigged, rig: str = "shop") -> str:
    return next(one.state for one in read_inventory(town.root).rigs if one.name == rig)


@pytest.fixture
def working(sessions_too: Rigged) -> Rigged:
    """A town whose rig has a polecat with work, a witness and a refinery, all running."""
    town = sessions_too
    write(os.path.join(town.root, "settings", "agents.json"), json.dumps(
        {"version": 1, "agents": {"idler": {"command": "sleep", "args": ["600"], "prompt_mode": "none"}}}
    ))  # fmt: skip
    set_setting(town.root, "default_agent", "idler")
    town.sling(town.file().id, session=True)
    assert gt("rig", "start", "shop", cwd=town.root).code == 0
    return town


@needs_tmux
def test_a_parked_rig_is_quiet_and_its_work_waits(working: Rigged) -> None:
    before = gt("rig", "status", "shop", "--json", cwd=working.root).json
    assert len(before["running"]) == 3
    assert len(before["in_hands"]) == 1

    parked = gt("rig", "park", "shop", "--json", cwd=working.root)

    assert parked.code == 0
    assert sorted(parked.json[0]["stopped"]) == sorted(before["running"])
    status = gt("rig", "status", "shop", "--json", cwd=working.root).json
    assert (status["state"], status["running"], status["in_hands"]) == ("parked", [], before["in_hands"])
    polecat = next(path for path in before["running"] if "/polecats/" in path)
    agents = {row["address"]: row for row in gt("agents", "--all", "--json", cwd=working.root).json}
    assert {agents[path.replace("polecats/", "")]["health"] for path in before["running"]} == {"idle"}
    assert "rig shop is parked" in gt("scheduler", "explain", working.file().id, cwd=working.root).out
    refused = gt("rig", "start", "shop", cwd=working.root)
    assert refused.code == 1
    assert "gt rig unpark shop" in refused.err

    assert gt("rig", "unpark", "shop", cwd=working.root).code == 0
    started = gt("rig", "start", "shop", "--json", cwd=working.root).json[0]

    assert sorted(started["started"]) == sorted(before["running"])
    assert polecat in started["started"]
    fields = get_agent_bead(working.ledger, working.entry(polecat).bead_id).fields
    assert fields["agent_state"] == "working"
    assert [event["payload"]["to"] for event in working.events("rig_state")] == ["parked", "operational"]


@needs_tmux
def test_a_rig_in_use_is_not_removed_and_comes_back_whole(working: Rigged) -> None:
    root = working.root
    refused = gt("rig", "remove", "shop", cwd=root)
    assert refused.code == 1
    assert "runs" in refused.err
    assert gt("rig", "list", "--json", cwd=root).json[0]["name"] == "shop"

    removed = gt("rig", "remove", "shop", "--force", "--json", cwd=root)

    assert removed.code == 0
    assert len(removed.json["stopped"]) == 3
    assert removed.json["open_beads"] >= 1
    assert gt("rig", "list", "--json", cwd=root).json == []
    assert gt("session", "list", "--json", cwd=root).json == [
        row for row in gt("session", "list", "--json", cwd=root).json if not row["rig"]
    ]
    with open(os.path.join(root, "mayor", "daemon.json"), encoding="utf-8") as handle:
        assert [patrol["rigs"] for patrol in json.load(handle)["patrols"].values() if "rigs" in patrol] == [[], []]
    assert os.path.isdir(os.path.join(root, "shop", ".repo.git"))

    again = gt("rig", "add", "shop", "--adopt", "--json", cwd=root)

    assert again.code == 0
    assert (again.json["name"], again.json["prefix"]) == ("shop", "sh")
    status = gt("rig", "status", "shop", "--json", cwd=root).json
    assert len(status["in_hands"]) == 1
    assert status["open_beads"] == removed.json["open_beads"]


def test_docked_is_shared_by_the_ledger_and_parked_is_not(rigged: Rigged, without_tmux: None) -> None:
    layer = os.path.join(rigged.root, ".beads-wisp", "config", "shop.json")
    write(layer, '{"rig": "shop", "values": {"dnd": true}, "blocked": ["auto_restart"]}')

    rig_states.dock(rigged.root, "shop", actor="ana")

    bead = rigged.ledger.get("sh-rig-shop")
    assert bead is not None
    assert "status:docked" in bead.labels
    # another machine: the label came with the ledger, the local layer did not
    write(layer, '{"rig": "shop", "values": {"dnd": true}, "blocked": ["auto_restart"]}')
    assert state_of(rigged) == "operational"
    assert rig_states.follow_labels(rigged.root, TownLedger(rigged.root), actor="daemon") == ["rig shop is docked"]
    assert state_of(rigged) == "docked"
    assert rig_states.follow_labels(rigged.root, TownLedger(rigged.root), actor="daemon") == []
    with pytest.raises(ConflictError, match="docked"):
        rig_states.park(rigged.root, "shop", actor="ana")
    with pytest.raises(ConflictError, match="not parked"):
        rig_states.unpark(rigged.root, "shop", actor="ana")

    assert rig_states.undock(rigged.root, "shop", actor="ana")
    assert not rig_states.undock(rigged.root, "shop", actor="ana")

    with open(layer, encoding="utf-8") as handle:
        assert json.load(handle) == {"rig": "shop", "values": {"dnd": True}, "blocked": ["auto_restart"]}
    rig_states.park(rigged.root, "shop", actor="ana")
    assert rig_states.follow_labels(rigged.root, TownLedger(rigged.root), actor="daemon") == []
    assert state_of(rigged) == "parked"


def test_a_wrong_name_among_several_changes_nothing(rigged: Rigged, without_tmux: None) -> None:
    done = gt("rig", "park", "shop", "nonsense", "--json", cwd=rigged.root)
    assert done.code == 1
    assert "no rig nonsense" in done.json["error"]
    assert state_of(rigged) == "operational"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "no rig to adopt"),
        ("{}", "no rig to adopt"),
        ('{"git_url": "x", "beads": {"prefix": 7}}', "cannot be a prefix"),
        ('{"git_url": "x", "beads": {"prefix": "ot"}}', "no repository"),
        ('{"git_url": "x", "beads": {"prefix": "sh"}}', "taken"),
        ("[", "JSON"),
    ],
)
def test_what_is_no_rig_is_not_adopted(rigged: Rigged, without_tmux: None, config: str | None, why: str) -> None:
    from gastown_core.town.rig_register import adopt

    os.makedirs(os.path.join(rigged.root, "other"))
    if config is not None:
        write(os.path.join(rigged.root, "other", "config.json"), config)
    with open(os.path.join(rigged.root, "mayor", "rigs.json"), encoding="utf-8") as handle:
        before = handle.read()
    with pytest.raises(GastownError, match=why):
        adopt(rigged.root, "other")
    with open(os.path.join(rigged.root, "mayor", "rigs.json"), encoding="utf-8") as handle:
        assert handle.read() == before


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        ("rigs.json", '{"rigs": [1]}', "rigs"),
        ("daemon.json", '{"patrols": 3}', "patrols"),
        ("daemon.json", '{"patrols": {"witness": []}}', "patrols.witness"),
        ("daemon.json", '{"patrols": {"refinery": {"rigs": "shop"}}}', "patrols.refinery.rigs"),
    ],
)
def test_a_register_of_a_wrong_shape_is_named_and_kept(
    rigged: Rigged, without_tmux: None, file: str, text: str, key: str
) -> None:
    removed = gt("rig", "remove", "shop", cwd=rigged.root)
    assert removed.code == 0, removed.err
    path = os.path.join(rigged.root, "mayor", file)
    write(path, text)

    again = gt("rig", "add", "shop", "--adopt", cwd=rigged.root)

    assert again.code == 2
    assert f"{key} " in again.err
    assert file in again.err
    with open(path, encoding="utf-8") as handle:
        assert json.load(handle) == json.loads(text)


@pytest.mark.parametrize("patrols", ["3", "null", '{"witness": []}', '{"witness": {"rigs": "shop"}, "refinery": null}'])
def test_a_rig_is_removed_also_from_patrols_of_a_wrong_shape(rigged: Rigged, without_tmux: None, patrols: str) -> None:
    path = os.path.join(rigged.root, "mayor", "daemon.json")
    write(path, f'{{"patrols": {patrols}}}')
    removed = gt("rig", "remove", "shop", cwd=rigged.root)
    assert removed.code == 0, removed.err
    with open(path, encoding="utf-8") as handle:
        assert json.load(handle) == {"patrols": json.loads(patrols)}


def test_a_rig_under_an_emergency_stop_names_what_ends_that(rigged: Rigged, without_tmux: None) -> None:
    assert gt("estop", cwd=rigged.root).code == 0
    refused = gt("rig", "start", "shop", cwd=rigged.root)
    assert refused.code == 1
    assert "gt thaw" in refused.err and "undock" not in refused.err
