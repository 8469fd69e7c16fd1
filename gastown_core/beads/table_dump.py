"""Reads a raw table dump as records: a folder with one JSON-lines file per table (beads.md section 1)."""

from __future__ import annotations

import os

from gastown_core.beads.ledger_line import pruned
from gastown_core.errors import StoreError
from gastown_core.model.bead import BLOCKS, KEY_ORDER, Bead
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = dict[str, Any]

_FLAGS = ("ephemeral", "no_history", "pinned", "is_template")
_EDGE_TARGETS = ("depends_on_id", "depends_on_issue_id", "depends_on_wisp_id", "depends_on_external")


def read_dump(folder: str) -> list[Bead]:
    """Return the beads of a dump. Raises StoreError if there is no ``issues`` table."""
    issues = _table(folder, "issues")
    if issues is None:
        raise StoreError(f"{folder} contains no table dump", "there is no issues.jsonl or issues.json in it")
    labels = _grouped(_table(folder, "labels"), "issue_id")
    edges = _grouped(_table(folder, "dependencies"), "issue_id")
    comments = _grouped(_table(folder, "comments"), "issue_id")
    out = []
    for row in issues:
        raw = record_of(row)
        bead_id = str(raw.get("id"))
        if bead_id in labels:
            raw["labels"] = sorted({str(row["label"]) for row in labels[bead_id] if row.get("label")})
        if bead_id in edges:
            raw["dependencies"] = [edge_of(row) for row in edges[bead_id]]
        if bead_id in comments:
            ordered = sorted(comments[bead_id], key=lambda row: str(row.get("created_at")))
            raw["comments"] = [{key: value for key, value in row.items() if value is not None} for row in ordered]
        out.append(Bead(pruned(raw)))
    return out


def _table(folder: str, name: str) -> list[Row] | None:
    for ending in (".jsonl", ".json"):
        path = os.path.join(folder, name + ending)
        if os.path.exists(path):
            return _rows(path)
    return None


def _rows(path: str) -> list[Row]:
    try:
        with open(path, "rb") as handle:
            data = handle.read()
        if data.lstrip()[:1] == b"[":
            values = decode_json(data)
        else:
            values = [decode_json(line) for line in data.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}", str(error)) from error
    return [row for row in values if isinstance(row, dict)]


def _grouped(rows: list[Row] | None, key: str) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = {}
    for row in rows or ():
        out.setdefault(str(row.get(key)), []).append(row)
    return out


def record_of(row: Row) -> Row:
    """Return a row of ``issues`` as a record: drops empty columns and decodes flags and JSON columns."""
    raw: Row = {"_type": "issue"}
    for key, value in row.items():
        if key == "timeout_ns":
            key = "timeout"
        if key in _FLAGS:
            value = bool(value)
        elif key in ("metadata", "waiters", "bonded_from") and isinstance(value, str):
            value = _parsed(value)
        if key == "priority" or value not in (None, "", 0, False, [], {}):
            raw[key] = value
    for key in ("created_at", "updated_at", "closed_at", "started_at", "due_at", "defer_until"):
        if isinstance(raw.get(key), str):
            raw[key] = _moment(raw[key])
    return {**{key: raw[key] for key in KEY_ORDER if key in raw}, **raw}


def _parsed(text: str) -> object:
    try:
        return decode_json(text) if text else None
    except ValueError:
        return text


def _moment(text: str) -> str:
    """SQL's ``2026-01-02 03:04:05`` as RFC 3339; other text is unchanged."""
    if len(text) >= 19 and text[10] == " ":
        return text.replace(" ", "T", 1) + ("" if text[-1] == "Z" or "+" in text else "Z")
    return text


def edge_of(row: Row) -> Row:
    """Return a row of ``dependencies`` as an edge, whichever column names its target."""
    target = next((row[key] for key in _EDGE_TARGETS if row.get(key)), "")
    edge: Row = {"issue_id": row.get("issue_id"), "depends_on_id": target, "type": row.get("type") or BLOCKS}
    for key in ("created_at", "created_by", "metadata", "thread_id"):
        if row.get(key):
            edge[key] = _moment(row[key]) if key == "created_at" else row[key]
    return edge
