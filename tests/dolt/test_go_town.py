"""A town of the Go tools on their server, opened by its own files alone: every command shows what its export shows."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from gastown_core.beads.dolt.loading import load
from gastown_core.beads.dolt.schema import read_schema
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from tests.support.cli import bd, gt
from tests.support.dolt import needs_dolt, serve, shared_server
from tests.support.towns import reference_town

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
ALL = BeadQuery(sort="id", include_wisps=True)


@pytest.fixture
def towns(tmp_path):
    """The reference town on files, and the same on a server, without any export."""
    files = reference_town(tmp_path / "files")
    served = reference_town(tmp_path / "served")
    server = shared_server()
    for place in ("", "demo"):
        beads_dir = os.path.join(served, place, ".beads")
        source = open_store(beads_dir)
        database = server.new_database(moment="DATETIME")
        link = server.link(database)
        load(link, read_schema(link), source.find(ALL), {"issue_prefix": source.prefix})
        link.close()
        source.close()
        os.remove(os.path.join(beads_dir, "issues.jsonl"))
        shutil.rmtree(os.path.join(beads_dir, ".cache"))
        serve(beads_dir, server, database)
    return files, served


def told(ran):
    assert ran.code == 0, ran.err
    return ran.json


def test_lists_status_and_single_beads_are_the_same_as_of_its_export(towns):
    files, served = towns
    for words in (
        ("list", "--all", "--json", "--include-infra", "--limit=0"),
        ("ready", "--json"),
        ("blocked", "--json"),
    ):
        for place in ("", "demo"):
            here, there = (told(bd(*words, cwd=os.path.join(root, place))) for root in towns)
            assert [one["id"] for one in there] == [one["id"] for one in here] and (there or words[0] != "list")
    ids = [one["id"] for one in told(bd("list", "--all", "--json", "--include-infra", "--limit=0", cwd=files))]
    here, there = (told(bd("show", *ids, "--json", cwd=root)) for root in towns)
    for one, other in zip(here, there, strict=True):
        assert {**other, "comments": None} == {**one, "comments": None}
    here, there = (told(gt("status", "--json", cwd=root)) for root in towns)
    assert [rig["name"] for rig in there["rigs"]] == [rig["name"] for rig in here["rigs"]]
    assert not bd("list", cwd=served).err


def test_a_bead_that_bd_creates_and_closes_here_is_in_the_database_and_not_in_a_file(towns):
    served = towns[1]
    made = told(bd("create", "from here", "--json", cwd=os.path.join(served, "demo")))["id"]
    told(bd("close", made, "-r", "done", "--json", cwd=os.path.join(served, "demo")))
    store = open_store(os.path.join(served, "demo", ".beads"))
    assert store.link.ask("SELECT title, status FROM issues WHERE id=%s", (made,)) == [("from here", "closed")]
    assert not os.path.exists(os.path.join(served, "demo", ".beads", "issues.jsonl"))
    store.close()


def test_without_the_server_the_last_export_is_shown_with_a_warning_and_refuses_writes(towns):
    files, served = towns
    shutil.copy(os.path.join(files, ".beads", "issues.jsonl"), os.path.join(served, ".beads", "issues.jsonl"))
    env = {"BEADS_DOLT_SERVER_PORT": "1"}
    shown = bd("list", "--all", "--json", "--limit=0", cwd=served, **env)
    assert shown.code == 0 and len(json.loads(shown.out)) > 3
    assert "does not answer" in shown.err and "last export, issues.jsonl" in shown.err
    refused = bd("create", "lost", cwd=served, **env)
    assert refused.code == 1 and "does not answer" in refused.err
