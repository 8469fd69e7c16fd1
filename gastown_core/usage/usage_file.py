"""How far a transcript has been read, and the new complete lines in it, even if it was truncated or replaced."""

from __future__ import annotations

import os

from gastown_core.files import system
from gastown_core.files.plain import open_plain
from gastown_core.files.tail import Tailer
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LONGEST_LINE = 32 << 20
"""A longer line is passed over."""
AT_ONCE = 4 << 20
"""About so much is read before it is counted."""
BEGINS = 256


class UsageFile(Record):
    """A transcript that is read: its agent, the file's identity, how far it was read, and how many lines were junk.

    ``begins`` is a digest of its first bytes, which differs if another file has taken over path and inode.
    ``agent`` is empty if it belongs to nobody in the town.
    """

    path: str
    runtime: str = ""
    agent: str = ""
    device: int = 0
    inode: int = 0
    offset: int = 0
    begins: str = ""
    memory: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    junk: int = 0


class News(Record):
    """New lines; ``source`` holds the new position, ``is_anew`` says that this is another file than the one read before.

    ``is_too_long`` says that a line was skipped.
    """

    source: UsageFile
    lines: list[bytes]
    is_anew: bool = False
    is_too_long: bool = False


def news(source: UsageFile) -> Iterator[News]:
    """Return what was added since; the whole file if it was truncated or replaced. Raises OSError."""
    try:
        status = os.stat(source.path)
    except (FileNotFoundError, NotADirectoryError):
        # programs delete what is old; what was counted stays
        return
    if (status.st_dev, status.st_ino, status.st_size) == (source.device, source.inode, source.offset):
        return
    begins = _beginning(source.path, _length_of(source.begins))
    is_same = (status.st_dev, status.st_ino) == (source.device, source.inode)
    is_anew = bool(source.inode) and not (is_same and status.st_size >= source.offset and begins == source.begins)
    offset = 0 if is_anew else source.offset
    here = source._replace(device=status.st_dev, inode=status.st_ino, offset=offset)
    tail = Tailer(source.path, offset=offset)
    try:
        while True:
            before = tail.offset
            lines = [line for _, line in tail.read(AT_ONCE).lines]
            is_too_long = tail.offset == before and status.st_size - before > LONGEST_LINE
            if tail.offset == before and not is_too_long:
                return
            end = status.st_size if is_too_long else tail.offset
            yield News(
                here._replace(offset=end, begins=_beginning(source.path, min(end, BEGINS))), lines, is_anew, is_too_long
            )
            is_anew = False
            if is_too_long:
                return
    finally:
        tail.close()


def _beginning(path: str, length: int) -> str:
    """Return a digest of the first ``length`` bytes, with their number."""
    fd = open_plain(path)
    try:
        return f"{length}:{sha256(system.read_at(fd, length, 0)).hex()[:16]}"
    finally:
        os.close(fd)


def _length_of(begins: str) -> int:
    return int(begins.partition(":")[0] or 0)
