"""The points at which a drill kills a process, and what such a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = """
import os, sys
from gastown_core.files.atomic import write_atomic
from gastown_core.files.jsonl import append_lines
from gastown_core.process import run
write_atomic(sys.argv[1] + "/a", b"new")
append_lines(sys.argv[1] + "/b", [b"line"])
print(run(["sh", "-c", "echo $GT_KILL_AT"]).out.strip() or "unset")
"""


def start(place: Path, at: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": HERE, "GT_KILL_AT": at}
    return subprocess.run([sys.executable, "-c", PROGRAM, str(place)], env=env, capture_output=True, text=True)


def test_the_points_are_told_and_children_hear_nothing_of_it(tmp_path: Path) -> None:
    ran = start(tmp_path, "list")
    names = [line.partition(": ")[2] for line in ran.stderr.splitlines()]
    assert names == ["file filled", "wrote a", "appended b", "sh echo $GT_KILL_AT"]
    assert (ran.returncode, ran.stdout) == (0, "unset\n")


@pytest.mark.parametrize("at", ["2", "wrote a"])
def test_a_process_ends_at_the_point_of_that_number_or_name(tmp_path: Path, at: str) -> None:
    ran = start(tmp_path, at)
    assert ran.returncode == -signal.SIGKILL and ran.stderr == "killed at 2: wrote a\n"
    assert os.listdir(tmp_path) == ["a"]


def test_a_kill_before_a_file_is_in_its_place_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    assert start(tmp_path, "file filled").returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"
