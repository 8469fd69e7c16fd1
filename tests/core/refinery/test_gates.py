from __future__ import annotations

import os
import stat

import pytest

from gastown_core.errors import SettingsError
from gastown_core.model.refinery import ERROR, FAIL, PASS, SKIPPED
from gastown_core.process_table import lives
from gastown_core.refinery.gate_run import Ran, run_command, tail
from gastown_core.refinery.policy import load_policy, strange_keys
from gastown_core.refinery.prober import VerdictCache
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.queued import Queued


def run(tmp_path, cmd: str, *, timeout_s: float = 20.0, limit: int = 100_000, stopped=lambda: False) -> tuple[Ran, str]:
    log = str(tmp_path / "logs" / "gate.log")
    ran = run_command(cmd, str(tmp_path), log, dict(os.environ), timeout_s=timeout_s, limit=limit, stopped=stopped)
    with open(log, encoding="utf-8", errors="replace") as handle:
        return ran, handle.read()


@pytest.mark.parametrize(
    ("cmd", "result", "said"),
    [
        ("true", PASS, ""),
        ("exit 3", FAIL, "exit 3"),
        ("exit 126", ERROR, "could not be run"),
        ("no-such-program-here", ERROR, "not found"),
        ("kill -9 $$", ERROR, "killed by signal 9"),
    ],
)
def test_how_a_command_ends_decides(tmp_path, cmd: str, result: str, said: str) -> None:
    ran, _ = run(tmp_path, cmd)
    assert ran.result == result and said in ran.detail


def test_both_outputs_are_kept_in_a_private_log(tmp_path) -> None:
    _, log = run(tmp_path, "echo out; echo err >&2")
    assert log == "out\nerr\n"
    assert stat.S_IMODE(os.stat(tmp_path / "logs" / "gate.log").st_mode) == 0o600


def test_a_gate_that_hangs_is_ended_with_all_its_children(tmp_path) -> None:
    ran, log = run(tmp_path, "sleep 300 & echo $! > child; wait", timeout_s=2.0)
    assert ran.result == ERROR and "took longer than 2 s" in ran.detail and ran.detail in log
    child = int((tmp_path / "child").read_text())
    until(lambda: not lives(child), "the child has ended")


def test_a_flood_is_cut_and_says_so_and_does_not_change_the_verdict(tmp_path) -> None:
    ran, log = run(tmp_path, "seq 1 200000; echo the end", limit=10_000)
    assert ran.result == PASS
    assert len(log) < 200_000 and "bytes of output were cut here" in log and log.endswith("the end\n")
    assert log.startswith("1\n2\n")


def test_a_leftover_that_holds_the_output_open_does_not_hold_the_gate(tmp_path) -> None:
    ran, _ = run(tmp_path, "sleep 300 & exit 0", timeout_s=30)
    assert ran.result == PASS and ran.secs < 10


def test_a_gate_ends_when_the_engine_is_to_stop(tmp_path) -> None:
    ran, _ = run(tmp_path, "sleep 300", stopped=lambda: True)
    assert ran.result == SKIPPED


def test_a_log_that_cannot_be_written_is_no_verdict(tmp_path) -> None:
    (tmp_path / "file").touch()
    log = str(tmp_path / "file" / "gate.log")
    ran = run_command("true", str(tmp_path), log, {}, timeout_s=1, limit=10, stopped=lambda: False)
    assert ran.result == ERROR


def test_the_end_of_a_log(tmp_path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(5000)))
    assert tail(str(tmp_path / "log"), 3).splitlines() == ["line 4997", "line 4998", "line 4999"]
    assert tail(str(tmp_path / "none")) == ""


def test_verdicts_are_kept_by_tree_and_gate_set(tmp_path) -> None:
    cache = VerdictCache(str(tmp_path), "set")
    cache.put("tree", PASS, 1000.0)
    assert cache.get("tree") == (PASS, 1000.0)
    assert VerdictCache(str(tmp_path), "other").get("tree") == ("", 0.0)
    (tmp_path / "gate-cache.json").write_text("junk")
    assert cache.get("tree") == ("", 0.0)
    cache.put("tree", FAIL, 1001.0)
    assert cache.get("tree")[0] == FAIL


def test_gates_are_read_from_the_settings(queued: Queued) -> None:
    queued.settings(gates={"unit": {"cmd": "pytest", "timeout": "2m", "fix_cmd": "fix"}, "lint": "ruff check"})
    unit, lint = load_policy(queued.root, "shop").gates
    assert (unit.name, unit.cmd, unit.timeout_s, unit.phase, unit.fix_cmd) == (
        "unit",
        "pytest",
        120.0,
        "pre-merge",
        "fix",
    )
    assert (lint.name, lint.cmd, lint.timeout_s) == ("lint", "ruff check", 600.0)


def test_single_commands_count_only_without_gates(queued: Queued) -> None:
    queued.settings(test_command="pytest", lint_command="ruff check")
    assert [gate.cmd for gate in load_policy(queued.root, "shop").gates] == ["ruff check", "pytest"]
    queued.settings(gates={"unit": {"cmd": "make"}})
    assert [gate.cmd for gate in load_policy(queued.root, "shop").gates] == ["make"]
    queued.settings(run_tests=False)
    assert load_policy(queued.root, "shop").gates == ()


@pytest.mark.parametrize(
    ("gates", "key"),
    [
        ({"unit": {"cmd": "x", "timout": "1m"}}, "unit.timout"),
        ({"unit": {"timeout": "1m"}}, "unit.cmd"),
        ({"unit": {"cmd": "x", "timeout": "soon"}}, "unit.timeout"),
        ({"unit": {"cmd": "x", "phase": "later"}}, "unit.phase"),
        ({"../unit": {"cmd": "x"}}, "../unit"),
        ({"u" * 300: {"cmd": "x"}}, "gates.uuuu"),
        (["x"], "gates"),
    ],
)
def test_a_gate_that_is_wrong_is_an_error_that_names_it(queued: Queued, gates: object, key: str) -> None:
    queued.settings(gates=gates)
    with pytest.raises(SettingsError) as raised:
        load_policy(queued.root, "shop")
    assert key in raised.value.what and raised.value.why and raised.value.hint and len(raised.value.what) < 300


def test_values_that_are_ignored_are_told_with_what_is_allowed(queued: Queued) -> None:
    queued.settings(max_concurrent=-2, batch={"max_batch_size": "three"}, retry_flaky_tests=2)
    policy = load_policy(queued.root, "shop")
    assert (policy.max_concurrent, policy.max_batch_size, policy.reruns) == (1, 20, 2)
    told = sorted(policy.warnings)
    assert [one.partition(":")[0] for one in told] == ["merge_queue.batch.max_batch_size", "merge_queue.max_concurrent"]
    assert all("at least 1; what is there is ignored, and the default counts" in one for one in told)
    shown = gt("refinery", "status", "shop", cwd=queued.root)
    assert all(one in shown.out + shown.err for one in told)


def test_unknown_keys_are_told_with_what_may_have_been_meant() -> None:
    told = strange_keys({"gate": {}, "batch": {"max_batch": 3}, "test_command": "x"})
    assert [line.partition(";")[0] for line in told] == [
        "there is no setting merge_queue.gate",
        "there is no setting merge_queue.batch.max_batch",
    ]
    assert "did you mean merge_queue.batch.max_batch_size?" in told[1]
