"""The bead: one record of the ledger, as one JSON object.

A Bead wraps the object it was read from, so keys that this program does not know survive.  It is immutable:
``with_changes`` returns a new one.  Formats and defaults: beads.md sections 1 to 3.
"""

from __future__ import annotations

from gastown_core.clock import parse_moment
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Labelled(Protocol):
        """A bead, or an excerpt of one."""

        @property
        def labels(self) -> tuple[str, ...]:
            """The bead's labels."""
            ...

        @property
        def issue_type(self) -> str:
            """The bead's type."""
            ...


class Edge(Record):
    """A dependency of the bead that holds it on ``target``, of kind ``type``; ``metadata`` is raw JSON text."""

    target: str
    type: str
    metadata: str
    created_at: str
    created_by: str


OPEN = "open"
IN_PROGRESS = "in_progress"
BLOCKED = "blocked"
HOOKED = "hooked"
IN_REVIEW = "in_review"
DEFERRED = "deferred"
PINNED = "pinned"
CLOSED = "closed"
TOMBSTONE = "tombstone"
"""The status of a deleted bead, kept so that merges do not bring it back."""

STATUS_CATEGORY = {
    OPEN: "active",
    IN_PROGRESS: "wip",
    BLOCKED: "wip",
    HOOKED: "wip",
    IN_REVIEW: "wip",
    DEFERRED: "frozen",
    PINNED: "frozen",
    CLOSED: "done",
    "staged_ready": "active",
    "staged_warnings": "active",
}
"""Status → category.  Beside the built-in ones: ``in_review`` (pushed, not landed) and two of convoy staging."""


SLINGABLE = frozenset(("task", "bug", "feature", "chore", ""))
"""Types of beads that are dispatched to polecats automatically."""
EPIC = "epic"
"""The type of beads that group others as their children."""


class MemberStage:
    """The stage of a bead in a convoy or plan, from its status and its blockers."""

    DONE = "done"
    REVIEW = "review"
    RUNNING = "running"
    ORPHANED = "orphaned"
    """Assigned to a worker that no longer exists."""
    READY = "ready"
    BLOCKED = "blocked"
    DEFERRED = "deferred"
    MISSING = "missing"
    """Found in no store."""


PRIORITY_NAMES = ("critical", "high", "medium", "low", "backlog")
NO_PRIORITY = len(PRIORITY_NAMES)
"""The priority of a record whose value is not 0 to 4 ("high", 9): sorts last, shown as ``P?``."""
USUAL_PRIORITY = 2

TYPES = (
    "bug feature task epic chore decision message molecule gate spike story milestone event "
    "agent role rig convoy slot queue merge-request"
).split()
TYPE_ALIASES = {
    "enhancement": "feature",
    "feat": "feature",
    "dec": "decision",
    "adr": "decision",
    "investigation": "spike",
    "timebox": "spike",
    "user-story": "story",
    "ms": "milestone",
    "mr": "merge-request",
    "mol": "molecule",
}

KEY_ORDER = (
    "_type id title description design acceptance_criteria notes spec_id status priority issue_type assignee owner "
    "estimated_minutes created_at created_by updated_at started_at closed_at close_reason closed_by_session due_at "
    "defer_until external_ref source_system metadata compaction_level compacted_at compacted_at_commit original_size "
    "labels dependencies comments sender ephemeral no_history wisp_type pinned is_template bonded_from await_type "
    "await_id timeout waiters source_formula source_location mol_type work_type event_kind actor target payload"
).split()
"""The order in which a record's keys are written; unknown keys follow, sorted."""

DERIVED_KEYS = frozenset(("dependency_count", "dependent_count", "comment_count", "parent"))
"""Computed keys that exports contain and readers must ignore."""

BLOCKS, CONDITIONAL, WAITS_FOR, MERGE_BLOCKS = "blocks", "conditional-blocks", "waits-for", "merge-blocks"
PARENT_CHILD, TRACKS = "parent-child", "tracks"
EDGE_TYPES = frozenset(
    (
        "blocks parent-child conditional-blocks waits-for merge-blocks related discovered-from replies-to relates-to "
        "duplicates supersedes authored-by assigned-to approved-by attests tracks until caused-by validates "
        "delegated-from"
    ).split()
)
"""Edge types with a meaning; any other word is accepted and blocks nothing."""

