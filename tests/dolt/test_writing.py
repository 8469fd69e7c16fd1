"""What is written through the store is in the database as the Go tools keep it, once, whoever else writes."""

from __future__ import annotations

import json
import multiprocessing
import threading

import pytest

from gastown_core.beads.dolt import schema as tables
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, StoreError
from tests.support.dolt import needs_dolt, serve, shared_server
from tests.support.stores import change, close, create, link

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
EVERYTHING = BeadQuery(include_wisps=True)


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def store(server, tmp_path):
    serve(str(tmp_path / ".beads"), server, server.new_database())
    made = open_store(str(tmp_path / ".beads"), prefix="gt")
    yield made
    made.close()


def test_the_rows_are_those_that_the_go_tools_read(store):
    epic = create(store, "epic", issue_type="epic", labels=["ui"])
    child = create(store, "child", parent=epic)
    wisp = create(
        store, "a wisp", kind="wisp", labels=["gt:message"], metadata={"a": 1}, bonded_from=[{"source_id": "x"}]
    )
    link(store, child, wisp)
    link(store, wisp, "external:zz:zz-1", "tracks")
    change(store, child, status="hooked", assignee="shop/polecats/nux")
    ask = store.link.ask
    assert ask("SELECT status, assignee, is_blocked FROM issues WHERE id=%s", (child,)) == [
        ("hooked", "shop/polecats/nux", 1)
    ]
    assert ask("SELECT label FROM labels WHERE issue_id=%s", (child,)) == [("ui",)]
    assert ask("SELECT ephemeral, JSON_EXTRACT(metadata, '$.a') FROM wisps") == [(1, "1")]
    edges = "SELECT type, depends_on_issue_id, depends_on_wisp_id, depends_on_external FROM {} ORDER BY type"
    assert ask(edges.format("dependencies")) == [("blocks", None, wisp, None), ("parent-child", epic, None, None)]
    assert ask(edges.format("wisp_dependencies")) == [("tracks", None, None, "external:zz:zz-1")]
    assert ask("SELECT last_child FROM child_counters WHERE parent_id=%s", (epic,)) == [(1,)]
    kinds = [row[0] for row in ask("SELECT event_type FROM events WHERE issue_id=%s ORDER BY created_at", (child,))]
    assert sorted(kinds) == ["created", "dependency_added", "status_changed"]
    assert store.get(wisp).raw["bonded_from"] == [{"source_id": "x"}]
    messages = [row[0] for row in ask("SELECT message FROM dolt_log LIMIT 3")]
    assert messages[0] == f"bd: update {child}" and ask("SELECT COUNT(*) FROM dolt_status WHERE staged") == [(0,)]
    close(store, wisp)
    assert ask("SELECT is_blocked FROM issues WHERE id=%s", (child,)) == [(0,)]


def test_a_wisp_that_becomes_lasting_keeps_its_edges_and_those_that_lead_to_it(store):
    wisp, other = create(store, kind="wisp", labels=["a"]), create(store)
    link(store, other, wisp)
    link(store, wisp, "gt-none", "related")
    change(store, wisp, ephemeral=None)
    ask = store.link.ask
    assert ask("SELECT COUNT(*) FROM wisps") == [(0,)] and ask(
        "SELECT label FROM labels WHERE issue_id=%s", (wisp,)
    ) == [("a",)]
    assert [edge.target for edge in store.get(other).edges] == [wisp]
    assert [edge.target for edge in store.get(wisp).edges] == ["gt-none"] and not store.get(wisp).is_ephemeral


def test_a_change_that_came_between_refuses_the_write_and_stays(store, server):
    bead = create(store)
    with pytest.raises(ConflictError, match="changed by another program"), store.write("me") as batch:
        batch.update(bead, {"status": "in_progress"})
        other = server.link(store.link.address.database)
        other.tell("UPDATE issues SET title='theirs' WHERE id=%s", (bead,))
        other.close()
    assert (store.get(bead).title, store.get(bead).status) == ("theirs", "open")
    change(store, bead, status="in_progress")
    assert (store.get(bead).title, store.get(bead).status) == ("theirs", "in_progress")


