"""Run one command on one tree: with a time limit, a bounded private log, and no process left running.

The command is the rig's own setting, run by ``sh -c``.  Output beyond the limit is dropped except for its
end, so that a flood of output fills no disk and keeps its verdict.
"""

from __future__ import annotations

import os
import time
from collections import deque

from gastown_core.errors import GastownError
from gastown_core.files import system
from gastown_core.files.folders import private_folder
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record
from gastown_core.model.refinery import ERROR, FAIL, PASS, SKIPPED
from gastown_core.process import LATE, PIPE, STOPPED, end_family, follow, mark_family, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

END_BYTES = 65536
"""How many bytes are kept of the end of output beyond the limit."""
NO_VERDICT = {126: "the command could not be run (exit 126)", 127: "command not found (exit 127)"}


class Ran(Record):
    """How a command ended, as a result and in words; ``gave_up``: it ended by itself without a verdict."""

    result: str
    detail: str
    secs: float
    gave_up: bool = False


def run_command(
    cmd: str,
    cwd: str,
    log: str,
    env: Mapping[str, str],
    *,
    timeout_s: float,
    limit: int,
    stopped: Callable[[], bool],
) -> Ran:
    """Run ``cmd`` in ``cwd`` to its end, its time limit, or until ``stopped``; then kill every process it left."""
    began = time.monotonic()
    marked, mark = mark_family(env)
    try:
        with _Log(log, limit) as out:
            try:
                process = spawn(["sh", "-c", cmd], cwd=cwd, env=marked, stdout=PIPE, stderr=-2)
            except (GastownError, OSError) as error:
                out.remark(f"could not be started: {error}")
                return Ran(ERROR, f"could not be started: {error}", 0.0)
            assert process.stdout is not None
            try:
                ended = follow(process, {process.stdout: out.take}, timeout_s=timeout_s, stopped=stopped)
            finally:
                end_family(process.pid, mark)
                process.wait()
                process.stdout.close()
            result, detail = _judge(process.returncode, ended, timeout_s)
            if detail:
                out.remark(detail)
    except OSError as error:
        detail = f"its log could not be written: {error.strerror or error}"
        return Ran(ERROR, detail, time.monotonic() - began)
    return Ran(result, detail, time.monotonic() - began, result == ERROR)


def _judge(code: int, ended: str, timeout_s: float) -> tuple[str, str]:
    if ended == STOPPED:
        return SKIPPED, "ended early"
    if ended == LATE:
        return ERROR, f"took longer than {timeout_s:g} s"
    if code in NO_VERDICT:
        return ERROR, NO_VERDICT[code]
    if code < 0:
        return ERROR, f"killed by signal {-code}"
    return (PASS, "") if code == 0 else (FAIL, f"exit {code}")


class _Log:
    """A log of at most ``limit`` bytes, and then the end of the output."""

    def __init__(self, path: str, limit: int) -> None:
        private_folder(os.path.dirname(path))
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | system.EXACT, 0o600)
        self._room = limit
        self._dropped = 0
        self._end: deque[bytes] = deque()
        self._kept = 0

    def __enter__(self) -> _Log:
        return self

    def take(self, data: bytes) -> None:
        """Write what fits; of the rest, remember the end."""
        head, rest = data[: self._room], data[self._room :]
        if head:
            os.write(self._fd, head)
            self._room -= len(head)
        if rest:
            self._end.append(rest)
            self._kept += len(rest)
            while self._kept - len(self._end[0]) >= END_BYTES:
                gone = self._end.popleft()
                self._kept -= len(gone)
                self._dropped += len(gone)

    def remark(self, text: str) -> None:
        """Write the remembered end, and a line of the engine's own."""
        self._flush()
        os.write(self._fd, f"\n[gastown: {text}]\n".encode("utf-8", "replace"))

    def _flush(self) -> None:
        if self._dropped:
            os.write(self._fd, f"\n[gastown: {self._dropped} bytes of output were cut here]\n".encode())
        for part in self._end:
            os.write(self._fd, part)
        self._end.clear()
        self._dropped = self._kept = 0

    def __exit__(self, *_: object) -> None:
        try:
            self._flush()
        finally:
            os.close(self._fd)


def tail(path: str, lines: int = 60, most: int = 16_384) -> str:
    """The last lines of a log, empty if it cannot be read."""
    try:
        with open(open_plain(path), "rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - most))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
