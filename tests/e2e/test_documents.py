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
from tests.support.patience import PATIENCE_S

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
        subprocess.run([sys.executable, "-m", "gastown_cli", "down"], cwd=town, capture_output=True, timeout=PATIENCE_S)
        TmuxServer(socket_name(str(town))).kill_server()


def read_along(page: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Type the commands of a page in this home."""
    script = script_of(DOCS / page)
    assert script, f"{page} has no commands"
    return type_in(home, script)


def type_in(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "GIT_"))}
    env |= {
        "HOME": str(home),
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        "GT_SCRIPT_PACE": "0.02",
    }
    env.pop("TMUX", None)
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


READ_IN_A_TOWN = sorted(
    page.relative_to(DOCS).as_posix()
    for page in DOCS.rglob("*.md")
    if script_of(page) and page.name not in ("tutorial.md", "INSTALLING.md")
)
"""Pages whose commands suppose a town ``~/gt`` with a rig ``shop`` and a crew member ``ana``."""


@pytest.fixture
def town(home: Path) -> Path:
    prepared = """
        git init --quiet --bare -b main shop.git && git clone --quiet shop.git start 2>/dev/null && cd start
        git commit --quiet --allow-empty -m Start && git push --quiet origin HEAD:main && cd ~
        gt install ~/gt --git && cd ~/gt && gt rig add shop ~/shop.git --prefix sh && gt crew add ana --rig shop
    """
    done = type_in(home, "set -euo pipefail\n" + prepared)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.mark.timeout(300)
def test_the_commands_of_every_page_work_in_a_town(server: TmuxServer, town: Path) -> None:
    failed = {}
    for page in READ_IN_A_TOWN:
        done = read_along(page, town)
        if done.returncode:
            failed[page] = (done.stdout + done.stderr)[-600:]
    assert not failed
    assert len(READ_IN_A_TOWN) > 8


def test_a_fresh_machine_after_installing(home: Path) -> None:
    done = read_along("INSTALLING.md", home)
    assert done.returncode == 0, done.stdout + done.stderr
