from __future__ import annotations

import os

import pytest

from gastown_core.beads.doctor import CHECKS, examine, mend
from gastown_core.beads.query import BeadQuery
from tests.support.stores import create, edge, link, make_store, raw, write_lines


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path)


def levels(store):
    return {finding.name: finding.level for finding in examine(store)}


def test_a_fresh_store_is_healthy(store):
    create(store)
    assert set(levels(store).values()) == {"ok"}


def test_everything_wrong_is_found_and_told(store):
    create(store, "same"), create(store, "Same ")
    write_lines(
        store,
        b"junk",
        b"<<<<<<< HEAD",
        raw("gt-x", dependencies=[edge("gt-x", "gt-y"), edge("gt-x", "gt-nosuch")]),
        raw("gt-y", dependencies=[edge("gt-y", "gt-x")]),
    )
    with open(store.path(), "ab") as handle:
        handle.write(b'{"torn')
    os.unlink(os.path.join(store.beads_dir, ".gitignore"))
    os.unlink(os.path.join(store.beads_dir, "metadata.json"))
    found = {finding.name: finding for finding in examine(store)}
    assert {name for name, finding in found.items() if finding.level != "ok"} == {
        "layout",
        "junk lines",
        "conflict markers",
        "torn line",
        "cycles",
        "dependencies",
        "duplicates",
        "gitignore",
    }
    assert found["cycles"].details == ("gt-x → gt-y → gt-x",)
    assert found["dependencies"].details == ("gt-x blocks gt-nosuch",)
    assert "issues.jsonl byte" in found["junk lines"].details[0]
    assert len(examine(store, only=("cycles",))) == 1 and set(CHECKS) >= {"cycles", "junk"}


def test_mending_merges_conflicts_and_keeps_the_file_as_it_was(store):
    write_lines(
        store, b"<<<<<<< HEAD", raw("gt-1", labels=["a"]), b"=======", raw("gt-1", labels=["b"]), b">>>>>>> x", b"junk"
    )
    before = open(store.path(), "rb").read()
    done = mend(store)
    assert any("merged both sides" in line for line in done)
    assert store.get("gt-1").labels == ("a", "b") and b"junk" in open(store.path(), "rb").read()
    assert open(store.path() + ".conflict.bak", "rb").read() == before
    assert levels(store)["conflict markers"] == "ok" and mend(store) == []


def test_epics_tell_how_far_they_are(store):
    epic, empty = create(store, issue_type="epic"), create(store, issue_type="epic")
    child = create(store, parent=epic)
    assert {row.epic.id: tuple(row[1:]) for row in store.epic_progress()} == {epic: (1, 0, False), empty: (0, 0, False)}
    with store.write("me") as batch:
        batch.close(child)
    assert [row.epic.id for row in store.epic_progress() if row.is_eligible] == [epic]
    link(store, empty, epic, "related")
    assert store.count(BeadQuery(types=("epic",))) == 2
