"""A task: an order or a person's own command while it runs, with its progress and a way to cancel it.

A cancelled command is interrupted as with Ctrl-C, so that it can take back what it began; only one that does not end is
killed, with its family.
"""

from __future__ import annotations

import threading

from gastown_core import process
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE_S = 20.0
"""How long an interrupted command may take to put things back."""


class CancelledError(GastownError):
    """A person cancelled the command."""


class Task:
    """What runs: its words for a person, the time it began (Unix seconds), its last stage, and how it ended.

    Only the thread that performs it writes its fields; ``cancel`` may be called from any.
    """

    def __init__(self, what: str, began_at: float) -> None:
        self.what = what
        self.began_at = began_at
        self.ended_at = 0.0
        self.stage = ""
        self.detail = ""
        self.ok = False
        self._cancel = threading.Event()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not self.ended_at

    @property
    def is_cancelled(self) -> bool:
        """Whether a person asked it to end; it may still be putting things back."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask it to end."""
        self._cancel.set()

    def told(self, stage: str, detail: str) -> None:
        """Take note of its progress."""
        self.stage, self.detail = stage, detail

    def end(self, now: float, *, ok: bool, detail: str) -> None:
        """Take note of its end."""
        self.ok, self.detail, self.ended_at = ok, detail, now


class _Lines:
    """Splits a pipe into lines, each with its end."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._take(line + b"\n")

    def end(self) -> None:
        if self._rest:
            self._take(self._rest)


def run_task(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    limit_s: float,
    task: Task | None,
    take: Callable[[bytes], object],
    complain: Callable[[bytes], object],
) -> int:
    """Run a command and pass on the lines of its two outputs as they come; return its exit status.

    Servers that it starts go on.  Raises CancelledError if it was cancelled and has ended, ProcessTimeoutError if it took
    longer than ``limit_s`` seconds, GastownError if it cannot start.
    """
    child = process.spawn(argv, cwd=cwd, env=env, stdout=process.PIPE, stderr=process.PIPE)
    assert child.stdout is not None and child.stderr is not None
    out, err = _Lines(take), _Lines(complain)
    takers = {child.stdout: out.feed, child.stderr: err.feed}
    ended = process.LATE
    try:
        wanted = (lambda: task.is_cancelled) if task is not None else None
        ended = process.follow(child, takers, timeout_s=limit_s, stopped=wanted)
        if ended == process.STOPPED:
            process.interrupt_group(child.pid)
            if process.follow(child, takers, timeout_s=PATIENCE_S) == process.LATE:
                ended = process.LATE
    finally:
        if child.poll() is None:
            process.end_family(child.pid)
        child.wait()
        for pipe in takers:
            pipe.close()
    out.end()
    err.end()
    if task is not None and task.is_cancelled:
        raise CancelledError("cancelled", "" if ended == process.STOPPED else "it did not end by itself and was killed")
    if ended == process.LATE:
        raise process.ProcessTimeoutError(f"{argv[0]} took longer than {limit_s:g} s", " ".join(argv[:6]))
    return child.returncode
