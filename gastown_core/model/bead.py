"""The bead: one record of the ledger, as one JSON object.

A Bead wraps the object it was read from, so keys that this programme does not know survive every path.  It is
never changed in place: ``with_changes`` gives a new one.  Formats and defaults: beads.md sections 1 to 3.
"""

from __future__ import annotations

from gastown_core.clock import parse_moment
from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple, Protocol

    class Labelled(Protocol):
        """A bead, or an excerpt of one."""

        @property
        def labels(self) -> tuple[str, ...]:
            """Its labels."""
            ...

        @property
        def issue_type(self) -> str:
            """Its type."""
            ...

    class Edge(NamedTuple):
        """A dependency: its owner depends on ``target`` in the way ``type`` says; ``metadata`` is raw JSON text."""

        target: str
        type: str
        metadata: str
        created_at: str
        created_by: str
else:
    Edge = record_type("Edge", "target type metadata created_at created_by")

OPEN = "open"
IN_PROGRESS = "in_progress"
BLOCKED = "blocked"
HOOKED = "hooked"
IN_REVIEW = "in_review"
DEFERRED = "deferred"
PINNED = "pinned"
CLOSED = "closed"

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
"""Built-in statuses, with ours (``in_review``: pushed, not yet landed) and the two of convoy staging."""

PRIORITY_NAMES = ("critical", "high", "medium", "low", "backlog")
NO_PRIORITY = len(PRIORITY_NAMES)
"""The priority of a record whose own is none of 0 to 4 ("high", 9): after all others, in lists as ``P?``."""
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
"""Keys that exports carry and readers must ignore: they are computed."""


EDGE_TYPES = frozenset(
    (
        "blocks parent-child conditional-blocks waits-for merge-blocks related discovered-from replies-to relates-to "
        "duplicates supersedes authored-by assigned-to approved-by attests tracks until caused-by validates "
        "delegated-from"
    ).split()
)
"""The types of edges that have a meaning; any other word is taken and holds nothing back."""

KIND_LABELS = {"message": "gt:message", "merge-request": "gt:merge-request"}
"""Types that older records bear instead of the label of their kind."""


IDENTITY_TYPES = ("agent", "rig", "role", "queue", "slot")
"""Types of records that say what something is. They change hands and status as work does, but nobody works on them."""
IDENTITY_LABELS = tuple(f"gt:{kind}" for kind in IDENTITY_TYPES)


def is_identity(bead: Labelled) -> bool:
    """Whether the bead is the record of an agent, a rig, a role, a queue or a slot: never work on a hook."""
    return bead.issue_type in IDENTITY_TYPES or any(label in IDENTITY_LABELS for label in bead.labels)


def kind_labels(bead: Labelled) -> tuple[str, ...]:
    """The labels by which the bead is found: its own, and that of its kind where its type names it."""
    kind = KIND_LABELS.get(bead.issue_type)
    return (*bead.labels, kind) if kind else bead.labels


def is_kind(bead: Labelled, label: str) -> bool:
    """Whether a bead is of the kind that the label names, by the label or by its type."""
    return label in bead.labels or KIND_LABELS.get(bead.issue_type) == label


class Bead:
    """One record; ``raw`` is the JSON object and is to be treated as frozen."""

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
        """The text under ``key``, empty if absent or not text."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        """``<prefix>-<hash>``, or with ``.1`` for a child."""
        return self.text("id")

    @property
    def title(self) -> str:
        """One line, 1 to 500 characters."""
        return self.text("title")

    @property
    def description(self) -> str:
        """Prose, maybe led by field lines."""
        return self.text("description")

    @property
    def status(self) -> str:
        """One of STATUS_CATEGORY or a custom word; ``open`` if absent."""
        return self.text("status") or OPEN

    @property
    def priority(self) -> int:
        """0 critical to 4 backlog; 0 if absent, NO_PRIORITY if it is anything else."""
        return priority_of(self.raw.get("priority"))

    @property
    def issue_type(self) -> str:
        """``task`` if absent."""
        return self.text("issue_type") or "task"

    @property
    def assignee(self) -> str:
        """Address of who has it, empty if nobody."""
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
        """Unix seconds, None while not closed."""
        return parse_moment(self.raw.get("closed_at"))

    @property
    def defer_until(self) -> float | None:
        """Unix seconds before which it is not ready."""
        return parse_moment(self.raw.get("defer_until"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Sorted labels."""
        value = self.raw.get("labels")
        return tuple(x for x in value if isinstance(x, str)) if isinstance(value, list) else ()

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The dependencies whose source is this bead; targets with ``external:<prefix>:`` unwrapped to the plain id."""
        return read_edges(self.raw.get("dependencies"))

    @property
    def comments(self) -> tuple[dict[str, Any], ...]:
        """Oldest first: ``id``, ``author``, ``text``, ``created_at``."""
        value = self.raw.get("comments")
        return tuple(x for x in value if isinstance(x, dict)) if isinstance(value, list) else ()

    @property
    def is_closed(self) -> bool:
        """Whether the status is ``closed``."""
        return self.raw.get("status") == CLOSED

    @property
    def is_pinned(self) -> bool:
        """Pinned by status or by flag."""
        return self.raw.get("status") == PINNED or self.raw.get("pinned") is True

    @property
    def is_ephemeral(self) -> bool:
        """A wisp: kept in ``wisps.jsonl``, outside git (also the legacy key ``wisp``)."""
        raw = self.raw
        return bool(raw.get("ephemeral") or raw.get("wisp") is True or raw.get("no_history"))

    @property
    def is_tombstone(self) -> bool:
        """The line deletes its id."""
        return self.raw.get("status") == "tombstone"

    @property
    def parent(self) -> str:
        """Id of the ``parent-child`` target, empty if none; of several (imports bring such) the least."""
        return min((edge.target for edge in self.edges if edge.type == "parent-child"), default="")

    @property
    def fields(self) -> dict[str, str]:
        """The ``key: value`` lines in the description's leading or trailing block; see ``read_fields``."""
        return read_fields(self.description)

    def with_changes(self, **changes: Any) -> Bead:
        """A new bead with these keys set; a value of None, "" or [] removes the key."""
        raw = dict(self.raw)
        for key, value in changes.items():
            if value is None or value == "" or value == [] or value is False:
                raw.pop(key, None)
            else:
                raw[key] = value
        return Bead(raw)


