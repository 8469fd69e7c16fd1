from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.model.refinery import ERROR, FAIL, PASS
from gastown_core.refinery import flakes
from gastown_core.refinery.flakes import ALL, FILE, flake_rate, read_flakes, saw
from gastown_core.refinery.planner import PRIOR_FLAKE
from tests.support.queued import Queued


def test_a_red_run_is_false_only_where_the_same_tree_was_green_too(tmp_path: Path) -> None:
    rig = str(tmp_path)
    for tree, results in (
        ("good", (PASS, PASS)),
        ("flaky", (FAIL, PASS, FAIL)),
        ("bad", (FAIL, FAIL)),
        ("x", (ERROR,)),
    ):
        for number, result in enumerate(results):
            saw(rig, "unit", "make", tree, result, 100.0 + number)
    [unit] = read_flakes(rig)
    assert (unit.runs, unit.changed, unit.false_reds, unit.last) == (7, 1, 2, 102.0)
    assert unit.rate == pytest.approx((2 + 0.9) / (5 + 30))


def test_an_unknown_gate_has_the_prior_rate_and_a_steady_one_is_trusted_more(tmp_path: Path) -> None:
    rig = str(tmp_path)
    assert flake_rate(rig) == PRIOR_FLAKE and not read_flakes(rig)
    for number in range(61):
        saw(rig, ALL, "set", f"t{number}", PASS, 1.0)
    assert flake_rate(rig) < 0.01


def test_a_changed_command_starts_anew_and_old_verdicts_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = str(tmp_path)
    monkeypatch.setattr(flakes, "MOST", 7)
    for number in range(9):
        saw(rig, "unit", "make", f"t{number}", PASS, 1.0)
    assert read_flakes(rig)[0].runs == 7
    saw(rig, "unit", "make -j", "t", FAIL, 2.0)
    assert read_flakes(rig)[0].runs == 1


def test_a_ledger_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    path = tmp_path / FILE
    os.makedirs(path.parent)
    for text in ("{", "[]", '{"gates": 5}', '{"gates": {"unit": {"verdicts": [1, [2], ["t", true, "x"]]}}}'):
        path.write_text(text)
        assert flake_rate(str(tmp_path)) == PRIOR_FLAKE
        assert all(one.runs == 0 for one in read_flakes(str(tmp_path)))


def test_the_engine_fills_the_ledger(queued: Queued, tmp_path: Path) -> None:
    queued.gate(f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 1; }}")
    queued.hand_in({"a": "1"})
    queued.process()
    found = {one.gate: one for one in read_flakes(queued.rig)}
    assert set(found) == {"check", ALL} and found["check"].false_reds == found[ALL].false_reds == 1
    assert found["check"].changed == 1 and found["check"].rate > PRIOR_FLAKE
