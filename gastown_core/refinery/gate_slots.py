"""Gate places: at most ``merge_queue.gate_slots`` stacks are tested at once, by whatever rigs; some gates have places of their own.

A place is a lock on a file, so a killed engine gives its places back.  While the machine has too little left
(``town.host_load``), only the first place is given out: merging goes on, one test after the other.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

from gastown_core.errors import ConflictError, SettingsError
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock, holder_of
from gastown_core.town import host_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = os.path.join("daemon", "gate-slots")
LOOK_S = 0.1
LOADS_S = 5.0
"""How often the machine's load is asked for while a test waits."""


@contextmanager
def gate_slot(
    root: str, places: int, stopped: Callable[[], bool], told: Callable[[str], None] = lambda _: None
) -> Iterator[bool]:
    """One of the town's places for the length of the block, waited for; False if ``stopped`` came first. 0 is no limit.

    ``told`` gets the reason while it waits, and an empty one when it has the place.
    """
    taken = "all {} gate places of the town are taken (merge_queue.gate_slots)"
    wait = _Wait(os.path.join(root, FOLDER), places, taken, lambda: _shortage(root))
    try:
        yield wait.get(stopped, told)
    finally:
        wait.give_back()


def free_places(root: str, places: int) -> int:
    """How many of the town's places nobody holds now, whatever rig."""
    folder = os.path.join(root, FOLDER)
    # by the files that there are: the places may be any number
    names = os.listdir(folder) if os.path.isdir(folder) else []
    mine = [name for name in names if name.endswith(".lock") and _number(name) in range(1, places + 1)]
    return places - sum(holder_of(os.path.join(folder, name)) is not None for name in mine)


def _number(name: str) -> int:
    """The number of a place, by its lock's name; 0 if it is no place."""
    number = name.removesuffix(".lock")
    return int(number) if number.isdecimal() and len(number) < 10 else 0


@contextmanager
def own_place(
    folder: str, gate: str, places: int, stopped: Callable[[], bool], told: Callable[[str], None]
) -> Iterator[bool]:
    """One of the ``places`` of a gate in its rig, whose locks are below ``folder``; as ``gate_slot``."""
    wait = _Wait(os.path.join(folder, gate), places, f"all {{}} places of gate {gate} are taken", lambda: "")
    try:
        yield wait.get(stopped, told)
    finally:
        wait.give_back()


class _Wait:
    """One test's wait for a place, and the place; ``taken`` says that there is none, of how many."""

    def __init__(self, folder: str, places: int, taken: str, shortage: Callable[[], str]) -> None:
        self.folder = folder
        self.places = places
        self.taken = taken
        self.shortage = shortage
        self._lock: FileLock | None = None

    def get(self, stopped: Callable[[], bool], told: Callable[[str], None]) -> bool:
        pause, said, looks = threading.Event(), "", 0
        while not stopped():
            if looks % round(LOADS_S / LOOK_S) == 0:
                short = self.shortage()
            looks += 1
            count = 1 if short else self.places
            if count <= 0 or self._take(count):
                if said:
                    told("")
                return True
            why = short or self.taken.format(count)
            if why != said:
                told(why)
                said = why
            pause.wait(LOOK_S)
        return False

    def give_back(self) -> None:
        if self._lock is not None:
            self._lock.__exit__(None, None, None)

    def _take(self, count: int) -> bool:
        private_folder(self.folder)
        for number in range(1, count + 1):
            lock = FileLock(os.path.join(self.folder, f"{number}.lock"), timeout_s=0.0, name_holder=True)
            try:
                self._lock = lock.__enter__()
            except ConflictError:
                continue
            return True
        return False


def _shortage(root: str) -> str:
    """What the machine has too little of, empty if nothing; settings that cannot be read are no reason to wait."""
    try:
        return host_load.refusal(root)
    except SettingsError:
        return ""
