"""Standard output and error of a command: whoever reads them may go away, and the act goes on to its end.

Agents pipe every command to ``head`` or ``grep -q``.  So a write that cannot be done is dropped here, in the one place
that all printing comes through, and nothing above has to think of it.  A command that only shows things, and would go
on for ever, says ``end_with_reader`` first.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


PARTIAL = 3
TERMINAL = "gt_terminal"
"""``-X gt_terminal=iso8859-1``: what the terminal reads, where it is not what the programme speaks inside."""


class Outlet(io.FileIO):
    """A descriptor that takes everything: what nobody can read any more is dropped.

    ``lost`` is the first error of a write, None as long as all arrived; with ``ends`` a reader that went away is told
    by BrokenPipeError.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: OSError | None = None
        self.ends = False

    def write(self, data: Any) -> int:
        """Write, or drop; never raises OSError but for ``ends``."""
        if self.lost is None:
            try:
                # None where a pipe that does not block is full; the layer above counts that as nothing written
                return super().write(data)
            except OSError as error:
                self.lost = error
        if self.ends and self.lost.errno == errno.EPIPE:
            raise BrokenPipeError(*self.lost.args)
        return memoryview(data).nbytes


def speak_utf8() -> None:
    """Begin anew in Python's UTF-8 mode where the locale has another character set (ISO-8859-1, plain ASCII).

    Ledgers, git, tmux and file names are UTF-8 whatever the terminal is; only what is shown is in its own set.
    """
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.utf8_mode:
        return
    shown = getattr(sys.stdout, "encoding", None) or "ascii"
    words = [_as_utf8(word) for word in sys.orig_argv[1:]]
    os.execv(
        sys.executable, [os.fsencode(sys.orig_argv[0]), b"-X", b"utf8", b"-X", f"{TERMINAL}={shown}".encode(), *words]
    )


def _as_utf8(word: str) -> bytes:
    """A word of the command line: what is UTF-8 already (a file's name) stays, the rest was typed in the locale's set."""
    raw = os.fsencode(word)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return word.encode("utf-8", "surrogateescape")
    return raw


def guard() -> None:
    """Let both streams outlive their readers; a stream that was closed becomes the null device.

    What is read is UTF-8, whatever Python was told: bytes that are none become U+FFFD.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_gaps()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout = _guarded(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _guarded(sys.stderr, sys.__stderr__, 2)


def _fill_gaps() -> None:
    """Take the free ones of the three descriptors, so that no file opened later becomes a standard stream."""
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.dup(free), encoding="utf-8")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.dup(free), "w", encoding="utf-8", errors="backslashreplace"))


def _guarded(stream: TextIO, original: TextIO | None, descriptor: int) -> TextIO:
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    outlet = Outlet(descriptor)
    return io.TextIOWrapper(
        outlet if isinstance(stream.buffer, io.RawIOBase) else io.BufferedWriter(outlet),
        encoding=str(sys._xoptions.get(TERMINAL, stream.encoding)),
        # a sign that the terminal's encoding lacks is written as its escape
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _outlet(stream: TextIO) -> Outlet | None:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, Outlet) else None


def end_with_reader() -> None:
    """From now on a reader that goes away ends the command: it does nothing but show."""
    outlet = _outlet(sys.stdout)
    if outlet is not None:
        outlet.ends = True


def reader_left() -> bool:
    """Whether nobody can read the output any more, told without a write."""
    if _outlet(sys.stdout) is None:
        return False
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))


def flush() -> None:
    """Push out what both streams hold; what cannot be written is lost, as at any other moment."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def finish(code: int) -> int:
    """Push the last output out; the exit code is 3 where an act that went well could not tell of it (a full disk)."""
    outlet = _outlet(sys.stdout)
    if outlet is None:
        return code
    outlet.ends = False
    sys.stdout.flush()
    if outlet.lost is None or outlet.lost.errno == errno.EPIPE:
        return code
    sys.stderr.write(f"the output was lost: {outlet.lost.strerror}; what was to be done is done\n" if not code else "")
    return code or PARTIAL
