"""The tables of a database as they are, and those of a new one.

What a database can hold is read from its columns: the Go tools of different ages name the target of a dependency
differently, and keep wisps, custom words and local state in tables that older ones lack.
"""

from __future__ import annotations

import os
import re
from zlib import crc32

from gastown_core.beads.dolt.link import Link, UnreachableError
from gastown_core.errors import SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

NEWEST = 49
"""The newest migration of the Go tools that this program knows."""
ISSUES, WISPS = "issues", "wisps"
TARGETS = ("depends_on_issue_id", "depends_on_wisp_id", "depends_on_external")
STATE = "wisp_gt_state"
"""The table of local state in databases that have none: the Go tools leave tables of that name out of the history."""
_NEEDED = ("id", "title", "description", "status", "priority", "issue_type", "created_at", "updated_at")


class Schema:
    """The tables of a database: name → column → SQL type, without columns that the server computes."""

    def __init__(self, tables: dict[str, dict[str, str]], version: int) -> None:
        self.tables = tables
        self.version = version

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table, empty if there is no such table."""
        return self.tables.get(table, {})

    @property
    def has_wisps(self) -> bool:
        """Whether wisps have tables of their own."""
        return WISPS in self.tables

    @property
    def is_newer(self) -> bool:
        """Whether a newer program than known made it, so that writing could break what it relies on."""
        return self.version > NEWEST

    def related(self, home: str, table: str) -> str:
        """Return the table of labels, dependencies and so on for ``issues`` or ``wisps``, empty if it is missing."""
        name = f"wisp_{table}" if home == WISPS else table
        return name if name in self.tables else ""

    def is_split(self, table: str) -> bool:
        """Whether a table of dependencies has one column for each kind of target."""
        return TARGETS[0] in self.columns(table)

    @property
    def state_table(self) -> str:
        """The table of key and value for local state: not part of the history, but in databases older than wisps."""
        return next((name for name in ("local_metadata", STATE, "metadata", "config") if name in self.tables), "")


def read_schema(link: Link) -> Schema:
    """Return the schema of the database. Raises StoreError if it does not hold beads."""
    rows = link.ask(
        "SELECT table_name, column_name, column_type, extra FROM information_schema.columns WHERE table_schema=%s",
        (link.address.database,),
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind, extra in rows:
        if "GENERATED" not in str(extra).upper() or "DEFAULT" in str(extra).upper():
            tables.setdefault(str(table), {})[str(column)] = str(kind)
    missing = [column for column in _NEEDED if column not in tables.get(ISSUES, {})]
    if missing:
        why = f"its table issues lacks {', '.join(missing)}" if ISSUES in tables else "it has no table issues"
        raise StoreError(
            f"{link.address.name} holds no beads", why, "check dolt_database in metadata.json, and the server's port"
        )
    return Schema(tables, _version(link, tables))


def _version(link: Link, tables: Container[str]) -> int:
    if "schema_migrations" not in tables:
        return 0
    return int(link.ask("SELECT COALESCE(MAX(version), 0) FROM schema_migrations")[0][0])


def kept_schema(link: Link, folder: str) -> Schema:
    """As ``read_schema``, from a file in ``folder`` while the database says that its tables are still those."""
    if not os.path.isdir(folder):
        return read_schema(link)
    path = os.path.join(folder, "schema.json")
    try:
        kept = read_json(path) or {}
    except SettingsError:
        kept = {}
    tables = kept.get("tables")
    if kept.get("of") == link.address.name and isinstance(tables, dict):
        mark = _mark(link, str(kept.get("at")))
        if mark and mark == kept.get("mark"):
            return Schema(tables, _version(link, tables))
    # the mark first: a change that comes between makes the next look read again
    head = str(link.ask("SELECT HASHOF('HEAD')")[0][0])
    mark = _mark(link, head)
    schema = read_schema(link)
    write_json(path, {"of": link.address.name, "at": head, "mark": mark, "tables": schema.tables}, mode=0o600)
    return schema


def _mark(link: Link, commit: str) -> int:
    """Return a sum of how the tables differ from those of a commit; 0 if the server cannot say."""
    try:
        rows = link.ask("SELECT * FROM DOLT_SCHEMA_DIFF(%s, 'WORKING')", (commit,))
    except UnreachableError:
        raise
    except StoreError:
        # history was rewritten, or the server is too old for the question
        return 0
    return crc32(repr(sorted(map(repr, rows))).encode()) or 1


def make_state_table(link: Link, schema: Schema, moved: str) -> bool:
    """Make a table for local state where the schema has none that stays out of the history; returns whether it did.

    What earlier versions kept under the key ``moved`` among the database's metadata is removed.  Raises StoreError.
    """
    if not schema.has_wisps or schema.state_table in ("local_metadata", STATE):
        return False
    if link.ask("SELECT ignored FROM dolt_ignore WHERE pattern=%s", ("wisp_%",)) != [(1,)]:
        return False
    link.tell(f"CREATE TABLE IF NOT EXISTS {STATE} (`key` VARCHAR(255) PRIMARY KEY, value TEXT NOT NULL)")
    if "metadata" in schema.tables and link.tell("DELETE FROM metadata WHERE `key`=%s", (moved,)):
        _commit_removal(link, moved)
    return True


def _commit_removal(link: Link, key: str) -> None:
    """Commit that a key is gone from the metadata, unless others have changes there that they will commit."""
    keys = "COALESCE(to_key, from_key)"
    found = link.ask(f"SELECT {keys} FROM DOLT_DIFF('HEAD', 'WORKING', 'metadata')")
    if found == [(key,)]:
        link.ask("CALL DOLT_ADD('metadata')")
        link.ask("CALL DOLT_COMMIT('-m', 'gt: remove the mark of the last write')")


_RECORD = """
  id VARCHAR(255) PRIMARY KEY, content_hash VARCHAR(64), title VARCHAR(500) NOT NULL,
  description LONGTEXT NOT NULL DEFAULT (''), design LONGTEXT NOT NULL DEFAULT (''),
  acceptance_criteria LONGTEXT NOT NULL DEFAULT (''), notes LONGTEXT NOT NULL DEFAULT (''),
  status VARCHAR(32) NOT NULL DEFAULT 'open', priority INT NOT NULL DEFAULT 2,
  issue_type VARCHAR(32) NOT NULL DEFAULT 'task', assignee VARCHAR(255), estimated_minutes INT,
  created_at {moment} NOT NULL DEFAULT {now}, created_by VARCHAR(255) DEFAULT '', owner VARCHAR(255) DEFAULT '',
  updated_at {moment} NOT NULL DEFAULT {now}, started_at {moment}, closed_at {moment}, closed_by_session VARCHAR(255) DEFAULT '',
  external_ref VARCHAR(255), spec_id VARCHAR(1024), compaction_level INT DEFAULT 0, compacted_at {moment},
  compacted_at_commit VARCHAR(64), original_size INT, sender VARCHAR(255) DEFAULT '', ephemeral TINYINT(1) DEFAULT 0,
  no_history TINYINT(1) DEFAULT 0, wisp_type VARCHAR(32) DEFAULT '', pinned TINYINT(1) DEFAULT 0,
  is_template TINYINT(1) DEFAULT 0, mol_type VARCHAR(32) DEFAULT '', work_type VARCHAR(32) DEFAULT 'mutex',
  source_system VARCHAR(255) DEFAULT '', metadata JSON DEFAULT (JSON_OBJECT()), source_repo VARCHAR(512) DEFAULT '',
  close_reason LONGTEXT, event_kind VARCHAR(32) DEFAULT '', actor VARCHAR(255) DEFAULT '',
  target VARCHAR(255) DEFAULT '', payload LONGTEXT, await_type VARCHAR(32) DEFAULT '',
  await_id VARCHAR(255) DEFAULT '', timeout_ns BIGINT DEFAULT 0, waiters TEXT, due_at {moment}, defer_until {moment},
  is_blocked TINYINT(1) NOT NULL DEFAULT 0,
  INDEX idx_{table}_status (status), INDEX idx_{table}_assignee (assignee)
