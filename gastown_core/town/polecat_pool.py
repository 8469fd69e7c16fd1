"""The pool of a rig's polecats: claims an idle one, or the next free name, for one caller at a time.

The choice is made under the pool's lock.  Each polecat has its own lock, held until the caller is done (``Claim`` is a
context manager), so two slings never take the same polecat.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.files.atomic import write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.files.points import point
from gastown_core.model.address import POLECAT, Address
from gastown_core.process_table import mark, mark_lives
from gastown_core.town.inventory import RosterEntry, polecat_dir
from gastown_core.town.names import free_names, pool_names, refusal
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gastown_core.clock import Clock

HELD_S = 0.5
"""How long to wait for locked polecats that have no reservation."""


class Claim:
    """A polecat held for one sling, released at the end of the ``with`` block."""

    def __init__(self, root: str, rig: str, name: str, entry: RosterEntry, lock: FileLock, is_new: bool) -> None:
        self.root = root
        self.rig = rig
        self.name = name
        self.entry = entry
        self.is_new = is_new
        self._lock = lock

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_pending(self.root, self.rig, self.name))
        self._lock.__exit__(None, None, None)


def claim(
    root: str,
    rig: str,
    prefix: str,
    *,
    wanted: str = "",
    prefer: tuple[str, ...] = (),
    is_idle: Callable[[RosterEntry], bool],
    clock: Clock = SYSTEM_CLOCK,
) -> Claim:
    """Claim an idle polecat of the rig, or the next free name; ``wanted`` asks for one by name.

    ``prefer`` are tried first.  ``is_idle`` is called for existing ones, under the lock.  Raises ConflictError if the
    wanted one is busy or the rig is full, UsageError for a bad name.
    """
    locks = os.path.join(root, rig, ".runtime", "locks")
    private_folder(locks)
    os.makedirs(os.path.join(root, rig, "polecats"), exist_ok=True)
    with FileLock(os.path.join(locks, "polecat-pool.lock")):
        known = known_names(root, rig)
        reserved = _reserved(root, rig, clock.now())
        if wanted:
            return _claim_by_name(root, rig, prefix, wanted, known, reserved, is_idle)
        known.sort(key=lambda name: prefer.index(name) if name in prefer else len(prefer))
        held = []
        for name in [name for name in known if name not in reserved]:
            taken = _try(root, rig, prefix, name, is_new=False)
            if taken is None:
                held.append(name)
            elif _take_if(taken, is_idle):
                return taken
        # not reserved, so held not by a sling but by the refinery, which releases it soon
        for name in held:
            taken = _try(root, rig, prefix, name, is_new=False, timeout_s=HELD_S / len(held))
            if taken is not None and _take_if(taken, is_idle):
                return taken
        return _claim_new(root, rig, prefix, {*known, *reserved, *_crew_names(root, rig)}, len({*known, *reserved}))


def _take_if(taken: Claim, is_idle: Callable[[RosterEntry], bool]) -> bool:
    """Reserve the claim if the polecat is idle, else release it."""
    try:
        if is_idle(taken.entry):
            _reserve(taken)
            return True
    except BaseException:
        taken.__exit__(None, None, None)
        raise
    taken.__exit__(None, None, None)
    return False


def _claim_by_name(
    root: str,
    rig: str,
    prefix: str,
    name: str,
    known: list[str],
    reserved: set[str],
    is_idle: Callable[[RosterEntry], bool],
) -> Claim:
    problem = refusal(name, "a polecat's name") if name not in known else None
    if problem is not None:
        raise problem
    if name not in known and name in _crew_names(root, rig):
        raise ConflictError(
            f"{rig} has a crew member {name}", f"{rig}/{name} would be ambiguous", "choose another name"
        )
    taken = None if name in reserved else _try(root, rig, prefix, name, is_new=name not in known, timeout_s=HELD_S)
    if taken is None:
        raise ConflictError(f"{rig}/{name} is already being assigned work", "", "choose another one, or the rig itself")
    if not _take_if(taken, lambda entry: taken.is_new or is_idle(entry)):
        raise ConflictError(f"{rig}/{name} has work on its hook", "", f"gt sling BEAD {rig} finds a free one")
    return taken


def _claim_new(root: str, rig: str, prefix: str, in_use: set[str], there: int) -> Claim:
    most = load_settings(root).lenient("operational.polecat.max_per_rig")
    settings = load_settings(root, "rig", rig)
    if there >= most:
        raise ConflictError(
            f"rig {rig} has {there} polecats, all busy", f"the limit is {most}", "wait until one is done"
        )
    numbers_from = settings.lenient("namepool.max_before_numbering") + 1
    for name in free_names(pool_names(root, settings), in_use, numbers_from):
        taken = _try(root, rig, prefix, name, is_new=True)
        if taken is not None:
            _reserve(taken)
            if name.isdigit():
                _note_overflow(root, rig, int(name) + 1)
            return taken
    raise ConflictError(f"rig {rig} has no free name")


def _note_overflow(root: str, rig: str, following: int) -> None:
    """Write the pool's state for other tools; here names are computed from the folders."""
    state = {"rig_name": rig, "overflow_next": following, "max_size": 50}
    write_json(os.path.join(root, rig, ".runtime", "namepool-state.json"), state, mode=0o600)


