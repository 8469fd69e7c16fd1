"""Dogs: a few workers for town maintenance (``deacon/dogs/<name>``), created when needed.

A dog works in a folder of its own, not in a worktree.  A sling holds the dog's lock until the work is on its hook, so
that two slings never take the same dog.
"""

from __future__ import annotations

import os
import shutil

from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.files.atomic import write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.address import DOG, Address
from gastown_core.town.hook_files import claude_settings
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.names import refusal
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

NAMES = "alpha bravo charlie delta echo foxtrot golf hotel india juliett".split()


class DogClaim:
    """A dog held for one sling, released at the end of the ``with`` block."""

    def __init__(self, root: str, entry: RosterEntry, lock: FileLock, is_new: bool) -> None:
        self.root = root
        self.entry = entry
        self.is_new = is_new
        self._lock = lock

    def __enter__(self) -> DogClaim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(None, None, None)

    def make(self) -> None:
        """Create the dog's folder with the runtime's hooks, if it is missing."""
        path = os.path.join(self.entry.work_dir, ".claude", "settings.local.json")
        if not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_json(path, claude_settings())

    def take_back(self) -> None:
        """Undo ``make`` for a new dog."""
        if self.is_new:
            shutil.rmtree(self.entry.work_dir, ignore_errors=True)


def dog_entry(root: str, name: str) -> RosterEntry:
    """Return the roster entry that a dog has, or will have."""
    address = Address(DOG, "", name)
    return RosterEntry(address, address.session("hq"), os.path.join(kennel(root), name), address.bead_id("hq"))


def check_dog_name(name: str) -> None:
    """Raise UsageError if a dog cannot have the name."""
    problem = refusal(name, "a dog's name")
    if problem is not None:
        raise problem


def claim_dog(root: str, *, wanted: str = "", is_idle: Callable[[RosterEntry], bool]) -> DogClaim:
    """Take the dog of that name, or any idle one, or a new one. Raises ConflictError if there is none to take."""
    locks = os.path.join(root, ".runtime", "locks")
    private_folder(locks)
    most = load_settings(root).lenient("operational.daemon.dog_pool")
    with FileLock(os.path.join(locks, "dog-pool.lock")):
        known = dog_names(root)
        for name in [wanted] if wanted else known:
            taken = _try(root, locks, name, name not in known) if name in known else None
            if taken is not None and _take_if(taken, is_idle):
                return taken
        if wanted in known:
            raise ConflictError(f"dog {wanted} is already busy", "", "gt sling BEAD deacon/dogs finds a free one")
        if len(known) >= most:
            raise ConflictError(
                f"all {len(known)} dogs are busy", "operational.daemon.dog_pool sets how many there may be"
            )
        free = [wanted] if wanted else [name for name in NAMES if name not in known]
        fresh = (_try(root, locks, name, True) for name in free)
        found = next((claim for claim in fresh if claim is not None), None)
        if found is None:
            raise ConflictError("cannot create a dog now", "its name is being taken", "try again")
        return found


def _take_if(taken: DogClaim, is_idle: Callable[[RosterEntry], bool]) -> bool:
    idle = False
    try:
        idle = is_idle(taken.entry)
    finally:
        if not idle:
            taken.__exit__(None, None, None)
    return idle


def _try(root: str, locks: str, name: str, is_new: bool) -> DogClaim | None:
    lock = FileLock(os.path.join(locks, f"dog-{name}.lock"), timeout_s=0.0, name_holder=True)
    try:
        lock.__enter__()
    except ConflictError:
        return None
    return DogClaim(root, dog_entry(root, name), lock, is_new)


def kennel(root: str) -> str:
    """Return the folder of the dogs."""
    return os.path.join(root, "deacon", "dogs")


def dog_names(root: str) -> list[str]:
    """Return the names of the dogs, by their folders; ``boot``, which is there too, is not a dog."""
    home = kennel(root)
    if not os.path.isdir(home):
        return []
    names = (name for name in os.listdir(home) if not name.startswith(".") and name != "boot")
    return sorted(name for name in names if os.path.isdir(os.path.join(home, name)))


def add_dog(root: str, name: str) -> RosterEntry:
    """Create a dog with its folder. Raises UsageError, and ConflictError if there is one or no room in the kennel."""
    check_dog_name(name)
    if name in dog_names(root):
        raise ConflictError(f"there is a dog {name} already", "", "gt dog list shows the dogs")
    with claim_dog(root, wanted=name, is_idle=lambda _: True) as claimed:
        claimed.make()
        return claimed.entry


def remove_dog(root: str, name: str) -> None:
    """Remove a dog's folder. Raises NotFoundError, and ConflictError while a sling holds the dog."""
    if name not in dog_names(root):
        raise NotFoundError(f"there is no dog {name}", "", "gt dog list shows the dogs")
    locks = os.path.join(root, ".runtime", "locks")
    private_folder(locks)
    with FileLock(os.path.join(locks, "dog-pool.lock")):
        held = _try(root, locks, name, False)
        if held is None:
            raise ConflictError(f"dog {name} is just getting work", "a sling holds it", "try again")
        with held:
            shutil.rmtree(held.entry.work_dir)
