"""Queries to a store, and the short forms of beads it returns to lists and the live state."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Edge

HYBRID_WINDOW_S = 48 * 3600.0
"""The order ``hybrid`` puts beads of this age first, by priority; the rest follow, oldest first."""


class BeadQuery(Record):
    """A filter; an empty or None field does not filter. ``labels_all`` must all be present, ``labels_any`` one of them.

    ``text`` is searched in title and id, ``parent`` selects all descendants, ``label_pattern`` is a glob.  With
    ``awake_at``, a bead deferred until that time or earlier counts as open for the status filters.
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
    """A bead without its long texts, as stored in the index. Times in Unix seconds, 0 if absent."""

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
    """Whether it was closed with a reason that indicates a failure."""


class Outline(Record):
    """The fields of a bead for a list of members; ``labels`` as in the index (separated by ``\\x1f``)."""

    id: str
    title: str
    status: str
    priority: int
    issue_type: str
    assignee: str
    labels: str


class Headline(Record):
    """The fields of a bead for one line of a long list; times in Unix seconds."""

    id: str
    title: str
    status: str
    created_at: float
    updated_at: float


class Tally(Record):
    """The derived keys of a bead: its outgoing and incoming ``blocks`` edges, its comments, its parent's id."""

    dependency_count: int
    dependent_count: int
    comment_count: int
    parent: str


class Position(Record):
    """How much of a file was read: its identity and the offset after the last line read."""

    device: int
    inode: int
    offset: int


class Held(Record):
    """A bead that an assignee works on; ``updated_at`` in Unix seconds."""

    id: str
    title: str
    status: str
    assignee: str
    updated_at: float


class EpicProgress(Record):
    """An open epic with the number of its children and of the closed ones."""

    epic: Excerpt
    total: int
    closed: int
    is_eligible: bool
