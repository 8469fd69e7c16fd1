"""The sessions of standing agents on the command line, and what their patrols do without them."""

from __future__ import annotations

import json
import os

from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux


def test_a_witness_tells_of_its_session_and_of_its_patrol(rigged: Rigged) -> None:
    told = gt("witness", "status", "shop", "--json", cwd=rigged.root).json
    assert (told["running"], told["rig_name"], told["session"], told["monitored_polecats"]) == (
        False,
        "shop",
        "sh-witness",
        [],
    )
    assert told["patrol"]["name"] == "witness:shop" and told["patrol"]["mode"] == "code"
    out = gt("witness", "status", cwd=rigged.root).out
    assert (
        "the witness of shop is not running" in out and "its patrol runs in the daemon (witness:shop): all well" in out
    )
    assert "(deacon): all well" in gt("deacon", "status", cwd=rigged.root).out
    assert "patrol" not in gt("mayor", "status", "--json", cwd=rigged.root).json


def test_the_witness_of_a_parked_rig_is_not_started(rigged: Rigged) -> None:
    folder = os.path.join(rigged.root, ".beads-wisp", "config")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "shop.json"), "w") as handle:
        json.dump({"rig": "shop", "values": {"status": "parked"}}, handle)
    refused = gt("witness", "start", "shop", cwd=rigged.root)
    assert refused.code == 1 and "rig shop is parked" in refused.err
    assert "off: the rig is parked" in gt("patrol", "list", cwd=rigged.root).out


def test_a_rig_that_is_not_there_is_named(rigged: Rigged) -> None:
    refused = gt("witness", "status", "shap", cwd=rigged.root)
    assert refused.code == 1 and "shop" in refused.err


def test_the_deacons_heartbeat_is_the_general_one(rigged: Rigged) -> None:
    told = gt("deacon", "heartbeat", "health-scan", cwd=rigged.root, GT_SESSION="hq-deacon")
    assert told.code == 0, told
    beat = read_heartbeat(rigged.root, "hq-deacon")
    assert beat is not None and (beat.state, beat.context) == ("working", "health-scan")
    assert gt("deacon", "dance", cwd=rigged.root).code == 2


@needs_tmux
def test_a_forced_end_names_who_ended_and_keeps_the_hook(sessions_too: Rigged) -> None:
    town = sessions_too
    set_setting(town.root, "default_agent", "scripted")
    assert gt("witness", "start", "shop", cwd=town.root).code == 0
    ended = gt("deacon", "force-kill", "shop/witness", "--reason", "it hangs", "--json", cwd=town.root)
    assert ended.code == 0 and ended.json["detail"] == "sh-witness; its hook was empty", ended
    assert not gt("witness", "status", "shop", "--json", cwd=town.root).json["running"]
    (event,) = town.events("kill")
    assert event["payload"] == {"rig": "shop", "target": "shop/witness", "reason": "it hangs"}
    again = gt("deacon", "force-kill", "shop/witness", "--json", cwd=town.root)
    assert "was not running" in again.json["detail"]
    assert gt("deacon", "force-kill", cwd=town.root).code == 2
