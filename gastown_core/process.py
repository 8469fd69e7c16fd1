"""THE subprocess runner: no shell, always a time limit; on time-out the whole process family is killed.

Only the program itself is waited for: once it has ended, a leftover process that holds its pipes open does not count.

A result is a ``Finished`` with exit code and both outputs; a missing program or a time-out is a GastownError.  A
non-zero exit is a value, not an exception; callers decide what it means.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import sys
import time

from gastown_core.errors import GastownError
from gastown_core.files.points import point_after
from gastown_core.model.record import Record
from gastown_core.process_table import Process, carries, is_running, process_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO


class Finished(Record):
    """A finished process: its exit code and its output."""

    code: int
    out: str
    err: str


PIPE = subprocess.PIPE
"""For ``spawn``: the caller reads or writes that stream."""


def gt_argv(*words: str) -> list[str]:
    """Return the argument vector of ``gt WORDS`` of this installation, independent of PATH and working directory.

    This is the only place where the engine names the command line.
    """
    return [sys.executable, "-P", "-m", "gastown_cli", *words]


LATE, STOPPED = "late", "stopped"
CHUNK = 65536
MOST_IN_A_PIPE = 1 << 20
FIRST_LOOK_S, LOOK_S = 0.0005, 0.05
LEFTOVER_S = 0.5
"""The first and the longest pause between polls, where the system cannot signal the end of a process (pidfd)."""
MOST_ROUNDS = 20
"""How often a family that keeps growing while it is killed is killed again."""
WINDOWS_SESSION = 0x08000200
"""CREATE_NEW_PROCESS_GROUP and CREATE_NO_WINDOW: the nearest to a session that Windows has."""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""Ends a process that cannot refuse; Windows has no other signal and does so with this one."""
FAMILY = "GT_FAMILY"
"""The variable that marks all processes a command starts, including those in sessions of their own."""


class ProcessTimeoutError(GastownError):
    """The program exceeded its time limit and was killed with its whole family."""


class ProgramMissingError(GastownError):
    """The program is not installed."""


def run(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_s: float = 30.0,
    starts_servers: bool = False,
) -> Finished:
    """Run ``argv`` to its end; ``env``, if given, replaces the whole environment.

    Raises ProgramMissingError, or ProcessTimeoutError after killing the program and its family.  With
    ``starts_servers``, processes that detached into sessions of their own are left running.
    """
    marked, mark = (env, "") if starts_servers else mark_family(env)
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=marked,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _not_started(argv, cwd, error) from error
    out, err = bytearray(), bytearray()
    assert process.stdout is not None and process.stderr is not None
    try:
        with process.stdout, process.stderr:
            takers = {process.stdout: out.extend, process.stderr: err.extend}
            ended = follow(process, takers, stdin=stdin or b"", timeout_s=timeout_s)
            if ended == LATE:
                why = " ".join(argv[:4])
                raise ProcessTimeoutError(f"{argv[0]} took longer than {timeout_s:g} s", why)
    except BaseException:
        end_family(process.pid, mark)
        process.wait()
        raise
    point_after(argv)
    return Finished(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def follow(
    process: subprocess.Popen[bytes],
    takers: Mapping[IO[bytes], Callable[[bytes], object]],
    *,
    stdin: bytes = b"",
    timeout_s: float,
    stopped: Callable[[], bool] | None = None,
) -> str:
    """Pass a child's output to ``takers`` (by pipe) until it ends; returns ``LATE`` or ``STOPPED`` if it did not.

    Only the child's own end counts: a leftover process that holds or fills the pipes is not waited for.  The caller
    kills the family of a child that is late or stopped.
    """
    if os.name == "nt":
        return _follow_by_threads(process, takers, stdin=stdin, timeout_s=timeout_s, stopped=stopped)
    deadline = time.monotonic() + timeout_s
    with _watched(process, takers, stdin) as (selector, tells_end):
        pause = FIRST_LOOK_S
        while process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return LATE
            if stopped is not None and stopped():
                return STOPPED
            if not tells_end or stopped is not None:
                left, pause = min(left, pause), min(2 * pause, LOOK_S)
            _turn(selector, left)
        _take_the_rest(takers)
    return ""


def _follow_by_threads(
    process: subprocess.Popen[bytes],
    takers: Mapping[IO[bytes], Callable[[bytes], object]],
    *,
    stdin: bytes,
    timeout_s: float,
    stopped: Callable[[], bool] | None,
) -> str:
    """``follow`` where pipes cannot be waited for (Windows): a thread for each of them."""
    from threading import Thread

    def take_all(stream: IO[bytes], take: Callable[[bytes], object]) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed when its process is late
            while data := os.read(stream.fileno(), CHUNK):
                take(data)

    def give(stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            stream.write(stdin)

    works = [Thread(target=take_all, args=pair, daemon=True) for pair in takers.items()]
    works += [Thread(target=give, args=(process.stdin,), daemon=True)] if process.stdin is not None else []
    for work in works:
        work.start()
    deadline, pause = time.monotonic() + timeout_s, FIRST_LOOK_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            return LATE
        if stopped is not None and stopped():
            return STOPPED
        time.sleep(pause)
        pause = min(2 * pause, LOOK_S)
    for work in works:
        # a leftover process that holds a pipe open is not waited for
        work.join(LEFTOVER_S)
    return ""


@contextlib.contextmanager
def _watched(
    process: subprocess.Popen[bytes], takers: Mapping[IO[bytes], Callable[[bytes], object]], stdin: bytes
) -> Iterator[tuple[selectors.BaseSelector, bool]]:
    """A selector over the child's pipes and, if the system supports pidfds, its end."""
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for stream, take in takers.items():
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, take)
        if process.stdin is not None:
            stack.callback(_close, process.stdin)
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, bytearray(stdin))
        descriptor = -1
        with contextlib.suppress(AttributeError, OSError):
            descriptor = os.pidfd_open(process.pid)
            stack.callback(os.close, descriptor)
            selector.register(descriptor, selectors.EVENT_READ, None)
        yield selector, descriptor >= 0