def priority_of(value: object) -> int:
    """The priority that a record's value means: 0 to 4, 0 if there is none, NO_PRIORITY if it is anything else."""
    if value is None:
        return 0
    return value if type(value) is int and 0 <= value < NO_PRIORITY else NO_PRIORITY


def priority_word(priority: int) -> str:
    """``P0`` to ``P4``, or ``P?``."""
    return f"P{priority}" if 0 <= priority < NO_PRIORITY else "P?"


def usable_priority(priority: int) -> int:
    """The priority for what comes of a bead with this one: the same, or the usual one where it says nothing."""
    return priority if 0 <= priority < NO_PRIORITY else USUAL_PRIORITY


def known_priority(priority: int) -> int | None:
    """The priority as JSON tells it, None where the record's own says nothing."""
    return priority if 0 <= priority < NO_PRIORITY else None


def target_of(entry: object) -> str:
    """The plain id that an entry of ``dependencies`` names; empty if it names none."""
    return unwrap_external(str(entry.get("depends_on_id") or "")) if isinstance(entry, dict) else ""


def unwrap_external(target: str) -> str:
    """The plain id in ``external:<prefix>:<id>``; any other text unchanged."""
    if target.startswith("external:"):
        return target.rsplit(":", 1)[-1]
    return target


EDGE_SPELLINGS = {
    **dict.fromkeys(("blocked-by", "depends-on", "depends", "requires", "needs", "block"), "blocks"),
    **dict.fromkeys(("parent", "child-of", "subtask-of", "parentchild"), "parent-child"),
    **dict.fromkeys(("relates", "related-to", "relation"), "related"),
    **dict.fromkeys(("conditional-block", "conditional"), "conditional-blocks"),
    **dict.fromkeys(("wait-for", "waits"), "waits-for"),
    **dict.fromkeys(("discovered", "discovered-by"), "discovered-from"),
}
"""What other tools call the types of edges, in lower case and with hyphens."""


def edge_type_of(word: str) -> str:
    """The type of an edge that a word of any dialect means; a word that none knows stays as it is."""
    if word in ("blocks", "parent-child", "tracks"):
        return word
    plain = word.strip().lower().replace("_", "-").replace(" ", "-")
    return EDGE_SPELLINGS.get(plain, plain if plain in EDGE_TYPES else word)


