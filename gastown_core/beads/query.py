"""What a store is asked, and what it answers short of whole beads: records that lists and the live model need."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Edge

HYBRID_WINDOW_S = 48 * 3600.0
"""The order ``hybrid`` puts beads of this span first, by priority; the rest follow, oldest first."""


class BeadQuery(Record):
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


class Excerpt(Record):
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


class Outline(Record):
    """The least that a list of members needs of a bead; ``labels`` as the index keeps them (``\\x1f`` between)."""

    id: str
    title: str
    status: str
    priority: int
    issue_type: str
    assignee: str
    labels: str


class Headline(Record):
    """One line of a long list; times in Unix seconds."""

    id: str
    title: str
    status: str
    created_at: float
    updated_at: float


class Tally(Record):
    """The derived keys of a bead: how many ``blocks`` edges leave and reach it, its comments, its parent's id."""

    dependency_count: int
    dependent_count: int
    comment_count: int
    parent: str


class Position(Record):
    """How much of a file was read: its identity and the offset after the last line taken."""

    device: int
    inode: int
    offset: int


class Held(Record):
    """A bead in somebody's hands, since its last change in Unix seconds."""

    id: str
    title: str
    status: str
    assignee: str
    updated_at: float


class EpicProgress(Record):
    """An epic that is not closed, with the number of its children and of the closed ones."""

    epic: Excerpt
    total: int
    closed: int
    is_eligible: bool