def _turn(selector: selectors.BaseSelector, wait_s: float) -> None:
    """Wait for a pipe or the end of the child, then read and write what is possible."""
    for key, _ in selector.select(wait_s):
        if isinstance(key.data, bytearray):
            _feed(selector, key.fileobj, key.data)  # type: ignore[arg-type]
        elif key.data is not None and not _read(key.fileobj, key.data):  # type: ignore[arg-type]
            selector.unregister(key.fileobj)


def _feed(selector: selectors.BaseSelector, stream: IO[bytes], rest: bytearray) -> None:
    try:
        if rest:
            del rest[: os.write(stream.fileno(), rest[:CHUNK])]
    except BlockingIOError:
        return
    except BrokenPipeError:
        rest.clear()
    if not rest:
        selector.unregister(stream)
        _close(stream)


def _read(stream: IO[bytes], take: Callable[[bytes], object]) -> bool:
    """Pass on what a pipe holds; False once the other end is closed."""
    try:
        data = os.read(stream.fileno(), CHUNK)
    except BlockingIOError:
        return True
    if data:
        take(data)
    return bool(data)


def _take_the_rest(takers: Mapping[IO[bytes], Callable[[bytes], object]]) -> None:
    """Read what the child wrote before its end, at most MOST_IN_A_PIPE bytes a pipe; leftovers may go on writing."""
    for stream, take in takers.items():
        left = MOST_IN_A_PIPE
        while left > 0:
            try:
                data = os.read(stream.fileno(), CHUNK)
            except BlockingIOError:
                break
            if not data:
                break
            take(data)
            left -= len(data)


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        stream.close()


def mark_family(env: Mapping[str, str] | None = None) -> tuple[dict[str, str], str]:
    """An environment (ours, or ``env``) for a command whose family is killed with it, and the mark that identifies it.

    A command within a command carries both marks.  A process started with an empty environment carries none.
    """
    marked = dict(os.environ if env is None else env)
    mark = f"{os.getpid()}-{os.urandom(8).hex()}"
    outer = marked.get(FAMILY)
    marked[FAMILY] = f"{outer} {mark}" if outer else mark
    return marked, mark


def end_family(pid: int, mark: str = "") -> None:
    """Kill a child's process group and its descendants, including those in sessions of their own.

    Descendants are those in the process table and, with ``mark`` (see ``mark_family``), all processes that carry it.
    """
    for _ in range(MOST_ROUNDS):
        family = _family(pid, mark)
        kill_group(pid)
        for row in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if is_running(row):
                    os.kill(row.pid, KILL)
        if not family or not mark:
            return


def _family(pid: int, mark: str) -> list[Process]:
    """Return all descendants of the child and all that carry the mark, without the child, which its parent reaps."""
    table = process_table()
    below = {pid}
    grown = True
    while grown:
        more = {row.pid for row in table.values() if row.parent in below} - below
        below |= more
        grown = bool(more)
    own = os.getpid()
    return [
        row
        for row in table.values()
        if row.pid not in (pid, own) and not row.is_gone and (row.pid in below or (mark and carries(row.pid, mark)))
    ]


def kill_group(pid: int) -> None:
    """Kill the process group that ``pid`` leads; where there are no groups, that process. One that is gone is ignored."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, KILL)
        else:
            os.kill(pid, KILL)


def interrupt_group(pid: int) -> None:
    """Interrupt the process group that ``pid`` leads, as Ctrl-C does; one that is gone is ignored."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGINT)
        else:
            # Windows: to a process group that was started as one
            os.kill(pid, signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]


def spawn(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a long-lived child in its own session, with the given pipes; the caller must end it.

    ``pass_fds`` are further descriptors that it inherits.
    """
    try:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds) if os.name == "posix" else (),
            start_new_session=True,
            creationflags=WINDOWS_SESSION if os.name == "nt" else 0,
        )
    except (OSError, ValueError) as error:
        raise _not_started(argv, cwd, error) from error
    point_after(argv)
    return child


def run_on_terminal(argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run ``argv`` on our own terminal until it ends, and return its exit code; ``env`` replaces the environment.

    Raises ProgramMissingError, or GastownError for any other failure to start it.
    """
    try:
        return subprocess.call(argv, cwd=cwd, env=env)
    except (OSError, ValueError) as error:
        raise _not_started(argv, cwd, error) from error


def _not_started(argv: Sequence[str], cwd: str | None, error: OSError | ValueError) -> GastownError:
    """Return the error for a failed start: program or folder missing, arguments too long, or a NUL in them."""
    if isinstance(error, FileNotFoundError):
        if cwd is not None and not os.path.isdir(cwd):
            return GastownError(f"cannot run {argv[0]}", f"the folder {cwd} is missing")
        return ProgramMissingError(f"{argv[0]} is not installed", "", f"install {argv[0]} or put it on PATH")
    if isinstance(error, ValueError):
        return GastownError(f"cannot run {os.path.basename(argv[0])}", str(error))
    if error.errno == errno.E2BIG:
        why = f"its arguments are too long: {sum(map(len, argv))} characters"
        return GastownError(f"cannot run {os.path.basename(argv[0])}", why, "shorten the text, or put it into a file")
    return GastownError(f"cannot run {argv[0]}", error.strerror or str(error))
