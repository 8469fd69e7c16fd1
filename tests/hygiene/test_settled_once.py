"""What a command settles at its start is asked once and passed on: town, ledger, redirect, prefix, routes, actor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_core.town.install import install_town

pytestmark = pytest.mark.timeout(600)

COUNT = """
import json, os, sys
from collections import Counter
calls = Counter()
def count(frame, event, arg):
    if event == "call":
        calls[frame.f_code.co_name] += "gastown_" in frame.f_code.co_filename
from gastown_cli import main
out = os.dup(2)
leave = os._exit
def tell(code=0):
    sys.setprofile(None)
    os.write(out, json.dumps(calls).encode())
    leave(code)
os._exit = tell
sys.argv = ["bd", "create", "Fix login"]
sys.setprofile(count)
main.bd()
"""
SETTLED = ("find_town", "find_beads_dir", "read_rigs", "read_routes", "open_final", "read_settings", "_actor")


def test_bd_create_asks_each_question_once(tmp_path: Path) -> None:
    """In the town's folder one store is opened; the functions named here are those that look at the disk for an answer."""
    root = str(tmp_path / "town")
    install_town(root)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "BEADS_"))}
    done = subprocess.run(
        [sys.executable, "-c", COUNT], cwd=root, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stderr[done.stderr.index("{") :])
    assert {name: calls.get(name, 0) for name in SETTLED} == dict.fromkeys(SETTLED, 1)
