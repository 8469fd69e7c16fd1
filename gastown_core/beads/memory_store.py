"""A BeadStore that lives in memory: the twin of the JSONL store, for tests and for trying things out."""

from __future__ import annotations

from gastown_core.beads import ids
from gastown_core.beads.batch import RuleBatch
from gastown_core.beads.filters import arranged, descendants, matches
from gastown_core.beads.graph import PARENT_CHILD, TOMBSTONE, Graph
from gastown_core.beads.query import BeadQuery, Excerpt, Tally
from gastown_core.beads.record import excerpt_of
from gastown_core.beads.rules import Vocabulary
from gastown_core.clock import SYSTEM_CLOCK, parse_moment
from gastown_core.model.bead import Bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.clock import Clock
    from gastown_core.errors import GastownError


class MemoryStore:
    """Holds records in a dict; every read walks all of them."""

    def __init__(
        self,
        prefix: str = "gt",
        *,
        clock: Clock = SYSTEM_CLOCK,
        words: Vocabulary | None = None,
        foreign: Callable[[str], Excerpt | None] | None = None,
        lacks: Callable[[str], bool] | None = None,
    ) -> None:
        self.beads_dir = ""
        self.prefix = prefix
        self.clock = clock
        self.words = words or Vocabulary()
        self.foreign = foreign
        self.lacks = lacks
        self._records: dict[str, Bead] = {}

    def close(self) -> None:
        """There is nothing to let go of."""

    def _live(self) -> list[Bead]:
        return [bead for bead in self._records.values() if not bead.is_tombstone]

    def get(self, bead_id: str) -> Bead | None:
        """The bead with exactly this id, None if there is none."""
        bead = self._records.get(bead_id)
        return None if bead is None or bead.is_tombstone else bead

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Those of the ids that exist."""
        found = ((bead_id, self.get(bead_id)) for bead_id in bead_ids)
        return {bead_id: bead for bead_id, bead in found if bead is not None}

    def resolve(self, partial: str) -> str:
        """The full id of a partial one. Raises NotFoundError with near matches, UsageError if several fit."""
        found = ids.pick_partial(partial.strip(), self.prefix, [bead.id for bead in self._live()])
        if not found:
            raise self.near(partial)
        return found

    def near(self, bead_id: str) -> GastownError:
        """The error for an unknown id, with near matches."""
        return ids.not_found(bead_id, [bead.id for bead in self._live()])

    def find(self, query: BeadQuery) -> list[Bead]:
        """Matching beads in the query's order."""
        return [self._records[found.id] for found in self.excerpts(query)]

    def excerpts(self, query: BeadQuery) -> list[Excerpt]:
        """As ``find``, as excerpts."""
        return arranged(self._matching(query), query, self.clock.now())

    def _matching(self, query: BeadQuery) -> list[Excerpt]:
        below = descendants(query.parent, self._children) if query.parent else None
        found = []
        for bead in self._live():
            excerpt = excerpt_of(bead)
            due = parse_moment(bead.raw.get("due_at")) or 0.0
            if (
                matches(excerpt, query)
                and (below is None or bead.id in below)
                and (query.due_before is None or 0 < due < query.due_before)
                and not (query.exclude_templates and bead.raw.get("is_template") is True)
            ):
                found.append(excerpt)
        return found

    def count(self, query: BeadQuery) -> int:
        """How many match, whatever the limit."""
        return len(self._matching(query))

    def ready(self, query: BeadQuery, now: float) -> list[Bead]:
        """Ready work: THE ready rule, plus the query's filters."""
        graph = self.graph(now)
        found = self._matching(query._replace(statuses=(), exclude_statuses=(), exclude_templates=True))
        ready = [b for b in found if graph.is_ready(b, types=query.types, with_wisps=query.include_wisps)]
        return [self._records[bead.id] for bead in arranged(ready, query, now)]

    def blocked(self, query: BeadQuery, now: float) -> list[tuple[Bead, tuple[str, ...]]]:
        """Blocked beads in the query's order, up to its limit, each with the ids that hold it."""
        graph = self.graph(now)
        held = [bead for bead in self._matching(query) if graph.blockers(bead.id)]
        return [(self._records[bead.id], graph.blockers(bead.id)) for bead in arranged(held, query, now)]

    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Ids that depend on this one, each with the edge type."""
        return sorted((b.id, edge.type) for b in self._live() for edge in b.edges if edge.target == bead_id)

    def _children(self, bead_id: str) -> list[str]:
        return [source for source, kind in self.dependents(bead_id) if kind == PARENT_CHILD]

    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """The derived keys of those of the ids that exist."""
        out = {}
        for bead_id, bead in self.get_many(bead_ids).items():
            down = sum(edge.type == "blocks" for edge in bead.edges)
            up = sum(kind == "blocks" for _, kind in self.dependents(bead_id))
            out[bead_id] = Tally(down, up, len(bead.comments), bead.parent)
        return out

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """The excerpt of a bead, with status ``tombstone`` for a deleted one; asks other stores for unknown ids."""
        bead = self._records.get(bead_id)
        if bead is None:
            return self.foreign_excerpt(bead_id)
        return excerpt_of(bead)._replace(edges=()) if bead.status == TOMBSTONE else excerpt_of(bead)

    def graph(self, now: float) -> Graph:
        """The dependency view of this moment."""
        return Graph(self.excerpt, self._children, now, is_absent=self.is_absent)

    def write(self, actor: str) -> RuleBatch:
        """Begin a batch in the name of ``actor``."""
        return RuleBatch(self, actor)

    # -- what a batch asks -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Nothing to lock."""

    def end(self) -> None:
        """Nothing to release."""

    def commit(self, records: list[Bead]) -> None:
        """Keep changed records."""
        for bead in records:
            self._records[bead.id] = bead

    def load(self, bead_id: str) -> Bead | None:
        """As ``get``."""
        return self.get(bead_id)

    def is_taken(self, bead_id: str) -> bool:
        """Whether an id is or was in use."""
        return bead_id in self._records

    def root_count(self) -> int:
        """How many ids share the space of new ones."""
        return sum(1 for bead_id in self._records if not ids.depth_of(bead_id))

    def below(self, parent: str) -> list[str]:
        """Ids in use, deleted ones included, that begin with ``<parent>.``."""
        return [bead_id for bead_id in self._records if bead_id.startswith(parent + ".")]

    def edges_to(self, bead_id: str) -> list[tuple[str, str]]:
        """As ``dependents``."""
        return self.dependents(bead_id)

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """The excerpt of a bead of another store, None if no one knows it."""
        return self.foreign(bead_id) if self.foreign is not None else None

    def is_absent(self, bead_id: str) -> bool:
        """Whether an unknown id has the prefix of this store, or of another one that is at hand."""
        return bead_id.startswith(f"{self.prefix}-") or (self.lacks is not None and self.lacks(bead_id))
