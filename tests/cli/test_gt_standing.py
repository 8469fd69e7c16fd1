"""The sessions of standing agents on the command line, and what their patrols do without them."""

from __future__ import annotations

import json
import os

from tests.support.cli import gt
from tests.support.rigged import Rigged


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
