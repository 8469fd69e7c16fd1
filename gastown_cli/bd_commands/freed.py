"""What a closing sets free: exactly the beads that are ready now and were not before."""

from __future__ import annotations

from gastown_core.beads.query import BLOCKING_TYPES, PARENT_CHILD, WAITS_FOR, Graph
from gastown_core.beads.record import excerpt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import Excerpt
    from gastown_core.model.bead import Bead


def became_ready(space: Workspace, ended: list[Bead]) -> list[Excerpt]:
    """The beads of every store at hand that became ready because these were closed."""
    stores = list(space.ledger.stores().values()) if space.ledger is not None else [space.store]
    if space.store not in stores:
        stores.append(space.store)
    before = {bead.id: excerpt_of(bead)._replace(status="open", closed_at=0.0, is_failed=False) for bead in ended}
    found: dict[str, Excerpt] = {}
    for store in stores:
        now = store.graph(space.now())

        def earlier(bead_id: str, now: Graph = now) -> Excerpt | None:
            return before.get(bead_id) or now.bead(bead_id)

        def children(bead_id: str, store: JsonlStore = store) -> list[str]:
            return [source for source, kind in store.dependents(bead_id) if kind == PARENT_CHILD]

        then = Graph(earlier, children, space.now(), is_absent=store.is_absent)
        for bead_id in _touched(store, ended):
            bead = now.bead(bead_id)
            if bead is None or bead_id in before or bead_id in found or not now.is_ready(bead, with_wisps=True):
                continue
            if not then.is_ready(bead, with_wisps=True):
                found[bead_id] = bead
    return list(found.values())


def _touched(store: JsonlStore, ended: Iterable[Bead]) -> Iterator[str]:
    """Ids that may have waited for one of these: who depends on it or waits for its siblings, with all below, and its parent."""
    seen: set[str] = set()
    level: list[str] = []
    for bead in ended:
        level += [source for source, kind in store.dependents(bead.id) if kind in BLOCKING_TYPES]
        if bead.parent:
            level.append(bead.parent)
            level += [source for source, kind in store.dependents(bead.parent) if kind == WAITS_FOR]
    while level:
        level = [bead_id for bead_id in dict.fromkeys(level) if bead_id not in seen]
        seen.update(level)
        yield from level
        level = [source for above in level for source, kind in store.dependents(above) if kind == PARENT_CHILD]
