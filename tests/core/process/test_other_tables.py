"""The process table and the runner where there is no /proc, and where pipes cannot be waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHER = str(Path(__file__).parents[2] / "support" / "other_system")


def told(system: str, code: str) -> list[str]:
    env = {**os.environ, "SIMULATED_SYSTEM": system, "PYTHONPATH": OTHER}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_a_process_is_read_without_proc(system: str, tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from gastown_core import process_table as table\n"
        f"kept = open({str(tmp_path / 'kept')!r}, 'w')\n"
        "own, row = os.getpid(), table.read_process(os.getpid())\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(row.parent == os.getppid() and table.lives(own, row.started) and not table.lives(own, row.started + 5))\n"
        "print(child.pid in table.process_table() and table.family_of(own)[0] == own and child.pid in table.family_of(own))\n"
        "print(table.words_of(child.pid)[1:] == ['-c', 'input()'])\n"
        f"print({str(tmp_path / 'kept')!r} in table.open_files(own))\n"
        "print(table.folder_of(own) == os.getcwd() and table.environment_of(own)['SIMULATED_SYSTEM'] != '')\n"
        "child.communicate(b'\\n')\n"
        "print(table.lives(child.pid), table.read_process(child.pid), table.words_of(child.pid), table.folder_of(child.pid))\n"
    )
    assert told(system, code) == ["True"] * 5 + ["False None [] "]


def test_the_runner_without_pipes_that_can_be_waited_for() -> None:
    code = (
        "import sys\n"
        "from gastown_core.process import ProcessTimeoutError, run\n"
        "done = run([sys.executable, '-c', 'import sys; d = sys.stdin.read(); print(d * 2); print(len(d), file=sys.stderr); sys.exit(3)'],"
        " stdin=b'x' * 300_000)\n"
        "print(done.code, len(done.out), done.err.strip())\n"
        "try:\n run([sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(60)'], timeout_s=1)\n"
        "except ProcessTimeoutError as error:\n print('late', '1 s' in str(error))\n"
    )
    assert told("windows", code) == ["3 600001 300000", "late True"]
