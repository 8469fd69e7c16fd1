"""The SQL of one write: beads with their labels, dependencies and comments, and what is recorded of it.

Only cells that differ are written, so that what others write to the same bead at the same moment stays.
"""

from __future__ import annotations

from gastown_core.beads.dolt import blocked, rows
from gastown_core.beads.dolt.schema import ISSUES, TARGETS, WISPS, Schema
from gastown_core.clock import format_micros, parse_moment
from gastown_core.errors import ConflictError, StoreError
from gastown_core.model.bead import CLOSED, IN_PROGRESS, Bead
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gastown_core.beads.dolt.link import Link

    Raw = dict[str, Any]
    Change = tuple[Bead | None, str, Bead]
    """The stored bead, its table (empty for a new one), and the bead to store."""
HISTORY = ("issues", "labels", "dependencies", "comments", "events", "child_counters", "config", "metadata")


class Statements:
    """The statements of one transaction by ``actor``."""

    def __init__(self, link: Link, schema: Schema, actor: str, now: float) -> None:
        self.link = link
        self.schema = schema
        self.actor = actor or "gt"
        self._now = now
        self._touched: set[str] = set()

    def write(self, changes: Sequence[Change]) -> None:
        """Store the beads: rows first, then what refers to rows, then deletions. Raises ConflictError for a taken id."""
        gone = [(home, bead) for _, home, bead in changes if bead.is_tombstone]
        kept = [change for change in changes if not change[2].is_tombstone]
        for before, home, bead in kept:
            self._store_row(before, home, bead)
        for before, home, bead in kept:
            self._store_related(before, home, bead)
            self._record_events(before, bead)
        for _, home, bead in kept:
            if home and home != self._home(bead):
                self._leave(home, bead.id)
        for home, bead in gone:
            self._delete(home, bead.id)
        blocked.recompute(self.link, self.schema, [one[2].id for one in changes if self._may_block(one)], self._touch)

    def _may_block(self, change: Change) -> bool:
        """Whether a change can make a bead ready or blocked: of status, table or edges, or a new bead with edges."""
        before, home, bead = change
        if before is None:
            return not home and (bool(bead.edges) or not self.schema.is_split("dependencies"))
        is_same = before.status == bead.status and before.raw.get("dependencies") == bead.raw.get("dependencies")
        return not is_same or home != self._home(bead)

    def remember(self, memories: Sequence[Mapping[str, object]]) -> None:
        """Store memories among the settings."""
        self._touch("config")
        for memory in memories:
            key = f"kv.memory.{memory.get('key')}"
            self.link.tell("REPLACE INTO config (`key`, value) VALUES (%s, %s)", (key, str(memory.get("value", ""))))

    def set_state(self, key: str, value: str) -> None:
        """Store a local value; where no table stays out of the history, it is committed with the rest."""
        table = self.schema.state_table
        if table:
            self._touch(table)
            self.link.tell(f"REPLACE INTO {table} (`key`, value) VALUES (%s, %s)", (key, value))

    def commit(self, message: str, *, in_history: bool) -> None:
        """Commit the transaction, and with ``in_history`` what it changed as a commit of the database."""
        touched = [name for name in HISTORY if name in self._touched and name in self.schema.tables]
        if in_history and touched:
            self.link.ask(f"CALL DOLT_ADD({','.join(['%s'] * len(touched))})", touched)
            try:
                self.link.ask("CALL DOLT_COMMIT('-m', %s, '--author', %s)", (message, self._author()))
                self.link.committed()
                return
            except StoreError as error:
                if "nothing to commit" not in str(error):
                    raise
        self.link.commit()

    def _author(self) -> str:
        name = "".join(c if c.isprintable() and c not in "<>" else " " for c in self.actor).strip() or "gt"
        return f"{name} <{'.'.join(name.split())}@gastown.local>"

    def _touch(self, table: str) -> str:
        self._touched.add(table)
        return table

    def _home(self, bead: Bead) -> str:
        return WISPS if bead.is_ephemeral and self.schema.has_wisps else ISSUES

    # -- rows ----------------------------------------------------------------------------------------------

    def _store_row(self, before: Bead | None, home: str, bead: Bead) -> None:
        table = self._touch(self._home(bead))
        columns = self.schema.columns(table)
        values = rows.values_of(self._timed(before, bead, columns), columns)
        if home != table:
            self._insert(table, values)
            self._count_child(bead.id)
            return
        old = rows.values_of(before.raw, columns) if before is not None else {}
        changed = {key: value for key, value in values.items() if old.get(key) != value}
        if not changed:
            return
        fields = ", ".join(f"`{key}`=%s" for key in changed)
        if not self.link.tell(f"UPDATE {table} SET {fields} WHERE id=%s", (*changed.values(), bead.id)):
            raise ConflictError(f"{bead.id} was deleted by another program at the same moment", "", "try again")

    @staticmethod
    def _timed(before: Bead | None, bead: Bead, columns: Mapping[str, str]) -> Raw:
        """Return the record with a time of change that the column keeps apart from the one before."""
        if before is None or rows.keeps_micros(columns.get("updated_at", "")):
            return bead.raw
        last, new = parse_moment(before.raw.get("updated_at")), parse_moment(bead.raw.get("updated_at"))
        if last is None or new is None or int(new) > int(last):
            return bead.raw
        return {**bead.raw, "updated_at": format_micros(int(last) + 1.0)}

    def _insert(self, table: str, values: Mapping[str, object]) -> None:
        names = ", ".join(f"`{name}`" for name in values)
        marks = ", ".join(["%s"] * len(values))
        try:
            self.link.tell(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
        except StoreError as error:
            if "duplicate" in str(error).lower():
                raise ConflictError(
                    f"{values.get('id')} was created by another program at the same moment", "", "try again"
                ) from error
            raise

    def _count_child(self, bead_id: str) -> None:
        """Note the number of a child, so that no program gives it out again."""
        parent, _, number = bead_id.rpartition(".")
        if not parent or not number.isdigit():
            return
        table = self._counter_of(parent)
        if table:
            self.link.tell(
                f"INSERT INTO {self._touch(table)} (parent_id, last_child) VALUES (%s, %s) "
                "ON DUPLICATE KEY UPDATE last_child=GREATEST(last_child, VALUES(last_child))",
                (parent, int(number)),
            )

    def _counter_of(self, parent: str) -> str:
        for home in (ISSUES, WISPS):
            table = self.schema.related(home, "child_counters")
            is_there = table and home in self.schema.tables
            if is_there and self.link.ask(f"SELECT 1 FROM {home} WHERE id=%s", (parent,)):
                return table
        return ""

    def _leave(self, home: str, bead_id: str) -> None:
        """Delete a bead that moved to the other table, after edges to it were pointed there."""
        was, now = (TARGETS[0], TARGETS[1]) if home == ISSUES else (TARGETS[1], TARGETS[0])
        for one in (ISSUES, WISPS):
            table = self.schema.related(one, "dependencies")
            if table and self.schema.is_split(table):
                self._touch(table)
                self.link.tell(f"UPDATE {table} SET {now}=%s, {was}=NULL WHERE {was}=%s", (bead_id, bead_id))
        self._delete_rows(home, bead_id)

    def _delete(self, home: str, bead_id: str) -> None:
        for one in (ISSUES, WISPS):
            table = self.schema.related(one, "dependencies")
            for column in self._target_columns(table):
                self._touch(table)
                self.link.tell(f"DELETE FROM {table} WHERE {column}=%s", (bead_id,))
        self._delete_rows(home, bead_id)

    def _delete_rows(self, home: str, bead_id: str) -> None:
        for related in ("labels", "dependencies", "comments", "events"):
            table = self.schema.related(home, related)
            if table:
                self.link.tell(f"DELETE FROM {self._touch(table)} WHERE issue_id=%s", (bead_id,))
        self.link.tell(f"DELETE FROM {self._touch(home)} WHERE id=%s", (bead_id,))

    def _target_columns(self, table: str) -> tuple[str, ...]:
        if not table:
            return ()
        return TARGETS if self.schema.is_split(table) else ("depends_on_id",)

    # -- related rows --------------------------------------------------------------------------------------

    def _store_related(self, before: Bead | None, home: str, bead: Bead) -> None:
        table = self._home(bead)
        old: Mapping[str, Any] = before.raw if before is not None and home == table else {}
        self._store_labels(table, _texts(old.get("labels")), _texts(bead.raw.get("labels")), bead.id)
        self._store_edges(table, rows.objects(old, "dependencies"), rows.objects(bead.raw, "dependencies"), bead.id)
        self._store_comments(table, rows.objects(old, "comments"), rows.objects(bead.raw, "comments"), bead.id)

    def _store_labels(self, home: str, old: set[str], new: set[str], bead_id: str) -> None:
        table = self.schema.related(home, "labels")
        if not table or old == new:
            return
        self._touch(table)
        for label in sorted(old - new):
            self.link.tell(f"DELETE FROM {table} WHERE issue_id=%s AND label=%s", (bead_id, label))
        self.link.tell_many(
            f"INSERT INTO {table} (issue_id, label) VALUES (%s, %s)", [(bead_id, label) for label in sorted(new - old)]
        )

    def _store_edges(self, home: str, old: list[Raw], new: list[Raw], bead_id: str) -> None:
        table = self.schema.related(home, "dependencies")
        if not table or old == new:
            return
        self._touch(table)
        kinds = self.schema.columns(table)
        before = {str(edge.get("depends_on_id")): edge for edge in old}
        after = {str(edge.get("depends_on_id")): edge for edge in new}
        for target in [one for one in before if before[one] != after.get(one)]:
            columns = self._target_columns(table)
            where = " OR ".join(f"{column}=%s" for column in columns)
            self.link.tell(f"DELETE FROM {table} WHERE issue_id=%s AND ({where})", (bead_id, *[target] * len(columns)))
        for target in [one for one in after if after[one] != before.get(one)]:
            edge = {**after[target], "issue_id": bead_id}
            column = self._target_column(table, target)
            self._insert(table, rows.edge_values(edge, {*kinds}, column, kinds))

    def _target_column(self, table: str, target: str) -> str:
        """Return the column for a target: by the table that holds it; what no table holds is external."""
        if not self.schema.is_split(table):
            return "depends_on_id"
        if self.schema.has_wisps and self.link.ask("SELECT 1 FROM wisps WHERE id=%s", (target,)):
            return TARGETS[1]
        return TARGETS[0] if self.link.ask("SELECT 1 FROM issues WHERE id=%s", (target,)) else TARGETS[2]

    def _store_comments(self, home: str, old: list[Raw], new: list[Raw], bead_id: str) -> None:
        table = self.schema.related(home, "comments")
        if not table or old == new:
            return
        self._touch(table)
        kinds = self.schema.columns(table)
        kept = {str(comment.get("id")): comment for comment in new}
        for one in old:
            if kept.get(str(one.get("id"))) != one:
                self.link.tell(f"DELETE FROM {table} WHERE id=%s", (one.get("id"),))
        known = {str(comment.get("id")): comment for comment in old}
        for comment in new:
            if known.get(str(comment.get("id"))) == comment:
                continue
            values = rows.comment_values(comment, bead_id, kinds)
            if "char" in kinds.get("id", "").lower():
                values["id"] = rows.comment_id(comment)
            self._insert(table, values)

    # -- events --------------------------------------------------------------------------------------------

    def _record_events(self, before: Bead | None, bead: Bead) -> None:
        table = self.schema.related(self._home(bead), "events")
        if not table:
            return
        self._touch(table)
        old = before.raw if before is not None else {}
        keys = [key for key in {**old, **bead.raw} if key != "updated_at" and old.get(key) != bead.raw.get(key)]
        was, now = ({key: raw[key] for key in keys if key in raw} for raw in (old, bead.raw))
        kind = "created" if before is None else _event_of(before, bead, keys)
        stamp = rows.sql_moment(format_micros(self._now), self.schema.columns(table).get("created_at", ""))
        self.link.tell(
            f"INSERT INTO {table} (issue_id, event_type, actor, old_value, new_value, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            (
                bead.id,
                kind,
                self.actor,
                "" if before is None else encode_json(was),
                "" if before is None else encode_json(now),
                stamp,
            ),
        )


def _event_of(before: Bead, bead: Bead, keys: Sequence[str]) -> str:
    """Return the Go tools' word for a change of these keys."""
    if before.status != bead.status:
        if bead.status == CLOSED:
            return "closed"
        if before.status == CLOSED:
            return "reopened"
        is_claim = bead.status == IN_PROGRESS and "assignee" in keys
        return "claimed" if is_claim else "status_changed"
    for key, added, removed in (
        ("labels", "label_added", "label_removed"),
        ("dependencies", "dependency_added", "dependency_removed"),
        ("comments", "commented", "commented"),
    ):
        if list(keys) == [key]:
            more = len(bead.raw.get(key) or ()) >= len(before.raw.get(key) or ())
            return added if more else removed
    return "updated"


def _texts(value: object) -> set[str]:
    return {item for item in value if isinstance(item, str) and item} if isinstance(value, list) else set()
