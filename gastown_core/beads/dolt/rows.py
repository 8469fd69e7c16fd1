"""Rows of the tables as records of the ledger, and back; nothing that a record holds is lost on the way.

What no column takes (``bonded_from``, keys of other programs) goes under ``_gt`` in the ``metadata`` column, whose keys
with an underscore the Go tools leave alone.
"""

from __future__ import annotations

from gastown_core.beads.table_dump import edge_of, record_of
from gastown_core.model.bead import DERIVED_KEYS, KEY_ORDER
from gastown_core.model.json_text import decode_json, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Any

    Raw = dict[str, Any]
EXTRAS = "_gt"
WHOLE = "metadata"
"""Under ``_gt``: metadata that is no object, and so could not hold the extras."""
MOMENTS = frozenset(
    "created_at updated_at started_at closed_at due_at defer_until compacted_at last_activity deleted_at".split()
)
FLAGS = frozenset(("ephemeral", "no_history", "pinned", "is_template"))
LISTS = frozenset(("waiters", "bonded_from"))
RELATED = ("labels", "dependencies", "comments")
INTERNAL = frozenset(("content_hash", "is_blocked", "source_repo"))
"""Columns that are no part of a record: what the Go tools compute."""
_COLUMN = {"timeout": "timeout_ns"}
_NOT_STORED = frozenset(("_type", *RELATED, *DERIVED_KEYS))
_NULLABLE = MOMENTS | {
    "assignee",
    "estimated_minutes",
    "external_ref",
    "spec_id",
    "compacted_at_commit",
    "original_size",
}
_NUMBERS = frozenset(("priority", "estimated_minutes", "compaction_level", "original_size", "timeout_ns"))


def record_from(row: Mapping[str, object], labels: list[str], edges: list[Raw], comments: list[Raw]) -> Raw:
    """Return the record of a row of ``issues`` or ``wisps`` with its related rows."""
    raw = record_of({key: value for key, value in row.items() if key not in INTERNAL})
    if raw.get("work_type") == "mutex":
        del raw["work_type"]
    if raw.get("compaction_level") == 0:
        del raw["compaction_level"]
    extras: object = None
    metadata = raw.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get(EXTRAS), dict):
        extras = metadata[EXTRAS]
        rest = {key: value for key, value in metadata.items() if key != EXTRAS}
        raw["metadata"] = rest
        if not rest:
            del raw["metadata"]
    if isinstance(extras, dict):
        raw.update((key, value) for key, value in extras.items() if key not in raw)
    if labels:
        raw["labels"] = sorted(labels)
    if edges:
        raw["dependencies"] = edges
    if comments:
        raw["comments"] = comments
    return {**{key: raw[key] for key in KEY_ORDER if key in raw}, **raw}


def edge_from(row: Mapping[str, object]) -> Raw:
    """Return the edge of a row of ``dependencies``, whichever columns name its target."""
    edge = edge_of(dict(row))
    if edge.get("metadata") in ("{}", "null"):
        del edge["metadata"]
    return edge


def comment_from(row: Mapping[str, object]) -> Raw:
    """Return the comment of a row."""
    out = {key: row[key] for key in ("id", "issue_id", "author", "text", "created_at") if row.get(key) is not None}
    out["id"] = str(out.get("id", ""))
    out["created_at"] = moment(str(out.get("created_at", "")))
    return out


def moment(text: str) -> str:
    """Return SQL's ``2026-01-02 03:04:05`` as RFC 3339."""
    return text.replace(" ", "T", 1) + "Z" if len(text) >= 19 and text[10] == " " else text


def values_of(raw: Mapping[str, object], columns: Mapping[str, str]) -> Raw:
    """Return the values of a record for the columns of its table (name → SQL type)."""
    out: Raw = {}
    extras: Raw = {}
    for key, value in raw.items():
        if key in _NOT_STORED:
            continue
        column = _COLUMN.get(key, key)
        if key == "metadata":
            continue
        if column not in columns or not _fits(column, value):
            extras[key] = value
            continue
        out[column] = _sql_value(column, value, columns[column])
    if "metadata" in columns:
        out["metadata"] = _metadata(raw.get("metadata"), extras)
    for column in columns:
        if column not in out and column not in INTERNAL and (column in KEY_ORDER or column == "timeout_ns"):
            out[column] = _empty(column)
    return out


