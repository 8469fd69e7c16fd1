"""The tables of a commons: created, examined and brought up to date; format: formulas-wasteland-dashboard.md section 7.

The version is ``MAJOR.MINOR`` in ``_meta``. A newer minor version is used as it is, a newer major one is only read.
"""

from __future__ import annotations

from gastown_core.errors import ConflictError, StoreError
from gastown_core.model.record import Record
from gastown_core.wasteland.clone import literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.wasteland.clone import Clone

VERSION = (1, 1)
COLUMNS: dict[str, dict[str, str]] = {
    "_meta": {"key": "VARCHAR(64) PRIMARY KEY", "value": "TEXT"},
    "rigs": {
        "handle": "VARCHAR(255) PRIMARY KEY",
        "display_name": "VARCHAR(255)",
        "dolthub_org": "VARCHAR(255)",
        "hop_uri": "VARCHAR(512)",
        "owner_email": "VARCHAR(255)",
        "gt_version": "VARCHAR(32)",
        "trust_level": "INT DEFAULT 0",
        "registered_at": "TIMESTAMP",
        "last_seen": "TIMESTAMP",
        "rig_type": "VARCHAR(16) DEFAULT 'human'",
        "parent_rig": "VARCHAR(255)",
    },
    "wanted": {
        "id": "VARCHAR(64) PRIMARY KEY",
        "title": "TEXT NOT NULL",
        "description": "TEXT",
        "project": "VARCHAR(64)",
        "type": "VARCHAR(32)",
        "priority": "INT DEFAULT 2",
        "tags": "JSON",
        "posted_by": "VARCHAR(255)",
        "claimed_by": "VARCHAR(255)",
        "status": "VARCHAR(32) DEFAULT 'open'",
        "effort_level": "VARCHAR(16) DEFAULT 'medium'",
        "evidence_url": "TEXT",
        "sandbox_required": "TINYINT(1) DEFAULT 0",
        "sandbox_scope": "JSON",
        "sandbox_min_tier": "VARCHAR(32)",
        "created_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
    },
    "completions": {
        "id": "VARCHAR(64) PRIMARY KEY",
        "wanted_id": "VARCHAR(64)",
        "completed_by": "VARCHAR(255)",
        "evidence": "TEXT",
        "validated_by": "VARCHAR(255)",
        "stamp_id": "VARCHAR(64)",
        "parent_completion_id": "VARCHAR(64)",
        "block_hash": "VARCHAR(64)",
        "hop_uri": "VARCHAR(512)",
        "completed_at": "TIMESTAMP",
        "validated_at": "TIMESTAMP",
    },
    "stamps": {
        "id": "VARCHAR(64) PRIMARY KEY",
        "author": "VARCHAR(255) NOT NULL",
        "subject": "VARCHAR(255) NOT NULL",
        "valence": "JSON NOT NULL",
        "confidence": "FLOAT DEFAULT 1",
        "severity": "VARCHAR(16) DEFAULT 'leaf'",
        "context_id": "VARCHAR(64)",
        "context_type": "VARCHAR(32)",
        "stamp_type": "VARCHAR(32)",
        "pilot_cohort": "VARCHAR(64)",
        "skill_tags": "JSON",
        "message": "TEXT",
        "prev_stamp_hash": "VARCHAR(64)",
        "stamp_index": "INT",
        "block_hash": "VARCHAR(64)",
        "hop_uri": "VARCHAR(512)",
        "created_at": "TIMESTAMP",
    },
    "badges": {
        "id": "VARCHAR(64) PRIMARY KEY",
        "rig_handle": "VARCHAR(255)",
        "badge_type": "VARCHAR(64)",
        "awarded_at": "TIMESTAMP",
        "evidence": "TEXT",
    },
    "leaderboard": {
        "handle": "VARCHAR(255) PRIMARY KEY",
        "display_name": "VARCHAR(255)",
        "tier": "VARCHAR(32)",
        "stamp_count": "INT",
        "avg_quality": "FLOAT",
        "cluster_breadth": "INT",
        "top_skills": "JSON",
        "badges": "JSON",
        "computed_at": "TIMESTAMP",
    },
    "chain_meta": {
        "chain_id": "VARCHAR(64) PRIMARY KEY",
        "chain_type": "VARCHAR(32)",
        "parent_chain_id": "VARCHAR(64)",
        "hop_uri": "VARCHAR(512)",
        "dolt_database": "VARCHAR(255)",
        "created_at": "TIMESTAMP",
    },
}
"""Table → column → its SQL type; columns of other programs stay."""
CHECKS = {
    "stamps": (
        "CHECK (author <> subject)",
        "CHECK (stamp_type IS NULL OR stamp_type IN ('work','mentoring','peer_review','endorsement','boot_block'))",
    )
}
MERGED = tuple(COLUMNS)
"""Tables in which a merge may find that both sides changed a row."""


