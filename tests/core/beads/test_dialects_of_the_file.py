"""Ledgers that are not one record a line, or not called issues.jsonl: read as what they mean, or refused aloud."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.beads.doctor import examine
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.merge_driver import read_version
from gastown_core.beads.opening import init_store, open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.unfolding import unfolded
from gastown_core.errors import StoreError
from tests.support.bd import bd
from tests.support.stores import create, edge, lines_of, make_store, raw
from tests.support.towns import reference_town

__all__ = ["bd"]

RECORDS = [
    raw("gt-aaaaa", "one {[\n", labels=["x"], metadata={"deep": [{"er": {}}]}),
    raw("gt-bbbbb", "two", dependencies=[edge("gt-bbbbb", "gt-aaaaa")]),
    raw("gt-ccccc", "three"),
]

FORMS = {
    "array": json.dumps(RECORDS, indent=2),
    "array with a newline": json.dumps(RECORDS, indent=4) + "\n",
    "objects": "\n".join(json.dumps(record, indent=2) for record in RECORDS),
    "objects with tabs": "\n".join(json.dumps(record, indent="\t") for record in RECORDS) + "\n",
    "carriage returns": (json.dumps(RECORDS, indent=2) + "\n").replace("\n", "\r\n"),
    "a record a line of an array": "[\n" + ",\n".join("  " + json.dumps(one) for one in RECORDS) + "\n]\n",
    "a record a line, tight": "[" + ",\n".join(json.dumps(one) for one in RECORDS) + "]",
    "both": json.dumps(RECORDS[:2], indent=2) + "\n" + json.dumps(RECORDS[2]) + "\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_pretty_printed_ledger_is_read_written_and_brought_into_form(tmp_path, form):
    store = make_store(tmp_path)
    with open(store.path(), "w", newline="") as handle:
        handle.write(FORMS[form])
    assert {bead.id: bead.title for bead in store.find(BeadQuery())} == {one["id"]: one["title"] for one in RECORDS}
    assert store.blocked(BeadQuery(), 0.0)[0][1] == ("gt-aaaaa",)
    assert store.index.check_understood() == (0, "")
    fresh = create(store, "new")
    assert store.count(BeadQuery()) == 4 and store.get("gt-aaaaa").raw["metadata"] == {"deep": [{"er": {}}]}
    store.compact()
    assert sorted(line["id"] for line in lines_of(store)) == sorted([fresh, *(one["id"] for one in RECORDS)])


@pytest.mark.parametrize("form", FORMS)
def test_the_pieces_of_a_file_leave_no_gap_between_them(form):
    lines, at = [], 0
    for line in FORMS[form].encode().splitlines(keepends=True):
        lines.append((at, line.rstrip(b"\n")))
        at += len(line)
    end = 0
    for place, piece in unfolded(iter(lines)):
        assert place == end or piece.startswith(b"{")
        end = place + len(piece) if FORMS[form].encode()[place + len(piece) :][:1] != b"\n" else place + len(piece) + 1
    assert end >= len(FORMS[form].encode().rstrip())


def test_the_merge_driver_reads_pretty_printed_sides():
    assert set(read_version(FORMS["array"].encode().splitlines()).beads) == {one["id"] for one in RECORDS}


def test_a_torn_line_swallows_nothing(tmp_path):
    store = make_store(tmp_path)
    good = json.dumps(RECORDS[2]).encode()
    with open(store.path(), "wb") as handle:
        handle.write(b'{"id":"gt-torn","ti\n{\n' + good + b"\n")
    assert [bead.id for bead in store.find(BeadQuery())] == ["gt-ccccc"]
    assert store.index.check_understood()[0] == 2


@pytest.mark.parametrize("text", [b"hello\nworld\n", b"\x00\x01\x02\n", b"id,title\ngt-1,x\n"])
def test_a_ledger_that_is_not_understood_is_an_error_and_no_empty_list(tmp_path, text, monkeypatch):
    root = reference_town(tmp_path)
    path = os.path.join(root, "demo", ".beads", "issues.jsonl")
    with open(path, "wb") as handle:
        handle.write(text)
    ledger = TownLedger(root)
    assert list(ledger.stores()) == ["town"] and "cannot read" in ledger.missing["demo"]
    found = {finding.name: finding.level for finding in examine(open_store(os.path.dirname(path)))}
    assert found["junk lines"] == "error"
    with open(path, "rb") as handle:
        assert handle.read() == text


def test_bd_refuses_what_it_does_not_understand_and_counts_single_bad_lines(bd):
    with open(".beads/issues.jsonl", "w") as handle:
        handle.write("hello\n")
    for words in (("list",), ("ready",), ("stats",), ("q", "new")):
        assert "cannot read" in bd(*words, code=1).err
    assert "cannot be read" in bd("doctor", code=1).out
    with open(".beads/issues.jsonl", "a") as handle:
        handle.write(json.dumps(RECORDS[0]) + "\n")
    said = bd("list", "--json")
    assert [one["id"] for one in said.json] == ["gt-aaaaa"] and "1 line of" in said.err


def test_another_name_of_the_ledger_is_followed(tmp_path):
    folder = tmp_path / ".beads"
    folder.mkdir()
    (folder / "metadata.json").write_text('{"database":"beads.db","jsonl_export":"work.jsonl"}')
    (folder / "work.jsonl").write_text(json.dumps(RECORDS[0]) + "\n")
    init_store(str(tmp_path), "gt", use_git=False)
    assert not (folder / "issues.jsonl").exists()
    assert "work.jsonl merge=beads" in (folder / ".gitattributes").read_text()
    store = open_store(str(folder))
    made = create(store, "new")
    assert [line["id"] for line in lines_of(store, "work.jsonl")] == ["gt-aaaaa", made]


def test_the_older_name_is_followed_where_there_is_no_other(tmp_path):
    (tmp_path / ".beads").mkdir()
    (tmp_path / ".beads" / "beads.jsonl").write_text(json.dumps(RECORDS[0]) + "\n")
    assert open_store(str(tmp_path / ".beads")).get("gt-aaaaa") is not None


@pytest.mark.parametrize(
    ("metadata", "beside", "word"),
    [({"backend": "dolt"}, "dolt", "database"), ({"jsonl_export": "../../x.jsonl"}, "", "jsonl_export")],
)
def test_records_that_lie_elsewhere_are_no_empty_ledger(tmp_path, metadata, beside, word):
    folder = tmp_path / ".beads"
    (folder / beside).mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(StoreError, match=word):
        open_store(str(folder))


@pytest.mark.parametrize("database", ["beads.db", "dolt", "embeddeddolt"])
def test_a_folder_with_nothing_but_a_database_is_named_and_the_towns_ledger_is_not_taken_for_it(
    bd, tmp_path, database, monkeypatch
):
    root = reference_town(tmp_path)
    os.remove(f"{root}/demo/.beads/issues.jsonl")
    os.mkdir(f"{root}/demo/.beads/{database}")
    monkeypatch.chdir(f"{root}/demo/crew/alice")
    for words in (("list",), ("q", "meant for demo")):
        assert f"the beads of {root}/demo are in a database" in bd(*words, code=1).err
