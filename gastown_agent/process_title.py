"""The process's name, which tmux shows as the pane's command and ``ps`` as its arguments."""

from __future__ import annotations

import sys

PR_SET_NAME = 15


def set_process_title(name: str, label: str = "") -> None:
    """Set the name of this process (on Linux only) by overwriting the memory of its command line."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with open("/proc/self/stat", "rb") as handle:
        fields = handle.read().rpartition(b") ")[2].split()
    start, end = int(fields[45]), int(fields[46])
    title = name.encode() + b"\0" + (label.encode() + b"\0" if label else b"")
    size = end - start
    if start and size > len(name) + 1:
        ctypes.memmove(start, title[: size - 1].ljust(size, b"\0"), size)
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)
