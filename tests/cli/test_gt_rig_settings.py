from __future__ import annotations

import json

from gastown_core.town.settings import settings_path
from tests.support.cli import gt
from tests.support.rigged import write


def test_a_rigs_settings_are_set_shown_and_unset(rigged):
    root = rigged.root
    bare = gt("rig", "settings", "show", "shop", "--json", cwd=root)
    assert bare.code == 0 and [row["key"] for row in bare.json] == ["namepool.style"]
    for key, value in (("merge_queue.enabled", "false"), ("merge_queue.batch.max_batch_size", "1")):
        assert gt("rig", "settings", "set", "shop", key, value, cwd=root).code == 0
    told = {row["key"]: row["value"] for row in gt("rig", "settings", "show", "shop", "--json", cwd=root).json}
    assert told.pop("namepool.style")
    assert told == {"merge_queue.enabled": False, "merge_queue.batch.max_batch_size": 1}
    everything = gt("rig", "settings", "show", "shop", "--all", cwd=root).out
    assert "merge_queue.poll_interval" in everything and "30s" in everything
    assert gt("rig", "settings", "show", "shop", "merge_queue.enabled", cwd=root).out == "false\n"
    assert gt("rig", "settings", "unset", "shop", "merge_queue.enabled", cwd=root).code == 0
    assert gt("rig", "settings", "show", "shop", "merge_queue.enabled", cwd=root).out == "true\n"
    assert len(rigged.events("settings_changed")) == 3


def test_a_wrong_rig_key_value_or_word_is_refused_and_changes_nothing(rigged):
    root = rigged.root
    wrong = gt("rig", "settings", "set", "shop", "merge_queue.enabled", "perhaps", cwd=root)
    assert wrong.code == 2 and "allowed: true, false" in wrong.err
    near = gt("rig", "settings", "set", "shop", "merge_queue.enable", "true", cwd=root)
    assert near.code == 2 and "did you mean merge_queue.enabled" in near.err
    assert gt("rig", "settings", "show", "shopp", cwd=root).code == 1
    assert gt("rig", "settings", "set", "shop", "merge_queue.enabled", cwd=root).code == 2
    assert gt("rig", "settings", "unset", "shop", cwd=root).code == 2
    assert [row["key"] for row in gt("rig", "settings", "show", "shop", "--json", cwd=root).json] == ["namepool.style"]
    assert gt("rig", "settings", "unset", "shop", "namepool.style", cwd=root).code == 0
    assert "has no settings of its own" in gt("rig", "settings", "show", "shop", cwd=root).out
    write(settings_path(root, "rig", "shop"), '{"merge_queue": {"enabled": 7}}')
    assert "merge_queue.enabled: allowed: true, false" in gt("rig", "settings", "show", "shop", cwd=root).err


def test_names_in_a_rigs_settings_reach_the_terminal_as_plain_lines(rigged):
    lanes = {"w\x1b]0;owned\x07\x1b[2J": ["web/"], "n\nfake: line": ["core/"]}
    write(settings_path(rigged.root, "rig", "shop"), json.dumps({"merge_queue": {"lanes": lanes}}))
    shown = gt("rig", "settings", "show", "shop", cwd=rigged.root)
    assert shown.code == 0 and "\x1b" not in shown.out + shown.err and "\nfake" not in shown.out + shown.err
    assert "fake: line" in shown.out
