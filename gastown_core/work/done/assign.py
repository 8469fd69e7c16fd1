"""Single beads: assign one to an agent, release some, close some, and list the ready ones of all stores."""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.bead import BLOCKED, CLOSED, EPIC, HOOKED, NO_PRIORITY, PARENT_CHILD
from gastown_core.model.record import Record
from gastown_core.work.hook.hook import HELD
from gastown_core.work.hook.unsling import unsling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry
SCAFFOLD = frozenset(
    ("gt:step", "gt:sling-context", "gt:agent", "gt:rig", "gt:message", "gt:merge-request", "gt:escalation")
)
"""Labels of the town's internal records, which are not work."""


def assign(
    root: str,
    ledger: TownLedger,
    entry: RosterEntry,
    title: str,
    *,
    prefix: str,
    actor: str,
    description: str = "",
    kind: str = "task",
    priority: int = 2,
    labels: Iterable[str] = (),
    clock: Clock = SYSTEM_CLOCK,
) -> Bead:
    """Create a bead on the agent's hook, in one write. Raises UsageError for bad fields."""
    if not title.strip():
        raise UsageError("the work needs a title")
    fields: dict[str, object] = {
        "title": title.strip(),
        "description": description,
        "issue_type": kind,
        "priority": priority,
        "labels": sorted(labels),
        "assignee": entry.address.path,
        "status": HOOKED,
        "metadata": {"dispatch": {"by": actor}},
    }
    with ledger.store_for(f"{prefix}-x").write(actor) as batch:
        bead = batch.create(fields)
    append_event(root, "hook", entry.address.path, {"bead": bead.id}, clock=clock)
    return bead


def release(
    root: str, ledger: TownLedger, ids: Iterable[str], *, actor: str, reason: str = "", clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """Make the beads open and unassigned, with a comment; return the ids of those that were held.

    Raises NotFoundError naming every unknown one before anything changes.
    """
    wanted = list(dict.fromkeys(ids))
    known = ledger.get_many(wanted)
    missing = [bead_id for bead_id in wanted if bead_id not in known]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}")
    freed = []
    for bead in known.values():
        had = bead.assignee or "nobody"
        home = ledger.home_of(bead.id)
        if bead.status not in (*HELD, BLOCKED) or home is None:
            continue
        unsling(root, ledger, bead, actor=actor, clock=clock)
        with home.write(actor) as batch:
            batch.comment(bead.id, f"released from {had}" + (f": {reason}" if reason else ""))
        freed.append(bead.id)
    return freed


class ReadyWork(Record):
    """The ready work of one store; ``error`` says why it could not be read."""

    name: str
    beads: tuple[Bead, ...]
    error: str = ""
    total: int = 0


def ready_everywhere(ledger: TownLedger, now: float, *, rig: str = "", limit: int = 0) -> list[ReadyWork]:
    """Return ready work, the town's first, without internal records; at most ``limit`` beads per store (0: all)."""
    found = []
    seen: list[BeadStore] = []
    for name in ledger.names if not rig else (rig,):
        store = ledger.store(name)
        if store is None:
            found.append(ReadyWork(name, (), ledger.missing.get(name, "there is no such store")))
            continue
        if store in seen:
            # a rig redirected to the town's ledger
            continue
        seen.append(store)
        try:
            query = BeadQuery(unassigned=True, exclude_types=(EPIC,), labels_none=tuple(sorted(SCAFFOLD)), limit=limit)
            beads = store.ready(query, now)
            total = store.count_ready(query, now) if limit and len(beads) == limit else len(beads)
        except GastownError as error:
            found.append(ReadyWork(name, (), str(error)))
            continue
        found.append(ReadyWork(name, tuple(beads), total=total))
    return found


def is_work(bead: Bead) -> bool:
    """Whether a bead is work, and not one of the town's internal records."""
    return not bead.is_ephemeral and not SCAFFOLD.intersection(bead.labels) and not bead.raw.get("is_template")


def ready_as_json(root: str, sources: list[ReadyWork]) -> dict[str, object]:
    """Return the answer of ``gt ready --json``."""
    counts = {f"p{level}_count": 0 for level in range(5)}
    for source in sources:
        for bead in source.beads:
            key = "no_priority_count" if bead.priority == NO_PRIORITY else f"p{bead.priority}_count"
            counts[key] = counts.get(key, 0) + 1
    by_source = {source.name: source.total for source in sources}
    return {
        "sources": [
            {"name": source.name, "issues": [bead.raw for bead in source.beads], "error": source.error}
            for source in sources
        ],
        "summary": {"total": sum(by_source.values()), "by_source": by_source, **counts},
        "town_root": root,
    }


DEEPEST = 50


def close_beads(
    root: str,
    ledger: TownLedger,
    ids: Iterable[str],
    *,
    actor: str,
    reason: str = "",
    cascade: bool = False,
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Close the beads, with ``cascade`` their open children first; return what was closed, in that order.

    Each store is written in one batch.  Raises NotFoundError naming every unknown id before anything is closed, and
    ConflictError for blocked or pinned work without ``force``.
    """
    wanted = list(dict.fromkeys(ids))
    known = ledger.get_many(wanted)
    missing = [bead_id for bead_id in wanted if bead_id not in known]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}")
    order: dict[str, Bead] = {}
    for bead_id in wanted:
        for bead in _with_children(ledger, known[bead_id]) if cascade else [known[bead_id]]:
            order.setdefault(bead.id, bead)
    closed: list[str] = []
    for store in {id(home): home for bead in order if (home := ledger.home_of(bead)) is not None}.values():
        with store.write(actor) as batch:
            for bead_id in order:
                now = batch.get(bead_id)
                if now is not None and not now.is_closed:
                    batch.close(bead_id, reason, force=force)
                    closed.append(bead_id)
    after_close(root, ledger, closed, actor=actor, clock=clock)
    return closed


def _with_children(ledger: TownLedger, bead: Bead, depth: int = 0) -> list[Bead]:
    """Return a bead's open descendants, children before parents, then itself. Raises ConflictError beyond 50 levels."""
    if depth > DEEPEST:
        raise ConflictError(f"{bead.id} lies more than {DEEPEST} levels deep", "", "close it in parts")
    home = ledger.home_of(bead.id)
    below = [source for source, kind in home.dependents(bead.id) if kind == PARENT_CHILD] if home else []
    found: list[Bead] = []
    for child in ledger.get_many(below).values():
        if child.status != CLOSED:
            found += _with_children(ledger, child, depth + 1)
    return [*found, bead]


def open_children(ledger: TownLedger, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the open children of each of these beads that has any."""
    found = {}
    for bead_id in ids:
        home = ledger.home_of(bead_id)
        below = [source for source, kind in home.dependents(bead_id) if kind == PARENT_CHILD] if home else []
        still = [child.id for child in ledger.get_many(below).values() if child.status != CLOSED]
        if still:
            found[bead_id] = still
    return found


def after_close(root: str, ledger: TownLedger, ids: list[str], *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Land the convoys that these closed beads complete; return their ids. A failure does not undo the close."""
    if not ids:
        return []
    from gastown_core.work.convoy.landing import check_convoys

    try:
        return check_convoys(root, ledger, ids, actor=actor, clock=clock)
    except GastownError:
        # the next check of the convoys finds them complete
        return []