def _fits(column: str, value: object) -> bool:
    """Whether a column can hold the value so that it reads back as it was."""
    if column in FLAGS:
        return isinstance(value, bool)
    if column in LISTS:
        return isinstance(value, list)
    if column in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if column in MOMENTS:
        return isinstance(value, str) and sql_moment(value, "datetime(6)") is not None
    return isinstance(value, str)


def _sql_value(column: str, value: object, kind: str) -> object:
    if column in FLAGS:
        return int(bool(value))
    if column in LISTS:
        return encode_json(value)
    if column in MOMENTS:
        return sql_moment(str(value), kind)
    return value


def _empty(column: str) -> object:
    if column in _NULLABLE:
        return None
    if column in FLAGS or column in _NUMBERS:
        return 0
    return "" if column != "status" else "open"


def _metadata(value: object, extras: Raw) -> str:
    if not extras and (value is None or isinstance(value, dict)):
        return encode_json(value or {})
    if isinstance(value, dict):
        return encode_json({**value, EXTRAS: extras})
    if value is not None:
        extras = {**extras, WHOLE: value}
    return encode_json({EXTRAS: extras})


def sql_moment(text: str, kind: str) -> str | None:
    """Return an RFC 3339 moment for a column, rounded down to what it keeps; None for text that is none."""
    from gastown_core.clock import format_micros, parse_moment

    found = parse_moment(text)
    if found is None:
        return None
    if text[-1:] != "Z" or text[10:11] != "T":
        text = format_micros(found)
    # digit by digit: as a number of seconds the last one would be lost
    whole, _, part = text[:-1].replace("T", " ").partition(".")
    exact = f"{whole}.{part:0<6.6}"
    return exact if keeps_micros(kind) else exact.partition(".")[0]


def keeps_micros(kind: str) -> bool:
    """Return whether a column of this SQL type keeps parts of a second."""
    return kind.lower() in ("datetime(6)", "timestamp(6)")


def edge_values(
    edge: Mapping[str, object], columns: Container[str], target_column: str, kinds: Mapping[str, str]
) -> Raw:
    """Return the values of an edge for the columns of ``dependencies``; ``target_column`` takes its target."""
    out: Raw = {
        "issue_id": edge.get("issue_id"),
        target_column: edge.get("depends_on_id"),
        "type": edge.get("type") or "blocks",
        "created_at": sql_moment(str(edge.get("created_at", "")), kinds.get("created_at", "")) or "1970-01-01 00:00:00",
        "created_by": edge.get("created_by") or "",
        "metadata": edge.get("metadata") or "{}",
        "thread_id": edge.get("thread_id") or "",
    }
    return {key: value for key, value in out.items() if key in columns}


def comment_values(comment: Mapping[str, object], issue_id: str, kinds: Mapping[str, str]) -> Raw:
    """Return the values of a comment."""
    out: Raw = {
        "issue_id": issue_id,
        "author": comment.get("author") or "",
        "text": comment.get("text") or "",
        "created_at": sql_moment(str(comment.get("created_at", "")), kinds.get("created_at", "")),
    }
    out["created_at"] = out["created_at"] or "1970-01-01 00:00:00"
    return out


def parsed(text: object) -> object:
    """Return the value of a JSON column; text that is no JSON as it is."""
    if not isinstance(text, str):
        return text
    try:
        return decode_json(text)
    except ValueError:
        return text


def objects(raw: Mapping[str, Any], key: str) -> list[Raw]:
    """Return the entries of a list of a record that are objects."""
    value = raw.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def comment_id(comment: Mapping[str, object]) -> str:
    """Return the id of a comment if a database can keep it, otherwise a new one."""
    import uuid

    found = comment.get("id")
    return found if isinstance(found, str) and 0 < len(found) <= 36 else str(uuid.uuid4())
