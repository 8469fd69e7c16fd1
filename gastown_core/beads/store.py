"""The interface of a bead store, independent of its engine.

The default engine (``jsonl_store``) stores text in git; ``memory_store`` is its twin for tests.  Code outside
``beads`` uses only this protocol.  A write is a ``RuleBatch`` (``beads.batch``): all or nothing, under the store's
lock, which also covers the allocation of ids.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.graph import Graph
    from gastown_core.beads.query import BeadQuery, EpicProgress, Excerpt, Headline, Held, Outline, Position, Tally
    from gastown_core.beads.settings import Vocabulary
    from gastown_core.beads.twins import Twin
    from gastown_core.clock import Clock
    from gastown_core.errors import GastownError
    from gastown_core.model.bead import Bead
else:
    Protocol = object


class BeadStore(Protocol):
    """One store. Reads see every committed write of every process."""

    beads_dir: str
    prefix: str
    clock: Clock
    words: Vocabulary

    @property
    def files_dir(self) -> str:
        """The folder of the files in ``positions``, to be watched for changes; empty if there are none."""
        ...

    @property
    def trouble(self) -> str:
        """Why answers may be out of date (its server does not answer); empty if they are not."""
        ...

    def path(self) -> str:
        """Return the path of its records, for messages."""
        ...

    def check_understood(self) -> tuple[int, str]:
        """The number of unreadable lines, and the reason for the first. Raises StoreError if no line is readable."""
        ...

    def get(self, bead_id: str) -> Bead | None:
        """Return the bead with exactly this id, None if there is none."""
        ...

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Return the beads with these ids, as far as they exist."""
        ...

    def resolve(self, partial: str) -> str:
        """Return the full id for a partial one. Raises NotFoundError with similar ids, UsageError if several match."""
        ...

    def near(self, bead_id: str) -> GastownError:
        """Return the error for an unknown id, with similar ids."""
        ...

    def find(self, query: BeadQuery) -> list[Bead]:
        """Return matching beads in the query's order."""
        ...

    def excerpts(self, query: BeadQuery) -> list[Excerpt]:
        """As ``find``, without long texts; parses no records."""
        ...

    def excerpts_of(self, bead_ids: Iterable[str]) -> list[Excerpt]:
        """Return the excerpts of these ids, as far as they exist, in no order."""
        ...

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead, with status ``tombstone`` if deleted; looks up unknown ids in other stores."""
        ...

    def own_excerpt(self, bead_id: str) -> Excerpt | None:
        """As ``excerpt``, from this store only."""
        ...

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in another store, None if no store has it."""
        ...

    def is_absent(self, bead_id: str) -> bool:
        """Return whether an unknown id has the prefix of this store, or of another known store."""
        ...

    def headlines(self, query: BeadQuery) -> list[Headline]:
        """As ``find``, with a few fields of each bead."""
        ...

    def outlines(self, bead_ids: Iterable[str]) -> dict[str, Outline]:
        """Return the outlines of these ids, as far as they exist; cheap for thousands."""
        ...

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Return the statuses of these ids, as far as they exist."""
        ...

    def find_lines(self, query: BeadQuery) -> list[tuple[str, bytes]]:
        """As ``find``, as ids and encoded records, for callers that only pass them on."""
        ...

    def ready_lines(self, query: BeadQuery, now: float) -> list[tuple[str, bytes]]:
        """As ``ready``, as ids and encoded records."""
        ...

    def ready_excerpts(self, query: BeadQuery, now: float) -> list[Excerpt]:
        """As ``ready``, without long texts."""
        ...

    def count(self, query: BeadQuery) -> int:
        """Return the number of matching beads, ignoring the limit."""
        ...

    def count_by(self, column: str, query: BeadQuery) -> dict[str, int]:
        """Return matches per ``status``, ``priority``, ``issue_type``, ``assignee`` or ``label``, most first."""
        ...

    def count_ready(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``ready`` would return without a limit."""
        ...

    def count_blocked(self, query: BeadQuery, now: float) -> int:
        """Return the number of beads that ``blocked`` would return without a limit."""
        ...

    def lead_time(self, query: BeadQuery) -> float:
        """Return the average seconds from creation to closing of the matching closed beads; 0 if there are none."""
        ...

    def epic_progress(self) -> list[EpicProgress]:
        """Return all open epics; an epic is eligible for closing if it has children and all are closed."""
        ...

    def held_work(self) -> list[Held]:
        """Hooked and in-progress beads with an assignee, without mail and identity records, oldest change first."""
        ...

    def labelled(self, label: str) -> list[Excerpt]:
        """Return open beads with the label, including wisps, oldest first."""
        ...

    def noteworthy(self) -> list[Excerpt]:
        """Return beads that are neither closed nor plain backlog, in no order.

        They are in progress, in review, of a type that is never work, or have a label ``gt:…``.
        """
        ...

    def ready(self, query: BeadQuery, now: float) -> list[Bead]:
        """Return ready work: THE ready rule of beads.md section 4, plus the query's filters."""
        ...

    def blocked(self, query: BeadQuery, now: float) -> list[tuple[Bead, tuple[str, ...]]]:
        """Return blocked beads in the query's order, up to its limit, each with the ids that block it."""
        ...

    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Return the ids of the beads that depend on this one, each with the edge type."""
        ...

    def children_of(self, parents: Iterable[str]) -> list[str]:
        """Return the ids of the children of these parents, whichever store the parents are in."""
        ...

    def all_edges(self, edge_type: str = "") -> list[tuple[str, str, str]]:
        """Return all dependencies of the store (or those of one type) as (source, target, type)."""
        ...

    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """Return the derived keys of these ids, as far as they exist."""
        ...

    def graph(self, now: float) -> Graph:
        """Return the dependencies as of ``now``: blockers, readiness and stage of any bead (see ``graph.Graph``)."""
        ...

    def positions(self) -> dict[str, Position]:
        """Return the files that a live reader may tail, each with the position read so far; empty if there are none."""
        ...

    def other_lines(self, kind: str) -> list[bytes]:
        """Return other lines stored beside the records, of one kind (``memory``, ``header``, ``junk``)."""
        ...

    def new_ids(self) -> dict[str, str]:
        """Return old id → new id for renames by a merge that the rest of the town has not followed yet."""
        ...

    def settle_new_ids(self, names: Iterable[str]) -> None:
        """Note that the rest of the town has followed these old ids."""
        ...

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Rewrite the files in canonical form; returns whether anything changed.

        Beads that shared an id get separate ids and are added to ``parted``.  Raises ConflictError on conflict markers.
        """
        ...

    def write(self, actor: str) -> RuleBatch:
        """Return a batch by ``actor``; entering it waits for the lock."""
        ...

    def close(self) -> None:
        """Close files and index; the store can be used again afterwards."""
        ...
