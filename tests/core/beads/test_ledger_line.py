from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.beads import ledger_line
from gastown_core.beads.ledger_line import encode, excerpt_of, modern, parse_line
from gastown_core.model.bead import KEY_ORDER, NO_PRIORITY, Bead

EXAMPLE = (
    '{"_type":"issue","id":"gt-k3m9p","title":"Retry push on 503","status":"hooked","priority":1,"issue_type":"bug",'
    '"assignee":"gastown/polecats/nux","created_at":"2026-03-02T10:11:12Z","created_by":"mayor",'
    '"updated_at":"2026-03-02T10:20:00Z","labels":["refinery"],"dependencies":[{"issue_id":"gt-k3m9p",'
    '"depends_on_id":"gt-a1b2c","type":"blocks","created_at":"2026-03-02T10:12:00Z","created_by":"mayor"}]}'
)


def test_a_canonical_line_is_written_as_it_was_read():
    assert encode(parse_line(EXAMPLE.encode()).raw).decode() == EXAMPLE


def test_unknown_keys_follow_the_known_ones_derived_ones_come_last_and_nothing_is_added_or_lost():
    raw = {
        "zebra": [1],
        "id": "gt-1",
        "title": "t",
        "apple": None,
        "dependency_count": 3,
        "parent": "gt-2",
        "labels": [],
    }
    line = json.loads(encode(parse_line(json.dumps(raw).encode()).raw))
    assert line == raw
    assert list(line) == ["id", "title", "labels", "apple", "zebra", "dependency_count", "parent"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([k for k in KEY_ORDER if k not in ("id", "_type", "status", "comments", "bonded_from")])
        | st.text(min_size=1, max_size=8).filter(lambda k: k not in ("wisp", "id", "_type", "_schema", "status")),
        json_values,
        max_size=8,
    )
)
def test_reading_what_was_written_loses_nothing(extra):
    raw = {**extra, "id": "gt-abc12", "title": "t"}
    line = encode(raw)
    assert b"\n" not in line
    again = parse_line(line)
    assert again is not None
    assert encode(again.raw) == line
    for key, value in raw.items():
        if key not in KEY_ORDER and key not in ledger_line.DERIVED_KEYS:
            assert again.raw[key] == value


LEGACY = [
    ({"wisp": True}, lambda b: b.is_ephemeral and modern(b.raw)["ephemeral"] is True and "wisp" not in modern(b.raw)),
    ({"wisp": False}, lambda b: not b.is_ephemeral and "wisp" not in modern(b.raw)),
    (
        {"bonded_from": [{"proto_id": "gt-p", "bond_type": "root"}]},
        lambda b: modern(b.raw)["bonded_from"][0]["source_id"] == "gt-p",
    ),
    ({"comments": [{"id": 7, "author": "a", "text": "t"}]}, lambda b: b.comments[0]["id"] == 7),
    ({"created_at": "2026-03-02T02:11:12.123456789-08:00"}, lambda b: round(b.created_at, 3) == 1772446272.123),
    ({"status": "tombstone", "deleted_at": "2026-03-02T10:11:12Z"}, lambda b: b.is_tombstone),
    ({"priority": 0}, lambda b: b.priority == 0),
    (
        {"dependencies": [{"depends_on_id": "external:dm:dm-7aw", "type": "tracks"}]},
        lambda b: b.edges[0].target == "dm-7aw",
    ),
    ({"description": "x" * 5_000_000}, lambda b: len(b.description) == 5_000_000),
    ({"title": "lone \ud800 surrogate"}, lambda b: b.title == "lone \ufffd surrogate"),
]


@pytest.mark.parametrize(("keys", "holds"), LEGACY, ids=[next(iter(keys)) for keys, _ in LEGACY])
def test_older_dialects_are_read(keys, holds):
    bead = parse_line(json.dumps({"id": "gt-1", "title": "t", **keys}).encode())
    assert holds(bead)
    assert parse_line(encode(bead.raw)).raw == bead.raw


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"", ledger_line.BLANK),
        (b"  \t", ledger_line.BLANK),
        (b"<<<<<<< HEAD", ledger_line.CONFLICT),
        (b"=======", ledger_line.CONFLICT),
        (b">>>>>>> other", ledger_line.CONFLICT),
        (b"||||||| base", ledger_line.CONFLICT),
        (b"not json", ledger_line.JUNK),
        (b"[1]", ledger_line.JUNK),
        (b'{"id":"gt-1"}', ledger_line.JUNK),
        (b'{"title":"t"}', ledger_line.JUNK),
        (b'{"id":"a b","title":"t"}', ledger_line.JUNK),
        (b'{"id":"gt-1","title":"t"} trailing', ledger_line.JUNK),
        (b"[" * 100_000, ledger_line.JUNK),
        (b'{"id":"gt-\x1b","title":"t"}', ledger_line.JUNK),
        (b'{"_type":"memory","key":"k","value":"v"}', ledger_line.MEMORY),
        (b'{"_schema":"beads-jsonl/1"}', ledger_line.HEADER),
        (b'\xef\xbb\xbf{"id":"gt-1","title":"t"}', ledger_line.BEAD),
        (b'{"id":"gt-1","status":"tombstone"}', ledger_line.STONE),
        (b"\xff\xfe", ledger_line.JUNK),
    ],
)
def test_lines_are_told_apart(line, kind):
    assert ledger_line.classify(line)[0] == kind


@given(st.binary(max_size=200))
def test_no_line_is_fatal(line):
    ledger_line.classify(line)


@pytest.mark.parametrize(
    ("reason", "failed"), [("Rejected by review", True), ("won't fix", True), ("done", False), ("", False)]
)
def test_a_close_reason_tells_failure(reason, failed):
    assert excerpt_of(Bead({"id": "x", "title": "t", "status": "closed", "close_reason": reason})).is_failed is failed


def test_an_excerpt_of_a_record_with_nonsense_in_it_has_defaults():
    found = excerpt_of(
        Bead({"id": "gt-1", "title": 3, "priority": "high", "labels": "x", "dependencies": {}, "created_at": 5})
    )
    assert (found.title, found.priority, found.labels, found.edges, found.created_at) == (
        "",
        NO_PRIORITY,
        (),
        (),
        0.0,
    )
