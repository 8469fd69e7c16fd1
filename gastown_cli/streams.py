"""Standard output and error of a command, which finishes its work even if the reader of its output goes away.

Agents pipe commands to ``head`` or ``grep -q``. A failed write is therefore dropped here, in the one place that all
printing goes through. A command that only prints and would not end by itself calls ``end_with_reader`` first.
"""

from __future__ import annotations

import errno
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


PARTIAL = 3
TERMINAL = "gt_terminal"
"""``-X gt_terminal=iso8859-1``: the terminal's encoding, if Python runs in UTF-8 mode and the terminal does not."""


class Outlet(io.FileIO):
    """A descriptor that drops what cannot be written.

    ``lost`` is the first write error, or None; with ``ends``, a closed pipe raises BrokenPipeError.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: OSError | None = None
        self.ends = False

    def write(self, data: Any) -> int:
        """Write, or drop the data; raise OSError only for a closed pipe with ``ends``."""
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
    """Restart in Python's UTF-8 mode if the locale has another character set.

    Ledgers, git, tmux and file names are UTF-8 whatever the terminal uses; only output is in the terminal's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.utf8_mode:
        return
    shown = getattr(sys.stdout, "encoding", None) or "ascii"
    words = [_as_utf8(word) for word in sys.orig_argv[1:]]
    os.execv(
        sys.executable, [os.fsencode(sys.orig_argv[0]), b"-X", b"utf8", b"-X", f"{TERMINAL}={shown}".encode(), *words]
    )


def _as_utf8(word: str) -> bytes:
    """Return an argument as UTF-8: bytes that are UTF-8 already (a file name) stay, others are decoded by the locale."""
    raw = os.fsencode(word)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return word.encode("utf-8", "surrogateescape")
    return raw


def guard() -> None:
    """Guard both output streams against readers that go away, and replace closed streams by the null device.

    Stdin is read as UTF-8; invalid bytes become U+FFFD.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_gaps()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout = _guarded(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _guarded(sys.stderr, sys.__stderr__, 2)


def _fill_gaps() -> None:
    """Open the null device on free standard descriptors, so that no file opened later becomes a standard stream."""
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
    """Let a closed pipe end the command from now on; for commands that only print."""
    outlet = _outlet(sys.stdout)
    if outlet is not None:
        outlet.ends = True


def reader_left() -> bool:
    """Return whether the reader of stdout has gone away, without writing."""
    if _outlet(sys.stdout) is None:
        return False
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))


def arrived() -> bool:
    """Flush stdout and return whether all that was written to it could be written."""
    flush()
    outlet = _outlet(sys.stdout)
    return outlet is None or outlet.lost is None


def flush() -> None:
    """Flush both streams; drop what cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def finish(code: int) -> int:
    """Flush stdout and return the exit code: 3 if a successful command could not write its output (a full disk)."""
    outlet = _outlet(sys.stdout)
    if outlet is None:
        return code
    outlet.ends = False
    sys.stdout.flush()
    if outlet.lost is None or outlet.lost.errno == errno.EPIPE:
        return code
    sys.stderr.write(
        f"the output was lost: {outlet.lost.strerror}{'; the command itself succeeded' if not code else ''}\n"
    )
    return code or PARTIAL
