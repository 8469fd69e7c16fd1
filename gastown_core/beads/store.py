"""What a bead store can do, whatever engine is behind it.

Truth is text in git for the default engine (``jsonl_store``); ``memory_store`` is the twin for tests.  Everything
above this room speaks to a store only through these protocols.  A write is a ``Batch``: all or nothing, under the
store's lock, with ids minted and counters moved under the same lock.
"""

from __future__ import annotations

from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any, NamedTuple, Protocol

    from gastown_core.beads.query import Graph
    from gastown_core.model.bead import Bead, Edge

    class BeadQuery(NamedTuple):
        """A filter; an empty or None field does not filter. ``labels_all`` must all be there, ``labels_any`` one.

        ``text`` is looked for in title and id, ``parent`` takes all descendants, ``label_pattern`` is a glob.  With
        ``awake_at`` a deferred bead whose time has come by then counts as open for the status filters.
        """

        statuses: tuple[str, ...] = ()
        exclude_statuses: tuple[str, ...] = ()
        types: tuple[str, ...] = ()
        exclude_types: tuple[str, ...] = ()
        labels_all: tuple[str, ...] = ()
        labels_any: tuple[str, ...] = ()
        labels_none: tuple[str, ...] = ()
        assignees: tuple[str, ...] = ()
        unassigned: bool = False
        priorities: tuple[int, ...] = ()
        priority_min: int | None = None
        priority_max: int | None = None
        parent: str = ""
        no_parent: bool = False
        text: str = ""
        include_wisps: bool = False
        closed_since: float | None = None
        updated_since: float | None = None
        sort: str = "priority"
        reverse: bool = False
        limit: int = 0
        created_since: float | None = None
        created_before: float | None = None
        updated_before: float | None = None
        due_before: float | None = None
        label_pattern: str = ""
        exclude_templates: bool = False
        awake_at: float | None = None
        only_wisps: bool = False

    class Excerpt(NamedTuple):
        """A bead without its long texts, as the index keeps it: what lists and the live model need. Times in Unix seconds."""

        id: str
        title: str
        status: str
        priority: int
        issue_type: str
        assignee: str
        created_at: float
        updated_at: float
        closed_at: float
        defer_until: float
        labels: tuple[str, ...]
        edges: tuple[Edge, ...]
        is_pinned: bool
        is_ephemeral: bool
        is_failed: bool = False
        """Closed with a reason that tells of a failure."""

    class Outline(NamedTuple):
        """The least that a list of members needs of a bead; ``labels`` as the index keeps them (``\\x1f`` between)."""

        id: str
        title: str
        status: str
        priority: int
        issue_type: str
        assignee: str
        labels: str

    class Headline(NamedTuple):
        """One line of a long list; times in Unix seconds."""

        id: str
        title: str
        status: str
        created_at: float
        updated_at: float

    class Tally(NamedTuple):
        """The derived keys of a bead: how many ``blocks`` edges leave and reach it, its comments, its parent's id."""

        dependency_count: int
        dependent_count: int
        comment_count: int
        parent: str

    class Position(NamedTuple):
        """How much of a file was read: its identity and the offset after the last line taken."""

        device: int
        inode: int
        offset: int
else:
    Headline = record_type("Headline", "id title status created_at updated_at")
    Outline = record_type("Outline", "id title status priority issue_type assignee labels")
    BeadQuery = record_type(
        "BeadQuery",
        "statuses exclude_statuses types exclude_types labels_all labels_any labels_none assignees unassigned "
        "priorities priority_min priority_max parent no_parent text include_wisps closed_since updated_since sort "
        "reverse limit created_since created_before updated_before due_before label_pattern exclude_templates "
        "awake_at only_wisps",
        defaults=(
            (),
            (),
            (),
            (),
            (),
            (),
            (),
            (),
            False,
            (),
            None,
            None,
            "",
            False,
            "",
            False,
            None,
            None,
            "priority",
            False,
            0,
            None,
            None,
            None,
            None,
            "",
            False,
            None,
            False,
        ),
    )
    Excerpt = record_type(
        "Excerpt",
        "id title status priority issue_type assignee created_at updated_at closed_at defer_until labels edges "
        "is_pinned is_ephemeral is_failed",
        defaults=(False,),
    )
    Tally = record_type("Tally", "dependency_count dependent_count comment_count parent")
    Position = record_type("Position", "device inode offset")
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
