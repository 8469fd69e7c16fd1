"""The default store: one record per line in ``.beads/issues.jsonl``, wisps beside it in ``wisps.jsonl``.

A write appends the complete new records under ``.beads/.lock`` in one write (``jsonl_writer``); the last line of an id
wins and a tombstone deletes.  So the cost of a write does not depend on the store's size, and readers can tail the
file.  A large batch, and compaction, replace the file by rename instead (``compaction``).  Reads use the index.
"""

from __future__ import annotations

from gastown_core.beads import index_answers
from gastown_core.beads.graph import Graph
from gastown_core.beads.index import Index, healing
from gastown_core.beads.index_census import how_many, numbers_by
from gastown_core.beads.index_rows import (
    EXCERPT_COLUMNS,
    ISSUES,
    WHERE_COLUMNS,
    children_in,
    dependents_in,
    excerpt_from,
    excerpts_from,
    tallies_in,
    tally_in,
)
from gastown_core.beads.index_sql import rows_of, select, select_candidates, where_of
from gastown_core.beads.query import BeadQuery, Excerpt, Headline, Outline, Position, Tally
from gastown_core.beads.settings import Vocabulary
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.bead import CLOSED, EPIC, TOMBSTONE, Bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypedDict

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.index_intake import Progress
    from gastown_core.beads.jsonl_writer import JsonlWriter
    from gastown_core.beads.query import EpicProgress, Held
    from gastown_core.beads.twins import Twin
    from gastown_core.clock import Clock
    from gastown_core.errors import GastownError


if TYPE_CHECKING:

    class StoreOptions(TypedDict, total=False):
        """What every store takes by name; ``JsonlStore`` says what each means."""

        clock: Clock
        words: Vocabulary | None
        foreign: Callable[[str], Excerpt | None] | None
        lacks: Callable[[str], bool] | None
        progress: Progress | None
        read_only: bool


