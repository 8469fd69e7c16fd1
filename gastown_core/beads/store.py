"""What a bead store can do, whatever engine is behind it.

Truth is text in git for the default engine (``jsonl_store``); ``memory_store`` is the twin for tests.  Everything
above this room speaks to a store only through this protocol.  A write is a ``Batch`` (``beads.batch``): all or nothing,
under the store's lock, with ids minted and counters moved under the same lock.
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

    def path(self) -> str:
        """Where its records lie, for messages."""
        ...

    def check_understood(self) -> tuple[int, str]:
        """How much of it cannot be read, and why the first cannot. Raises StoreError if nothing can."""
        ...

    def get(self, bead_id: str) -> Bead | None:
        """The bead with exactly this id, None if there is none."""
        ...

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Those of the ids that exist."""
        ...

    def resolve(self, partial: str) -> str:
        """The full id of a partial one. Raises NotFoundError with near matches, UsageError if several fit."""
        ...

    def near(self, bead_id: str) -> GastownError:
        """The error for an unknown id, with near matches."""
        ...

    def find(self, query: BeadQuery) -> list[Bead]:
        """Matching beads in the query's order."""
        ...

    def excerpts(self, query: BeadQuery) -> list[Excerpt]:
        """As ``find``, without the long texts; costs no parse of records."""
        ...

    def excerpts_of(self, bead_ids: Iterable[str]) -> list[Excerpt]:
        """Those of the ids that exist, without their long texts, in no order."""
        ...

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """The excerpt of a bead, with status ``tombstone`` for a deleted one; asks other stores for unknown ids."""
        ...

    def own_excerpt(self, bead_id: str) -> Excerpt | None:
        """As ``excerpt``, of this store only."""
        ...

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """The excerpt of a bead of another store, None if no one knows it."""
        ...

    def is_absent(self, bead_id: str) -> bool:
        """Whether an unknown id has the prefix of this store, or of another one that is at hand."""
        ...

    def headlines(self, query: BeadQuery) -> list[Headline]:
        """As ``find``, one line of each."""
        ...

    def outlines(self, bead_ids: Iterable[str]) -> dict[str, Outline]:
        """Those of the ids that exist, in outline; thousands at once cost little."""
        ...

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Those of the ids that exist, with their status."""
        ...

    def find_lines(self, query: BeadQuery) -> list[tuple[str, bytes]]:
        """As ``find``, as ids and encoded records, for those who only pass them on."""
        ...

    def ready_lines(self, query: BeadQuery, now: float) -> list[tuple[str, bytes]]:
        """As ``ready``, as ids and encoded records."""
        ...

    def ready_excerpts(self, query: BeadQuery, now: float) -> list[Excerpt]:
        """As ``ready``, without the long texts."""
        ...

    def count(self, query: BeadQuery) -> int:
        """How many match, whatever the limit."""
        ...

    def count_by(self, column: str, query: BeadQuery) -> dict[str, int]:
        """How many match per value of ``status``, ``priority``, ``issue_type``, ``assignee`` or ``label``; most first."""
        ...

    def count_ready(self, query: BeadQuery, now: float) -> int:
        """How many ``ready`` would give without a limit."""
        ...

    def count_blocked(self, query: BeadQuery, now: float) -> int:
        """How many ``blocked`` would give without a limit."""
        ...

    def lead_time(self, query: BeadQuery) -> float:
        """Seconds from creation to closing, on average over the matching closed beads; 0 if there are none."""
        ...

    def epic_progress(self) -> list[EpicProgress]:
        """All epics that are not closed; eligible for closing are those with children, all of them closed."""
        ...

    def held_work(self) -> list[Held]:
        """Hooked and started beads that have an assignee, mail and identity records left out, oldest change first."""
        ...

    def labelled(self, label: str) -> list[Excerpt]:
        """Beads with the label that are not closed, wisps too, oldest first."""
        ...

    def noteworthy(self) -> list[Excerpt]:
        """What is not closed and not plain backlog: in hand, in review, of a type that nobody works on, or with a label
        ``gt:…``; in no order."""
        ...

    def ready(self, query: BeadQuery, now: float) -> list[Bead]:
        """Ready work: THE ready rule of beads.md section 4, plus the query's filters."""
        ...

    def blocked(self, query: BeadQuery, now: float) -> list[tuple[Bead, tuple[str, ...]]]:
        """Blocked beads in the query's order, up to its limit, each with the ids that hold it."""
        ...

    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Ids that depend on this one, each with the edge type."""
        ...

    def children_of(self, parents: Iterable[str]) -> list[str]:
        """Ids whose ``parent-child`` edge points at one of the parents, of whatever store these are."""
        ...

    def all_edges(self, edge_type: str = "") -> list[tuple[str, str, str]]:
        """Every dependency of the store (of one type, if given) as (source, target, type)."""
        ...

    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """The derived keys of those of the ids that exist."""
        ...

    def graph(self, now: float) -> Graph:
        """The dependency view of this moment: blockers, readiness and stage of any bead (see ``query.Graph``)."""
        ...

    def positions(self) -> dict[str, Position]:
        """The files that a live reader may tail, each with what was read of it; empty where there are no such files."""
        ...

    def other_lines(self, kind: str) -> list[bytes]:
        """Lines that are kept beside the records, of one kind (``memory``, ``header``, ``junk``)."""
        ...

    def new_ids(self) -> dict[str, str]:
        """Old ids and new ones that a merge gave, of which the rest of the town has not heard."""
        ...

    def settle_new_ids(self, names: Iterable[str]) -> None:
        """Note that the rest of the town has heard of these old ids."""
        ...

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Bring what lies in git into canonical form; returns whether anything changed.

        Beads that shared an id are parted and added to ``parted``.  Raises ConflictError on conflict markers.
        """
        ...

    def write(self, actor: str) -> RuleBatch:
        """Begin a batch in the name of ``actor``; waits for the lock."""
        ...

    def close(self) -> None:
        """Let go of files and index; the store may be used again afterwards."""
        ...
