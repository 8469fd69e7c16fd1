"""A merge gave a bead another id: what means it outside the merged file follows, in the clone that knew it."""

from __future__ import annotations

import json
import os

import pytest

from gastown_cli import bd, gt
from gastown_cli.lazy import run_root
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.ledger_line import encode
from gastown_core.beads.merge_driver import merge_versions, read_version
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon.duties import TOWN
from gastown_core.daemon.duty import Shift
from gastown_core.events.log import append_event
from gastown_core.town.new_ids import follow_new_ids
from tests.support.stores import change, create, edge, lines_of, link, raw
from tests.support.towns import reference_town

OLDER = raw("dm-e.1", "older", created_at="2020-01-01T00:00:00Z", dependencies=[edge("dm-e.1", "dm-e", "parent-child")])


@pytest.fixture
def town(tmp_path):
    """The sample town, whose rig has an epic ``dm-e`` with a child of its own, and ways to let the other clone in."""
    root = reference_town(tmp_path)
    ledger = TownLedger(root)
    store = ledger.store("demo")
    create(store, "epic", bead_id="dm-e", issue_type="epic")
    base = read_version(open(store.path(), "rb").read().splitlines())
    create(store, "younger", parent="dm-e")
    return root, ledger, store, base


def let_in(store, base, *records, in_parts=False):
    """What a pull does: the merged file takes the place of the one that is there."""
    theirs = base._replace(beads={**base.beads, **{r["id"]: r for r in records}})
    theirs = theirs._replace(lines={**base.lines, **{r["id"]: encode(r) for r in records}})
    data, report = merge_versions(base, read_version(open(store.path(), "rb").read().splitlines()), theirs)
    beside = store.path() + ".new"
    with open(beside, "wb") as handle:
        handle.write(data[: len(data) // 2] if in_parts else data)
    os.replace(beside, store.path())
    if in_parts:
        store.get("dm-e")
        with open(store.path(), "ab") as handle:
            handle.write(data[len(data) // 2 :])
    return report.parted[0].new


@pytest.mark.parametrize("in_parts", [False, True], ids=["at once", "while it is written"])
def test_wisps_of_this_clone_follow_with_the_next_write(town, in_parts):
    _, _, store, base = town
    wisp = create(store, "request", kind="wisp", metadata={"mr": {"source_issue": "dm-e.1", "branch": "x/dm-e.1"}})
    link(store, wisp, "dm-e.1", "tracks")
    new = let_in(store, base, OLDER, in_parts=in_parts)
    create(store, "anything")
    bead = store.get(wisp)
    assert bead.raw["metadata"]["mr"] == {"source_issue": new, "branch": "x/dm-e.1"}
    assert [tie.target for tie in bead.edges] == [new]
    # from now on the id means the older one
    link(store, wisp, "dm-e.1", "related")
    create(store, "anything else")
    assert {tie.target for tie in store.get(wisp).edges} == {new, "dm-e.1"}


def test_the_clone_that_knew_the_older_one_changes_nothing(town):
    root, ledger, store, base = town
    younger = {**OLDER, "title": "youngest", "created_at": "2031-01-01T00:00:00Z"}
    wisp = create(store, "request", kind="wisp", description="source_issue: dm-e.1")
    let_in(store, base, younger)
    create(store, "anything")
    assert store.get(wisp).fields == {"source_issue": "dm-e.1"}
    assert follow_new_ids(root, ledger, actor="daemon") == []


def test_other_stores_and_the_event_log_follow_and_an_event_tells_of_it(town):
    root, ledger, store, base = town
    hq = ledger.store("town")
    convoy = create(hq, "convoy", issue_type="convoy")
    link(hq, convoy, "external:dm:dm-e.1", "tracks")
    agent = create(hq, "agent", description="nux\n\nhook_bead: dm-e.1")
    append_event(root, "sling", "mayor", {"bead": "dm-e.1", "target": "demo/nux"})
    append_event(root, "sling", "mayor", {"bead": "dm-e.10", "target": "demo/nux"})
    before = open(os.path.join(root, ".events.jsonl"), "rb").read().splitlines()
    new = let_in(store, base, OLDER)
    assert follow_new_ids(root, TownLedger(root), actor="daemon") == [f"dm-e.1 → {new}"]
    assert hq.get(convoy).raw["dependencies"][0]["depends_on_id"] == f"external:dm:{new}"
    assert hq.get(agent).fields["hook_bead"] == new
    after = open(os.path.join(root, ".events.jsonl"), "rb").read().splitlines()
    assert [json.loads(line)["payload"]["bead"] for line in after[-3:]] == [new, "dm-e.10", new]
    assert after[:-3] == before[:-2] and json.loads(after[-1])["type"] == "renumber"
    assert follow_new_ids(root, TownLedger(root), actor="daemon") == []
    change(hq, agent, title="x")
    assert [line["id"] for line in lines_of(hq)[-1:]] == [agent]


def test_the_daemon_sees_to_it(town):
    root, ledger, store, base = town
    hq = ledger.store("town")
    convoy = create(hq, "convoy", issue_type="convoy")
    link(hq, convoy, "external:dm:dm-e.1", "tracks")
    new = let_in(store, base, OLDER)
    store.get("dm-e")
    (duty,) = [duty for duty in TOWN if duty.name == "new ids"]
    assert "ledger" in duty.wakes
    assert duty.work(Shift(root, SYSTEM_CLOCK, lambda: False)) == f"dm-e.1 → {new}"
    assert [tie.target for tie in hq.get(convoy).edges] == [new]


@pytest.mark.parametrize("words", [["bd", "update", "dm-e", "--notes", "x"], ["gt", "close", "dm-e", "--force"]])
def test_without_a_daemon_the_next_command_that_writes_sees_to_it(town, words, monkeypatch, capsys):
    root, ledger, store, base = town
    hq = ledger.store("town")
    convoy = create(hq, "convoy", issue_type="convoy")
    link(hq, convoy, "external:dm:dm-e.1", "tracks")
    append_event(root, "sling", "mayor", {"bead": "dm-e.1", "target": "demo/nux"})
    new = let_in(store, base, OLDER)
    monkeypatch.chdir(root)
    monkeypatch.setenv("BD_ACTOR", "mayor")
    program = bd.ROOT if words[0] == "bd" else gt.ROOT
    assert run_root(program, words[1:]) == 0
    assert f"dm-e.1 → {new}" in capsys.readouterr().err
    assert [tie.target for tie in hq.get(convoy).edges] == [new]
    types = [json.loads(line)["type"] for line in open(os.path.join(root, ".events.jsonl"))]
    assert types.count("renumber") == 1
    assert run_root(bd.ROOT, ["update", "dm-e", "--notes", "y"]) == 0
    assert "→" not in capsys.readouterr().err