KIND_LABELS = {"message": "gt:message", "merge-request": "gt:merge-request"}
"""Types that older records carry in place of the label."""


IDENTITY_TYPES = ("agent", "rig", "role", "queue", "slot")
"""Types of identity records.  Their assignee and status change as those of work do, but they are never work."""
IDENTITY_LABELS = tuple(f"gt:{kind}" for kind in IDENTITY_TYPES)


def is_identity(bead: Labelled) -> bool:
    """Return whether the bead is the record of an agent, rig, role, queue or slot, which is never put on a hook."""
    return bead.issue_type in IDENTITY_TYPES or any(label in IDENTITY_LABELS for label in bead.labels)


def kind_labels(bead: Labelled) -> tuple[str, ...]:
    """Return the labels that find the bead: its own, and the one its type implies (KIND_LABELS)."""
    kind = KIND_LABELS.get(bead.issue_type)
    return (*bead.labels, kind) if kind else bead.labels


def is_kind(bead: Labelled, label: str) -> bool:
    """Return whether a bead is of the kind that ``label`` names, by label or by type."""
    return label in bead.labels or KIND_LABELS.get(bead.issue_type) == label


def is_convoy(bead: Labelled) -> bool:
    """Return whether a bead is a convoy, by type or by label."""
    return bead.issue_type == "convoy" or "gt:convoy" in bead.labels


class Bead:
    """One record of the ledger; ``raw`` is its JSON object and must not be modified."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return f"Bead({self.id} {self.status} {self.title!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bead) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash((self.id, self.updated_at))

    def text(self, key: str) -> str:
        """Return the text under ``key``, empty if absent or not text."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        """``<prefix>-<hash>``; a child has a suffix such as ``.1``."""
        return self.text("id")

    @property
    def title(self) -> str:
        """One line, 1 to 500 characters."""
        return self.text("title")

    @property
    def description(self) -> str:
        """Free text, optionally with field lines (see ``fields``)."""
        return self.text("description")

    @property
    def status(self) -> str:
        """A key of STATUS_CATEGORY or a custom word; ``open`` if absent."""
        return self.text("status") or OPEN

    @property
    def priority(self) -> int:
        """0 (critical) to 4 (backlog); 0 if absent, NO_PRIORITY if the value is anything else."""
        return priority_of(self.raw.get("priority"))

    @property
    def issue_type(self) -> str:
        """The type; ``task`` if absent."""
        return self.text("issue_type") or "task"

    @property
    def assignee(self) -> str:
        """Address of the assignee, empty if none."""
        return self.text("assignee")

    @property
    def created_at(self) -> float:
        """Unix seconds; 0 if unreadable."""
        return parse_moment(self.raw.get("created_at")) or 0.0

    @property
    def updated_at(self) -> float:
        """Unix seconds; 0 if unreadable."""
        return parse_moment(self.raw.get("updated_at")) or 0.0

    @property
    def closed_at(self) -> float | None:
        """Unix seconds; None if absent or unreadable."""
        return parse_moment(self.raw.get("closed_at"))

    @property
    def defer_until(self) -> float | None:
        """Unix seconds until which the bead is not ready; None if absent or unreadable."""
        return parse_moment(self.raw.get("defer_until"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the record's order."""
        value = self.raw.get("labels")
        return tuple(x for x in value if isinstance(x, str)) if isinstance(value, list) else ()

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Dependencies of this bead; targets such as ``external:<prefix>:<id>`` are reduced to the plain id."""
        return read_edges(self.raw.get("dependencies"))

    @property
    def comments(self) -> tuple[dict[str, object], ...]:
        """Comments in the record's order, each with ``id``, ``author``, ``text``, ``created_at``."""
        value = self.raw.get("comments")
        return tuple(x for x in value if isinstance(x, dict)) if isinstance(value, list) else ()

    @property
    def is_closed(self) -> bool:
        """Whether the status is ``closed``."""
        return self.raw.get("status") == CLOSED

    @property
    def is_pinned(self) -> bool:
        """Whether the bead is pinned, by status or by flag."""
        return self.raw.get("status") == PINNED or self.raw.get("pinned") is True

    @property
    def is_ephemeral(self) -> bool:
        """Whether it is a wisp, kept in ``wisps.jsonl`` outside git (also by the legacy key ``wisp``)."""
        raw = self.raw
        return bool(raw.get("ephemeral") or raw.get("wisp") is True or raw.get("no_history"))

    @property
    def is_tombstone(self) -> bool:
        """Whether this line deletes its id."""
        return self.raw.get("status") == "tombstone"

    @property
    def parent(self) -> str:
        """Id of the ``parent-child`` target, empty if none; the smallest id if imports left several."""
        return min((edge.target for edge in self.edges if edge.type == PARENT_CHILD), default="")

    @property
    def fields(self) -> dict[str, str]:
        """The ``key: value`` lines of the description; see ``read_fields``."""
        from gastown_core.model.fields import read_fields

        return read_fields(self.description)

    def with_changes(self, **changes: object) -> Bead:
        """Return a copy with these keys set; a value of None, "", [] or False removes the key."""
        raw = dict(self.raw)
        for key, value in changes.items():
            if value is None or value == "" or value == [] or value is False:
                raw.pop(key, None)
            else:
                raw[key] = value
        return Bead(raw)


