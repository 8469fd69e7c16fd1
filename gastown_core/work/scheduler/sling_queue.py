"""The queue of deferred slings: add one, and list which are ready and what blocks the others."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.bead import BLOCKED, DEFERRED, IN_REVIEW, OPEN, TOMBSTONE, known_priority
from gastown_core.model.record import Record
from gastown_core.town.discover import read_rigs, rig_of_bead
from gastown_core.town.settings import load_settings
from gastown_core.town.settings_table import SCHEDULER_KEY
from gastown_core.work import retry_delay
from gastown_core.work.board import Board
from gastown_core.work.deferred import INVALID, LABEL, STALE, make_context, open_contexts, waiting_context
from gastown_core.work.hook.hook import HELD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.work.deferred import SlingContext
    from gastown_core.work.request import SlingRequest


class Enqueued(Record):
    """A bead in the queue: its context, rig and convoy, and whether it is new."""

    context: str
    bead: str
    title: str
    rig: str
    convoy: str
    is_new: bool

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt sling --json`` prints it."""
        return {
            "bead": self.bead,
            "title": self.title,
            "target": self.rig,
            "context": self.context,
            "convoy": self.convoy,
            "queued": self.is_new,
            "deferred": True,
        }


def is_deferred(root: str) -> bool:
    """Whether slings to rigs are queued (``scheduler.max_polecats`` above 0)."""
    return int(load_settings(root).lenient(SCHEDULER_KEY)) > 0


