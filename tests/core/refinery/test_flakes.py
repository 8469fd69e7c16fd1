from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.model.refinery import ERROR, FAIL, PASS
from gastown_core.model.sha256 import sha256
from gastown_core.refinery import flakes
from gastown_core.refinery.flakes import ALL, FILE, flake_rate, read_flakes, saw
from gastown_core.refinery.flaky_tests import read_tests
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


def test_a_ledger_with_a_number_that_no_float_holds_keeps_its_other_rows(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    rows = [["tree", True, 1.0], ["tree", False, 10**400], ["tree", False, 2.0]]
    path.write_text(json.dumps({"version": 2, "gates": {"unit": {"cmd": "c", "verdicts": rows}}}))
    [unit] = read_flakes(str(tmp_path))
    assert (unit.runs, unit.last) == (2, 2.0)
    tests = {"unit": {"cmd": "c", "runs": [["tree", one[2], 1, [] if one[1] else ["t"]] for one in rows]}}
    (path.parent / "tests.json").write_text(json.dumps({"gates": tests}))
    [test] = read_tests(str(tmp_path))
    assert (test.runs, test.last) == (2, 2.0)


def test_the_engine_fills_the_ledger(queued: Queued, tmp_path: Path) -> None:
    queued.gate(f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 1; }}")
    queued.hand_in({"a": "1"})
    queued.process()
    found = {one.gate: one for one in read_flakes(queued.rig)}
    assert set(found) == {"check", ALL} and found["check"].false_reds == found[ALL].false_reds == 1
    assert found["check"].changed == 1 and found["check"].rate > PRIOR_FLAKE


def test_a_gate_may_be_called_all_without_sharing_its_verdicts_with_those_of_the_whole_set(
    queued: Queued, tmp_path: Path
) -> None:
    queued.settings(gates={"all": {"cmd": f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 1; }}"}})
    queued.hand_in({"a": "1"})
    queued.process()
    found = {one.gate: one for one in read_flakes(queued.rig)}
    assert set(found) == {"all", ALL} and found["all"].false_reds == found[ALL].false_reds == 1
    assert found[ALL].runs >= 2 and flake_rate(queued.rig) > PRIOR_FLAKE


def test_what_an_earlier_version_kept_of_whole_sets_is_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE
    os.makedirs(path.parent)
    rows = [["t", False, 1.0], ["t", True, 2.0]]
    kept = {"cmd": sha256(b"set").hex()[:8], "verdicts": rows}
    path.write_text(json.dumps({"version": 1, "gates": {"all": kept, "unit": kept}}))
    assert {one.gate: one.false_reds for one in read_flakes(str(tmp_path))} == {ALL: 1, "unit": 1}
    saw(str(tmp_path), ALL, "set", "t2", PASS, 3.0)
    assert {one.gate: one.runs for one in read_flakes(str(tmp_path))} == {ALL: 3, "unit": 2}
