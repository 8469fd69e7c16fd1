"""A person's own command: words without a shell, run by the one runner, noted in the log of commands."""

from __future__ import annotations

import os
import re
import shlex
import time

from gastown_core import process
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError, UsageError
from gastown_core.orders import act_log
from gastown_core.orders.act_log import CONSOLE, CommandLogEntry
from gastown_core.orders.perform import environment_of
from gastown_core.orders.task import run_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.orders.task import Task

LIMIT_S = 3600.0
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def filled(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the words with ``{name}`` replaced; each stays one word whatever it holds. Raises UsageError for a missing value."""
    missing = [name for word in words for name in _PLACEHOLDER.findall(word) if not values.get(name)]
    if missing:
        raise UsageError(f"the selection has no {missing[0]}", "", "select a row that has one")
    return [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in words]


def own_argv(words: Sequence[str]) -> list[str]:
    """Return the argument vector: ``gt`` and ``bd`` are those of this installation, whatever PATH says."""
    if words[0] == "gt":
        return process.gt_argv(*words[1:])
    return [os.path.expanduser(words[0]), *words[1:]]


def run_own(root: str, words: Sequence[str], *, cwd: str, clock: Clock = SYSTEM_CLOCK, task: Task | None = None) -> str:
    """Run a filled command and return its output. Blocks. Raises GastownError if it cannot start, fails or is cancelled.

    Its last line is the progress of ``task``.
    """
    began, command = time.monotonic(), shlex.join(words)
    act = act_log.begin(root, CONSOLE, command, clock.now())
    ok, detail = False, ""
    out, err = bytearray(), bytearray()

    def take(line: bytes) -> None:
        out.extend(line)
        if task is not None and line.strip():
            task.told("running", line.decode("utf-8", "replace").strip())

    try:
        code = run_task(
            own_argv(words),
            cwd=cwd or root,
            env=environment_of(root),
            limit_s=LIMIT_S,
            task=task,
            take=take,
            complain=err.extend,
        )
        ok = code == 0
        said = (out if ok else err or out).decode("utf-8", "replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        detail = lines[-1] if lines else ""
        if not ok:
            raise GastownError(f"{words[0]} ended with status {code}", detail)
        return out.decode("utf-8", "replace")
    except GastownError as error:
        detail = detail or str(error)
        raise
    finally:
        if task is not None:
            task.end(clock.now(), ok=ok, detail=detail)
        took = time.monotonic() - began
        act_log.end(root, act, CommandLogEntry(clock.now(), command, ok, took, detail, CONSOLE))


def run_own_attached(root: str, words: Sequence[str], *, cwd: str) -> int:
    """Run a filled command on our own terminal and return its exit status. Raises GastownError if it cannot start."""
    return process.run_on_terminal(own_argv(words), cwd=cwd or root, env=environment_of(root))