def priority_of(value: object) -> int:
    """Return the priority that a raw value stands for: 0 to 4, 0 for None, NO_PRIORITY for anything else."""
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value < NO_PRIORITY else NO_PRIORITY


def priority_word(priority: int) -> str:
    """Return the label ``P0`` to ``P4``, or ``P?``."""
    return f"P{priority}" if 0 <= priority < NO_PRIORITY else "P?"


def usable_priority(priority: int) -> int:
    """Return the priority for a bead derived from one with this priority: the same, or USUAL_PRIORITY if unknown."""
    return priority if 0 <= priority < NO_PRIORITY else USUAL_PRIORITY


def known_priority(priority: int) -> int | None:
    """Return the priority for JSON output, None if unknown."""
    return priority if 0 <= priority < NO_PRIORITY else None


def target_of(entry: object) -> str:
    """Return the plain id of an entry of ``dependencies``, empty if it has none."""
    return unwrap_external(str(entry.get("depends_on_id") or "")) if isinstance(entry, dict) else ""


def unwrap_external(target: str) -> str:
    """Return the plain id in ``external:<prefix>:<id>``; other text is unchanged."""
    if target.startswith("external:"):
        return target.rsplit(":", 1)[-1]
    return target


EDGE_SPELLINGS = {
    **dict.fromkeys(("blocked-by", "depends-on", "depends", "requires", "needs", "block"), BLOCKS),
    **dict.fromkeys(("parent", "child-of", "subtask-of", "parentchild"), PARENT_CHILD),
    **dict.fromkeys(("relates", "related-to", "relation"), "related"),
    **dict.fromkeys(("conditional-block", "conditional"), CONDITIONAL),
    **dict.fromkeys(("wait-for", "waits"), WAITS_FOR),
    **dict.fromkeys(("discovered", "discovered-by"), "discovered-from"),
}
"""Other tools' spellings of edge types, lower-cased and with hyphens."""


def edge_type_of(word: str) -> str:
    """Return the edge type for a spelling (EDGE_SPELLINGS); an unknown word is returned unchanged."""
    if word in (BLOCKS, PARENT_CHILD, TRACKS):
        return word
    plain = word.strip().lower().replace("_", "-").replace(" ", "-")
    return EDGE_SPELLINGS.get(plain, plain if plain in EDGE_TYPES else word)


def read_edges(value: object) -> tuple[Edge, ...]:
    """Return the edges in a ``dependencies`` value, with types normalised by ``edge_type_of``.

    Malformed entries and those without a target are skipped.
    """
    if not isinstance(value, list):
        return ()
    found = []
    for item in value:
        if isinstance(item, dict) and isinstance(item.get("depends_on_id"), str) and item["depends_on_id"].strip():
            metadata = item.get("metadata")
            found.append(
                Edge(
                    unwrap_external(item["depends_on_id"]),
                    edge_type_of(str(item.get("type") or BLOCKS)),
                    metadata if isinstance(metadata, str) else "",
                    str(item.get("created_at") or ""),
                    str(item.get("created_by") or ""),
                )
            )
    return tuple(found)
