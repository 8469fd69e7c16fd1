"""One write in progress, for any engine: the operations of beads.md section 5 over a store's look-ups.

A batch sees its own changes.  Leaving the ``with`` block passes the changed records to the engine at once; an
exception discards them.
"""

from __future__ import annotations

from gastown_core.beads import ids, rules
from gastown_core.beads.graph import BLOCKING_TYPES, ORDERING_TYPES, Graph, is_released, path_between
from gastown_core.beads.ledger_line import encode, excerpt_of
from gastown_core.beads.write_notes import WriteNotes
from gastown_core.clock import format_micros, parse_duration, parse_moment
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.bead import (
    BLOCKS,
    CLOSED,
    EPIC,
    IN_PROGRESS,
    OPEN,
    PARENT_CHILD,
    Bead,
    edge_type_of,
    target_of,
    unwrap_external,
)
from gastown_core.model.fields import is_field_key, set_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any

    from gastown_core.beads.batch_engine import BatchEngine
    from gastown_core.beads.query import Excerpt

MENTION_KEYS = ("description", "design", "acceptance_criteria", "notes")


class RuleBatch:
    """One write by ``actor``: leaving the ``with`` block commits, an exception discards it."""

    def __init__(self, engine: BatchEngine, actor: str) -> None:
        self.actor = actor
        self._engine = engine
        self._before: dict[str, Bead | None] = {}
        self._after: dict[str, Bead] = {}
        self._pointing: dict[str, dict[str, None]] = {}
        self._now = 0.0
        self._notes = WriteNotes()

    def __enter__(self) -> RuleBatch:
        self._notes.begin()
        self._engine.begin()
        self._now = self._engine.clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            changed = self.changed() if kind is None else []
            if changed:
                self._engine.commit(changed)
        finally:
            self._engine.end()
        if changed:
            self._notes.tell(getattr(self._engine, "beads_dir", ""), self.changes(), self.actor)

    def tell(self, kind: str, **attributes: object) -> None:
        """Tell telemetry of something once this write is done; nothing if it is discarded."""
        self._notes.add(kind, attributes)

    @property
    def now(self) -> float:
        """The time of this write, in Unix seconds."""
        return self._now

    def changed(self) -> list[Bead]:
        """Return the records that differ from the stored ones, including tombstones, in the order they were touched."""
        return [after for _, after in self.changes()]

    def changes(self) -> list[tuple[Bead | None, Bead]]:
        """As ``changed``, each with the stored record (None for a new bead)."""
        out = []
        for bead_id, bead in self._after.items():
            before = self._before.get(bead_id)
            if before is None and bead.is_tombstone:
                continue
            if before is None or (before.raw is not bead.raw and encode(before.raw) != encode(bead.raw)):
                out.append((before, bead))
        return out

    def keep_lines(self, lines: list[bytes]) -> None:
        """Store lines that are not beads (memories); they are written immediately."""
        self._engine.keep_lines(lines)

    def discard(self) -> None:
        """Discard all changes; nothing will be written."""
        self._after.clear()
        self._pointing.clear()
        self._notes.discard()

    def get(self, bead_id: str) -> Bead | None:
        """Return the bead as of this batch, None if it does not exist or is deleted."""
        bead = self._current(bead_id)
        return None if bead is None or bead.is_tombstone else bead

    def _current(self, bead_id: str) -> Bead | None:
        if bead_id in self._after:
            return self._after[bead_id]
        if bead_id not in self._before:
            self._before[bead_id] = self._engine.load(bead_id)
        return self._before[bead_id]

    def need(self, bead_id: str) -> Bead:
        """As ``get``. Raises NotFoundError with similar ids."""
        bead = self.get(bead_id)
        if bead is None:
            raise self._engine.near(bead_id)
        return bead

    def _keep(self, raw: dict[str, Any]) -> Bead:
        bead = Bead(raw)
        if bead.id not in self._before:
            self._before[bead.id] = self._engine.load(bead.id)
        self._after[bead.id] = bead
        for edge in bead.edges:
            # changed records by edge target: a look-up instead of a scan
            self._pointing.setdefault(edge.target, {})[bead.id] = None
        return bead

    def _save(self, bead: Bead, **changes: Any) -> Bead:
        """Set these keys (None removes) and stamp the record if that changes it; returns the bead."""
        raw = rules.changed_record(bead.raw, changes, self.actor, self._now)
        return bead if raw is bead.raw else self._keep(raw)

    # -- operations ----------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], *, bead_id: str = "", parent: str = "", kind: str = "") -> Bead:
        """Create a bead; ``kind`` is an infix of its id, and ``wisp`` makes it ephemeral.

        ``bead_id`` sets the id; ``parent`` makes it a child with the parent's labels.  Raises UsageError for invalid
        fields, NotFoundError for an unknown parent or target, ConflictError if the id exists or an edge is forbidden.
        """
        checked = rules.checked(fields, self._engine.words)
        title = checked.get("title") or ""
        if kind == "wisp" and not checked.get("no_history"):
            checked["ephemeral"] = True
        edges = list(checked.pop("dependencies", None) or ())
        above = self.need(parent) if parent else None
        if above is not None:
            checked["labels"] = sorted({*above.labels, *checked.get("labels", ())})
        made = bead_id or (self._child_id(parent) if parent else self._mint(kind, title))
        if bead_id:
            self._check_new(bead_id)
        raw = rules.new_record(made, checked, self.actor, self._now)
        if above is not None:
            edges.insert(0, rules.new_edge(made, parent, PARENT_CHILD, "", self.actor, self._now))
        bead = self._keep(raw)
        for edge in rules.edges_of(made, edges, self.actor, self._now):
            bead = self._link(bead, edge)
        return bead

    def _check_new(self, bead_id: str) -> None:
        if not ids.is_valid(bead_id):
            raise UsageError(f"{bead_id!r} cannot be an id", "", f"an id looks like {self._engine.prefix}-abc12")
        standing = self._current(bead_id)
        if standing is not None and not standing.is_tombstone:
            raise ConflictError(f"{bead_id} already exists", standing.title, "use bd update to change it")

    def _mint(self, kind: str, title: str) -> str:
        engine = self._engine

        def is_taken(candidate: str) -> bool:
            return candidate in self._after or engine.is_taken(candidate)

        count = engine.root_count() + len(self._after)
        return ids.mint(engine.prefix, kind, title, self.actor, self._now, count, is_taken)

    def _child_id(self, parent: str) -> str:
        return ids.child_of(parent, [*self._engine.below(parent), *self._after])

    def update(self, bead_id: str, changes: Mapping[str, Any], *, expected_updated_at: str | None = None) -> Bead:
        """Set record keys. Raises ConflictError if ``updated_at`` is not ``expected_updated_at``, if that is given."""
        bead = self.need(bead_id)
        if expected_updated_at is not None and bead.text("updated_at") != expected_updated_at:
            raise ConflictError(
                f"{bead_id} was changed in the meantime",
                f"its updated_at is {bead.text('updated_at')}, not {expected_updated_at}",
                "read it again and retry",
            )
        return self._save(bead, **rules.checked(changes, self._engine.words))

    def restore(self, bead_id: str, changed: Mapping[str, tuple[object, object]]) -> Bead:
        """Set record keys back to what they were (None: absent), exactly; no rule is applied.

        ``changed`` maps a key to (before, after).  Raises ConflictError if a key is no longer as that change left it.
        """
        bead = self.need(bead_id)
        raw = dict(bead.raw)
        for key, (before, after) in changed.items():
            if raw.get(key) != after:
                raise ConflictError(f"{bead_id} has changed since", f"its {key} is {raw.get(key)!r}, not {after!r}")
            if before is None:
                raw.pop(key, None)
            else:
                raw[key] = before
        return self._keep(rules.stamped(raw, bead.raw, self._now))

    def claim(self, bead_id: str, *, assignee: str = "") -> Bead:
        """Claim an open bead for ``assignee`` (default: the actor); a claim may be repeated. Raises ConflictError."""
        who = assignee or self.actor
        bead = self.need(bead_id)
        if bead.assignee and bead.assignee != who:
            raise ConflictError(f"{bead_id} is already claimed by {bead.assignee}", f"its status is {bead.status}")
        if bead.status == IN_PROGRESS and bead.assignee == who:
            return bead
        if bead.status != OPEN:
            raise ConflictError(
                f"{bead_id} cannot be claimed", f"its status is {bead.status}", "only open beads can be claimed"
            )
        return self._save(bead, status=IN_PROGRESS, assignee=who)

    def set_fields(self, bead_id: str, fields: Mapping[str, str | None]) -> Bead:
        """Set ``key: value`` lines in the description (None removes); other text is kept."""
        bead = self.need(bead_id)
        for key in fields:
            if not is_field_key(key):
                raise UsageError(
                    f"{key!r} is not a field name",
                    "",
                    "a name has letters, digits, _ and -, at most 40, without a colon",
                )
        return self._save(bead, description=set_fields(bead.description, fields))

    def comment(self, bead_id: str, text: str) -> Bead:
        """Append a comment by the batch's actor."""
        bead = self.need(bead_id)
        made = rules.new_comment(bead.raw, self.actor, text, self._now)
        return self._save(bead, comments=[*rules.entries_of(bead.raw, "comments"), made])

    def put(self, bead: Bead) -> None:
        """Write a record unchanged; no rule is applied."""
        self._keep(bead.raw)

    # -- edges ---------------------------------------------------------------------------------------------

    def add_edge(self, bead_id: str, target: str, edge_type: str = BLOCKS, metadata: str = "") -> Bead:
        """Make ``bead_id`` depend on ``target``, or change the metadata of that edge.

        Raises NotFoundError, UsageError, and ConflictError for a cycle, another edge type, or kinds that may not block.
        """
        edge = rules.new_edge(bead_id, target, edge_type, metadata, self.actor, self._now)
        return self._link(self.need(bead_id), edge)

    def _link(self, bead: Bead, edge: dict[str, Any]) -> Bead:
        edge = {**edge, "type": edge_type_of(str(edge["type"]))}
        target, edge_type = unwrap_external(str(edge["depends_on_id"])), str(edge["type"])
        edges = rules.entries_of(bead.raw, "dependencies")
        for place, standing in enumerate(edges):
            if target_of(standing) != target:
                continue
            known = edge_type_of(str(standing.get("type") or BLOCKS))
            if known == PARENT_CHILD and edge_type in BLOCKING_TYPES - {PARENT_CHILD}:
                raise _waits_for_its_parent(bead.id, target)
            if known != edge_type:
                raise ConflictError(
                    f"{bead.id} already has a {known} edge to {target}",
                    "two beads can have only one edge",
                    f"first run bd dep remove {bead.id} {target}",
                )
            if (standing.get("metadata") or "") == (edge.get("metadata") or ""):
                return bead
            edges[place] = {
                key: value for key, value in {**standing, "metadata": edge.get("metadata")}.items() if value
            }
            return self._save(bead, dependencies=edges)
        self._check_edge(bead, target, edge_type)
        return self._save(bead, dependencies=[*edges, edge])

    def _check_edge(self, bead: Bead, target: str, edge_type: str) -> None:
        if not 1 <= len(edge_type) <= 50:
            raise UsageError("an edge type has 1 to 50 characters")
        if target == bead.id:
            raise ConflictError(f"{bead.id} cannot depend on itself", f"{target} → {target}")
        if edge_type not in BLOCKING_TYPES:
            return
        other = self._excerpt(target)
        if other is None and ids.route_prefix(target) == f"{self._engine.prefix}-":
            raise self._engine.near(target)
        if edge_type == BLOCKS and other is not None:
            self._check_kinds(bead, other)
        if edge_type in ORDERING_TYPES:
            path = path_between(target, bead.id, self._ordering_targets)
            if path:
                raise ConflictError(
                    f"{bead.id} cannot depend on {target}: that would be a cycle", " → ".join([bead.id, *path])
                )

    def _check_kinds(self, bead: Bead, other: Excerpt) -> None:
        if bead.parent == other.id:
            raise _waits_for_its_parent(bead.id, other.id)
        if (bead.issue_type == EPIC) != (other.issue_type == EPIC):
            raise ConflictError(
                f"{bead.id} ({bead.issue_type}) cannot be blocked by {other.id} ({other.issue_type})",
                "an epic blocks only epics",
                "use -t parent-child, or block on the epic's children",
            )

    def _ordering_targets(self, bead_id: str) -> Iterable[str]:
        found = self._excerpt(bead_id)
        return [edge.target for edge in found.edges if edge.type in ORDERING_TYPES] if found is not None else []

    def remove_edge(self, bead_id: str, target: str) -> Bead:
        """Remove an edge; an external target is given by its id or in full. Raises NotFoundError if there is none."""
        bead = self.need(bead_id)
        edges = rules.entries_of(bead.raw, "dependencies")
        named = [edge for edge in edges if target_of(edge)]
        gone = [edge for edge in named if str(edge["depends_on_id"]) == target]
        if not gone:
            gone = [edge for edge in named if target_of(edge) == unwrap_external(target)]
        rest = [edge for edge in edges if edge not in gone]
        if not gone:
            known = ", ".join(str(edge["depends_on_id"]) for edge in named)
            hint = f"it depends on {known}" if known else "it depends on nothing"
            raise NotFoundError(f"{bead_id} does not depend on {target}", "", hint)
        return self._save(bead, dependencies=rest)

    def dependents(self, bead_id: str) -> list[tuple[str, str]]:
        """Return the ids that depend on this one as of this batch, each with the edge type."""
        out = [(source, kind) for source, kind in self._engine.edges_to(bead_id) if source not in self._after]
        for source in self._pointing.get(bead_id, ()):
            out += [(source, edge.type) for edge in self._after[source].edges if edge.target == bead_id]
        return out

    def _children(self, bead_id: str) -> list[str]:
        return [source for source, kind in self.dependents(bead_id) if kind == PARENT_CHILD]

    def _excerpt(self, bead_id: str) -> Excerpt | None:
        bead = self._current(bead_id)
        return excerpt_of(bead) if bead is not None else self._engine.foreign_excerpt(bead_id)

    def graph(self) -> Graph:
        """Return the dependencies as of this batch."""
        return Graph(self._excerpt, self._children, self._now, is_absent=self._engine.is_absent)

    # -- closing, reopening, deleting ------------------------------------------------------------------------

    def close(self, bead_id: str, reason: str = "", *, force: bool = False) -> Bead:
        """Close a bead; the last step also closes its molecule, or its ephemeral parent.

        Raises ConflictError for a template and, unless ``force`` is set, for a bead that is pinned or blocked, an epic
        with open children, or a gate that is still waiting.
        """
        bead = self.need(bead_id)
        if bead.is_closed:
            return bead
        if bead.raw.get("is_template") is True:
            raise ConflictError(f"{bead_id} is a template", "templates are never closed")
        if not force:
            self._check_close(bead)
        closed = self._save(bead, status=CLOSED, close_reason=reason or None)
        self._close_finished(closed)
        return closed

    def _check_close(self, bead: Bead) -> None:
        if bead.is_pinned:
            raise ConflictError(
                f"{bead.id} is pinned", "pinned beads stay open", f"unpin it with bd update {bead.id} -s open"
            )
        graph = self.graph()
        holds = graph.holds(bead.id)
        if holds:
            names = ", ".join(hold.id for hold in holds)
            raise ConflictError(f"{bead.id} is blocked", f"by {names}", f"bd dep tree {bead.id} shows why")
        if bead.issue_type == EPIC:
            known = (graph.bead(child) for child in self._children(bead.id))
            still = [child.id for child in known if child is not None and not is_released(child)]
            if still:
                raise ConflictError(f"{bead.id} has open children", ", ".join(still), "close them first")
        if bead.issue_type == "gate":
            self._check_gate(bead)

    def _check_gate(self, bead: Bead) -> None:
        kind = bead.text("await_type")
        if kind == "timer":
            created, span = parse_moment(bead.raw.get("created_at")), parse_duration(bead.raw.get("timeout"))
            if created is not None and span is not None and created + span > self._now:
                raise ConflictError(
                    f"gate {bead.id} is still waiting", f"its time is up at {format_micros(created + span)}"
                )
        elif kind.startswith("gh:"):
            raise ConflictError(f"gate {bead.id} is still waiting", f"for {kind} {bead.text('await_id')}")

    def _close_finished(self, bead: Bead) -> None:
        above = self.get(bead.parent) if bead.parent else None
        if above is None or above.is_closed or not (above.issue_type == "molecule" or above.is_ephemeral):
            return
        if rules.has_undone_steps(above.raw):
            return
        children = (self.get(child) for child in self._children(above.id))
        if all(child is None or child.is_closed for child in children):
            done = self._save(above, status=CLOSED, close_reason="all steps closed")
            self._close_finished(done)

    def reopen(self, bead_id: str, reason: str = "") -> Bead:
        """Reopen a bead; the reason becomes a comment. An open bead keeps its status."""
        bead = self.need(bead_id)
        if bead.status != OPEN:
            bead = self._save(bead, status=OPEN, defer_until=None)
        return self.comment(bead_id, reason) if reason else bead

    def delete(self, bead_id: str, reason: str = "") -> None:
        """Write a tombstone, remove edges to the bead, and mark mentions of it in its dependents."""
        bead = self.need(bead_id)
        for source, _ in self.dependents(bead_id):
            neighbour = self.get(source)
            if neighbour is not None and neighbour.id != bead_id:
                self._save(neighbour, **_without(neighbour, bead_id))
        self._keep(rules.tombstone_of(bead.raw, self.actor, reason, self._now))


def _waits_for_its_parent(child: str, parent: str) -> ConflictError:
    return ConflictError(
        f"{child} cannot depend on {parent}, its parent",
        "a parent is done only when its children are, so each would wait for the other",
        f"make {child} depend on another child of {parent}",
    )


def _without(bead: Bead, gone: str) -> dict[str, Any]:
    """Return the changes that remove a deleted bead's edges and mark its mentions in a neighbour."""
    import re

    changes: dict[str, Any] = {}
    if any(edge.target == gone for edge in bead.edges):
        changes["dependencies"] = [edge for edge in bead.raw["dependencies"] if target_of(edge) != gone]
    mention = re.compile(rf"(?<![\w:.-]){re.escape(gone)}(?![\w-]|\.\d)")
    for key in MENTION_KEYS:
        text = bead.text(key)
        if gone in text:
            changes[key] = mention.sub(f"[deleted:{gone}]", text)
    return changes
