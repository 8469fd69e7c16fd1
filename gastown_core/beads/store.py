"""What a bead store can do, whatever engine is behind it.

Truth is text in git for the default engine (``jsonl_store``); ``memory_store`` is the twin for tests.  Everything
above this room speaks to a store only through these protocols.  A write is a ``Batch``: all or nothing, under the
store's lock, with ids minted and counters moved under the same lock.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any, Protocol

    from gastown_core.beads.graph import Graph
    from gastown_core.beads.query import BeadQuery, Excerpt, Tally
    from gastown_core.model.bead import Bead
else:
    Protocol = object


class Batch(Protocol):
    """One write in progress: sees its own changes; leaving the ``with`` block commits, an exception drops it all."""

    def get(self, bead_id: str) -> Bead | None:
        """The bead as this batch has it so far."""
        ...

    def create(self, fields: Mapping[str, Any], *, bead_id: str = "", parent: str = "", kind: str = "") -> Bead:
        """A new bead with defaults filled in and its id minted.

        ``fields`` are record keys (``title`` is needed; ``dependencies`` as record edges or as Edge tuples).
        ``bead_id`` fixes the id; ``parent`` mints a child id, adds the edge and inherits labels; ``kind`` is an id
        infix (``cv``, ``wisp``, ``mol``).  Raises UsageError for bad fields, ConflictError if the id exists.
        """
        ...

    def update(self, bead_id: str, changes: Mapping[str, Any], *, expected_updated_at: str | None = None) -> Bead:
        """Set record keys; status rules (started_at, closed_at, pinned) are applied.

        Raises NotFoundError; ConflictError if ``expected_updated_at`` no longer stands.
        """
        ...

    def set_fields(self, bead_id: str, fields: Mapping[str, str | None]) -> Bead:
        """Set ``key: value`` lines in the description, prose kept (see ``model.bead.set_fields``)."""
        ...

    def add_edge(self, bead_id: str, target: str, edge_type: str = "blocks", metadata: str = "") -> Bead:
        """Make ``bead_id`` depend on ``target``; refuses self-edges and cycles with the path in the message."""
        ...

    def remove_edge(self, bead_id: str, target: str) -> Bead:
        """Drop the edge; raises NotFoundError if there is none."""
        ...

    def close(self, bead_id: str, reason: str = "", *, force: bool = False) -> Bead:
        """Close it; already closed is fine. Refuses pinned, blocked and epics with open children unless ``force``."""
        ...

    def reopen(self, bead_id: str, reason: str = "") -> Bead:
        """Open it again; the reason becomes a comment."""
        ...

    def comment(self, bead_id: str, text: str) -> Bead:
        """Append a comment by the batch's actor."""
        ...

    def delete(self, bead_id: str) -> None:
        """Write a tombstone and remove edges that point at it."""
        ...

    def put(self, bead: Bead) -> None:
        """Write a record as it is (import, merge); no rule is applied."""
        ...

    def __enter__(self) -> Batch: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BeadStore(Protocol):
    """One store. Reads see every committed write of every process."""

    beads_dir: str
    prefix: str

    def get(self, bead_id: str) -> Bead | None:
        """The bead with exactly this id, None if there is none."""
        ...

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Those of the ids that exist."""
        ...

    def resolve(self, partial: str) -> str:
        """The full id of a partial one. Raises NotFoundError with near matches, UsageError if several fit."""
        ...

    def find(self, query: BeadQuery) -> list[Bead]:
        """Matching beads in the query's order."""
        ...

    def excerpts(self, query: BeadQuery) -> list[Excerpt]:
        """As ``find``, without the long texts; costs no parse of records."""
        ...

    def count(self, query: BeadQuery) -> int:
        """How many match, whatever the limit."""
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

    def tallies(self, bead_ids: Iterable[str]) -> dict[str, Tally]:
        """The derived keys of those of the ids that exist."""
        ...

    def graph(self, now: float) -> Graph:
        """The dependency view of this moment: blockers, readiness and stage of any bead (see ``query.Graph``)."""
        ...

    def write(self, actor: str) -> Batch:
        """Begin a batch in the name of ``actor``; waits for the lock."""
        ...

    def close(self) -> None:
        """Let go of files and index; the store may be used again afterwards."""
        ...
