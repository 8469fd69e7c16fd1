"""The ``bd`` of the Go tools, in a project whose beads are on a server of the tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.dolt import CACHE, HERE, Server


def go_bds() -> list[str]:
    """Their paths: those of ``GT_TEST_GO_BD``, or what ``.ci/go-bd`` built, each version."""
    named = os.environ.get("GT_TEST_GO_BD", "")
    cache = Path(os.environ.get(CACHE) or HERE / ".cache" / "dolt")
    return named.split(os.pathsep) if named else [str(one) for one in sorted(cache.glob("go-bd/v*/bd"))]


needs_go_bd = pytest.mark.skipif(not go_bds(), reason="there is no bd of the Go tools; .ci/go-bd builds it with Go")


class GoProject:
    """A project that the Go ``bd`` has set up on a server, and that program run in it."""

    def __init__(self, root: Path, server: Server, prefix: str, program: str) -> None:
        self.program = program
        self.root = str(root)
        self.server = server
        home = root.parent / "home"
        home.mkdir(exist_ok=True)
        (home / ".gitconfig").write_text("[user]\nname=op\nemail=op@example.org\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GT_", "BD_", "BEADS_", "GIT_"))}
        self.env = {**kept, "HOME": str(home), "BD_NON_INTERACTIVE": "1"}
        root.mkdir()
        subprocess.run(["git", "init", "-q", self.root], check=True, env=self.env)
        port = ("--server", "--server-port", str(server.port))
        assert not self.run("init", *port, "-p", prefix, "--skip-agents", "--skip-hooks").returncode

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *words], cwd=self.root, env=self.env, capture_output=True, text=True, timeout=120
        )

    def bd(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *words: str) -> Any:
        return json.loads(self.bd(*words, "--json"))

    def ids(self, *words: str) -> set[str]:
        return {one["id"] for one in self.ask(*words)}
