"""Dogs as they are: what each has on its hook, whether its session lives, and how it becomes idle again.

That a dog works is not stored: it works while something is on its hook.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.model.address import DOG
from gastown_core.model.record import Record
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions
from gastown_core.town.dogs import remove_dog
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.work.hook.hook import hooked_work
from gastown_core.work.hook.unsling import unsling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead

HEALTHY, SESSION_DEAD, AGENT_HUNG, ORPHAN, NONE, UNKNOWN = (
    "healthy",
    "session-dead",
    "agent-hung",
    "orphan",
    "none",
    "unknown",
)
"""How a dog's session is: it works and lives, its work has no session, it is silent, it lives without work, no session."""


class Dog(Record):
    """One dog: its work, newest first, whether its session lives (None: unknown), and its last sign of life."""

    entry: RosterEntry
    work: tuple[Bead, ...]
    lives: bool | None
    seen_at: float

    @property
    def name(self) -> str:
        """Its name."""
        return self.entry.address.name

    @property
    def state(self) -> str:
        """``working`` or ``idle``."""
        return "working" if self.work else "idle"

    def condition(self, now: float, silent_s: float) -> str:
        """Return how its session is; one without a sign for ``silent_s`` is hung. Pure."""
        if self.lives is None:
            return UNKNOWN
        if not self.lives:
            return SESSION_DEAD if self.work else NONE
        if not self.work:
            return ORPHAN
        return AGENT_HUNG if now - self.seen_at > silent_s else HEALTHY

    def as_json(self) -> dict[str, Any]:
        """Return it as ``gt dog list --json`` prints it."""
        work = self.work[0] if self.work else None
        told = {"name": self.name, "state": self.state, "work": work.id if work is not None else ""}
        told |= {"title": work.title if work is not None else "", "path": self.entry.work_dir}
        seen = format_seconds(self.seen_at) if self.seen_at else ""
        return {**told, "session": self.entry.session, "session_alive": self.lives, "last_active": seen}


def read_dogs(root: str, ledger: TownLedger) -> list[Dog]:
    """Return the town's dogs by name."""
    entries = [one for one in read_inventory(root).agents if one.address.role == DOG]
    live = live_sessions(root) if entries and has_tmux() else None
    return [_dog(root, ledger, one, live) for one in entries]


def find_dog(root: str, ledger: TownLedger, name: str) -> Dog:
    """Return the dog of that name. Raises NotFoundError."""
    found = next((one for one in read_dogs(root, ledger) if one.name == name), None)
    if found is None:
        raise NotFoundError(f"there is no dog {name}", "", "gt dog list shows the dogs; gt dog add creates one")
    return found


def _dog(root: str, ledger: TownLedger, entry: RosterEntry, live: frozenset[str] | None) -> Dog:
    work = tuple(hooked_work(ledger, entry.address, "hq", readable_only=True))
    beat = read_heartbeat(root, entry.session)
    seen = max([beat.at if beat is not None else 0.0, *(one.updated_at for one in work)])
    return Dog(entry, work, None if live is None else entry.session in live, seen)


def finish(root: str, ledger: TownLedger, dog: Dog, *, actor: str, reason: str = "done") -> tuple[str, ...]:
    """Close the dog's work; it is idle after that. Returns the beads."""
    for bead in dog.work:
        with ledger.store_for(bead.id).write(actor) as batch:
            batch.close(bead.id, reason)
    return tuple(bead.id for bead in dog.work)


def clear(root: str, ledger: TownLedger, dog: Dog, *, actor: str, force: bool = False) -> tuple[str, ...]:
    """Put the dog's work back to ready and end its session; returns the beads.

    Raises ConflictError if it lives and works, unless ``force``.
    """
    if dog.work and dog.lives and not force:
        raise ConflictError(
            f"dog {dog.name} works on {dog.work[0].id}", "its session lives", "--force clears it anyway"
        )
    if dog.lives:
        sessions.stop_agent(root, dog.entry, caller=actor, reason="dog cleared")
    for bead in dog.work:
        unsling(root, ledger, bead, actor=actor, holder=dog.entry)
    return tuple(bead.id for bead in dog.work)


def remove(root: str, ledger: TownLedger, dog: Dog, *, actor: str, force: bool = False) -> None:
    """Remove an idle dog, its session and its folder.

    Raises ConflictError if it has work, unless ``force``; then the work is ready again.
    """
    if dog.work and not force:
        raise ConflictError(f"dog {dog.name} has {dog.work[0].id} on its hook", "", "--force puts it back to ready")
    clear(root, ledger, dog, actor=actor, force=True)
    remove_dog(root, dog.name)