"""
_RELATED = {
    "labels": "issue_id VARCHAR(255) NOT NULL, label VARCHAR(255) NOT NULL, PRIMARY KEY (issue_id, label), "
    "INDEX idx_{name}_label (label)",
    "comments": "id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()), issue_id VARCHAR(255) NOT NULL, "
    "author VARCHAR(255) NOT NULL, text LONGTEXT NOT NULL, created_at {moment} NOT NULL DEFAULT {now}, INDEX idx_{name}_issue (issue_id)",
    "events": "id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()), issue_id VARCHAR(255) NOT NULL, "
    "event_type VARCHAR(32) NOT NULL, actor VARCHAR(255) NOT NULL, old_value LONGTEXT, new_value LONGTEXT, "
    "comment LONGTEXT, created_at {moment} NOT NULL DEFAULT {now}, INDEX idx_{name}_issue (issue_id), "
    "INDEX idx_{name}_created_at (created_at)",
    "dependencies": "id CHAR(36) NOT NULL PRIMARY KEY DEFAULT (UUID()), issue_id VARCHAR(255) NOT NULL, "
    "depends_on_issue_id VARCHAR(255), depends_on_wisp_id VARCHAR(255), depends_on_external VARCHAR(255), "
    "type VARCHAR(32) NOT NULL DEFAULT 'blocks', created_at {moment} NOT NULL DEFAULT {now}, created_by VARCHAR(255) NOT NULL DEFAULT '', "
    "metadata JSON DEFAULT (JSON_OBJECT()), thread_id VARCHAR(255) DEFAULT '', "
    "UNIQUE KEY uk_{name}_issue (issue_id, depends_on_issue_id), UNIQUE KEY uk_{name}_wisp (issue_id, depends_on_wisp_id), "
    "UNIQUE KEY uk_{name}_external (issue_id, depends_on_external), INDEX idx_{name}_issue_target (depends_on_issue_id), "
    "INDEX idx_{name}_wisp_target (depends_on_wisp_id)",
    "child_counters": "parent_id VARCHAR(255) PRIMARY KEY, last_child INT NOT NULL DEFAULT 0",
}
_REST = {
    "config": "`key` VARCHAR(255) PRIMARY KEY, value TEXT NOT NULL",
    "metadata": "`key` VARCHAR(255) PRIMARY KEY, value TEXT NOT NULL",
    "local_metadata": "`key` VARCHAR(255) PRIMARY KEY, value TEXT NOT NULL DEFAULT ('')",
    "custom_statuses": "name VARCHAR(64) PRIMARY KEY, category VARCHAR(32) NOT NULL DEFAULT 'unspecified'",
    "custom_types": "name VARCHAR(64) PRIMARY KEY",
    "schema_migrations": "version INT PRIMARY KEY",
}
_COMMA = re.compile(r",(?![^(]*\))")
"""A comma outside brackets."""
_IGNORED = ("wisps", "wisp_%", "local_metadata", "repo_mtimes")


def create_schema(link: Link, *, moment: str = "DATETIME(6)") -> None:
    """Create the tables of an empty database as the Go tools of NEWEST have them, and commit them.

    ``moment`` is the type of the columns for times; the Go tools' own keeps whole seconds.
    """
    for pattern in _IGNORED:
        link.tell("REPLACE INTO dolt_ignore VALUES (%s, true)", (pattern,))
    for name, columns in _bodies(moment).items():
        link.tell(f"CREATE TABLE {name} ({columns})")
    link.tell_many("INSERT INTO schema_migrations (version) VALUES (%s)", [(n,) for n in range(1, NEWEST + 1)])
    link.tell("CALL DOLT_COMMIT('-Am', 'gt: create the tables')")


def _bodies(moment: str) -> dict[str, str]:
    """Return table → what stands between the brackets of its CREATE TABLE."""
    # the Go tools leave these to the database
    times = {"moment": moment, "now": moment.replace("DATETIME", "CURRENT_TIMESTAMP")}
    out = {}
    for table in (ISSUES, WISPS):
        out[table] = _RECORD.format(table=table, **times)
        for related, columns in _RELATED.items():
            name = f"wisp_{related}" if table == WISPS else related
            out[name] = columns.format(name=name, **times)
    return out | _REST


def definitions(moment: str = "DATETIME(6)") -> dict[str, dict[str, str]]:
    """Return table → column → its definition, of the tables that ``create_schema`` makes."""
    out: dict[str, dict[str, str]] = {}
    for table, body in _bodies(moment).items():
        parts = [part.strip() for part in _COMMA.split(body)]
        named = (part.partition(" ") for part in parts if not part.startswith(("INDEX ", "UNIQUE ", "PRIMARY ")))
        out[table] = {name.strip("`"): words for name, _, words in named}
    return out
