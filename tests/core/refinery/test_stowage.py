"""Folders that the set-up fills go from probe to probe; everything else is swept away."""

from __future__ import annotations

import os

import pytest

from gastown_core.errors import SettingsError
from tests.support.queued import Queued

SETUP = "test -e deps/made || { mkdir -p deps && touch deps/made && echo x >> $COUNT; }; touch loose"


def set_up(queued: Queued, tmp_path, gate: str = "test -e deps/made && test ! -e bad", paths=("deps",)) -> None:
    queued.settings(setup_command=SETUP.replace("$COUNT", f"{tmp_path}/count"), cache_paths=list(paths))
    queued.gate(gate)


def fillings(tmp_path) -> int:
    path = tmp_path / "count"
    return path.read_text().count("x") if path.exists() else 0


def test_the_set_up_begins_once_for_all_probes_and_batches(queued: Queued, tmp_path) -> None:
    set_up(queued, tmp_path)
    queued.hand_in_many(4, {2: {"bad": "1"}})
    queued.process()
    queued.hand_in({"later": "1"})
    [result] = queued.process()
    assert result.merged and fillings(tmp_path) == 1 and not queued.leftovers()


def test_what_is_not_named_is_swept_away_between_probes(queued: Queued, tmp_path) -> None:
    set_up(queued, tmp_path, gate="test ! -e mess && touch mess && test ! -e bad")
    queued.hand_in_many(4, {2: {"bad": "1"}})
    [result] = queued.process(once=True)
    assert len(result.merged) == 3 and len(result.culprits) == 1


def test_what_a_set_up_left_that_failed_is_not_kept(queued: Queued, tmp_path) -> None:
    set_up(queued, tmp_path)
    command = f"if test -e bad; then mkdir deps; touch deps/half; exit 1; fi; {SETUP}".replace(
        "$COUNT", f"{tmp_path}/c"
    )
    queued.settings(setup_command=command)
    queued.gate("test ! -e deps/half")
    queued.hand_in_many(4, {2: {"bad": "1"}})
    [result] = queued.process(once=True)
    assert len(result.merged) == 3 and len(result.culprits) == 1


def test_a_folder_that_a_branch_turns_into_a_link_leads_nowhere(queued: Queued, tmp_path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    set_up(queued, tmp_path, gate="true", paths=("deps/inner", "deps"))
    queued.settings(setup_command=f"test -e deps || ln -s {outside} deps; mkdir -p deps/inner; touch deps/inner/made")
    queued.hand_in({"a": "1"})
    queued.process()
    queued.hand_in({"b": "1"})
    [result] = queued.process()
    assert result.merged and sorted(os.listdir(outside)) == ["inner"]


def test_without_the_setting_nothing_is_kept_any_more(queued: Queued, tmp_path) -> None:
    set_up(queued, tmp_path)
    queued.hand_in({"a": "1"})
    queued.process()
    kept = os.path.join(queued.rig, ".runtime", "refinery", "kept", "main")
    assert len(os.listdir(kept)) == 1
    queued.settings(cache_paths=[])
    queued.hand_in({"b": "1"})
    queued.process()
    assert os.listdir(kept) == [] and fillings(tmp_path) == 2


@pytest.mark.parametrize("path", ["/etc", "../other", ".git/hooks", "."])
def test_only_folders_of_the_checkout_can_be_named(queued: Queued, path: str) -> None:
    queued.settings(cache_paths=[path])
    queued.hand_in({"a": "1"})
    with pytest.raises(SettingsError, match="cache_paths"):
        queued.process()
