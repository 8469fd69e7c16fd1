"""One line of the ledger: parsing of every dialect, the canonical encoding, and the excerpt of a record.

A line is a bead, a tombstone (it deletes its id), a memory, a header, a git conflict marker, or junk.  Readers use only
the first two; the others are kept and counted (beads.md section 1).
"""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.clock import parse_moment
from gastown_core.model.bead import BLOCKS, CLOSED, DERIVED_KEYS, KEY_ORDER, PINNED, TOMBSTONE, Bead, read_edges
from gastown_core.model.json_text import decode_json, encode_json, encode_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any
BEAD, STONE, MEMORY, HEADER, CONFLICT, JUNK, BLANK = "bead tombstone memory header conflict junk blank".split()
CONFLICT_MARKERS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
FAILURE_WORDS = (
    "failed",
    "rejected",
    "wontfix",
    "won't fix",
    "canceled",
    "cancelled",
    "abandoned",
    "blocked",
    "error",
    "timeout",
    "aborted",
)
"""Words in a close reason that mean failure to ``conditional-blocks``."""
_PLACE = {key: place for place, key in enumerate(KEY_ORDER)}
_DERIVED = ("dependency_count", "dependent_count", "comment_count", "parent")
_ALWAYS = frozenset(("_type", "id", "title", "status", "priority", "issue_type", "created_at", "updated_at"))


def encode(raw: dict[str, object]) -> bytes:
    """Return the line of a record, without newline: known keys in order, then unknown ones sorted, then derived ones.

    No key is added or left out.
    """
    ordered: dict[str, object] = {}
    rest = []
    for key in raw:
        if key not in _PLACE and key not in DERIVED_KEYS:
            rest.append(key)
    for key in KEY_ORDER:
        if key in raw:
            ordered[key] = raw[key]
    for key in sorted(rest):
        ordered[key] = raw[key]
    for key in _DERIVED:
        if key in raw:
            ordered[key] = raw[key]
    return encode_text(encode_json(ordered))


def pruned(raw: dict[str, object]) -> dict[str, object]:
    """Return a copy for the ledger: without derived keys and empty known ones, with old spellings updated."""
    return {
        key: value
        for key, value in {"_type": "issue", **modern(raw)}.items()
        if key not in DERIVED_KEYS
        and (key in _ALWAYS or key not in _PLACE or not (value is None or value is False or value == "" or value == []))
    }


def recounted(raw: dict[str, object], changes: Iterable[str]) -> dict[str, object]:
    """``raw`` with the derived keys it has updated for ``changes`` (names of changed keys).

    ``dependent_count`` is unchanged: it counts edges of other records.
    """
    if "comments" in changes and "comment_count" in raw:
        raw["comment_count"] = len(Bead(raw).comments)
    if "dependencies" in changes and "dependency_count" in raw:
        bead = Bead(raw)
        raw["dependency_count"] = sum(edge.type == BLOCKS for edge in bead.edges)
        raw.pop("parent", None)
        if bead.parent:
            raw["parent"] = bead.parent
    return raw


def line_of(line: bytes, bead: Bead) -> bytes:
    """Return the original line of a record, without a byte order mark or CR; re-encoded if it has line breaks."""
    bare = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
    return bare if b"\n" not in bare else encode(bead.raw)


def classify(line: bytes) -> tuple[str, Any]:
    """Return the kind of a line and its value: a Bead for beads and tombstones, the object for memories and headers.

    For junk the value is the reason as text.
    """
    if not line or line.isspace():
        return BLANK, None
    if line[:7] in CONFLICT_MARKERS and (len(line) == 7 or line[7:8].isspace()):
        return CONFLICT, line[:7].decode()
    try:
        raw = decode_json(line)
    except ValueError as error:
        return JUNK, f"not JSON: {error}"
    if not isinstance(raw, dict):
        return JUNK, "not a JSON object"
    kind = raw.get("_type")
    if kind == "memory":
        return MEMORY, raw
    if kind == "header" or "_schema" in raw:
        return HEADER, raw
    bead_id = raw.get("id")
    if not isinstance(bead_id, str) or not bead_id or len(bead_id) > 200 or not bead_id.isprintable() or " " in bead_id:
        return JUNK, "no id"
    if raw.get("status") == TOMBSTONE:
        return STONE, Bead(raw)
    if kind != "issue" and not isinstance(raw.get("title"), str):
        return JUNK, "no title"
    return BEAD, Bead(raw)


def parse_line(line: bytes) -> Bead | None:
    """Return the bead (or tombstone, see ``is_tombstone``) in a line; None for other kinds of lines."""
    kind, value = classify(line)
    return value if kind in (BEAD, STONE) else None


def is_stone(raw: dict[str, object]) -> bool:
    """Return whether a record deletes its id."""
    return raw.get("status") == TOMBSTONE


def modern(raw: dict[str, Any]) -> dict[str, object]:
    """Return a copy with spellings of older writers updated, for exports and imports."""
    out = dict(raw)
    if isinstance(out.get("wisp"), bool) and out.pop("wisp"):
        out.setdefault("ephemeral", True)
    if isinstance(out.get("bonded_from"), list):
        out["bonded_from"] = [
            {"source_id": bond["proto_id"], **{key: value for key, value in bond.items() if key != "proto_id"}}
            if isinstance(bond, dict) and "proto_id" in bond
            else bond
            for bond in out["bonded_from"]
        ]
    return out


def excerpt_of(bead: Bead) -> Excerpt:
    """Return the excerpt of a bead; times in Unix seconds, 0 if absent."""
    raw = bead.raw
    status = bead.status
    created, updated = raw.get("created_at"), raw.get("updated_at")
    created_at = parse_moment(created) or 0.0
    return Excerpt(
        bead.id,
        bead.title,
        status,
        bead.priority,
        bead.issue_type,
        bead.text("assignee") if "assignee" in raw else "",
        created_at,
        created_at if updated == created else parse_moment(updated) or 0.0,
        parse_moment(raw["closed_at"]) or 0.0 if "closed_at" in raw else 0.0,
        parse_moment(raw["defer_until"]) or 0.0 if "defer_until" in raw else 0.0,
        bead.labels if "labels" in raw else (),
        read_edges(raw["dependencies"]) if "dependencies" in raw else (),
        status == PINNED or raw.get("pinned") is True,
        bead.is_ephemeral,
        status == CLOSED and "close_reason" in raw and is_failure(bead.text("close_reason")),
    )


def is_failure(close_reason: str) -> bool:
    """Return whether a close reason indicates a failure."""
    lower = close_reason.lower()
    # a loop: twice as fast here as any() over a generator, and nothing to compile at start-up
    for word in FAILURE_WORDS:  # noqa: SIM110
        if word in lower:
            return True
    return False
