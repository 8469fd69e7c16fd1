"""Tables that were made before they had the defaults on which the Go tools rely: gt doctor names and mends them."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from gastown_core.beads.dolt import server
from gastown_core.beads.dolt.address import address_of
from gastown_core.beads.dolt.defaults import add_defaults, lacks_of
from gastown_core.beads.dolt.link import Link
from tests.support.cli import bd, gt
from tests.support.dolt import free_port, needs_dolt, program, shared_server
from tests.support.go_bd import go_bds
from tests.support.towns import reference_town

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
LONG = ("description", "design", "acceptance_criteria", "notes")
BARE = {
    **dict.fromkeys(("issues", "wisps"), ("created_at", "updated_at", *LONG)),
    **{
        f"{prefix}{name}": ("created_at",)
        for prefix in ("", "wisp_")
        for name in ("comments", "events", "dependencies")
    },
    "local_metadata": ("value",),
}
"""Table → columns to which an earlier version gave no default."""


def strip(link: Link) -> None:
    for table, columns in BARE.items():
        link.tell(f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {name} DROP DEFAULT' for name in columns)}")
    link.tell("CALL DOLT_COMMIT('-Am', 'as an earlier version made them')")


@pytest.fixture
def town(tmp_path, monkeypatch):
    root = reference_town(tmp_path)
    monkeypatch.setenv("GT_DOLT_PORT", str(free_port()))
    monkeypatch.setenv(server.PROGRAM, program())
    assert gt("store", "migrate", "--to", "dolt", cwd=root).code == 0
    for folder in (".beads", "demo/.beads"):
        link = Link(address_of(os.path.join(root, folder)))
        strip(link)
        link.close()
    yield root
    server.stop(root)


def go_create(root: str) -> int:
    """Have the newest Go bd create a bead in the rig; its exit code."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "BEADS_"))}
    env = {**kept, "HOME": root, "BD_NON_INTERACTIVE": "1"}
    words = [go_bds()[-1], "create", "by the Go bd", "--silent"]
    return subprocess.run(words, cwd=os.path.join(root, "demo"), env=env, capture_output=True, timeout=120).returncode


def test_gt_doctor_shows_asks_and_mends(town):
    newer = [one for one in go_bds() if "v1.0.0" not in one]
    if newer:
        assert go_create(town)
    before = json.loads(gt("doctor", "--json", cwd=town).out)["findings"]
    mine = [one for one in before if one["check"] == "databases"]
    assert [one["about"] for one in mine] == [["town"], ["demo"]] and all(one["fixable"] for one in mine)
    assert all(f"{len(BARE)} tables lack defaults: issues, " in one["what"] for one in mine)
    shown = gt("doctor", "--fix", cwd=town)
    assert "ALTER TABLE issues MODIFY COLUMN `description`" in shown.out and "nothing was asked" in shown.err
    assert len(gt("doctor", "--json", cwd=town).json["findings"]) == len(before)
    gt("doctor", "--fix", "--yes", cwd=town)
    assert not [one for one in gt("doctor", "--json", cwd=town).json["findings"] if one["check"] == "databases"]
    if newer:
        assert not go_create(town)
        assert "by the Go bd" in bd("list", "--all", "-n", "0", cwd=f"{town}/demo").out
    link = Link(address_of(os.path.join(town, "demo", ".beads")))
    messages = [row[0] for row in link.ask("SELECT message FROM dolt_log")]
    assert messages.count("gt: add the defaults on which the Go tools rely") == 1
    assert link.ask("SELECT * FROM dolt_status WHERE table_name IN ('issues', 'comments', 'events')") == []
    link.close()


def test_rows_and_what_others_left_stay_and_a_mend_that_was_cut_short_is_completed(tmp_path):
    shared = shared_server()
    link = shared.link(shared.new_database())
    strip(link)
    link.tell(
        "INSERT INTO issues (id, title, description, design, acceptance_criteria, notes, created_at, updated_at) "
        "VALUES ('zz-1', 'a', 'b', '', '', '', '2026-01-02 03:04:05', '2026-01-02 03:04:05')"
    )
    link.tell("INSERT INTO config VALUES ('theirs', 'not committed')")
    found = lacks_of(link)
    assert {one.table: set(one.columns) for one in found} == {table: set(names) for table, names in BARE.items()}
    link.tell(found[0].statement)
    rest = lacks_of(link)
    assert [one.table for one in rest] == [one.table for one in found[1:]]
    add_defaults(link, rest)
    assert lacks_of(link) == []
    assert link.ask("SELECT id, description FROM issues") == [("zz-1", "b")]
    assert ("config",) in link.ask("SELECT table_name FROM dolt_status")
    link.tell("INSERT INTO issues (id, title) VALUES ('zz-2', 'c')")
    assert link.ask("SELECT description, created_at IS NULL FROM issues WHERE id='zz-2'") == [("", 0)]
    link.close()


def test_tables_of_the_go_tools_are_none_of_ours(tmp_path):
    shared = shared_server()
    link = shared.link(shared.new_database(moment="DATETIME"))
    strip(link)
    assert lacks_of(link) == []
    link.close()
