from __future__ import annotations

import json
import os

import pytest

from gastown_core.errors import SettingsError
from gastown_core.town.settings import Settings, load_settings, set_setting, unset_setting
from gastown_core.town.settings_table import TABLES, find_setting
from tests.support.rigged import write


@pytest.fixture
def root(tmp_path):
    write(str(tmp_path / "settings" / "config.json"), json.dumps({"type": "town-settings", "mine": {"kept": [1]}}))
    return str(tmp_path)


def stored(root: str) -> dict:
    with open(os.path.join(root, "settings", "config.json")) as handle:
        return json.load(handle)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("scheduler.max_polecats", "1", 1),
        ("scheduler.max_polecats", "-1", -1),
        ("convoy.notify_on_complete", "false", False),
        ("convoy.notify_on_complete", "yes", True),
        ("operational.session.gupp_violation", "45m", "45m"),
        ("cli_theme", "dark", "dark"),
        ("disabled_patrols", "a, b", ["a", "b"]),
        ("role_agents.witness", "fast", "fast"),
        ("roles.mayor.agent", "claude-opus", "claude-opus"),
    ],
)
def test_values_are_typed_and_read_back(root, key, text, value):
    assert set_setting(root, key, text) == value
    got = load_settings(root).get(key)
    assert (got, type(got)) == (value, type(value))
    assert stored(root)["mine"] == {"kept": [1]}


@pytest.mark.parametrize(
    ("key", "text", "allowed"),
    [
        ("scheduler.max_polecats", "-2", "at least -1"),
        ("scheduler.max_polecats", "true", "whole number"),
        ("convoy.notify_on_complete", "1", "true, false"),
        ("operational.session.stalled", "soon", "90s"),
        ("cost_tier", "cheap", "standard, economy, budget"),
        ("role_effort.mayor", "huge", "low, medium, high, max"),
    ],
)
def test_wrong_values_name_key_and_what_is_allowed_and_write_nothing(root, key, text, allowed):
    before = stored(root)
    with pytest.raises(SettingsError) as caught:
        set_setting(root, key, text)
    assert key in caught.value.what and allowed in caught.value.why
    assert stored(root) == before


def test_unknown_keys_are_refused_with_near_ones(root):
    with pytest.raises(SettingsError) as caught:
        set_setting(root, "scheduler.max_polecat", "1")
    assert "scheduler.max_polecats" in caught.value.hint


def test_unset_goes_back_to_the_default(root):
    set_setting(root, "scheduler.batch_size", "4")
    assert unset_setting(root, "scheduler.batch_size") is True
    assert load_settings(root).get("scheduler.batch_size") == 1
    assert unset_setting(root, "scheduler.batch_size") is False


def test_readers_that_must_go_on_take_the_default_for_a_wrong_value():
    settings = Settings("town", "config.json", {"operational": {"session": {"stalled": "soon"}}})
    assert settings.seconds("operational.session.stalled") == 900.0
    assert settings.problems() == ["operational.session.stalled: " + settings.problems()[0].split(": ", 1)[1]]
    with pytest.raises(SettingsError, match="operational.session.stalled"):
        settings.get("operational.session.stalled")


def test_the_documented_thresholds_are_the_defaults():
    settings = Settings("town", "config.json", {})
    wanted = {
        "session.gupp_violation": 1800,
        "session.stalled": 900,
        "session.hung_session": 1800,
        "polecat.heartbeat_stale": 180,
    }
    assert {key: settings.seconds(f"operational.{key}") for key in wanted} == wanted


def test_every_default_is_an_allowed_value_and_every_key_is_found():
    from gastown_core.town.settings import complaint

    for scope, table in TABLES.items():
        for row in table:
            assert row.default is None or not complaint(row, row.default), row.key
            assert find_setting(scope, row.key.replace("*", "x")) is not None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(30, 30.0), (2.5, 2.5), (0, 0.0), ("30s", 30.0), (30_000_000_000, 30.0), (5_000_000, 0.005)],
)
def test_a_bare_number_is_seconds_and_gos_nanoseconds_are_nanoseconds(written: object, seconds: float) -> None:
    settings = Settings("rig", "x", {"merge_queue": {"poll_interval": written}})
    assert settings.seconds("merge_queue.poll_interval") == seconds
    assert settings.problems() == []


@pytest.mark.parametrize("wrong", [-5, True, "soon"])
def test_what_is_no_duration_is_told_and_counts_as_unset(wrong: object) -> None:
    settings = Settings("rig", "x", {"merge_queue": {"poll_interval": wrong}})
    assert settings.seconds("merge_queue.poll_interval") == 30.0
    assert len(settings.problems()) == 1
