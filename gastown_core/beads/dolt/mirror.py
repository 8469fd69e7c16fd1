"""A database as text beside the store: what the server holds, in files that the index and live readers understand.

The mirror is disposable, like the index.  It is brought up to date in one snapshot of the database: a hash says whether
anything changed, ``DOLT_DIFF`` from the commit last seen names the changed beads, and only those are read.  Wisps have
no history; ``wisp_marks`` say which of them to read.
"""

from __future__ import annotations

import os
from itertools import islice
from zlib import crc32

from gastown_core.beads import ledger_line
from gastown_core.beads.dolt import rows
from gastown_core.beads.dolt.link import RefusedError, UnreachableError, no_dolt
from gastown_core.beads.dolt.schema import ISSUES, WISPS, Schema, kept_schema
from gastown_core.beads.dolt.wisp_marks import wisps_to_read
from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.model.bead import TOMBSTONE
from gastown_core.model.json_text import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from gastown_core.beads.dolt.link import Link

    Raw = dict[str, Any]
    Sums = dict[str, int]

FOLDER = os.path.join(".cache", "dolt")
STATE, LOCK = "mirror.json", ".lock"
FORM = 1
"""The form of the mirror; one of another form is made anew."""
AT_ONCE = 400
GONE, UNKNOWN = 0, -1
"""In place of the sum of a line: there is none, or it was not read."""
FILES = {ISSUES: "issues.jsonl", WISPS: "wisps.jsonl"}
RELATED = ("labels", "dependencies", "comments")
WORDS = {"config": "`key`, value", "custom_statuses": "name, category", "custom_types": "name"}
"""Small tables that are kept whole, and their columns."""


