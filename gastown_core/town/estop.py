"""The emergency stop of a town or a rig: its record, and what it stops.

``ESTOP`` in the town's root stops the town, ``ESTOP.<rig>`` one rig (daemon-and-health.md section 10).  The file is the
stop: one that is empty or unreadable counts too.  Of the town's agents only the mayor goes on, to speak with a person.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import StoreError, TownError
from gastown_core.files import system
from gastown_core.files.atomic import write_atomic
from gastown_core.files.plain import open_plain
from gastown_core.model.address import MAYOR
from gastown_core.model.estop import Estop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.clock import Clock
    from gastown_core.model.address import Address

NAME = "ESTOP"
MANUAL = "manual"


def path_of(root: str, rig: str = "") -> str:
    """Return the file that is the stop of the town, or of a rig."""
    return os.path.join(root, f"{NAME}.{rig}" if rig else NAME)


def is_set(root: str, rig: str = "") -> bool:
    """Whether exactly this stop is in force; the cheapest question, for what is asked often."""
    return os.path.lexists(path_of(root, rig))


def read(root: str, rig: str = "") -> Estop | None:
    """Return exactly this stop, None if it is not in force."""
    if not is_set(root, rig):
        return None
    try:
        # a pipe in its place must not hold up whoever asks
        with open(open_plain(path_of(root, rig)), encoding="utf-8", errors="replace") as handle:
            kind, _, rest = handle.readline(4096).rstrip("\n").partition("\t")
    except OSError:
        return Estop(rig)
    at, _, reason = rest.partition("\t")
    return Estop(rig, kind or MANUAL, parse_moment(at) or 0.0, reason)


def all_of(root: str, rigs: Iterable[str]) -> tuple[Estop, ...]:
    """Return the stops in force: the town's, then those of these rigs."""
    found = [read(root, rig) for rig in ("", *rigs)]
    return tuple(stop for stop in found if stop is not None)


def covering(root: str, rig: str = "") -> Estop | None:
    """Return the stop under which this rig is (empty: the town's own agents): the town's, else the rig's."""
    return read(root) or (read(root, rig) if rig else None)


def is_halted(root: str, rig: str) -> bool:
    """Whether the rig is under a stop, the town's or its own."""
    return is_set(root) or is_set(root, rig)


def stop_of(root: str, address: Address) -> Estop | None:
    """Return the stop under which an agent is, None if it may go on."""
    return None if address.role == MAYOR else covering(root, address.rig)


def check(root: str, address: Address) -> None:
    """Refuse to let an agent start that is under a stop. Raises TownError."""
    stop = stop_of(root, address)
    if stop is not None:
        raise TownError(
            f"{address.path} is not started", stop.words(SYSTEM_CLOCK.now()), f"{stop.command} ends the stop"
        )


def declare(root: str, rig: str, reason: str, *, kind: str = MANUAL, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Put the stop in force; return False if it was already. What is started after this sees it."""
    if is_set(root, rig):
        return False
    line = "\t".join((kind, format_seconds(clock.now()), " ".join(reason.split())))
    path = path_of(root, rig)
    try:
        write_atomic(path, f"{line}\n".encode(), mode=0o600)
    except StoreError:
        # an empty file has room on a full disk, and is a stop too
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | system.EXACT, 0o600))
        except OSError:
            pass
        if not is_set(root, rig):
            raise
    return True


def lift(root: str, rig: str) -> None:
    """End the stop; nothing that it held is started by this. Raises TownError where its file cannot be removed."""
    path = path_of(root, rig)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TownError(
            f"the stop of {rig or 'the town'} is not ended",
            f"{path} cannot be removed: {(error.strerror or str(error)).lower()}",
            f"move {path} away yourself; whatever stands there is a stop",
        ) from error


def notice(stop: Estop) -> str:
    """Return what a stopped agent is told."""
    return f"Emergency stop of {stop.whose}: start nothing, run no tool, and wait until the overseer ends the stop."
