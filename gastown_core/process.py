"""THE subprocess runner: no shell, always a time limit, the whole process group ended when it is up.

Answers are typed: a ``Finished`` with exit code and both outputs, or a GastownError when the program is missing
or ran out of time.  A non-zero exit is a value, not an exception; adapters decide what it means.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NamedTuple

    class Finished(NamedTuple):
        """An ended process: its exit code and what it wrote."""

        code: int
        out: str
        err: str
else:
    from collections import namedtuple

    Finished = namedtuple("Finished", "code out err")


PIPE = subprocess.PIPE
"""For ``spawn``: the caller reads or writes that stream."""


class ProcessTimeoutError(GastownError):
    """The program ran past its time limit and was ended with its whole group."""


class ProgramMissingError(GastownError):
    """The program is not on this machine."""


def run(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_s: float = 30.0,
) -> Finished:
    """Run ``argv`` to its end; ``env`` replaces the whole environment if given.

    Raises ProgramMissingError, or ProcessTimeoutError after the process group was killed.
    """
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not os.path.isdir(cwd):
            raise GastownError(f"cannot run {argv[0]}", f"the folder {cwd} is missing") from error
        raise ProgramMissingError(f"{argv[0]} is not installed", "", f"install {argv[0]} or put it on PATH") from error
    except OSError as error:
        raise GastownError(f"cannot run {argv[0]}", error.strerror or str(error)) from error
    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except BaseException as error:
        kill_group(process.pid)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ProcessTimeoutError(f"{argv[0]} took longer than {timeout_s:g} s", " ".join(argv[:4])) from error
        raise
    return Finished(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def kill_group(pid: int) -> None:
    """Kill the process group that ``pid`` leads; one that is already gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


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
    """Start a long-lived child in a session of its own, with the given pipes; the caller keeps and ends it.

    ``pass_fds`` are further descriptors that it inherits.
    """
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProgramMissingError(f"{argv[0]} is not installed", "", f"install {argv[0]} or put it on PATH") from error


def run_on_terminal(argv: Sequence[str]) -> int:
    """Run ``argv`` with our own terminal as its own, for as long as a person stays in it; returns its exit code.

    Raises ProgramMissingError.
    """
    try:
        return subprocess.call(argv)
    except FileNotFoundError as error:
        raise ProgramMissingError(f"{argv[0]} is not installed", "", f"install {argv[0]} or put it on PATH") from error