class Mirror:
    """The mirror in ``folder`` of the database behind ``link``."""

    def __init__(self, folder: str, link: Link) -> None:
        self.folder = folder
        self.link = link
        self._schema: Schema | None = None
        self._seen = ""
        self._kept: Raw = {}
        self._read_at = (0, 0, 0)

    @property
    def schema(self) -> Schema:
        """The schema of the database, read when first needed. Raises StoreError."""
        if self._schema is None:
            self._schema = kept_schema(self.link, self.folder)
            self._check_identity()
        return self._schema

    def forget_schema(self) -> None:
        """Read the schema again at the next use: a statement failed since it may have changed."""
        self._schema = None

    def _check_identity(self) -> None:
        """Refuse the database of another town, which an inherited variable or a stale port may lead to."""
        wanted = self.link.address.project
        if not wanted or self._schema is None or "metadata" not in self._schema.tables:
            return
        found = self.link.ask("SELECT value FROM metadata WHERE `key`='_project_id'")
        if found and found[0][0] and found[0][0] != wanted:
            raise StoreError(
                f"{self.link.address.name} belongs to another town",
                f"its project is {found[0][0]}, not {wanted}",
                "check the port in metadata.json and dolt-server.port, and the variables BEADS_DOLT_*",
            )

    def path(self, home: str = ISSUES) -> str:
        """Return the path of the file for ``issues`` or ``wisps``."""
        return os.path.join(self.folder, FILES[home])

    @property
    def exists(self) -> bool:
        """Whether there is a mirror from an earlier time."""
        return os.path.exists(self.path())

    def lock(self) -> FileLock:
        """Return the lock under which the mirror changes."""
        return FileLock(os.path.join(self.folder, LOCK))

    def hash(self) -> str:
        """Return the hash of everything that the database holds now. Raises StoreError."""
        return hash_of(self.link)

    def catch_up(self) -> bool:
        """Take in what changed in the database since; returns whether anything did. Raises StoreError."""
        now = self.hash()
        if self.exists and now in (self._seen, self._state().get("hash")):
            self._seen = now
            return False
        with self.lock():
            return self.catch_up_locked()

    def catch_up_locked(self) -> bool:
        """As ``catch_up``, for the holder of the lock."""
        state = self._state()
        schema = self.schema
        with self.link.transaction():
            now = self.hash()
            if state.get("hash") == now and self.exists:
                self._seen = now
                return False
            head = str(self.link.ask("SELECT HASHOF('HEAD')")[0][0])
            stamps = self._stamps(schema)
            changed, marks = self._changed_since(state, schema, stamps)
            loose = self._loose(state, schema, head, changed[ISSUES])
            fresh = {home: self.read(home, ids) for home, ids in changed.items()}
            words = self._words(schema, state, stamps)
        sums = self._take_in(state, changed, loose, fresh)
        self._keep_state({"hash": now, "head": head, "stamps": stamps, "words": words, "marks": marks, **sums})
        self._seen = now
        return True

    def _loose(self, state: Raw, schema: Schema, head: str, changed: set[str] | None) -> set[str]:
        """Return the ids that may differ from the commit ``head``: if they differ no more, no diff names them."""
        if head == state.get("head") and changed is not None:
            return {*(state.get("loose") or {}), *changed}
        return self._differing(self._uncommitted(schema, head), head) or set()

    def _uncommitted(self, schema: Schema, head: str) -> list[str]:
        """Return the tables of issues that are not as the commit ``head`` has them."""
        rows = self.link.ask("SELECT to_table_name, from_table_name FROM DOLT_DIFF_SUMMARY(%s, 'WORKING')", (head,))
        named = {str(name) for row in rows for name in row}
        return [table for table in _tables_of(schema, ISSUES) if table in named]

    def _take_in(
        self, state: Raw, changed: dict[str, set[str] | None], loose: set[str], fresh: dict[str, dict[str, bytes]]
    ) -> dict[str, Sums]:
        """Write what was read to the files; returns the sums of lines that a later look may read again."""
        wisps = state.get(WISPS) or {}
        if changed[WISPS] is None:
            wisps = self._replace(WISPS, fresh[WISPS], wisps)
        elif asked_wisps := changed[WISPS]:
            wisps = self._renew(asked_wisps, fresh[WISPS], wisps)
        sums = {one: crc32(line) for one, line in fresh[ISSUES].items()}
        asked, known = changed[ISSUES], state.get("loose") or {}
        if asked is None:
            self._replace(ISSUES, fresh[ISSUES], {})
            return {"loose": {one: sums.get(one, GONE) for one in loose}, WISPS: wisps}
        sums.update((one, GONE) for one in asked if one not in sums)
        different = {one: line for one, line in fresh[ISSUES].items() if known.get(one) != sums[one]}
        self._append(ISSUES, different, (one for one in asked if sums[one] == GONE != known.get(one)), wisps)
        return {"loose": {one: sums.get(one, known.get(one, UNKNOWN)) for one in loose}, WISPS: wisps}

    def _state(self) -> Raw:
        """Return what is known of the mirror, read again only if its file is another one."""
        path = os.path.join(self.folder, STATE)
        try:
            found = os.stat(path)
        except OSError:
            return {}
        mark = found.st_ino, found.st_size, found.st_mtime_ns
        if mark != self._read_at:
            try:
                state = read_json(path) or {}
            except SettingsError:
                state = {}
            is_ours = state.get("form") == FORM and state.get("of") == self.link.address.name
            self._kept, self._read_at = state if is_ours and self._is_whole(state) else {}, mark
        return self._kept

    def _is_whole(self, state: Raw) -> bool:
        """Whether the files hold at least what the state speaks of; a machine that lost power may have kept the state alone."""
        sizes = state.get("sizes")
        return not isinstance(sizes, dict) or all(
            self._size(home) >= size for home, size in sizes.items() if home in FILES and isinstance(size, int)
        )

    def _size(self, home: str) -> int:
        try:
            return os.stat(self.path(home)).st_size
        except OSError:
            return 0

    def _keep_state(self, state: Raw) -> None:
        told = {
            "form": FORM,
            "of": self.link.address.name,
            "sizes": {home: self._size(home) for home in FILES},
            **state,
        }
        # nothing waits for the disk: what it lost is read again
        write_atomic(
            os.path.join(self.folder, STATE), encode_json(told).encode("utf-8", "replace"), mode=0o600, sync=False
        )

    def _stamps(self, schema: Schema) -> dict[str, str]:
        """Return the hash of each table that records are made of."""
        names = [name for home in FILES for name in _tables_of(schema, home)]
        names += [name for name in WORDS if name in schema.tables]
        fields = ", ".join(f"DOLT_HASHOF_TABLE('{name}')" for name in names)
        return dict(zip(names, map(str, self.link.ask(f"SELECT {fields}")[0]), strict=True))

    def _changed_since(
        self, state: Raw, schema: Schema, stamps: dict[str, str]
    ) -> tuple[dict[str, set[str] | None], Raw]:
        """Return the ids to read for each home, None for all, and the marks of the wisps."""
        old = state.get("stamps")
        head = state.get("head")
        if not isinstance(old, dict) or not head or not self.exists:
            return {ISSUES: None, WISPS: None}, {}
        changed: dict[str, set[str] | None] = {ISSUES: set(), WISPS: set()}
        touched = [name for name in _tables_of(schema, ISSUES) if old.get(name) != stamps[name]]
        if touched:
            differing = self._differing(touched, str(head))
            changed[ISSUES] = None if differing is None else differing | {*(state.get("loose") or {})}
        touched = [name for name in _tables_of(schema, WISPS) if old.get(name) != stamps[name]]
        kept = state.get("marks")
        marks = kept if isinstance(kept, dict) else {}
        if touched:
            changed[WISPS], marks = wisps_to_read(self.link, touched, marks)
        return changed, marks

    def _differing(self, tables: list[str], head: str) -> set[str] | None:
        """Return the ids of beads with changed rows in these tables since a commit; None if it is gone."""
        found: set[str] = set()
        for table in tables:
            key = "id" if table == ISSUES else "issue_id"
            try:
                pairs = self.link.ask(f"SELECT to_{key}, from_{key} FROM DOLT_DIFF(%s, 'WORKING', '{table}')", (head,))
            except UnreachableError:
                raise
            except StoreError:
                # history was rewritten, or the table's shape changed
                return None
            found.update(str(one) for pair in pairs for one in pair if one is not None)
        return found

    def _words(self, schema: Schema, state: Raw, stamps: dict[str, str]) -> dict[str, dict[str, str]]:
        """Return the tables of settings: those of the last look where they are the same."""
        old, known = state.get("stamps") or {}, state.get("words") or {}
        out = {}
        for name, columns in WORDS.items():
            if name not in schema.tables:
                continue
            if name in known and old.get(name) == stamps[name]:
                out[name] = known[name]
                continue
            out[name] = {str(row[0]): str(row[-1]) for row in self.link.ask(f"SELECT {columns} FROM {name}")}
        return out

    def words(self, table: str) -> dict[str, str]:
        """Return a table of settings as last read: ``config``, ``custom_statuses`` or ``custom_types``."""
        found = (self._state().get("words") or {}).get(table)
        return found if isinstance(found, dict) else {}

    def read(self, home: str, ids: set[str] | None) -> dict[str, bytes]:
        """Return the encoded records of a home in the database by id: those of ``ids``, or all."""
        schema = self.schema
        if (ids is not None and not ids) or (home == WISPS and not schema.has_wisps):
            return {}
        labels: dict[str, list[str]] = {}
        edges: dict[str, list[Raw]] = {}
        comments: dict[str, list[Raw]] = {}
        for row in self._rows(schema.related(home, "labels"), ids):
            labels.setdefault(row["issue_id"], []).append(row["label"])
        for row in self._rows(schema.related(home, "dependencies"), ids):
            edges.setdefault(row["issue_id"], []).append(rows.edge_from(row))
        for row in self._rows(schema.related(home, "comments"), ids):
            comments.setdefault(row["issue_id"], []).append(rows.comment_from(row))
        out = {}
        for row in self._rows(home, ids, key="id"):
            one = row["id"]
            said = sorted(comments.get(one, ()), key=lambda comment: (comment["created_at"], comment["id"]))
            wired = sorted(edges.get(one, ()), key=lambda edge: (edge.get("created_at", ""), edge["depends_on_id"]))
            raw = rows.record_from(row, labels.get(one, []), wired, said)
            out[one] = ledger_line.encode(raw)
        return out

    def _rows(self, table: str, ids: set[str] | None, *, key: str = "issue_id") -> Iterator[Raw]:
        if not table:
            return
        if ids is None:
            names, found = self.link.columns(f"SELECT * FROM {table}")
            yield from (dict(zip(names, row, strict=True)) for row in found)
            return
        rest = iter(sorted(ids))
        while part := list(islice(rest, AT_ONCE)):
            marks = ",".join(["%s"] * len(part))
            names, found = self.link.columns(f"SELECT * FROM {table} WHERE {key} IN ({marks})", part)
            yield from (dict(zip(names, row, strict=True)) for row in found)

    # -- the files -----------------------------------------------------------------------------------------

    def _replace(self, home: str, fresh: dict[str, bytes], told: Sums) -> Sums:
        """Take in all beads of a home: by an append if the file stands and little differs, otherwise as a new file."""
        different = {one: line for one, line in fresh.items() if told.get(one) != crc32(line)}
        if told and os.path.exists(self.path(home)) and len(different) * 2 < len(fresh) + 20:
            self._append(home, different, (one for one in told if one not in fresh), set())
        else:
            data = b"".join(line + b"\n" for line in fresh.values())
            write_atomic(self.path(home), data, mode=0o600, sync=False)
        return {one: crc32(line) for one, line in fresh.items()}

    def _renew(self, asked: set[str], fresh: dict[str, bytes], told: Sums) -> Sums:
        """Take in some wisps: those of ``asked`` that are not in ``fresh`` are gone."""
        sums = {one: crc32(line) for one, line in fresh.items()}
        different = {one: line for one, line in fresh.items() if told.get(one) != sums[one]}
        self._append(WISPS, different, (one for one in asked if one in told and one not in fresh), set())
        return {**{one: known for one, known in told.items() if one not in asked}, **sums}

    def _append(self, home: str, fresh: dict[str, bytes], gone: Iterable[str], moved: Iterable[str]) -> None:
        """Append records, and tombstones for those that are gone or moved to the other home."""
        lines = [*fresh.values()]
        lines += [_stone(one, home, "moved" if one in moved else "deleted") for one in sorted(gone)]
        if lines or not os.path.exists(self.path(home)):
            append_lines(self.path(home), lines, mode=0o600)


def hash_of(link: Link) -> str:
    """Return the hash of everything that a database holds now. Raises StoreError if the server is no Dolt server."""
    try:
        return str(link.ask("SELECT DOLT_HASHOF_DB()")[0][0])
    except RefusedError as error:
        raise no_dolt(link.address, error.why) from error


def _tables_of(schema: Schema, home: str) -> list[str]:
    if home not in schema.tables:
        return []
    return [home, *filter(None, (schema.related(home, related) for related in RELATED))]


def _stone(bead_id: str, home: str, reason: str) -> bytes:
    """Return the tombstone for a bead that a home no longer holds."""
    raw: Raw = {"_type": "issue", "id": bead_id, "title": "", "status": TOMBSTONE, "delete_reason": reason}
    if home == WISPS:
        raw["ephemeral"] = True
    return ledger_line.encode(raw)
