"""A BeadStore in memory: the twin of the JSONL store, for tests and experiments."""

from __future__ import annotations

from gastown_core.beads import ids
from gastown_core.beads.batch import RuleBatch
from gastown_core.beads.filters import arranged, descendants, matches
from gastown_core.beads.graph import NEVER_READY_TYPES, Graph
from gastown_core.beads.ledger_line import MEMORY, encode, excerpt_of
from gastown_core.beads.query import BeadQuery, EpicProgress, Excerpt, Headline, Held, Outline, Tally
from gastown_core.beads.settings import Vocabulary
from gastown_core.clock import SYSTEM_CLOCK, parse_moment
from gastown_core.model.bead import (
    BLOCKS,
    CLOSED,
    DEFERRED,
    EPIC,
    HOOKED,
    IDENTITY_LABELS,
    IDENTITY_TYPES,
    IN_PROGRESS,
    OPEN,
    PARENT_CHILD,
    TOMBSTONE,
    Bead,
    kind_labels,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_core.beads.query import Position
    from gastown_core.beads.twins import Twin
    from gastown_core.clock import Clock
    from gastown_core.errors import GastownError


class MemoryStore:
    """Keeps records in a dict; every read scans all of them."""

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
        self._other_lines: list[bytes] = []

    def close(self) -> None:
        """Do nothing."""

    def _live(self) -> list[Bead]:
        return [bead for bead in self._records.values() if not bead.is_tombstone]

    def get(self, bead_id: str) -> Bead | None:
        """Return the bead with exactly this id, None if there is none."""
        bead = self._records.get(bead_id)
        return None if bead is None or bead.is_tombstone else bead

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Return the beads with these ids, as far as they exist."""
        found = ((bead_id, self.get(bead_id)) for bead_id in bead_ids)
        return {bead_id: bead for bead_id, bead in found if bead is not None}

    def resolve(self, partial: str) -> str:
        """Return the full id for a partial one. Raises NotFoundError with similar ids, UsageError if several match."""
        found = ids.pick_partial(partial.strip(), self.prefix, [bead.id for bead in self._live()])
        if not found:
            raise self.near(partial)
        return found

    def near(self, bead_id: str) -> GastownError:
        """Return the error for an unknown id, with similar ids."""
        return ids.not_found(bead_id, [bead.id for bead in self._live()])

    def path(self) -> str:
        """Return a placeholder for messages, since there is no file."""
        return "memory"

    def check_understood(self) -> tuple[int, str]:
        """No line is unreadable."""
        return 0, ""

    def find(self, query: BeadQuery) -> list[Bead]:
        """Return matching beads in the query's order."""
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

    def find_lines(self, query: BeadQuery) -> list[tuple[str, bytes]]:
        """As ``find``, as ids and encoded records."""
        return [(bead.id, encode(bead.raw)) for bead in self.find(query)]

    def headlines(self, query: BeadQuery) -> list[Headline]:
        """As ``find``, with a few fields of each bead."""
        return [Headline(b.id, b.title, b.status, b.created_at, b.updated_at) for b in self.excerpts(query)]

    def excerpts_of(self, bead_ids: Iterable[str]) -> list[Excerpt]:
        """Return the excerpts of these ids, as far as they exist."""
        return [excerpt_of(bead) for bead in self.get_many(dict.fromkeys(bead_ids)).values()]

    def outlines(self, bead_ids: Iterable[str]) -> dict[str, Outline]:
        """Return the outlines of these ids, as far as they exist."""
        return {
            b.id: Outline(b.id, b.title, b.status, b.priority, b.issue_type, b.assignee, "\x1f".join(b.labels))
            for b in self.excerpts_of(bead_ids)
        }

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Return the statuses of these ids, as far as they exist."""
        return {bead.id: bead.status for bead in self.excerpts_of(bead_ids)}

    def count(self, query: BeadQuery) -> int:
        """Return the number of matching beads, ignoring the limit."""
        return len(self._matching(query))

    def count_by(self, column: str, query: BeadQuery) -> dict[str, int]:
        """Return matches per ``status``, ``priority``, ``issue_type``, ``assignee`` or ``label``, most first."""
        numbers: dict[str, int] = {}
        for bead in self._matching(query):
            for value in kind_labels(bead) if column == "label" else (str(getattr(bead, column)),):
                numbers[value] = numbers.get(value, 0) + 1
        return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0])))

    def count_ready(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``ready`` would return without a limit."""
        return len(self.ready(query._replace(limit=0), now))

    def count_blocked(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``blocked`` would return without a limit."""
        return len(self.blocked(query._replace(limit=0), now))

    def lead_time(self, query: BeadQuery) -> float:
        """Return the average seconds from creation to closing of the matching closed beads; 0 if there are none."""
        found = self._matching(query._replace(statuses=(CLOSED,)))
        spans = [bead.closed_at - bead.created_at for bead in found if bead.closed_at > bead.created_at > 0]
        return sum(spans) / len(spans) if spans else 0.0

    def epic_progress(self) -> list[EpicProgress]:
        """Return all open epics; an epic is eligible for closing if it has children and all are closed."""
        out = []
        for epic in self.excerpts(BeadQuery(types=(EPIC,), exclude_statuses=(CLOSED,), include_wisps=True)):
            children = self.excerpts_of(self._children(epic.id))
            closed = sum(child.status == CLOSED for child in children)
            out.append(EpicProgress(epic, len(children), closed, 0 < len(children) == closed))
        return out

    def held_work(self) -> list[Held]:
        """Hooked and in-progress beads with an assignee, without mail and identity records, oldest change first."""
        query = BeadQuery(
            statuses=(HOOKED, IN_PROGRESS),
            exclude_types=("message", *IDENTITY_TYPES),
            labels_none=IDENTITY_LABELS,
            include_wisps=True,
        )
        found = sorted(self._matching(query), key=lambda bead: (bead.updated_at, bead.id))
        return [Held(b.id, b.title, b.status, b.assignee, b.updated_at) for b in found if b.assignee]

    def labelled(self, label: str) -> list[Excerpt]:
        """Return open beads with the label, including wisps, oldest first."""
        found = self._matching(BeadQuery(labels_any=(label,), exclude_statuses=(CLOSED,), include_wisps=True))
        return sorted(found, key=lambda bead: (bead.created_at, bead.id))

    def noteworthy(self) -> list[Excerpt]:
        """Return beads that are neither closed nor plain backlog."""
        return [
            bead
            for bead in self._matching(BeadQuery(exclude_statuses=(CLOSED,), include_wisps=True))
            if bead.status not in (OPEN, DEFERRED)
            or bead.issue_type in NEVER_READY_TYPES
            or any(label.startswith("gt:") for label in kind_labels(bead))
        ]

    def ready(self, query: BeadQuery, now: float) -> list[Bead]:
        """Return ready work: THE ready rule, plus the query's filters."""
        graph = self.graph(now)
        found = self._matching(query._replace(statuses=(), exclude_statuses=(), exclude_templates=True))
        ready = [b for b in found if graph.is_ready(b, types=query.types, with_wisps=query.include_wisps)]
        return [self._records[bead.id] for bead in arranged(ready, query, now)]

    def ready_lines(self, query: BeadQuery, now: float) -> list[tuple[str, bytes]]:
        """As ``ready``, as ids and encoded records."""
        return [(bead.id, encode(bead.raw)) for bead in self.ready(query, now)]

    def ready_excerpts(self, query: BeadQuery, now: float) -> list[Excerpt]:
        """As ``ready``, without long texts."""
        return [excerpt_of(bead) for bead in self.ready(query, now)]

    def blocked(self, query: BeadQuery, now: float) -> list[tuple[Bead, tuple[str, ...]]]:
        """Return blocked beads in the query's order, up to its limit, each with the ids that block it."""
        graph = self.graph(now)
        held = [bead for bead in self._matching(query) if graph.blockers(bead.id)]
        return [(self._records[bead.id], graph.blockers(bead.id)) for bead in arranged(held, query, now)]

    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Return the ids of the beads that depend on this one, each with the edge type."""
        return sorted((b.id, edge.type) for b in self._live() for edge in b.edges if edge.target == bead_id)

    def _children(self, bead_id: str) -> list[str]:
        return [source for source, kind in self.dependents(bead_id) if kind == PARENT_CHILD]

    def children_of(self, parents: Iterable[str]) -> list[str]:
        """Return the ids of the children of these parents."""
        return [child for parent in parents for child in self._children(parent)]

    def all_edges(self, edge_type: str = "") -> list[tuple[str, str, str]]:
        """Return all dependencies (or those of one type) as (source, target, type)."""
        edges = {(bead.id, edge.target, edge.type) for bead in self._live() for edge in bead.edges}
        return sorted(edge for edge in edges if edge_type in ("", edge[2]))

    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """Return the derived keys of these ids, as far as they exist."""
        out = {}
        for bead_id, bead in self.get_many(bead_ids).items():
            down = sum(edge.type == BLOCKS for edge in bead.edges)
            up = sum(kind == BLOCKS for _, kind in self.dependents(bead_id))
            out[bead_id] = Tally(down, up, len(bead.comments), bead.parent)
        return out

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead, with status ``tombstone`` if deleted; looks up unknown ids in other stores."""
        found = self.own_excerpt(bead_id)
        return found if found is not None else self.foreign_excerpt(bead_id)

    def own_excerpt(self, bead_id: str) -> Excerpt | None:
        """As ``excerpt``, from this store only."""
        bead = self._records.get(bead_id)
        if bead is None:
            return None
        return excerpt_of(bead)._replace(edges=()) if bead.status == TOMBSTONE else excerpt_of(bead)

    def graph(self, now: float) -> Graph:
        """Return the dependencies as of ``now``."""
        return Graph(self.excerpt, self._children, now, is_absent=self.is_absent)

    @property
    def files_dir(self) -> str:
        """Empty: there are no files."""
        return ""

    @property
    def trouble(self) -> str:
        """Empty: memory is always reachable."""
        return ""

    def positions(self) -> dict[str, Position]:
        """There are no files to tail."""
        return {}

    def other_lines(self, kind: str) -> list[bytes]:
        """Return the stored memory lines; other kinds are not kept."""
        return self._other_lines if kind == MEMORY else []

    def new_ids(self) -> dict[str, str]:
        """Return an empty dict, since nothing is merged in memory."""
        return {}

    def settle_new_ids(self, names: Iterable[str]) -> None:
        """Do nothing."""

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Do nothing; records have no file form."""
        return False

    def write(self, actor: str) -> RuleBatch:
        """Return a batch by ``actor``."""
        return RuleBatch(self, actor)

    # -- the engine of a batch -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Do nothing; there is no lock."""

    def end(self) -> None:
        """Do nothing; there is no lock."""

    def commit(self, records: list[Bead]) -> None:
        """Store changed records."""
        for bead in records:
            self._records[bead.id] = bead

    def keep_lines(self, lines: list[bytes]) -> None:
        """Store lines that are not beads."""
        self._other_lines += lines

    def load(self, bead_id: str) -> Bead | None:
        """As ``get``."""
        return self.get(bead_id)

    def is_taken(self, bead_id: str) -> bool:
        """Return whether an id is or was in use."""
        return bead_id in self._records

    def root_count(self) -> int:
        """Return the number of root ids in use."""
        return sum(1 for bead_id in self._records if not ids.depth_of(bead_id))

    def below(self, parent: str) -> list[str]:
        """Return the ids that begin with ``<parent>.``, including deleted ones."""
        return [bead_id for bead_id in self._records if bead_id.startswith(parent + ".")]

    def edges_to(self, bead_id: str) -> list[tuple[str, str]]:
        """As ``dependents``."""
        return self.dependents(bead_id)

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in another store, None if no store has it."""
        return self.foreign(bead_id) if self.foreign is not None else None

    def is_absent(self, bead_id: str) -> bool:
        """Return whether an unknown id has the prefix of this store, or of another known store."""
        return bead_id.startswith(f"{self.prefix}-") or (self.lacks is not None and self.lacks(bead_id))