def read_edges(value: object) -> tuple[Edge, ...]:
    """Edges of a record's ``dependencies`` value, their types as ``edge_type_of`` reads them.

    Malformed entries and those without a target are left out.
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
                    edge_type_of(str(item.get("type") or "blocks")),
                    metadata if isinstance(metadata, str) else "",
                    str(item.get("created_at") or ""),
                    str(item.get("created_by") or ""),
                )
            )
    return tuple(found)


def canonical_key(key: str) -> str:
    """Field keys are case-insensitive and take ``_``, ``-`` or a blank: the form to compare."""
    return key.strip().lower().replace("-", "_").replace(" ", "_")


def _field_of(line: str) -> tuple[str, str] | None:
    key, colon, value = line.partition(":")
    if not colon or not key or len(key) > 40 or not key.replace("_", "").replace("-", "").replace(" ", "").isalnum():
        return None
    if key.count(" ") > 1 or value.startswith("//"):
        return None
    return canonical_key(key), value.strip()


def _field_blocks(lines: list[str]) -> list[range]:
    """Line ranges that may hold fields: after an optional title line, and at the end; only unbroken runs count."""
    blocks: list[range] = []
    paragraphs: list[range] = []
    start: int | None = None
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            start = number if start is None else start
        elif start is not None:
            paragraphs.append(range(start, number))
            start = None
    for index, paragraph in enumerate(paragraphs):
        if index > 1 and index != len(paragraphs) - 1:
            continue
        run = [n for n in paragraph if _field_of(lines[n]) is not None]
        if run and run == list(range(run[0], paragraph.stop)) and run[0] - paragraph.start <= 1:
            blocks.append(range(run[0], paragraph.stop))
        elif run and run[0] == paragraph.start:
            stop = run[0]
            while stop in run:
                stop += 1
            blocks.append(range(run[0], stop))
    return blocks


def read_fields(description: str) -> dict[str, str]:
    """The field lines of a description: ``key: value`` in its first two or its last paragraph.

    ``null`` and empty values count as unset; prose elsewhere that looks like a field is left alone.
    """
    lines = description.split("\n")
    out: dict[str, str] = {}
    for block in _field_blocks(lines):
        for number in block:
            field = _field_of(lines[number])
            if field is not None and field[1] and field[1].lower() != "null":
                out.setdefault(*field)
    return out


def set_fields(description: str, changes: Mapping[str, str | None]) -> str:
    """The description with these field lines set (None removes); existing lines keep place and spelling, prose stays.

    A value is one line: line breaks in it become blanks, or what follows them would be read as further fields.  Where
    the loss of a line would turn prose into a field line, ``null`` stands in its place.
    """
    wanted = {canonical_key(key): (key, _on_one_line(value)) for key, value in changes.items()}
    meant = {key: value for key, value in read_fields(description).items() if key not in wanted}
    meant |= {key: value for key, (_, value) in wanted.items() if value and value.lower() != "null"}
    changed = _with_fields(description, wanted, None)
    left = {key for key in _field_keys(description) if key not in wanted}
    left |= {key for key, (_, value) in wanted.items() if value is not None}
    if read_fields(changed) == meant and left.issuperset(_field_keys(changed)):
        return changed
    return _with_fields(description, wanted, "null")


def _field_keys(description: str) -> set[str]:
    """Keys of all field lines, also of those that are unset."""
    lines = description.split("\n")
    fields = (_field_of(lines[number]) for block in _field_blocks(lines) for number in block)
    return {field[0] for field in fields if field is not None}


def is_field_key(key: str) -> bool:
    """Whether a field line with this key can be read back."""
    return _field_of(f"{key}: x") == (canonical_key(key), "x") and key == key.strip()


def _on_one_line(value: str | None) -> str | None:
    return value if value is None else " ".join(value.splitlines()).strip()


def _with_fields(description: str, wanted: dict[str, tuple[str, str | None]], gone: str | None) -> str:
    """The description with the lines ``wanted`` (key and value by canonical key); removed ones read ``gone``."""
    lines: list[str | None] = [*description.split("\n")] if description else []
    blocks = _field_blocks(description.split("\n"))
    ending = "\r" if "\r\n" in description else ""
    done: set[str] = set()
    for number in (number for block in blocks for number in block):
        line = lines[number] or ""
        field = _field_of(line)
        if field is None or field[0] not in wanted:
            continue
        value = wanted[field[0]][1]
        if field[0] in done:
            if value and value.lower() != "null":
                continue
            # a second line of the key would come to the fore now that the first is unset
            value = None
        lines[number] = _with_value(line, gone if value is None else value)
        done.add(field[0])
    fresh = [
        f"{key}: {value}{ending}" for plain, (key, value) in wanted.items() if value is not None and plain not in done
    ]
    if fresh and blocks:
        lines[blocks[0].stop : blocks[0].stop] = fresh
    elif fresh:
        lines = [*fresh, ending, *lines] if lines else [*fresh]
    return "\n".join(_without_gaps(lines))


def _with_value(line: str, value: str | None) -> str | None:
    """The field line with another value, as it was spelled; a line that has the value already is left as it is."""
    key, _, old = line.partition(":")
    if value is None or old.strip() == value:
        return None if value is None else line
    return f"{key}: {value}" + ("\r" if line.endswith("\r") else "")


def _without_gaps(lines: list[str | None]) -> list[str]:
    """The lines without the dropped ones (None); a paragraph that is gone whole takes one blank line along."""
    out: list[str] = []
    gap = False
    for line in lines:
        if line is None:
            gap = gap or not out or not out[-1].strip()
        elif gap and not line.strip():
            gap = False
        else:
            out.append(line)
            gap = False
    while gap and out and not out[-1].strip():
        out.pop()
    return out