def hold(root: str, rig: str, prefix: str, name: str) -> Claim:
    """Claim exactly this polecat, busy or not, so that nobody slings to it meanwhile. Raises ConflictError."""
    private_folder(os.path.join(root, rig, ".runtime", "locks"))
    taken = _try(root, rig, prefix, name, is_new=False)
    if taken is None:
        raise ConflictError(f"{rig}/{name} is being assigned work just now", "", "try again in a moment")
    return taken


def _try(root: str, rig: str, prefix: str, name: str, *, is_new: bool, timeout_s: float = 0.0) -> Claim | None:
    path = os.path.join(root, rig, ".runtime", "locks", f"polecat-{name}.lock")
    lock = FileLock(path, timeout_s=timeout_s, name_holder=True)
    try:
        lock.__enter__()
    except ConflictError:
        return None
    return Claim(root, rig, name, polecat_entry(root, rig, prefix, name), lock, is_new)


def polecat_entry(root: str, rig: str, prefix: str, name: str) -> RosterEntry:
    """Return the roster entry that a polecat has, or will have."""
    address = Address(POLECAT, rig, name)
    path = os.path.join(root, rig)
    work_dir = polecat_dir(path, rig, name)
    if not os.path.isdir(work_dir):
        work_dir = os.path.join(path, "polecats", name, rig)
    return RosterEntry(address, address.session(prefix), work_dir, address.bead_id(prefix))


def known_names(root: str, rig: str) -> list[str]:
    """Return the names of the rig's polecats, by their folders."""
    folder = os.path.join(root, rig, "polecats")
    if not os.path.isdir(folder):
        return []
    return sorted(n for n in os.listdir(folder) if not n.startswith(".") and os.path.isdir(os.path.join(folder, n)))


def _crew_names(root: str, rig: str) -> list[str]:
    """Return the crew's names, which would make ``rig/name`` ambiguous."""
    folder = os.path.join(root, rig, "crew")
    return os.listdir(folder) if os.path.isdir(folder) else []


def _pending(root: str, rig: str, name: str) -> str:
    return os.path.join(root, rig, "polecats", f"{name}.pending")


def _reserve(claimed: Claim) -> None:
    with open(_pending(claimed.root, claimed.rig, claimed.name), "w", encoding="ascii") as handle:
        handle.write(mark())
    point("reserved")


def _reserved(root: str, rig: str, now: float) -> set[str]:
    """Return the names with a valid reservation; remove the others."""
    limit = load_settings(root).seconds("operational.polecat.pending_max_age")
    folder = os.path.join(root, rig, "polecats")
    found: set[str] = set()
    for file in os.listdir(folder):
        if not file.endswith(".pending"):
            continue
        path = os.path.join(folder, file)
        with contextlib.suppress(FileNotFoundError):
            if now - os.stat(path).st_mtime > limit or not _is_running(path):
                os.unlink(path)
            else:
                found.add(file.removesuffix(".pending"))
    return found


def drop_void_reservations(root: str, rig: str, now: float) -> None:
    """Remove reservations whose process is gone or which are too old."""
    if os.path.isdir(os.path.join(root, rig, "polecats")):
        _reserved(root, rig, now)


def _is_running(path: str) -> bool:
    """Whether the process that wrote the reservation may still run."""
    with open(path, encoding="ascii", errors="replace") as handle:
        # a note without a process is another tool's: only its age ends it
        return mark_lives(handle.read(200)) is not False
