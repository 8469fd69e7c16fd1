"""Field lines are fields only at the edges of a description; prose survives every change."""

from __future__ import annotations

from gastown_core.model.bead import Bead, read_fields, set_fields

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
