"""The town's work as a board of stages, and the dependencies around a bead as a graph; slow: read it in a thread."""

from __future__ import annotations

from gastown_core.beads.graph import BLOCKING_TYPES, NEVER_READY_TYPES
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import CLOSED, DEFERRED, HOOKED, IN_PROGRESS, IN_REVIEW, TRACKS
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.store import BeadStore

READY, BLOCKED, RUNNING, REVIEW, LATER, DONE = "ready", "blocked", "at work", "in review", "deferred", "closed today"
STAGES = (READY, BLOCKED, RUNNING, REVIEW, LATER, DONE)
MOST_IN_STAGE = 40
"""So many beads of a stage are on the board, the most urgent first."""
MOST_NODES = 60
DEEPEST = 4
DAY_S = 86400.0
_NO_WORK = tuple(sorted(NEVER_READY_TYPES))
_NO_LABELS = ("gt:escalation", "gt:message")


class Link(Record):
    """One dependency: ``source`` depends on ``target``."""

    source: str
    target: str
    type: str


class BeadGraph(Record):
    """Beads with the dependencies among them; ``is_cut``: there are more. ``stages`` names the stage of a bead, if known."""

    beads: tuple[Excerpt, ...] = ()
    links: tuple[Link, ...] = ()
    is_cut: bool = False


class Stage(Record):
    """One column: its beads, the most urgent first, and how many there are in all."""

    name: str
    beads: tuple[Excerpt, ...] = ()
    total: int = 0


class BeadBoard(Record):
    """The columns, the beads that block those in ``blocked``, and the dependencies among all that is open and shown.

    ``unread`` holds (store, error) of ledgers that cannot be read; their beads are missing.
    """

    stages: tuple[Stage, ...]
    blockers: dict[str, tuple[str, ...]]
    graph: BeadGraph
    unread: tuple[tuple[str, str], ...] = ()


def bead_board(root: str, rig: str, now: float) -> BeadBoard:
    """Return the board of the whole town, or of the store ``rig``. Raises StoreError."""
    ledger = TownLedger(root)
    try:
        columns: dict[str, list[Excerpt]] = {name: [] for name in STAGES}
        counts = dict.fromkeys(STAGES, 0)
        blockers: dict[str, tuple[str, ...]] = {}
        for name, store in ledger.stores().items():
            if rig and name != rig:
                continue
            for stage, (beads, count) in _stages(store, now, blockers).items():
                columns[stage] += beads
                counts[stage] += count
        for name, beads in columns.items():
            beads.sort(key=(lambda one: -one.closed_at) if name == DONE else _urgency)
            del beads[MOST_IN_STAGE:]
        stages = tuple(Stage(name, tuple(columns[name]), counts[name]) for name in STAGES)
        shown = {bead.id: bead for stage in stages for bead in stage.beads if stage.name != DONE}
        wanted = {one for bead in columns[BLOCKED] for one in blockers.get(bead.id, ())} - shown.keys()
        graph = _linked({**shown, **ledger.excerpts(wanted)})
        unread = tuple(sorted(ledger.missing.items()))
        return BeadBoard(stages, blockers, graph, unread)
    finally:
        ledger.close()


def _urgency(bead: Excerpt) -> tuple[int, float, str]:
    return (bead.priority, bead.created_at, bead.id)


def _stages(store: BeadStore, now: float, blockers: dict[str, tuple[str, ...]]) -> dict[str, tuple[list[Excerpt], int]]:
    """Return the beads of each stage, and how many there are; what blocks the blocked ones goes into ``blockers``."""
    base = BeadQuery(exclude_types=_NO_WORK, labels_none=_NO_LABELS, limit=MOST_IN_STAGE, awake_at=now)
    held = store.blocked(base, now)
    blockers.update((bead.id, ids) for bead, ids in held)
    by_status = {
        RUNNING: base._replace(statuses=(IN_PROGRESS, HOOKED)),
        REVIEW: base._replace(statuses=(IN_REVIEW,)),
        LATER: base._replace(statuses=(DEFERRED,)),
        DONE: base._replace(statuses=(CLOSED,), closed_since=now - DAY_S),
    }
    return {
        READY: (store.ready_excerpts(base, now), store.count_ready(base, now)),
        BLOCKED: (store.excerpts_of(bead.id for bead, _ in held), store.count_blocked(base, now)),
        **{name: (store.excerpts(query), store.count(query)) for name, query in by_status.items()},
    }


def _linked(known: dict[str, Excerpt]) -> BeadGraph:
    """Return those of the beads that depend on each other, whole groups first the largest, with their dependencies."""
    links = [
        Link(bead.id, edge.target, edge.type)
        for bead in known.values()
        for edge in bead.edges
        if edge.type in BLOCKING_TYPES and edge.target in known
    ]
    groups = sorted(_groups(links), key=lambda one: (-len(one), min(one)))
    chosen: list[str] = []
    for group in groups:
        if chosen and len(chosen) + len(group) > MOST_NODES:
            continue
        chosen += sorted(group, key=lambda one: _urgency(known[one]))[: MOST_NODES - len(chosen)]
    inside = set(chosen)
    kept = tuple(one for one in links if one.source in inside and one.target in inside)
    return BeadGraph(tuple(known[one] for one in chosen), kept, len(chosen) < sum(map(len, groups)))


def _groups(links: Iterable[Link]) -> list[set[str]]:
    """Return the sets of beads that hang together."""
    home: dict[str, set[str]] = {}
    for one in links:
        joined = home.get(one.source, {one.source}) | home.get(one.target, {one.target})
        home.update(dict.fromkeys(joined, joined))
    return list({id(group): group for group in home.values()}.values())


def bead_neighbours(root: str, bead_ids: Iterable[str]) -> BeadGraph:
    """Return what these beads wait for and what waits for them, over several steps. Raises StoreError."""
    ledger = TownLedger(root)
    try:
        found: dict[str, Excerpt] = {}
        links: dict[Link, None] = {}
        level = list(dict.fromkeys(bead_ids))
        for _ in range(DEEPEST):
            found.update(ledger.excerpts(one for one in level if one not in found))
            ahead: dict[str, None] = {}
            for one in level:
                for link in _links_of(ledger, found.get(one)):
                    links[link] = None
                    ahead.update({link.source: None, link.target: None})
            level = [one for one in ahead if one not in found]
            if not level or len(found) >= MOST_NODES:
                break
        kept = dict(list(found.items())[:MOST_NODES])
        inside = tuple(one for one in links if one.source in kept and one.target in kept)
        return BeadGraph(tuple(kept.values()), inside, bool(level) or len(kept) < len(found))
    finally:
        ledger.close()


def _links_of(ledger: TownLedger, bead: Excerpt | None) -> list[Link]:
    if bead is None:
        return []
    out = [Link(bead.id, edge.target, edge.type) for edge in bead.edges if edge.type != TRACKS]
    store = ledger.home_of(bead.id)
    back = store.dependents(bead.id) if store is not None else []
    return out + [Link(source, bead.id, kind) for source, kind in back if kind != TRACKS]