class Schema(Record):
    """What a clone holds: its version (0, 0 without one), missing tables, and missing columns as ``table.column``."""

    version: tuple[int, int]
    tables: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def is_newer(self) -> bool:
        """Whether its major version is one that this program does not know."""
        return self.version[0] > VERSION[0]

    @property
    def is_complete(self) -> bool:
        """Whether nothing that this program writes is missing."""
        return not self.tables and not self.columns


def create_statements(tables: tuple[str, ...] = tuple(COLUMNS)) -> list[str]:
    """Return the statements that create these tables."""
    made = []
    for table in tables:
        parts = [f"`{name}` {kind}" for name, kind in COLUMNS[table].items()]
        made.append(f"CREATE TABLE IF NOT EXISTS `{table}` ({', '.join([*parts, *CHECKS.get(table, ())])})")
    return made


def version_statement() -> str:
    """Return the statement that notes this program's version."""
    text = ".".join(map(str, VERSION))
    return f"REPLACE INTO _meta (`key`, value) VALUES ('schema_version', {literal(text)})"


def examine(clone: Clone) -> Schema:
    """Return what the clone holds."""
    try:
        rows, version = clone.read_several(ASK_COLUMNS, ASK_VERSION)
    except StoreError:
        # without the table _meta the second question is an error
        rows, version = clone.read(ASK_COLUMNS), []
    return examined(rows, version)


def examined(rows: list[dict[str, Any]], version: list[dict[str, Any]]) -> Schema:
    """Return what the answers to ``ASK_COLUMNS`` and ``ASK_VERSION`` say."""
    have: dict[str, set[str]] = {}
    for row in rows:
        have.setdefault(str(row["t"]), set()).add(str(row["c"]))
    tables = tuple(table for table in COLUMNS if table not in have)
    columns = tuple(
        f"{table}.{name}"
        for table, wanted in COLUMNS.items()
        if table in have
        for name in wanted
        if name not in have[table]
    )
    return Schema(_version(version), tables, columns)


ASK_COLUMNS = "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE()"
ASK_VERSION = "SELECT value FROM _meta WHERE `key` = 'schema_version'"


def _version(rows: list[dict[str, Any]]) -> tuple[int, int]:
    parts = str(rows[0].get("value", "")).split(".") if rows else []
    if not parts or not all(part.isdigit() for part in parts):
        return (0, 0)
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0


def need_writable(clone: Clone) -> None:
    """Refuse to write into a commons that this program does not fully know. Raises ConflictError."""
    found = examine(clone)
    if found.is_newer:
        raise ConflictError(
            f"the commons has schema {_text(found.version)}",
            f"this program knows {_text(VERSION)}, and only reads it",
            "gt upgrade",
        )
    if not found.is_complete:
        lacking = ", ".join([*found.tables, *found.columns][:5])
        raise ConflictError(
            "the commons lacks what this program writes",
            lacking,
            "gt wl sync --upgrade, or gt wl join --upgrade, adds it",
        )


def upgrade(clone: Clone) -> list[str]:
    """Add what is missing and note the version; returns what was added. Raises ConflictError for a newer schema."""
    found = examine(clone)
    if found.is_newer:
        raise ConflictError(
            f"the commons has schema {_text(found.version)}", f"this program knows {_text(VERSION)}", "gt upgrade"
        )
    added = [
        f"ALTER TABLE `{t}` ADD COLUMN `{c}` {COLUMNS[t][c]}" for t, c in (one.split(".") for one in found.columns)
    ]
    if not added and not found.tables and found.version >= VERSION:
        return []
    statements = [*create_statements(found.tables), *added, version_statement()]
    if not clone.commit(statements, f"Bring the schema to {_text(VERSION)}"):
        raise StoreError("the schema could not be changed", "dolt committed nothing", "gt wl status")
    return [*found.tables, *found.columns]


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
