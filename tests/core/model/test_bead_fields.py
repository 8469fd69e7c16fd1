"""Field lines are fields only at the edges of a description; prose survives every change."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gastown_core.model.bead import Bead
from gastown_core.model.fields import read_fields, set_fields

AGENT = "dm-demo-polecat-rust\n\nrole_type: polecat\nrig: demo\nagent_state: spawning\nhook_bead: dm-9d8\ncleanup_status: null"
CONVOY = "Convoy tracking 3 issues\nOwner: overseer\nNotify: mayor/"
WORK = 'attached_molecule: dm-wisp-2b36\nattached_vars: ["base_branch=main"]\n\ndo thing 1'


def test_reads_the_three_shapes_of_the_go_tools() -> None:
    assert read_fields(AGENT) == {
        "role_type": "polecat",
        "rig": "demo",
        "agent_state": "spawning",
        "hook_bead": "dm-9d8",
    }
    assert read_fields(CONVOY) == {"owner": "overseer", "notify": "mayor/"}
    assert read_fields(WORK)["attached_molecule"] == "dm-wisp-2b36"


def test_prose_in_the_middle_is_no_field() -> None:
    text = "branch: polecat/opal\n\nPlease talk to me first.\nOwner: me\nand then go on.\n\nmode: fast is bad\nor so they say"
    assert "owner" not in read_fields(text)
    changed = set_fields(text, {"branch": "polecat/ruby"})
    assert "Owner: me" in changed
    assert read_fields(changed)["branch"] == "polecat/ruby"


def test_setting_keeps_place_and_spelling_and_adds_the_rest() -> None:
    changed = set_fields(CONVOY, {"owner": "mayor/", "merge": "mr"})
    assert changed.splitlines() == ["Convoy tracking 3 issues", "Owner: mayor/", "Notify: mayor/", "merge: mr"]


def test_removing_and_setting_in_an_empty_description() -> None:
    assert set_fields("", {"mood": "slow"}) == "mood: slow"
    assert read_fields(set_fields(AGENT, {"hook_bead": None, "rig": "demo"})) == {
        "role_type": "polecat",
        "rig": "demo",
        "agent_state": "spawning",
    }


def test_a_url_in_prose_is_no_field() -> None:
    assert read_fields("see https://example.org/x") == {}


def test_changes_drop_empty_keys_and_keep_zero_and_unknown_ones() -> None:
    bead = Bead({"id": "gt-1", "title": "t", "priority": 2, "labels": ["a"], "mine": {"x": 1}})
    changed = bead.with_changes(priority=0, labels=[], assignee="")
    assert changed.raw == {"id": "gt-1", "title": "t", "priority": 0, "mine": {"x": 1}}
    assert bead.priority == 2


def test_a_field_is_removed_also_beside_an_insertion() -> None:
    changed = set_fields(AGENT, {"hook_bead": None, "branch": "polecat/rust"})
    assert "hook_bead" not in read_fields(changed) and read_fields(changed)["branch"] == "polecat/rust"
    assert changed.splitlines()[0] == "dm-demo-polecat-rust"


def test_removing_a_field_removes_its_second_line_too() -> None:
    text = "hook_bead: gt-a\n\nprose stands here.\n\nhook_bead: gt-b"
    assert "hook_bead" not in read_fields(set_fields(text, {"hook_bead": None}))
    assert read_fields(set_fields(text, {"hook_bead": "null"})) == {}


@pytest.mark.parametrize("broken", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_value_with_a_line_break_stays_one_field(broken: str) -> None:
    changed = set_fields(AGENT, {"reason": f"first{broken}hook_bead: gt-evil{broken}rig: other"})
    assert read_fields(changed) == {
        **read_fields(AGENT),
        "reason": "first hook_bead: gt-evil rig: other",
    }


def test_prose_keeps_its_line_breaks_and_its_last_newline() -> None:
    text = "branch: a\r\nmode: x\r\n\r\nprose with \u2028 in it\r\nand more.\r\n"
    assert set_fields(text, {"mode": "y"}) == text.replace("mode: x", "mode: y")
    assert set_fields("Owner: me\n", {"owner": "you"}) == "Owner: you\n"


lines = st.sampled_from(
    ["", "branch: b", "Hook-Bead: gt-1", "mode: fast", "some prose.", "hook_bead: null", "see http://x"]
)
texts = st.lists(lines, max_size=9).map("\n".join)
changes = st.dictionaries(
    st.sampled_from(["branch", "hook_bead", "mode", "reason"]),
    st.none() | st.sampled_from(["v", "null", "a\nbranch: evil", "two words"]),
    min_size=1,
)


@settings(max_examples=400, deadline=None)
@given(texts, changes)
@example("branch: b\nsome prose.\nhook_bead: null", {"branch": None, "hook_bead": None})
def test_setting_fields_sets_these_and_leaves_everything_else(text: str, wanted: dict[str, str | None]) -> None:
    changed = set_fields(text, wanted)
    expected = {key: value for key, value in read_fields(text).items() if key not in wanted}
    expected |= {key: " ".join(value.splitlines()) for key, value in wanted.items() if value not in (None, "null")}
    assert read_fields(changed) == expected
    keys = ("branch", "hook", "mode", "reason")

    def prose(lines: str) -> list[str]:
        return [line for line in lines.split("\n") if line and not line.lower().startswith(keys)]

    assert prose(changed) == prose(text)
    again = set_fields(changed, wanted)
    assert (read_fields(again), prose(again)) == (expected, prose(text))


@given(changes)
def test_setting_the_same_fields_again_changes_no_byte_of_a_usual_record(wanted: dict[str, str | None]) -> None:
    changed = set_fields(AGENT, wanted)
    assert set_fields(changed, wanted) == changed


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["", "some prose.", "see http://x", "- a point"]), max_size=9).map("\n".join))
def test_a_field_that_is_set_and_removed_leaves_the_prose_as_it_was(text: str) -> None:
    assert set_fields(set_fields(text, {"branch": "b"}), {"branch": None}) == text
