"""The rules of records and status changes (beads.md sections 1, 2 and 5).

Pure functions on record objects that check values, fill in defaults and apply the status rules.  Times go in as Unix
seconds or RFC 3339 text and come out as text with microseconds.
"""

from __future__ import annotations

import os

from gastown_core.beads.ledger_line import recounted
from gastown_core.clock import format_micros, has_zone, local_moment, parse_moment
from gastown_core.errors import ConflictError, UsageError
from gastown_core.model.bead import (
    BLOCKS,
    CLOSED,
    DEFERRED,
    DERIVED_KEYS,
    IN_PROGRESS,
    NO_PRIORITY,
    OPEN,
    PINNED,
    TOMBSTONE,
    Edge,
    priority_of,
    target_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.beads.settings import Vocabulary

MAX_TITLE = 500
LISTS: dict[str, tuple[type, str]] = {
    "labels": (str, "text"),
    "dependencies": (dict, "edge"),
    "comments": (dict, "comment"),
}
"""Record keys with lists: their item type, as a Python type and as a word."""
MOMENTS = ("due_at", "defer_until", "closed_at", "started_at", "created_at")
_TEXTS = frozenset(
    (
        "description design acceptance_criteria notes spec_id assignee owner close_reason external_ref "
        "source_system sender created_by wisp_type mol_type work_type await_type await_id"
    ).split()
)


def read_priority(value: object) -> int:
    """Return the priority 0 to 4 for ``1``, ``"1"`` or ``"P1"``. Raises UsageError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4:
        return value
    text = str(value).strip().upper().removeprefix("P")
    if text in ("0", "1", "2", "3", "4"):
        return int(text)
    raise UsageError(f"invalid priority {value!r}", "", "0 critical, 1 high, 2 medium, 3 low, 4 backlog (or P0 to P4)")


def checked(fields: Mapping[str, Any], words: Vocabulary) -> dict[str, Any]:
    """Return the fields in the form of records. Raises UsageError that names an invalid one."""
    out: dict[str, Any] = {}
    for key, value in fields.items():
        if key in DERIVED_KEYS or key in ("id", "_type"):
            continue
        if value is None:
            out[key] = None
        elif key == "title":
            out[key] = _title(value)
        elif key == "status":
            out[key] = words.status(str(value))
        elif key == "issue_type":
            out[key] = words.issue_type(str(value))
        elif key == "priority":
            out[key] = read_priority(value)
        elif key == "labels":
            texts = {label.strip() for label in value if isinstance(label, str) and label.strip()}
            out[key] = [*sorted(texts), *(label for label in value if not isinstance(label, str))]
        elif key in MOMENTS:
            out[key] = _moment(key, value)
        elif key == "estimated_minutes":
            out[key] = _minutes(value)
        elif key in _TEXTS and not isinstance(value, str):
            raise UsageError(f"{key} must be text", f"got {type(value).__name__}")
        else:
            out[key] = value
    if out.get("ephemeral") and out.get("no_history"):
        raise UsageError("a bead is either ephemeral or no_history", "", "set only one of them")
    return out


def _title(value: object) -> str:
    title = " ".join(str(value).split())
    if not title:
        raise UsageError("a bead needs a title", "", 'for example: bd create "Retry push on 503"')
    if len(title) > MAX_TITLE:
        raise UsageError(
            f"the title has {len(title)} characters",
            f"at most {MAX_TITLE} are allowed",
            "put the rest in --description",
        )
    return title


def _moment(key: str, value: object) -> str | None:
    if value == "" or value == 0:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format_micros(float(value))
    moment = local_moment(str(value), ends_day=key == "due_at")
    if moment is None:
        raise UsageError(f"{key} is not a time: {value!r}", "", "for example 2026-03-02T10:00:00Z")
    return str(value) if "T" in str(value) and has_zone(str(value)) else format_micros(moment)


def _minutes(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise UsageError(f"estimated_minutes must be a whole number of minutes, not {value!r}")


def oddities(raw: Mapping[str, object]) -> list[str]:
    """Invalid values in a record of another writer, as text; readers ignore them."""
    found = []
    title = raw.get("title") or ""
    if not isinstance(title, str):
        found.append(f"title {title!r} is not text")
    elif not title.strip():
        found.append("no title")
    priority = raw.get("priority")
    if priority_of(priority) == NO_PRIORITY:
        found.append(f"priority {priority!r} is not 0 to 4")
    if not isinstance(raw.get("status") or "", str):
        found.append(f"status {raw['status']!r} is not text")
    for key in (*MOMENTS, "updated_at"):
        if raw.get(key) not in (None, "") and parse_moment(raw[key]) is None:
            found.append(f"{key} {raw[key]!r} is not a date")
    for key, (kind, word) in LISTS.items():
        value = raw.get(key)
        if isinstance(value, list):
            found += [f"{item!r} in {key} is no {word}" for item in value if not isinstance(item, kind)]
        elif not _is_empty(value):
            found.append(f"{key} {value!r} is not a list")
    return found


def entries_of(raw: Mapping[str, object], key: str) -> list[Any]:
    """A copy of the list under ``key``, to be changed and written. Raises ConflictError if the value is not a list."""
    value = raw.get(key)
    if isinstance(value, list):
        return list(value)
    if _is_empty(value):
        return []
    raise ConflictError(
        f"{key} of {raw.get('id')} cannot be changed: not a list",
        f"{key} {value!r}",
        "run bd export, fix that line and its updated_at, then bd import it",
    )


def with_labels(raw: Mapping[str, object], *, added: Iterable[str] = (), gone: Iterable[str] = ()) -> list[object]:
    """Return a record's labels with these changes; items that are not text are kept. Raises as ``entries_of``."""
    standing = entries_of(raw, "labels")
    texts = {label for label in standing if isinstance(label, str)}
    return [*sorted(texts - set(gone) | set(added)), *(label for label in standing if not isinstance(label, str))]


def edges_of(bead_id: str, edges: object, actor: str, now: float) -> list[Any]:
    """Edges for a record from record edges or Edge tuples, with owner, time and author filled in.

    Entries of other writers without a target are kept unchanged.
    """
    out: list[Any] = []
    for edge in edges if isinstance(edges, list | tuple) else ():
        if isinstance(edge, Edge):
            out.append(new_edge(bead_id, edge.target, edge.type, edge.metadata, edge.created_by or actor, now))
        elif target_of(edge):
            made = {**edge, "issue_id": bead_id}
            made.setdefault("type", BLOCKS)
            made.setdefault("created_at", format_micros(now))
            out.append(made)
        else:
            out.append(edge)
    return out


def new_edge(bead_id: str, target: str, edge_type: str, metadata: str, actor: str, now: float) -> dict[str, Any]:
    """Return a new record edge."""
    edge = {
        "issue_id": bead_id,
        "depends_on_id": target,
        "type": edge_type,
        "created_at": format_micros(now),
        "created_by": actor,
    }
    if metadata:
        edge["metadata"] = metadata
    return edge


def new_comment(raw: Mapping[str, object], author: str, text: str, now: float) -> dict[str, object]:
    """Return a new comment on a record. Raises UsageError if it is empty.

    Its id is a number if the record's writer accepts nothing else (beads_rust), otherwise a UUID.
    """
    if not text.strip():
        raise UsageError("a comment needs text")
    return {
        "id": max([int(now * 1e6), *(number + 1 for number in _comment_numbers(raw))]) if _counts(raw) else _uuid(),
        "issue_id": str(raw["id"]),
        "author": author,
        "text": text,
        "created_at": format_micros(now),
    }


def _comment_numbers(raw: Mapping[str, object]) -> list[int]:
    found = raw.get("comments")
    ids = [comment.get("id") for comment in found if isinstance(comment, dict)] if isinstance(found, list) else []
    return [number for number in ids if isinstance(number, int)]


def _counts(raw: Mapping[str, object]) -> bool:
    """Return whether the record's writer numbers comments: it has numbered ones, or keys that only this writer uses."""
    return bool(_comment_numbers(raw)) or "source_repo" in raw or raw.get("compaction_level") == 0


def _uuid() -> str:
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_record(bead_id: str, fields: Mapping[str, object], actor: str, now: float) -> dict[str, Any]:
    """Return the record of a new bead from checked fields; defaults: status open, priority 2, type task."""
    stamp = format_micros(now)
    raw: dict[str, Any] = {"_type": "issue", "id": bead_id, "status": OPEN, "priority": 2, "issue_type": "task"}
    raw.update((key, value) for key, value in fields.items() if not _is_empty(value))
    if "title" not in raw:
        _title("")
    raw.setdefault("created_at", stamp)
    raw.setdefault("created_by", actor)
    raw["updated_at"] = stamp
    if "dependencies" in raw:
        raw["dependencies"] = edges_of(bead_id, raw["dependencies"], actor, now)
    if raw["status"] == OPEN and (parse_moment(raw.get("defer_until")) or 0) > now:
        raw["status"] = DEFERRED
    follow_status(raw, "", stamp)
    return raw


def _is_empty(value: object) -> bool:
    return value is None or value is False or value == "" or value == []


def follow_status(raw: dict[str, object], before: str, stamp: str) -> None:
    """Update the keys that depend on the status; ``before`` is the previous status, empty for a new bead."""
    status = raw.get("status") or OPEN
    if status == IN_PROGRESS:
        raw.setdefault("started_at", stamp)
    if status == CLOSED:
        raw.setdefault("closed_at", stamp)
    elif before == CLOSED:
        for key in ("closed_at", "close_reason", "closed_by_session"):
            raw.pop(key, None)
    if before == PINNED and status != PINNED:
        raw.pop("pinned", None)


def changed_record(raw: dict[str, object], changes: Mapping[str, object], actor: str, now: float) -> dict[str, object]:
    """The record with checked ``changes`` (None removes) and their consequences; the same object if nothing changes."""
    before = str(raw.get("status") or OPEN)
    after = dict(raw)
    for key, value in changes.items():
        if _is_empty(value):
            if not _is_empty(after.get(key)):
                del after[key]
            if key == "ephemeral":
                after.pop("wisp", None)
        elif key == "dependencies":
            after[key] = edges_of(str(raw["id"]), value, actor, now)
        else:
            after[key] = value
    _follow_deferral(after, changes, before, now)
    if after.get("status") == CLOSED != before and "closed_at" not in changes:
        # a closing time left by another writer belongs to an earlier closing
        after.pop("closed_at", None)
    follow_status(after, before, next_stamp(raw, now))
    return raw if after == raw else recounted(stamped(after, raw, now), changes)


def _follow_deferral(after: dict[str, object], changes: Mapping[str, object], before: str, now: float) -> None:
    until = parse_moment(after.get("defer_until")) or 0.0
    if "status" in changes:
        if before == DEFERRED and after.get("status") != DEFERRED and "defer_until" not in changes:
            after.pop("defer_until", None)
    elif "defer_until" in changes:
        if until > now and before == OPEN:
            after["status"] = DEFERRED
        elif until <= now and before == DEFERRED:
            after["status"] = OPEN


def has_undone_steps(raw: Mapping[str, object]) -> bool:
    """Return whether the record is a molecule with its own checklist that is not complete."""
    metadata = raw.get("metadata")
    kept = metadata.get("molecule") if isinstance(metadata, dict) else None
    if not isinstance(kept, dict) or kept.get("poured", True) or not isinstance(kept.get("steps"), list):
        return False
    done = kept.get("done")
    names = {step.get("id") for step in kept["steps"] if isinstance(step, dict)}
    containers = {step.get("parent") for step in kept["steps"] if isinstance(step, dict)}
    return not names - containers <= set(done if isinstance(done, dict) else ())


def stamped(after: dict[str, object], before: Mapping[str, object], now: float) -> dict[str, object]:
    """``after`` with a new ``updated_at``, later than the previous one."""
    after["updated_at"] = next_stamp(before, now)
    return after


def next_stamp(before: Mapping[str, object], now: float) -> str:
    """Return the time as text, later than the record's last change, so that revisions never tie."""
    last = max(parse_moment(before.get(key)) or 0.0 for key in ("created_at", "updated_at"))
    stamp = format_micros(now)
    if last and (parse_moment(stamp) or 0.0) <= last:
        return format_micros(last + 2e-6)
    return stamp


def tombstone_of(raw: Mapping[str, object], actor: str, reason: str, now: float) -> dict[str, object]:
    """Return the tombstone of ``raw``: what merging needs to identify it, and who deleted it, when and why."""
    keep = ("_type", "id", "title", "priority", "issue_type", "created_at", "created_by", "ephemeral", "no_history")
    out: dict[str, object] = {key: raw[key] for key in keep if key in raw}
    out["status"] = TOMBSTONE
    out["updated_at"] = out["deleted_at"] = next_stamp(raw, now)
    out["deleted_by"] = actor
    if reason:
        out["delete_reason"] = reason
    out["original_type"] = raw.get("issue_type") or "task"
    return out


def moved_stone(raw: Mapping[str, object], *, from_wisps: bool) -> dict[str, object]:
    """Return the tombstone for a bead that moved to the other file; it deletes the id only in the file it left."""
    keep = ("_type", "id", "title", "priority", "issue_type", "created_at", "created_by", "updated_at")
    out: dict[str, object] = {key: raw[key] for key in keep if key in raw}
    out |= {"status": TOMBSTONE, "deleted_at": raw.get("updated_at"), "delete_reason": "moved"}
    if from_wisps:
        out["ephemeral"] = True
    return out