class JsonlStore:
    """A BeadStore in the folder ``beads_dir``, which must exist.

    ``foreign`` looks up beads in other stores; ``lacks`` says whether one of them should have an unknown id.  Use it
    from one thread at a time.  ``read_only`` refuses writes; ``progress`` is called during long work.
    """

    def __init__(
        self,
        beads_dir: str,
        prefix: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        words: Vocabulary | None = None,
        foreign: Callable[[str], Excerpt | None] | None = None,
        lacks: Callable[[str], bool] | None = None,
        progress: Progress | None = None,
        read_only: bool = False,
    ) -> None:
        self.beads_dir = beads_dir
        self.prefix = prefix
        self.clock = clock
        self.words = words or Vocabulary()
        self.foreign = foreign
        self.lacks = lacks
        self.read_only = read_only
        self.index = Index(beads_dir, progress)

    def close(self) -> None:
        """Close files and index; the store can be used again afterwards."""
        self.index.close()

    @property
    def files_dir(self) -> str:
        """The folder of its files."""
        return self.beads_dir

    @property
    def trouble(self) -> str:
        """Empty: files say what they hold now."""
        return ""

    def path(self, code: int = ISSUES) -> str:
        """Return the path of a ledger file."""
        return self.index.path_of(code)

    # -- reading -------------------------------------------------------------------------------------------

    def get(self, bead_id: str) -> Bead | None:
        """Return the bead with exactly this id, None if there is none."""
        return self.get_many((bead_id,)).get(bead_id)

    @healing
    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Return the beads with these ids, as far as they exist."""
        wanted = dict.fromkeys(bead_ids)
        with self.index.snapshot() as db:
            found = {row[0]: self.index.bead_at(row) for row in rows_of(db, WHERE_COLUMNS, wanted)}
        return {bead_id: found[bead_id] for bead_id in wanted if bead_id in found}

    @healing
    def resolve(self, partial: str) -> str:
        """Return the full id for a partial one. Raises NotFoundError with similar ids, UsageError if several match."""
        partial = partial.strip()
        with self.index.snapshot() as db:
            for exact in (partial, f"{self.prefix}-{partial}"):
                if db.execute("SELECT 1 FROM beads WHERE id=?", (exact,)).fetchone():
                    return exact
            # imported here and in ``near``: looking up a full id does not need it
            from gastown_core.beads import ids

            tail = ids.hash_part(partial, self.prefix) if partial.startswith(self.prefix + "-") else partial
            rows = db.execute("SELECT id FROM beads WHERE instr(id, ?)", (tail,)).fetchall() if tail else []
        found = ids.pick_partial(partial, self.prefix, [row[0] for row in rows])
        if not found:
            raise self.near(partial)
        return found

    @healing
    def near(self, bead_id: str) -> GastownError:
        """Return the error for an unknown id, with similar ids."""
        from gastown_core.beads import ids

        stem = bead_id[: len(ids.route_prefix(bead_id)) + 1] or f"{self.prefix}-"
        with self.index.snapshot() as db:
            rows = db.execute(
                "SELECT id FROM beads WHERE id>=? AND id<? LIMIT 2000", (stem, stem + "\U0010ffff")
            ).fetchall()
            rows += db.execute("SELECT id FROM beads WHERE status <> 'closed' LIMIT 500").fetchall()
        return ids.not_found(bead_id, dict.fromkeys(row[0] for row in rows))

    @healing
    def find(self, query: BeadQuery) -> list[Bead]:
        """Return matching beads in the query's order."""
        sql, values = select(WHERE_COLUMNS, query, self.clock.now())
        with self.index.snapshot() as db:
            return [self.index.bead_at(row) for row in db.execute(sql, values).fetchall()]

    @healing
    def find_lines(self, query: BeadQuery) -> list[tuple[str, bytes]]:
        """As ``find``, as ids and lines of the ledger, for callers that only pass them on."""
        sql, values = select(WHERE_COLUMNS, query, self.clock.now())
        with self.index.snapshot() as db:
            sources = self.index.sources
            return [(row[0], sources[row[1]].read(row[2], row[3])) for row in db.execute(sql, values).fetchall()]

    @healing
    def excerpts(self, query: BeadQuery) -> list[Excerpt]:
        """As ``find``, without long texts; parses no records."""
        sql, values = select(EXCERPT_COLUMNS, query, self.clock.now())
        with self.index.snapshot() as db:
            return excerpts_from(db.execute(sql, values))

    @healing
    def excerpts_of(self, bead_ids: Iterable[str]) -> list[Excerpt]:
        """Return the excerpts of these ids, as far as they exist."""
        with self.index.snapshot() as db:
            return excerpts_from(rows_of(db, EXCERPT_COLUMNS, bead_ids))

    def headlines(self, query: BeadQuery) -> list[Headline]:
        """As ``find``, with a few fields of each bead."""
        sql, values = select("id, title, status, created_at, updated_at", query, self.clock.now())
        with self.index.snapshot() as db:
            return [Headline._make(row) for row in db.execute(sql, values)]

    def outlines(self, bead_ids: Iterable[str]) -> dict[str, Outline]:
        """Return the outlines of these ids, as far as they exist; cheap for thousands."""
        columns = "id, title, status, priority, issue_type, assignee, labels"
        with self.index.snapshot() as db:
            return {row[0]: Outline._make(row) for row in rows_of(db, columns, bead_ids)}

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Return the statuses of these ids, as far as they exist."""
        with self.index.snapshot() as db:
            return dict(rows_of(db, "id, status", bead_ids))

    @healing
    def count(self, query: BeadQuery) -> int:
        """Return the number of matching beads, ignoring the limit."""
        with self.index.snapshot() as db:
            return how_many(db, query, where_of)

    @healing
    def count_by(self, column: str, query: BeadQuery) -> dict[str, int]:
        """Return matches per ``status``, ``priority``, ``issue_type``, ``assignee`` or ``label``, most first."""
        with self.index.snapshot() as db:
            return numbers_by(db, column, query, where_of(query))

    @healing
    def ready(self, query: BeadQuery, now: float) -> list[Bead]:
        """Return ready work: THE ready rule, plus the query's filters; its cost does not grow with closed beads."""
        with self.index.snapshot() as db:
            return [self.index.bead_at(row) for row in self._ready_rows(db, query, now)]

    @healing
    def ready_lines(self, query: BeadQuery, now: float) -> list[tuple[str, bytes]]:
        """As ``ready``, as ids and lines of the ledger."""
        with self.index.snapshot() as db:
            sources = self.index.sources
            return [(row[0], sources[row[1]].read(row[2], row[3])) for row in self._ready_rows(db, query, now)]

    @healing
    def ready_excerpts(self, query: BeadQuery, now: float) -> list[Excerpt]:
        """As ``ready``, without long texts."""
        with self.index.snapshot() as db:
            graph = self._graph(now)
            return [bead for row in self._ready_rows(db, query, now) if (bead := graph.bead(row[0])) is not None]

    def _ready_rows(self, db: sqlite3.Connection, query: BeadQuery, now: float) -> Iterator[tuple[str, int, int, int]]:
        graph = self._graph(now)
        sql, values = select_candidates(f"{EXCERPT_COLUMNS}, file, at, length", query, now)
        taken = 0
        for row in db.execute(sql, values):
            bead = excerpt_from(row[:15])
            graph.learn(bead)
            if graph.is_ready(bead, types=query.types, with_wisps=query.include_wisps):
                yield (row[0], *row[15:])
                taken += 1
                if taken == query.limit:
                    return

    @healing
    def blocked(self, query: BeadQuery, now: float) -> list[tuple[Bead, tuple[str, ...]]]:
        """Return blocked beads in the query's order, up to its limit, each with the ids that block it."""
        graph = self._graph(now)
        with self.index.snapshot() as db:
            ids = index_answers.held_ids(db, graph, query, now)
        beads = self.get_many(ids)
        return [(beads[bead_id], graph.blockers(bead_id)) for bead_id in ids if bead_id in beads]

    @healing
    def held_work(self) -> list[Held]:
        """Hooked and in-progress beads with an assignee, without mail and identity records, oldest change first."""
        with self.index.snapshot() as db:
            return index_answers.held_work(db)

    @healing
    def labelled(self, label: str) -> list[Excerpt]:
        """Return open beads with the label, including wisps, oldest first."""
        with self.index.snapshot() as db:
            return index_answers.labelled(db, label)

    @healing
    def noteworthy(self) -> list[Excerpt]:
        """Return beads that are neither closed nor plain backlog; the cost does not grow with the backlog."""
        with self.index.snapshot() as db:
            return index_answers.noteworthy(db)

    @healing
    def children_of(self, parents: Iterable[str]) -> list[str]:
        """Return the ids of the children of these parents, whichever store the parents are in."""
        with self.index.snapshot() as db:
            return index_answers.children_of(db, parents)

    @healing
    def lead_time(self, query: BeadQuery) -> float:
        """Return the average seconds from creation to closing of the matching closed beads; 0 if there are none."""
        with self.index.snapshot() as db:
            return index_answers.lead_time(db, query)

    @healing
    def epic_progress(self) -> list[EpicProgress]:
        """Return all open epics; an epic is eligible for closing if it has children and all are closed."""
        epics = self.excerpts(BeadQuery(types=(EPIC,), exclude_statuses=(CLOSED,), include_wisps=True))
        with self.index.snapshot() as db:
            return index_answers.epic_progress(db, epics)

    @healing
    def count_blocked(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``blocked`` would return without a limit."""
        graph = self.graph(now)
        with self.index.snapshot() as db:
            return index_answers.count_held(db, graph, query)

    @healing
    def count_ready(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``ready`` would return without a limit."""
        graph = self.graph(now)
        with self.index.snapshot() as db:
            return index_answers.count_ready(db, graph, query, now)

    @healing
    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Return the ids of the beads that depend on this one, each with the edge type."""
        with self.index.snapshot() as db:
            return dependents_in(db, bead_id)

    @healing
    def all_edges(self, edge_type: str = "") -> list[tuple[str, str, str]]:
        """Return all dependencies of the store (or those of one type) as (source, target, type)."""
        where, values = ("WHERE type=?", (edge_type,)) if edge_type else ("", ())
        with self.index.snapshot() as db:
            return db.execute(
                f"SELECT source, target, type FROM deps {where} ORDER BY source, target", values
            ).fetchall()

    @healing
    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """Return the derived keys of these ids, as far as they exist."""
        wanted = list(bead_ids)
        with self.index.snapshot() as db:
            if len(wanted) > 300:
                return tallies_in(db, wanted)
            return {bead_id: tally_in(db, bead_id) for bead_id in wanted}

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead, with status ``tombstone`` if deleted; looks up unknown ids in other stores."""
        found = self.own_excerpt(bead_id)
        return found if found is not None else self.foreign_excerpt(bead_id)

    @healing
    def own_excerpt(self, bead_id: str) -> Excerpt | None:
        """As ``excerpt``, from this store only."""
        self.index.refresh()
        return self._indexed(bead_id)

    @healing
    def _indexed(self, bead_id: str) -> Excerpt | None:
        db = self.index.db
        row = db.execute(f"SELECT {EXCERPT_COLUMNS} FROM beads WHERE id=?", (bead_id,)).fetchone()
        if row is not None:
            return excerpt_from(row)
        if db.execute("SELECT 1 FROM tombstones WHERE id=?", (bead_id,)).fetchone():
            return Excerpt(bead_id, "", TOMBSTONE, 0, "task", "", 0.0, 0.0, 0.0, 0.0, (), (), False, False)
        return None

    def graph(self, now: float) -> Graph:
        """Return the dependencies as of ``now``."""
        self.index.refresh()
        return self._graph(now)

    def _graph(self, now: float) -> Graph:
        def lookup(bead_id: str) -> Excerpt | None:
            return self._indexed(bead_id) or self.foreign_excerpt(bead_id)

        return Graph(lookup, self._children, now, is_absent=self.is_absent)

    @healing
    def _children(self, bead_id: str) -> Iterator[str]:
        return children_in(self.index.db, bead_id)

    @healing
    def positions(self) -> dict[str, Position]:
        """How much of ``issues.jsonl`` and ``wisps.jsonl`` the index covers: where a live reader starts to tail."""
        return self.index.positions()

    @healing
    def oddities(self) -> list[tuple[str, int, str, str]]:
        """Lines that are not beads: file, byte offset, kind (junk, conflict, memory, header) and the reason."""
        with self.index.snapshot() as db:
            rows = db.execute("SELECT file, at, kind, reason FROM oddities ORDER BY file, at").fetchall()
        return [(self.index.names[code], at, kind, reason) for code, at, kind, reason in rows]

    @healing
    def other_lines(self, kind: str) -> list[bytes]:
        """Return the lines of ``issues.jsonl`` of one other kind (``memory``, ``header``, ``junk``)."""
        sql = "SELECT at, length FROM oddities WHERE file=0 AND kind=? ORDER BY at"
        with self.index.snapshot() as db:
            return [self.index.sources[ISSUES].read(*row) for row in db.execute(sql, (kind,)).fetchall()]

    def check_understood(self) -> tuple[int, str]:
        """The number of unreadable lines, and the reason for the first. Raises StoreError if no line is readable."""
        return self.index.check_understood()

    @healing
    def new_ids(self) -> dict[str, str]:
        """Return old id → new id for renames by a merge that the rest of the town has not followed yet."""
        # imported here and below: most commands do not need it
        from gastown_core.beads import partings

        with self.index.snapshot() as db:
            return partings.unsettled(db)

    def settle_new_ids(self, names: Iterable[str]) -> None:
        """Note that the rest of the town has followed these old ids."""
        from gastown_core.beads import partings

        partings.settle(self.index.db, names)

    # -- writing -------------------------------------------------------------------------------------------

    def writer(self) -> JsonlWriter:
        """Return the writer of the files, which readers need not import."""
        from gastown_core.beads.jsonl_writer import JsonlWriter

        return JsonlWriter(self, self.index, read_only=self.read_only)

    def write(self, actor: str) -> RuleBatch:
        """Return a batch by ``actor``; entering it waits for the lock."""
        from gastown_core.beads.batch import RuleBatch

        return RuleBatch(self.writer(), actor)

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Rewrite both files in canonical form (see ``JsonlWriter.compact``)."""
        return self.writer().compact(parted)

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in another store, None if no store has it."""
        return self.foreign(bead_id) if self.foreign is not None else None

    def is_absent(self, bead_id: str) -> bool:
        """Return whether an unknown id has the prefix of this store, or of another known store."""
        return bead_id.startswith(f"{self.prefix}-") or (self.lacks is not None and self.lacks(bead_id))
