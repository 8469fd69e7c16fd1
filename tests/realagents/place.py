"""Where real agents run in tests: loopback only, with the stand-in model server on it.

Where the kernel allows it the place is a network namespace of its own, made by the server's process and gone with it;
whatever is started with ``Place.enter`` in front runs in it.  Elsewhere the server is on the machine's own loopback
address and ``is_isolated`` is False.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.realagents.programs import HERE
from tests.support.patience import until


def _ways() -> tuple[list[str], list[str]]:
    """(words that make a namespace, words that enter it), by whether we are root."""
    if os.geteuid() == 0:
        return ["unshare", "--net"], ["nsenter", "--net"]
    user = ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", *user, "--net"], ["nsenter", "--user", "--preserve-credentials", "--net"]


def can_isolate() -> bool:
    """Whether a process may have a network of its own here."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return False
    return subprocess.run([*_ways()[0], "true"], capture_output=True).returncode == 0


class Place:
    """A running stand-in server; ``folder`` holds its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_isolated = can_isolate()
        make, self._enter = _ways()
        words = [sys.executable, "-m", "tests.realagents.standin.server", str(folder)]
        self._said = open(folder / "server.txt", "w")  # noqa: SIM115
        self.process = subprocess.Popen(
            [*make, *words] if self.is_isolated else words,
            cwd=HERE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE)},
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )
        until(lambda: (folder / "port").exists() or self._ended(), "the stand-in server listens", 120.0)
        assert not self._ended(), (folder / "server.txt").read_text()
        self.port = int((folder / "port").read_text())

    def _ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def enter(self) -> list[str]:
        """Words to put in front of a command that runs here."""
        return [*self._enter, "--target", str(self.process.pid), "--"] if self.is_isolated else []

    def address(self, key: str) -> str:
        """The base address for the world called ``key``."""
        return f"http://127.0.0.1:{self.port}/s/{key}"

    def log(self, key: str) -> list[dict[str, Any]]:
        """All that the world called ``key`` has sent, oldest first."""
        path = self.folder / f"{key}.jsonl"
        if not path.exists():
            return []
        with open(path, encoding="utf-8") as handle:
            return [json.loads(line) for line in handle if line.endswith("\n")]

    def close(self) -> None:
        """End the server; the namespace goes with the last program in it."""
        self.process.terminate()
        self.process.wait(60)
        self._said.close()
