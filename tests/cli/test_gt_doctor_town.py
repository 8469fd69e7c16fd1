"""``gt doctor``: a healthy town is well, each planted fault is named, and mending it a second time changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gastown_core.doctor import town_disk
from gastown_core.doctor.checked_town import Place
from gastown_core.town.host_load import HostLoad
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.rigged import Rigged, write


@pytest.fixture
def town(rigged: Rigged) -> Rigged:
    """A town whose agents are scripted, so that no program and no account is needed."""
    set_setting(rigged.root, "default_agent", "scripted")
    return rigged


def test_a_healthy_town_is_well(town: Rigged, server: object) -> None:
    told = gt("doctor", cwd=town.root)
    assert told.code == 0, told.out + told.err
    assert "✗" not in told.out
    assert gt("doctor", "--json", cwd=town.root).json == {
        "well": True,
        "findings": [],
        "changed": [],
        "not_changed": [],
        "faults": [],
        "unknown": [],
    }


def junk(path: str, text: str = "{") -> Callable[[str], None]:
    return lambda root: write(os.path.join(root, path), text)


def a_folder(path: str) -> Callable[[str], None]:
    def plant(root: str) -> None:
        target = os.path.join(root, path)
        if os.path.exists(target):
            os.remove(target)
        os.makedirs(target)

    return plant


FAULTS = [
    ("settings", junk("settings/config.json"), "config.json"),
    (
        "settings",
        junk("settings/config.json", '{"default_agent": "scripted", "scheduler": {"batch_size": 0}}'),
        "batch_size",
    ),
    ("settings", junk("shop/settings/config.json"), "shop"),
    ("settings", junk("settings/escalation.json", '{"routes": {"dire": []}}'), "escalation.json"),
    ("settings", junk("mayor/rigs.json"), "rigs.json"),
    (
        "settings",
        junk("settings/config.json", '{"default_agent": "scripted", "standing_answers": []}'),
        "standing_answers",
    ),
    ("settings", junk("mayor/rigs.json", '{"rigs": null}'), "rigs in "),
    ("settings", junk("mayor/daemon.json", '{"patrols": 3}'), "patrols in "),
    ("ledgers", a_folder("shop/.beads/issues.jsonl"), "shop"),
    ("ledgers", junk(".beads/routes.jsonl", '{"prefix": "xx-", "path": "gone"}\n'), "gone"),
]


@pytest.mark.parametrize(("check", "plant", "named"), FAULTS, ids=[f"{row[0]}-{row[2]}" for row in FAULTS])
def test_a_planted_fault_is_named(
    town: Rigged, without_tmux: None, check: str, plant: Callable[[str], None], named: str
) -> None:
    plant(town.root)

    told = gt("doctor", "--json", cwd=town.root)

    assert told.code == 1
    found = [one for one in told.json["findings"] if one["check"] == check]
    assert any(named in one["what"] + one["why"] for one in found), told.json
    assert all(one["remedy"] for one in told.json["findings"])
    assert "Traceback" not in told.err
    assert gt("doctor", cwd=town.root).code == 1


def test_without_tmux_it_says_so_and_checks_the_rest(town: Rigged, without_tmux: None) -> None:
    told = gt("doctor", "--json", cwd=town.root).json
    assert [one["check"] for one in told["findings"]] == ["tools"]
    assert "tmux" in told["findings"][0]["what"]


def test_what_is_mended_is_shown_asked_for_and_mended_once(town: Rigged, server: object) -> None:
    ledger = os.path.join(town.root, "shop", ".beads", "issues.jsonl")
    town.file("Mend it")
    with open(ledger, "a", encoding="utf-8") as handle:
        handle.write(
            '<<<<<<< ours\n{"id":"sh-a1","title":"A","status":"open"}\n=======\n{"id":"sh-a1","title":"B"}\n>>>>>>> theirs\n'
        )
    os.remove(os.path.join(town.root, "shop", ".beads", "metadata.json"))

    asked = gt("doctor", "--fix", cwd=town.root)
    assert asked.code == 2
    assert "nothing was asked and nothing changed" in asked.err
    assert not os.path.exists(os.path.join(town.root, "shop", ".beads", "metadata.json"))
    done = gt("doctor", "--fix", "--yes", cwd=town.root)

    assert "mend the store of shop" in done.out
    assert done.code == 0, done.out + done.err
    with open(ledger, "rb") as handle:
        mended = handle.read()
    assert b"<<<<<<<" not in mended
    assert b"Mend it" in mended
    again = gt("doctor", "--fix", "--yes", cwd=town.root)
    assert again.code == 0
    with open(ledger, "rb") as handle:
        assert handle.read() == mended


def test_only_the_rig_that_is_asked_for(town: Rigged, without_tmux: None) -> None:
    junk("shop/settings/config.json")(town.root)
    wrong = gt("doctor", "--rig", "nonsense", cwd=town.root)
    assert wrong.code == 1
    assert "no rig nonsense" in wrong.err
    assert any("shop" in one["what"] for one in gt("doctor", "--rig", "shop", "--json", cwd=town.root).json["findings"])


def test_a_full_disk_and_a_log_out_of_measure_are_named(town: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town_disk, "read_load", lambda root: HostLoad(0.0, 8.0, 0.3))
    monkeypatch.setattr(town_disk, "MOST_LOG_GB", 0.0)
    (check,) = town_disk.CHECKS
    found = check.detect(Place(town.root))
    assert [one.what.split()[0] for one in found][:1] == ["0.30"]
    assert any("gt krc prune" in one.remedy for one in found)
