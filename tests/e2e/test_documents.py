"""A reader types the commands of a document one after the other: each works, and what the text waits for comes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from tests.support.documents import script_of

pytestmark = pytest.mark.e2e

DOCS = Path("docs").resolve()
QUICK = """[user]
name=Ana
email=ana@example.org
[init]
defaultBranch=main
[advice]
detachedHead=false
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / ".gitconfig").write_text(QUICK)
    yield tmp_path
    for town in {path.parent.parent for path in tmp_path.glob("*/mayor/town.json")}:
        subprocess.run([sys.executable, "-m", "gastown_cli", "down"], cwd=town, capture_output=True, timeout=60)
        TmuxServer(socket_name(str(town))).kill_server()


def read_along(page: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Type the commands of a page in a home of their own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "GIT_"))}
    env |= {
        "HOME": str(home),
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        "GT_SCRIPT_PACE": "0.02",
        **more,
    }
    env.pop("TMUX", None)
    env["TMUX_TMPDIR"] = os.environ["TMUX_TMPDIR"]
    script = script_of(DOCS / page)
    assert script, f"{page} has no commands"
    return subprocess.run(["bash", "-c", script], cwd=home, env=env, capture_output=True, text=True, timeout=280)


@pytest.mark.timeout(300)
def test_the_tutorial_ends_with_a_landed_convoy(server: TmuxServer, home: Path) -> None:
    done = read_along("tutorial.md", home)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    landed = subprocess.run(
        ["git", "-C", str(home / "src/hello.git"), "log", "main", "--format=%B"], capture_output=True, text=True
    ).stdout
    assert landed.count("Bead: he-") == 3
    assert "Polite goodbyes" in done.stdout and "landed" in done.stdout
