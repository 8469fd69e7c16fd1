"""A live town on a server: a change by any program shows without a look at the store, a dead server is told and recovers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time

import pytest

from gastown_core.beads.dolt.loading import load
from gastown_core.beads.dolt.pulse import Pulse
from gastown_core.beads.dolt.schema import read_schema
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.daemon.wakeups import Wakeups
from gastown_core.files.atomic import write_json
from gastown_core.state.live import LiveTown
from gastown_core.telemetry.readings import of_server
from tests.support.dolt import Server, free_port, needs_dolt, serve
from tests.support.towns import reference_town

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
ALL = BeadQuery(sort="id", include_wisps=True)
LIMIT_S = 60.0


@pytest.fixture
def server():
    data = tempfile.mkdtemp(prefix="gt-dolt-")
    made = Server(data)
    yield made
    made.stop()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def served(tmp_path, server):
    """The reference town on a server of its own, and a connection to the database of its rig."""
    root = reference_town(tmp_path)
    links = {}
    for place in ("", "demo"):
        beads_dir = os.path.join(root, place, ".beads")
        source = open_store(beads_dir)
        database = server.new_database(moment="DATETIME")
        link = links[place] = server.link(database)
        load(link, read_schema(link), source.find(ALL), {"issue_prefix": source.prefix})
        source.close()
        serve(beads_dir, server, database)
    yield root, links["demo"]
    for link in links.values():
        link.close()


def test_every_database_of_a_server_is_watched_over_one_connection(served, server):
    root, link = served
    pulse = Pulse([os.path.join(root, place, ".beads") for place in ("", "demo")])
    pulse.beat()
    mine = "SELECT COUNT(*) FROM information_schema.processlist"
    before = int(link.ask(mine)[0][0])
    link.tell("UPDATE issues SET title='seen' WHERE id='dm-9d8'")
    mirror = os.path.join(root, "demo", ".beads", ".cache", "dolt", "issues.jsonl")
    pulse.beat()
    with open(mirror, "rb") as handle:
        assert b'"seen"' in handle.read().splitlines()[-1]
    size = os.path.getsize(mirror)
    pulse.beat()
    assert os.path.getsize(mirror) == size and int(link.ask(mine)[0][0]) <= before
    server.stop()
    assert pulse.beat() and "unreachable since" in pulse.trouble_of(os.path.join(root, ".beads"))
    assert not pulse.beat()
    server.start()
    assert pulse.beat() and not pulse.trouble_of(os.path.join(root, ".beads"))


async def until(town, condition):
    """Take updates until the condition holds for the newest snapshot."""
    updates = town.updates()
    async with asyncio.timeout(LIMIT_S):
        while not condition(town):
            await anext(updates)


def ledger_error(town):
    return town.sources.facts.error_of("beads:demo")


async def test_a_live_town_holds_one_connection_whatever_it_reads(served, server):
    root, link = served
    asked = "SELECT COUNT(*) FROM information_schema.processlist"
    link.ask(asked)
    town = LiveTown(root)
    before = int(link.ask(asked)[0][0])
    await town.start()
    try:
        for n in range(2):
            # what is shown of a convoy's members is looked up in the stores
            link.tell(f"UPDATE issues SET title='seen {n}' WHERE id='dm-9d8'")
            await until(town, lambda t, n=n: t.sources.facts.ledger["demo"]["dm-9d8"].title == f"seen {n}")
            town.sources.ledger.load(town.clock.now())
            assert town.sources.facts.ledger["demo"]["dm-9d8"].title == f"seen {n}"
            assert int(link.ask(asked)[0][0]) - before <= 1
    finally:
        await town.close()


async def test_a_live_town_shows_changes_at_once_and_says_since_when_its_server_is_gone(served, server):
    root, link = served
    town = LiveTown(root)
    await town.start()
    try:
        assert not ledger_error(town)
        link.tell("UPDATE issues SET title='from elsewhere' WHERE id='dm-9d8'")
        await until(town, lambda t: t.sources.facts.ledger["demo"]["dm-9d8"].title == "from elsewhere")
        server.stop()
        await until(town, lambda t: "unreachable since" in ledger_error(t))
        assert town.sources.facts.ledger["demo"]["dm-9d8"].title == "from elsewhere"
        server.start()
        await until(town, lambda t: not ledger_error(t))
        link.close()
        link.tell("UPDATE issues SET title='after' WHERE id='dm-9d8'")
        await until(town, lambda t: t.sources.facts.ledger["demo"]["dm-9d8"].title == "after")
    finally:
        await town.close()


def test_a_transaction_is_not_left_open_by_a_look_that_found_nothing_new(served):
    root, link = served
    store = open_store(os.path.join(root, "demo", ".beads"))
    for n in range(3):
        with store.mirror.lock():
            store.mirror.catch_up_locked()
        link.tell(f"UPDATE issues SET title='t{n}' WHERE id='dm-9d8'")
        until_s = time.monotonic() + LIMIT_S
        while store.get("dm-9d8").title != f"t{n}":
            assert time.monotonic() < until_s
    store.close()


async def test_the_store_of_a_rig_that_comes_later_is_watched_too(served, server):
    root = served[0]
    town = LiveTown(root)
    await town.start()
    try:
        database = server.new_database(moment="DATETIME")
        beads_dir = os.path.join(root, "later", ".beads")
        serve(beads_dir, server, database)
        with open(os.path.join(beads_dir, "config.yaml"), "w") as handle:
            handle.write("issue-prefix: lt\n")
        path = os.path.join(root, "mayor", "rigs.json")
        with open(path) as handle:
            rigs = json.load(handle)
        rigs["rigs"]["later"] = {**rigs["rigs"]["demo"], "beads": {"repo": "", "prefix": "lt"}}
        with open(path + ".new", "w") as handle:
            json.dump(rigs, handle)
        os.replace(path + ".new", path)
        await until(town, lambda t: "later" in t.sources.facts.ledger)
        link = server.link(database)
        link.tell(
            "INSERT INTO issues (id, title, description, design, acceptance_criteria, notes, created_at, updated_at) "
            "VALUES ('lt-1', 'from the new rig', '', '', '', '', '2026-03-02 10:11:12', '2026-03-02 10:11:12')"
        )
        link.close()
        await until(town, lambda t: "lt-1" in t.sources.facts.ledger["later"])
    finally:
        await town.close()


def test_a_store_whose_port_is_none_does_not_keep_the_others_from_being_watched(served, server):
    root, link = served
    bad = os.path.join(root, "bad", ".beads")
    serve(bad, server, "none", dolt_server_port="many")
    pulse = Pulse([bad, os.path.join(root, "demo", ".beads")])
    pulse.beat()
    link.tell("UPDATE issues SET title='seen' WHERE id='dm-9d8'")
    pulse.beat()
    with open(os.path.join(root, "demo", ".beads", ".cache", "dolt", "issues.jsonl"), "rb") as handle:
        assert b'"seen"' in handle.read().splitlines()[-1]
    assert "no port" in pulse.trouble_of(bad)


async def test_the_daemon_watches_the_store_of_a_rig_that_comes_later(served, server):
    root = served[0]
    woken: list[str] = []
    wakeups = Wakeups(root, woken.append)
    wakeups.start()
    pulse = wakeups.pulse()
    assert pulse is not None and wakeups.pulse() is None
    task = asyncio.create_task(pulse.run())
    try:
        database = server.new_database(moment="DATETIME")
        serve(os.path.join(root, "later", ".beads"), server, database)
        path = os.path.join(root, "mayor", "rigs.json")
        with open(path) as handle:
            rigs = json.load(handle)
        rigs["rigs"]["later"] = {**rigs["rigs"]["demo"], "beads": {"repo": "", "prefix": "lt"}}
        write_json(path, rigs)
        # what the daemon does at each of its looks around
        wakeups.watch_new_stores()
        assert wakeups.pulse() is None
        link = server.link(database)
        link.tell(
            "INSERT INTO issues (id, title, description, design, acceptance_criteria, notes, created_at, updated_at) "
            "VALUES ('lt-1', 'from the new rig', '', '', '', '', '2026-03-02 10:11:12', '2026-03-02 10:11:12')"
        )
        link.close()
        async with asyncio.timeout(LIMIT_S):
            while "ledger:later" not in woken:
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await wakeups.close()


def test_the_gauges_of_telemetry_tell_how_the_server_is(served, server):
    root = served[0]
    found = {name.removeprefix("gastown.dolt."): series[()] for name, series in of_server(root).items()}
    assert found["healthy"] == 1 and found["connections"] >= 0 and found["max_connections"] > 1
    assert 0 < found["query_latency_ms"] < 60_000 and "disk_usage_bytes" not in found
    serve(os.path.join(root, ".beads"), server, "none", dolt_server_port=free_port())
    assert of_server(root) == {"gastown.dolt.healthy": {(): 0.0}}
