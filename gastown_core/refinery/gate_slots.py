"""The town's gate places: at most ``merge_queue.gate_slots`` stacks are tested at once, by whatever rigs.

A place is a lock on a file of the town, so a killed engine gives its places back.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

from gastown_core.errors import ConflictError
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = os.path.join("daemon", "gate-slots")
LOOK_S = 0.1


@contextmanager
def gate_slot(root: str, places: int, stopped: Callable[[], bool]) -> Iterator[bool]:
    """One of the town's places for the length of the block, waited for; False if ``stopped`` came first. 0 is no limit."""
    lock = _wait_for(root, places, stopped) if places > 0 else None
    try:
        yield lock is not None or places <= 0
    finally:
        if lock is not None:
            lock.__exit__(None, None, None)


def _wait_for(root: str, places: int, stopped: Callable[[], bool]) -> FileLock | None:
    folder = os.path.join(root, FOLDER)
    private_folder(folder)
    pause = threading.Event()
    while not stopped():
        for number in range(1, places + 1):
            lock = FileLock(os.path.join(folder, f"{number}.lock"), timeout_s=0.0, name_holder=True)
            try:
                return lock.__enter__()
            except ConflictError:
                continue
        pause.wait(LOOK_S)
    return None
