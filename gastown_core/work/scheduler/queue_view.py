"""The queue as it stands: which deferred slings could go now, which are blocked and by what, which are void."""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.bead import DEFERRED, OPEN, known_priority
from gastown_core.model.record import Record
from gastown_core.work.scheduler.board import Board
from gastown_core.work.scheduler.contexts import INVALID, STALE, open_contexts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.scheduler.contexts import SlingContext


class Waiting(Record):
    """One sling that waits; ``held`` says what holds its bead back, empty if nothing does."""

    context: SlingContext
    store: JsonlStore
    title: str
    status: str
    priority: int
    held: str

    def as_json(self) -> dict[str, object]:
        """As ``gt scheduler list --json`` prints it."""
        return {
            "id": self.context.bead,
            "title": self.title,
            "status": self.status,
            "priority": known_priority(self.priority),
            "target_rig": self.context.rig,
            "blocked": bool(self.held),
            "held": self.held,
            "context": self.context.id,
            "enqueued_at": format_seconds(self.context.enqueued_at),
            "dispatch_failures": self.context.failures,
            "last_failure": self.context.last_failure,
        }


class Stale(Record):
    """A context that no longer stands for anything, and the reason it is closed with."""

    context_id: str
    bead: str
    store: JsonlStore
    reason: str


class Queue(Record):
    """All of it, oldest first, one sling a bead."""

    waiting: tuple[Waiting, ...]
    stale: tuple[Stale, ...]

    @property
    def ready(self) -> tuple[Waiting, ...]:
        """Those that could go now."""
        return tuple(one for one in self.waiting if not one.held)


def read_queue(root: str, ledger: TownLedger, now: float, board: Board | None = None) -> Queue:
    """Read every open context with its bead."""
    found = open_contexts(ledger)
    if not found:
        return Queue((), ())
    board = board or Board(root, ledger, now)
    board.learn(one.context.bead for one in found if one.context is not None)
    waiting: list[Waiting] = []
    stale: list[Stale] = []
    seen: set[str] = set()
    for queued in found:
        context = queued.context
        bead = board.bead(context.bead) if context is not None else None
        if context is None or bead is None or bead.status == "tombstone" or context.rig not in board.rigs:
            stale.append(Stale(queued.bead.id, context.bead if context else "", queued.store, INVALID))
        elif context.bead in seen or not may_wait(bead.status):
            stale.append(Stale(queued.bead.id, context.bead, queued.store, STALE))
        else:
            seen.add(context.bead)
            held = board.hold(context.bead, rig=context.rig, queued=True)
            waiting.append(
                Waiting(context, queued.store, bead.title, bead.status, bead.priority, held.text if held else "")
            )
    return Queue(tuple(waiting), tuple(stale))


def may_wait(status: str) -> bool:
    """Whether work in this status can still be handed out later."""
    return status in (OPEN, DEFERRED, "blocked")
