"""A town moves to a server of its own and back; nothing is lost on the way, and the source stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.beads.dolt import server
from gastown_core.beads.migration import compare
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from tests.support.cli import Ran, bd, gt
from tests.support.dolt import free_port, needs_dolt, program
from tests.support.towns import reference_town

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
ALL = BeadQuery(sort="id", include_wisps=True)


@pytest.fixture
def town(tmp_path, monkeypatch):
    root = reference_town(tmp_path)
    monkeypatch.setenv("GT_DOLT_PORT", str(free_port()))
    monkeypatch.setenv(server.PROGRAM, program())
    yield root
    server.stop(root)


def held(root):
    store = open_store(os.path.join(root, "demo", ".beads"))
    beads = {bead.id: bead for bead in store.find(ALL)}
    store.close()
    return beads


def told(ran: Ran):
    assert ran.code == 0, ran.err
    return ran.json


def test_a_town_moves_to_dolt_and_back(town):
    source = Path(town, "demo", ".beads", "issues.jsonl").read_bytes()
    before = held(town)
    planned = told(gt("store", "migrate", "--to", "dolt", "--dry-run", "--json", cwd=town))["moves"]
    assert [(one["store"], one["is_done"]) for one in planned] == [("town", False), ("demo", False)]
    assert not server.databases_of(town)
    moved = told(gt("store", "migrate", "--to", "dolt", "--json", cwd=town))["moves"]
    assert all(one["is_done"] for one in moved) and server.databases_of(town) == ("demo", "hq")
    assert [one["counts"] for one in moved] == [one["counts"] for one in planned]
    assert not compare(before.values(), held(town))
    assert Path(town, "demo", ".beads", "issues.jsonl").read_bytes() == source
    made = told(bd("create", "later", "--json", cwd=f"{town}/demo"))["id"]
    gone = min(one for one, bead in before.items() if not bead.is_ephemeral)
    assert bd("delete", gone, "--force", cwd=f"{town}/demo").code == 0
    rows = {one["store"]: one for one in told(gt("store", "status", "--json", cwd=town))["stores"]}
    assert rows["demo"]["engine"] == "dolt" and rows["demo"]["beads"] == planned[1]["counts"]["beads"]
    between = held(town)
    told(gt("store", "migrate", "--to", "jsonl", "--json", cwd=town))
    assert server.stop(town) and not compare(between.values(), held(town))
    assert made in held(town) and gone not in held(town)
    assert any(source == path.read_bytes() for path in Path(town, "demo", ".beads").glob("issues.jsonl.*.bak"))


def test_the_towns_server_starts_once_backs_up_and_ends(town):
    Path(town, server.DATA).mkdir()
    status = gt("dolt", "--json", cwd=town)
    assert status.code == 1 and not status.json["running"]
    first = told(gt("dolt", "start", "--json", cwd=town))
    again = told(gt("dolt", "start", "--json", cwd=town))
    assert first["started"] and not again["started"] and again["pid"] == first["pid"]
    assert gt("store", "migrate", "--to", "dolt", cwd=town).code == 0
    for action in ("backup", "cleanup"):
        assert [one["is_ok"] for one in told(gt("dolt", action, "--json", cwd=town))["databases"]] == [True, True]
    assert Path(town, ".dolt-backup", "hq", "manifest").exists()
    assert bd("list", cwd=town).code == 0
    assert told(gt("dolt", "stop", "--json", cwd=town)) == {"stopped": True, "pid": first["pid"]}
    assert told(gt("dolt", "stop", "--json", cwd=town)) == {"stopped": False, "pid": 0}


def test_gt_up_starts_the_server_that_the_town_owns(town):
    assert gt("store", "migrate", "--to", "dolt", cwd=town).code == 0
    assert not bd("list", cwd=town).err and server.stop(town)
    assert "unreachable since" in bd("list", cwd=town).err
    Path(town, "settings", "config.json").write_text('{"up": {"daemon": false}}')
    gt("up", cwd=town, PATH="/nowhere")
    assert server.running_pid(town) and not bd("list", cwd=town).err


def test_a_port_that_another_program_has_is_named(town):
    import socket

    with socket.create_server(("127.0.0.1", int(os.environ["GT_DOLT_PORT"]))):
        ran = gt("dolt", "start", cwd=town)
    assert ran.code == 1 and "is taken" in ran.err
