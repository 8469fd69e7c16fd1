"""A commons in a folder, and towns that share it; the ``dolt`` command is the one that ``make dolt`` built, or one on PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gastown_core.beads.dolt.server import PROGRAM
from gastown_core.wasteland.clone import Clone, make_clone
from gastown_core.wasteland.membership import create_commons
from tests.support.dolt import program


class Commons:
    """An empty commons, and the environment in which towns use it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.url = f"file://{base}/commons"
        (base / "commons").mkdir()
        home = base / "home"
        home.mkdir()
        (home / ".gitconfig").write_text("[user]\nname=Ana\nemail=ana@example.org\n[init]\ndefaultBranch=main\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "DOLT", "GIT_"))}
        self.env = {**kept, "HOME": str(home), "DOLT_ROOT_PATH": str(home), PROGRAM: program()}

    def town(self, name: str, *words: str) -> Town:
        town = Town(self, name)
        town.gt("install", str(town.root), cwd=self.base)
        town.gt("wl", "join", self.url, "--handle", name, *words)
        return town


def new_commons(base: Path, monkeypatch: pytest.MonkeyPatch) -> Commons:
    """An empty commons in ``base``; this process uses it as its towns do."""
    made = Commons(base)
    monkeypatch.setenv(PROGRAM, program())
    for name in ("DOLT_ROOT_PATH", "HOME"):
        monkeypatch.setenv(name, str(base / "home"))
    create_commons(made.url, str(base / "new"), "somebody <s@example.org>")
    return made


class Town:
    """A town that has joined the commons as ``name``."""

    def __init__(self, commons: Commons, name: str) -> None:
        self.commons = commons
        self.name = name
        self.root = commons.base / name

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-P", "-m", "gastown_cli", *words]
        return subprocess.run(
            argv, cwd=cwd or self.root, env={**self.commons.env, **env}, capture_output=True, text=True, timeout=120
        )

    def gt(self, *words: str, code: int = 0, cwd: Path | None = None, **env: str) -> str:
        done = self.run(*words, cwd=cwd, **env)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def ask(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    @property
    def clone(self) -> Clone:
        return Clone(str(next(self.root.glob(".wasteland/*/*/.dolt")).parent))


def outsider(commons: Commons, name: str = "outsider") -> Clone:
    """A clone of the commons that no town of ours has made."""
    return make_clone(commons.url, str(commons.base / name), "somebody <s@example.org>")
