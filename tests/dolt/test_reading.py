"""A town of the Go tools behind a real server: its files lead to the databases, and what they hold is what is seen."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import StoreError
from tests.support.dolt import needs_dolt, serve, shared_server

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
ALL = BeadQuery(sort="id", include_wisps=True)


@pytest.fixture
def server():
    return shared_server()


def put(server, database, *statements):
    link = server.link(database)
    for sql in statements:
        link.tell(sql)
    link.close()


def issue(bead_id, title="a bead", table="issues", **columns):
    values = {
        "id": bead_id,
        "title": title,
        "description": "",
        "design": "",
        "acceptance_criteria": "",
        "notes": "",
        "created_at": "2026-03-02 10:11:12",
        "updated_at": "2026-03-02 10:11:12",
        **columns,
    }
    names = ", ".join(values)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(map(repr, values.values()))})"


def test_what_another_program_writes_is_seen_at_the_next_look_and_only_that_is_read(server, tmp_path):
    database = server.new_database()
    put(server, database, issue("gt-a", status="hooked", assignee="shop/nux", metadata='{"k": [1]}'), issue("gt-b"))
    serve(str(tmp_path / ".beads"), server, database)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    assert [bead.id for bead in store.find(ALL)] == ["gt-a", "gt-b"]
    first = store.get("gt-a")
    assert (first.status, first.assignee, first.raw["metadata"]) == ("hooked", "shop/nux", {"k": [1]})
    assert first.raw["created_at"].startswith("2026-03-02T10:11:12")
    put(
        server,
        database,
        "UPDATE issues SET title='new' WHERE id='gt-b'",
        "INSERT INTO labels VALUES ('gt-a', 'z'), ('gt-a', 'b')",
        issue("gt-c", "a wisp", "wisps", ephemeral=1),
        "INSERT INTO wisp_labels VALUES ('gt-c', 'gt:message')",
        "INSERT INTO dependencies (issue_id, depends_on_issue_id, type, created_at) VALUES ('gt-b', 'gt-a', 'blocks', '2026-03-02 10:12:00')",
        "INSERT INTO comments (issue_id, author, text, created_at) VALUES ('gt-b', 'ana', 'hm', '2026-03-02 10:13:00')",
    )
    assert [bead.id for bead in store.find(ALL)] == ["gt-a", "gt-b", "gt-c"]
    assert store.get("gt-a").labels == ("b", "z") and store.get("gt-c").labels == ("gt:message",)
    second = store.get("gt-b")
    assert (second.title, [(e.target, e.type) for e in second.edges]) == ("new", [("gt-a", "blocks")])
    assert second.comments[0]["text"] == "hm"
    assert [bead.id for bead, _ in store.blocked(BeadQuery(), 0.0)] == ["gt-b"]
    put(server, database, "CALL DOLT_COMMIT('-Am', 'x')", "DELETE FROM issues WHERE id='gt-b'", "DELETE FROM wisps")
    assert [bead.id for bead in store.find(ALL)] == ["gt-a"]
    lines = (tmp_path / ".beads" / ".cache" / "dolt" / "issues.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["gt-a", "gt-b", "gt-a", "gt-b", "gt-b"]
    store.close()


def test_rewritten_history_is_read_anew(server, tmp_path):
    database = server.new_database()
    put(server, database, issue("gt-a"), "CALL DOLT_COMMIT('-Am', 'a')")
    serve(str(tmp_path / ".beads"), server, database)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    assert store.count(ALL) == 1
    put(
        server,
        database,
        issue("gt-b"),
        "CALL DOLT_COMMIT('-Am', 'b')",
        "CALL DOLT_RESET('--soft', 'HEAD~2')",
        "CALL DOLT_COMMIT('-Am', 'both')",
        "CALL DOLT_GC()",
    )
    store.link.close()
    assert [bead.id for bead in store.find(ALL)] == ["gt-a", "gt-b"]
    store.close()


@pytest.mark.parametrize("case", ["absent", "password", "database", "no beads", "another town", "port"])
def test_a_server_that_is_not_the_towns_is_named_and_nothing_is_shown_in_its_place(case, server, tmp_path, monkeypatch):
    beads = str(tmp_path / ".beads")
    database = server.new_database(schema=case != "no beads")
    more = {}
    if case == "another town":
        put(server, database, "INSERT INTO metadata VALUES ('_project_id', 'theirs')")
        more = {"project_id": "ours"}
    elif case == "database":
        database = "nowhere"
    elif case == "password":
        monkeypatch.setenv("BEADS_DOLT_PASSWORD", "wrong")
    serve(beads, server, database, **more)
    if case == "absent":
        monkeypatch.setenv("BEADS_DOLT_SERVER_PORT", "1")
    elif case == "port":
        monkeypatch.setenv("GT_DOLT_PORT", "many")
    words = {
        "absent": "does not answer",
        "password": "refuses root",
        "database": "there is no database nowhere",
        "no beads": "holds no beads",
        "another town": "belongs to another town",
        "port": "'many' is no port",
    }
    with pytest.raises(Exception, match=words[case]) as caught:
        open_store(beads, prefix="gt")
    assert caught.value.hint and not os.path.exists(os.path.join(beads, "issues.jsonl"))


def test_without_the_server_the_last_state_is_shown_and_said_to_be_old_and_nothing_is_written(
    server, tmp_path, monkeypatch
):
    beads = str(tmp_path / ".beads")
    database = server.new_database()
    put(server, database, issue("gt-a"))
    serve(beads, server, database)
    store = open_store(beads, prefix="gt")
    assert store.count(ALL) == 1 and not store.trouble
    store.close()
    monkeypatch.setenv("BEADS_DOLT_SERVER_PORT", "1")
    monkeypatch.setattr("gastown_core.beads.dolt.mirror.Mirror._state", lambda self: {})
    store = open_store(beads, prefix="gt")
    assert store.get("gt-a").title == "a bead"
    assert "does not answer" in store.trouble and "unreachable since" in store.trouble
    with pytest.raises(StoreError, match="does not answer"), store.write("me") as batch:
        batch.create({"title": "lost"})
    store.close()


def test_a_mirror_that_cannot_be_written_is_named(server, tmp_path):
    serve(str(tmp_path / ".beads"), server, server.new_database())
    (tmp_path / ".beads" / ".cache").write_text("in the way")
    with pytest.raises(StoreError, match="cannot keep a mirror"):
        open_store(str(tmp_path / ".beads"), prefix="gt")


@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_mirror_that_lost_lines_with_the_power_is_read_anew(server, tmp_path, left):
    database = server.new_database()
    put(server, database, *(issue(f"gt-{n}") for n in range(4)))
    serve(str(tmp_path / ".beads"), server, database)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    assert store.count(ALL) == 4
    path = store.mirror.path()
    store.close()
    if left < 0:
        os.unlink(path)
    else:
        os.truncate(path, left)
    again = open_store(str(tmp_path / ".beads"), prefix="gt")
    assert [bead.id for bead in again.find(ALL)] == [f"gt-{n}" for n in range(4)]
    with again.write("me") as batch:
        batch.update("gt-1", {"title": "new"})
    assert again.get("gt-1").title == "new" and again.count(ALL) == 4
    again.close()
