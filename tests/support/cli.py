"""The programme as a person runs it: a process of its own, its exit code and what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from tests.support.patience import PATIENCE_S


class Ran(NamedTuple):
    """An ended command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def gt(*words: str, cwd: str, stdin: str = "", **env: str) -> Ran:
    """Run ``gt words`` in ``cwd``."""
    return _run("gastown_cli.main", "gt", words, cwd, stdin, env)


def bd(*words: str, cwd: str, stdin: str = "", **env: str) -> Ran:
    """Run ``bd words`` in ``cwd``."""
    return _run("gastown_cli.main", "bd", words, cwd, stdin, env)


def _run(module: str, program: str, words: tuple[str, ...], cwd: str, stdin: str, env: dict[str, str]) -> Ran:
    code = f"import sys; sys.argv[0] = {program!r}; from {module} import {program} as main; sys.exit(main())"
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": here, **env},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
