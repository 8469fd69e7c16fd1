"""A bead's metadata: it may hold any JSON, and a write changes only the keys that it names."""

from __future__ import annotations

import copy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gastown_core.model import metadata
from gastown_core.model.bead import Bead
from gastown_core.model.merge_request import LABEL, read_request, with_facts
from gastown_core.model.metadata import UNREAD, metadata_of, with_section, with_words
from gastown_core.molecules.root_bead import attached_to, molecule_of
from gastown_core.state.molecules import molecule_facts
from gastown_core.work.deferred import read_context

NAMES = (
    metadata.DISPATCH,
    metadata.REWORK,
    metadata.CONFLICT,
    metadata.STEP,
    metadata.REQUEST,
    metadata.MOLECULE,
    metadata.SLING_CONTEXT,
)
WORDS = (
    "branch",
    "attempt",
    "mr",
    "worker",
    "order",
    "steps",
    "id",
    "bead",
    "done",
    "at",
    "files",
    "index",
    "vars",
    "needs",
    "gate",
    "title",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
METADATA = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), JSON, max_size=5) | JSON


def bead_with(kept: object) -> Bead:
    return Bead({"id": "gt-a", "title": "a", "status": "open", "labels": [LABEL], "metadata": kept})


@given(METADATA)
def test_readers_take_whatever_stands_there_and_change_nothing(kept: object) -> None:
    before = copy.deepcopy(kept)
    bead = bead_with(kept)
    metadata.read_dispatch(bead), metadata.dispatch_words(bead), metadata.read_rework(bead)
    metadata.read_conflict(bead), metadata.read_step(bead)
    read_request(bead), read_context(bead), molecule_facts(bead), molecule_of(bead), attached_to(bead)
    assert kept == before


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(("id", "title", "needs", "labels", "body", "gate", "on_complete", "parent")),
            JSON,
            max_size=4,
        )
    )
)
@example([{"id": "a", "gate": {}}, {"id": "b", "gate": "human"}, {"id": "c", "on_complete": {"for_each": 1}}])
def test_the_steps_of_a_molecule_may_be_anything(steps: list[dict[str, object]]) -> None:
    bead = bead_with({"molecule": {"steps": steps, "bead": "gt-b", "done": steps, "current": "plan"}})
    molecule = molecule_of(bead)
    assert molecule is not None
    assert [step.id for step in molecule.steps] == [
        metadata.section_of(one).text("id") for one in steps if metadata.section_of(one).text("id")
    ]
    assert molecule_facts(bead) is not None


@given(METADATA, st.sampled_from(NAMES), st.dictionaries(st.sampled_from(WORDS), st.none() | st.text(max_size=3)))
def test_a_write_changes_the_words_it_names_and_keeps_all_others(
    kept: object, name: str, words: dict[str, object]
) -> None:
    before = copy.deepcopy(kept)
    after = with_words(bead_with(kept), name, words)
    assert kept == before
    whole = before if isinstance(before, dict) else {}
    assert {key: value for key, value in after.items() if key not in (name, UNREAD)} == {
        key: value for key, value in whole.items() if key not in (name, UNREAD)
    }
    inner = after[name]
    assert isinstance(inner, dict)
    standing = whole.get(name)
    old = standing if isinstance(standing, dict) else {}
    assert {key: value for key, value in inner.items() if key not in words and key != UNREAD} == {
        key: value for key, value in old.items() if key not in words and key != UNREAD
    }
    assert all(inner.get(key) == value for key, value in words.items())
    assert not [key for key, value in words.items() if value is None and key in inner]


@given(METADATA, st.sampled_from(NAMES), st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_another_object_takes_the_place_of_its_name_alone(kept: object, name: str, fresh: dict[str, object]) -> None:
    after = with_section(bead_with(kept), name, fresh)
    whole = kept if isinstance(kept, dict) else {}
    assert after[name] == fresh
    assert all(after[key] == value for key, value in whole.items() if key != name)
    assert name not in with_section(bead_with(after), name, None)


@pytest.mark.parametrize("junk", [[1, 2], "words", 7, True, [{"branch": "main"}]], ids=repr)
def test_junk_is_told_from_what_is_absent_and_outlives_a_write(junk: object) -> None:
    for name in NAMES:
        found = metadata_of(bead_with({name: junk})).section(name)
        assert (found.is_junk, found.is_absent, found.kept) == (True, False, {})
        assert with_words(bead_with({name: junk}), name, {"mr": "gt-b"}) == {name: {UNREAD: junk, "mr": "gt-b"}}
    whole = metadata_of(bead_with(junk))
    assert (whole.is_junk, whole.is_absent) == (True, False)
    assert with_section(bead_with(junk), "mr", {"branch": "b"}) == {UNREAD: junk, "mr": {"branch": "b"}}


@pytest.mark.parametrize("kept", [None, "", {}], ids=repr)
def test_what_is_absent_is_no_junk(kept: object) -> None:
    found = metadata_of(bead_with(kept)).section("mr")
    assert (found.is_junk, found.is_absent) == (False, True)


def test_a_request_whose_facts_are_junk_is_not_taken_for_one_of_an_older_tool() -> None:
    older = Bead({"id": "gt-a", "description": "branch: polecat/nux\ntarget: main", "labels": [LABEL]})
    assert (read_request(older).branch, read_request(older).closes_early) == ("polecat/nux", True)
    junk = older.with_changes(metadata={"mr": ["polecat/nux"]})
    assert (read_request(junk).branch, read_request(junk).closes_early) == ("", False)
    assert with_facts(junk, close_reason="rejected") == {"mr": {UNREAD: ["polecat/nux"], "close_reason": "rejected"}}


def test_a_conflict_task_whose_facts_are_junk_is_still_one() -> None:
    assert metadata.read_conflict(bead_with({})) is None
    assert metadata.read_conflict(bead_with({"conflict": "with main"})) == metadata.Conflict()


def test_rework_reads_back_as_it_was_written() -> None:
    known = metadata.Rework(
        "gt-m", "polecat/nux@1", 2, "red", "nux", log="l", gate="test", peers=("gt-x",), target="main", onto="c", at="t"
    )
    bead = bead_with({"other": 1, "rework": known.as_json()})
    assert metadata.read_rework(bead) == known
