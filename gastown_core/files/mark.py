"""Whether a file has changed since it was looked at, told by its status alone."""

from __future__ import annotations

import os
from itertools import count

from gastown_core.clock import SYSTEM_CLOCK

Mark = tuple[int, ...]
TICK_S = 0.02
"""Many kernels move the time of a file on only with their clock tick; no tick is longer."""
COARSE_S = 2.0
"""The step of file systems that keep whole seconds."""
# what a process keeps on disk must not be met by the next one
_never_again = count(int(SYSTEM_CLOCK.now() * 1e9))


def mark_of(status: os.stat_result) -> Mark:
    """What is the same at the next look if the file has not changed; take it before the file is read.

    A file that has just been written can be written once more within the same step of its clock, and then has the same
    inode, size and time: its mark equals no other, so it is read again.
    """
    mark = (status.st_ino, status.st_mtime_ns, status.st_size)
    step_s = TICK_S if status.st_mtime_ns % 1_000_000_000 else COARSE_S
    # a time far ahead was set by hand, and the next write moves it
    if -COARSE_S < SYSTEM_CLOCK.now() - status.st_mtime < step_s:
        return (*mark, next(_never_again))
    return mark


def is_settled(mark: Mark) -> bool:
    """Whether the next mark of the unchanged file will equal this one."""
    return len(mark) == 3


def mark_at(path: str) -> Mark | None:
    """The mark of the file at ``path``, None if it cannot be looked at."""
    try:
        return mark_of(os.stat(path))
    except OSError:
        return None