def test_of_two_equal_claims_in_two_transactions_one_fails(store, server, tmp_path):
    bead = create(store)
    others = []
    for name in "ab":
        serve(str(tmp_path / name / ".beads"), server, store.link.address.database)
        others.append(open_store(str(tmp_path / name / ".beads"), prefix="gt"))
    gate, told = threading.Barrier(2), []

    def claim(one):
        try:
            with one.write("nux") as batch:
                batch.update(
                    bead,
                    {"status": "hooked", "assignee": "shop/nux"},
                    expected_updated_at=batch.get(bead).raw["updated_at"],
                )
                gate.wait(60)
            told.append("won")
        except ConflictError:
            told.append("lost")

    threads = [threading.Thread(target=claim, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert sorted(told) == ["lost", "won"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_that_breaks_in_the_write_neither_loses_nor_doubles_it(store, monkeypatch, moment):
    bead = create(store)
    from gastown_core.beads.dolt.statements import Statements

    whole, broken = Statements.commit, []

    def breaks(self, message, *, in_history):
        if not broken and moment == "after":
            whole(self, message, in_history=in_history)
        if not broken:
            broken.append(True)
            self.link._raw._force_close()
            self.link.ask("SELECT 1")
        whole(self, message, in_history=in_history)

    monkeypatch.setattr(Statements, "commit", breaks)
    with store.write("me") as batch:
        batch.comment(bead, "once")
    assert broken and [comment["text"] for comment in store.get(bead).comments] == ["once"]
    assert store.link.ask("SELECT COUNT(*) FROM comments") == [(1,)]


def test_a_newer_schema_is_read_and_not_written(server, tmp_path):
    database = server.new_database()
    other = server.link(database)
    other.tell("INSERT INTO schema_migrations VALUES (%s)", (tables.NEWEST + 1,))
    other.close()
    serve(str(tmp_path / ".beads"), server, database)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    assert store.count(EVERYTHING) == 0
    with pytest.raises(StoreError, match="newer than this program"), store.write("me") as batch:
        batch.create({"title": "x"})
    store.close()


def test_an_older_schema_is_written_in_its_own_columns(server, tmp_path):
    database = server.new_database(moment="DATETIME")
    other = server.link(database)
    for sql in (
        "DROP TABLE dependencies",
        "CREATE TABLE dependencies (issue_id VARCHAR(255), depends_on_id VARCHAR(255), type VARCHAR(32), created_at DATETIME, "
        "created_by VARCHAR(255), metadata JSON, thread_id VARCHAR(255), PRIMARY KEY (issue_id, depends_on_id))",
        "DROP TABLE local_metadata",
        "ALTER TABLE issues DROP COLUMN started_at",
        "ALTER TABLE issues DROP COLUMN is_blocked",
        *(
            f"DROP TABLE {name}"
            for name in (
                "wisps",
                "wisp_labels",
                "wisp_comments",
                "wisp_events",
                "wisp_dependencies",
                "wisp_child_counters",
                "custom_statuses",
                "custom_types",
                "schema_migrations",
            )
        ),
    ):
        other.tell(sql)
    serve(str(tmp_path / ".beads"), server, database)
    store = open_store(str(tmp_path / ".beads"), prefix="gt")
    one, two = create(store), create(store, kind="wisp")
    link(store, one, two)
    change(store, one, status="in_progress")
    again = change(store, one, title="x").raw["updated_at"]
    assert again != change(store, one, title="y").raw["updated_at"]
    assert other.ask("SELECT depends_on_id FROM dependencies") == [(two,)]
    # no table stays out of the history here: what a write leaves is committed with it
    assert other.ask("SELECT * FROM dolt_status WHERE table_name='metadata'") == []
    assert other.ask("SELECT COUNT(*) FROM metadata AS OF 'HEAD' WHERE `key`='gt.last_write'") == [(1,)]
    assert store.get(one).raw["started_at"] and store.get(two).is_ephemeral
    assert store.get(one).title == "y" and [edge.target for edge in store.get(one).edges] == [two]
    other.close()
    store.close()


def _claim_all(beads_dir, name, beads, told):
    store = open_store(beads_dir, prefix="gt")
    won = []
    for bead in beads:
        try:
            with store.write(name) as batch:
                batch.claim(bead)
            won.append(bead)
        except ConflictError:
            pass
    with store.write(name) as batch:
        batch.create({"title": f"by {name}"})
    store.close()
    told.put((name, won))


def test_processes_that_claim_the_same_beads_get_each_of_them_once(store, tmp_path):
    beads = [create(store) for _ in range(4)]
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    names = [f"shop/{n}" for n in range(3)]
    running = [context.Process(target=_claim_all, args=(str(tmp_path / ".beads"), name, beads, told)) for name in names]
    for one in running:
        one.start()
    won = dict(told.get(timeout=120) for _ in running)
    for one in running:
        one.join()
    assert sorted(sum(won.values(), [])) == sorted(beads)
    assert {bead.id: bead.assignee for bead in store.find(EVERYTHING) if bead.id in beads} == {
        bead: name for name, claimed in won.items() for bead in claimed
    }
    assert store.count(EVERYTHING) == len(beads) + len(names)


def test_memories_and_words_are_those_of_the_database(store, server):
    other = server.link(store.link.address.database)
    other.tell(
        "INSERT INTO config VALUES ('kv.memory.k', 'v'), ('issue_prefix', 'zz'), ('status.custom', 'staged:wip')"
    )
    other.tell("INSERT INTO custom_types VALUES ('widget')")
    other.close()
    store.close()
    again = open_store(store.beads_dir)
    assert (
        again.prefix == "zz"
        and again.words.statuses["staged"] == "wip"
        and again.words.issue_type("widget") == "widget"
    )
    with again.write("me") as batch:
        batch.keep_lines([json.dumps({"_type": "memory", "key": "n", "value": "w"}).encode()])
    assert [json.loads(line)["value"] for line in again.other_lines("memory")] == ["v", "w"]
    again.close()


def test_tables_that_change_after_a_look_are_read_again(store, server):
    create(store)
    store.close()
    other = server.link(store.link.address.database)
    for sql in ("ALTER TABLE issues DROP COLUMN spec_id", "ALTER TABLE wisps DROP COLUMN is_blocked"):
        other.tell(sql)
        again = open_store(store.beads_dir, prefix="gt")
        made = create(again, spec_id="s-1"), create(again, kind="wisp")
        assert again.get(made[0]).raw["spec_id"] == "s-1" and again.get(made[1]).is_ephemeral
        again.close()
    assert other.ask("SELECT JSON_EXTRACT(metadata, '$._gt.spec_id') FROM issues WHERE id=%s", (made[0],)) == [
        ('"s-1"',)
    ]
    other.close()
