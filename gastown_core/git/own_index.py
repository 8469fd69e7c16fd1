"""An index of git that nobody else has: what is saved or tried leaves the worktree's own index as it is."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from gastown_core.clock import SYSTEM_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "rescue-index."
"""How the names of these files begin."""
LEFT_S = 3600.0
"""A file of this age was left by a process that was killed."""


@contextmanager
def own_index(folder: str) -> Iterator[dict[str, str]]:
    """Yield the variables that make git use an index in ``folder`` that nobody else has; it is gone afterwards.

    What a killed process left an hour ago goes too: its number may long be another's.
    """
    for name in os.listdir(folder):
        if name.startswith(NAME):
            path = os.path.join(folder, name)
            with suppress(OSError):
                if SYSTEM_CLOCK.now() - os.stat(path).st_mtime > LEFT_S:
                    os.unlink(path)
    index = os.path.join(folder, f"{NAME}{os.getpid()}.{os.urandom(4).hex()}")
    try:
        yield {"GIT_INDEX_FILE": index}
    finally:
        for path in (index, f"{index}.lock"):
            with suppress(FileNotFoundError):
                os.unlink(path)