def enqueue(
    root: str, ledger: TownLedger, request: SlingRequest, *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> Enqueued:
    """Put the sling into the queue; the bead may already be in it.

    Raises NotFoundError for an unknown bead, UsageError for a target that is not a rig, ConflictError for a bead of
    another rig or one that is closed, held, in review or deferred; then nothing is created.
    """
    bead = _find(ledger, request.bead)
    rig = target_rig(root, bead.id, request.target)
    _check_home(root, ledger, bead, rig, force=request.force)
    store = ledger.store_for(f"{read_rigs(root)[rig]}-x")
    request = request._replace(bead=bead.id, target=rig)
    with store.write(actor) as batch:
        standing = waiting_context(batch, bead.id)
    if standing:
        return Enqueued(standing, bead.id, bead.title, rig, request.convoy_id, False)
    _check_status(bead, force=request.force)
    _check_formula(root, request, rig)
    with store.write(actor) as batch:
        standing = waiting_context(batch, bead.id)
        made = standing or make_context(batch, request, rig, bead.title, actor=actor, now=clock.now())
    if standing:
        return Enqueued(standing, bead.id, bead.title, rig, request.convoy_id, False)
    retry_delay.forget(root, bead.id)
    convoy = _convoy_of(root, ledger, request, bead, actor, clock)
    append_event(root, "scheduler_enqueue", actor, {"bead": bead.id, "rig": rig, "title": bead.title}, clock=clock)
    return Enqueued(made, bead.id, bead.title, rig, convoy, True)


def _find(ledger: TownLedger, text: str) -> Bead:
    bead = ledger.get(text)
    if bead is None:
        store = ledger.store_for(text)
        bead = store.get(store.resolve(text))
    if bead is None:
        raise NotFoundError(f"no bead {text}")
    if LABEL in bead.labels:
        raise UsageError(f"{bead.id} is a place in the queue, not work", "", "gt scheduler list shows the work")
    return bead


def target_rig(root: str, bead_id: str, target: str = "") -> str:
    """Return the rig of a deferred sling: the named one, else that of the bead's prefix. Raises UsageError."""
    rigs = read_rigs(root)
    target = target.strip().rstrip("/")
    if target in rigs:
        return target
    if target:
        raise UsageError(
            f"{target} cannot be slung to while slings are queued",
            f"{SCHEDULER_KEY} is above 0, so only rigs take work",
            f"name a rig ({', '.join(rigs) or 'there is none'}), or gt config set {SCHEDULER_KEY} -1",
        )
    rig = rig_of_bead(rigs, bead_id)
    if not rig:
        raise UsageError(f"{bead_id} belongs to no rig", "its prefix is none of a rig's", "create it in a rig's ledger")
    return rig


def _check_home(root: str, ledger: TownLedger, bead: Bead, rig: str, *, force: bool) -> None:
    rigs = read_rigs(root)
    home = rig_of_bead(rigs, bead.id)
    if home != rig and not force:
        owner = f"rig {home}" if home else "the town"
        raise ConflictError(f"{bead.id} does not belong to {rig}", f"it is work of {owner}", "create it in that rig")


def _check_status(bead: Bead, *, force: bool) -> None:
    if bead.is_closed or bead.is_tombstone:
        raise ConflictError(f"{bead.id} is closed", bead.text("close_reason"), f"bd reopen {bead.id}")
    if bead.status == IN_REVIEW:
        raise ConflictError(f"{bead.id} is in review", f"handed in by {bead.assignee or 'somebody'}")
    if force:
        return
    if bead.status == DEFERRED:
        raise ConflictError(f"{bead.id} is deferred", "", f"bd update {bead.id} --status open when its time has come")
    if bead.status in HELD:
        raise ConflictError(
            f"{bead.id} is on the hook of {bead.assignee or 'somebody'}",
            f"status {bead.status}",
            f"gt unsling {bead.id} lets it go",
        )


def _check_formula(root: str, request: SlingRequest, rig: str) -> None:
    """Check now that a formula given by name exists, not when its turn comes."""
    if request.formula and not request.raw:
        from gastown_core.formulas.resolve import find_formula

        find_formula(root, request.formula, rig=rig)


def _convoy_of(root: str, ledger: TownLedger, request: SlingRequest, bead: Bead, actor: str, clock: Clock) -> str:
    """Return the convoy that tracks the bead, created if there is none and one is wanted."""
    from gastown_core.work import convoys

    if request.convoy_id or not request.convoy:
        return request.convoy_id
    known = convoys.tracking(ledger, bead.id)
    if known:
        return known[0].id
    return convoys.create_convoy(
        root,
        ledger,
        f"Work: {bead.title}"[:500],
        [bead.id],
        owner=actor,
        merge=request.merge,
        base_branch=request.base_branch,
        owned=request.owned,
        clock=clock,
    ).id


class Waiting(Record):
    """One waiting sling; ``held`` says what holds its bead, empty if nothing does."""

    context: SlingContext
    store: BeadStore
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


class StaleContext(Record):
    """A context that is no longer valid, and the reason it is closed with."""

    context_id: str
    bead: str
    store: BeadStore
    reason: str


class SlingQueue(Record):
    """The queue, oldest first, one sling per bead."""

    waiting: tuple[Waiting, ...]
    stale: tuple[StaleContext, ...]

    @property
    def ready(self) -> tuple[Waiting, ...]:
        """The slings that could go now."""
        return tuple(one for one in self.waiting if not one.held)


def read_queue(root: str, ledger: TownLedger, now: float, board: Board | None = None) -> SlingQueue:
    """Read every open context and its bead."""
    found = open_contexts(ledger)
    if not found:
        return SlingQueue((), ())
    board = board or Board(root, ledger, now)
    board.learn(one.context.bead for one in found if one.context is not None)
    waiting: list[Waiting] = []
    stale: list[StaleContext] = []
    seen: set[str] = set()
    for queued in found:
        context = queued.context
        bead = board.bead(context.bead) if context is not None else None
        if context is None or bead is None or bead.status == TOMBSTONE or context.rig not in board.rigs:
            stale.append(StaleContext(queued.bead.id, context.bead if context else "", queued.store, INVALID))
        elif context.bead in seen or not may_wait(bead.status):
            stale.append(StaleContext(queued.bead.id, context.bead, queued.store, STALE))
        else:
            seen.add(context.bead)
            held = board.hold(context.bead, rig=context.rig, queued=True)
            waiting.append(
                Waiting(context, queued.store, bead.title, bead.status, bead.priority, held.text if held else "")
            )
    return SlingQueue(tuple(waiting), tuple(stale))


def may_wait(status: str) -> bool:
    """Whether work in this status can be dispatched later."""
    return status in (OPEN, DEFERRED, BLOCKED)
