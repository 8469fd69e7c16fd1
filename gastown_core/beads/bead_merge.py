"""Merges two versions of a bead with a common base field by field, sets as sets (beads.md section 9).

If only one side changed a field, its value wins.  If both did, the later record wins, except: a close wins over edits
unless the bead was reopened after it, the more urgent priority wins, notes are joined, and labels, edges and comments
are merged as sets, including removals.  A tombstone wins over edits.
"""

from __future__ import annotations

import json

from gastown_core.beads.ledger_line import is_stone, recounted
from gastown_core.beads.twins import is_other_bead
from gastown_core.clock import parse_moment
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Raw = dict[str, Any]
TOMBSTONE_LIFE_S = 30 * 86400.0
_STATUS_KEYS = ("status", "closed_at", "close_reason", "closed_by_session")
_LATEST = frozenset(("updated_at", "compacted_at", "deleted_at"))
_EARLIEST = frozenset(("created_at", "started_at"))
_PLAIN_SETS = frozenset(("labels", "waiters"))
_SETS = _PLAIN_SETS | {"dependencies", "comments", "bonded_from"}


def merge(base: Raw | None, ours: Raw | None, theirs: Raw | None) -> Raw | None:
    """Return the merged record, None if the bead is gone; the result does not depend on which side is ``ours``."""
    if ours is None or theirs is None:
        return _one_sided(base, ours if ours is not None else theirs)
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if is_stone(ours) or is_stone(theirs):
        return _with_tombstone(base, ours, theirs)
    if base is not None and is_stone(base):
        base = None
    old, new = sorted((ours, theirs), key=_age_key)
    start = base or {}
    merged: Raw = {}
    for key in dict.fromkeys([*new, *old, *start]):
        if key in old and key in new and old[key] == new[key]:
            merged[key] = new[key]
        elif key not in _STATUS_KEYS:
            _put(merged, key, _field(key, start.get(key), old.get(key), new.get(key)))
    for key in _STATUS_KEYS:
        merged.pop(key, None)
    merged.update(_status(start, old, new))
    return recounted(merged, merged)


def _one_sided(base: Raw | None, left: Raw | None) -> Raw | None:
    """The result if one side has no line for the bead: an edited record or a tombstone stays, an unchanged one goes."""
    if left is None or base is None or left != base or is_stone(left):
        return left
    return None


def _with_tombstone(base: Raw | None, ours: Raw, theirs: Raw) -> Raw:
    if is_stone(ours) and is_stone(theirs):
        return max(ours, theirs, key=_age_key)
    stone, record = (ours, theirs) if is_stone(ours) else (theirs, ours)
    if base is None and is_other_bead(stone, record):
        return record
    deleted = parse_moment(stone.get("deleted_at")) or parse_moment(stone.get("updated_at")) or 0.0
    made_anew = (parse_moment(record.get("created_at")) or 0.0) > deleted
    outlived = (parse_moment(record.get("updated_at")) or 0.0) > deleted + TOMBSTONE_LIFE_S
    return record if made_anew or outlived else stone


def _age_key(raw: Raw) -> tuple[float, str]:
    return (parse_moment(raw.get("updated_at")) or 0.0, json.dumps(raw, sort_keys=True, default=str))


def _put(raw: Raw, key: str, value: object) -> None:
    if value is not None and value != []:
        raw[key] = value


def _field(key: str, base: Any, old: Any, new: Any) -> object:
    """Return the merged value of one field; ``old`` and ``new`` are the sides by age."""
    if old in (new, base):
        return new
    if new == base:
        return old
    if key in _SETS:
        lists = [side for side in (old, new) if isinstance(side, list)]
        if len(lists) < 2 and any(side is not None and not isinstance(side, list) for side in (old, new)):
            # a value that is not a list is ignored: use the list, or the newer of two such values
            return lists[0] if lists else _scalar(key, old, new)
    if key in _PLAIN_SETS:
        return sorted(_set(base, old, new, str).values(), key=str)
    if key == "dependencies":
        return list(_set(base, old, new, lambda edge: str(edge.get("depends_on_id"))).values()) or None
    if key == "comments":
        return sorted(_set(base, old, new, comment_key).values(), key=comment_age) or None
    if key == "bonded_from":
        return list(_set(base, old, new, lambda bond: json.dumps(bond, sort_keys=True)).values())
    if key == "metadata" and isinstance(old, dict) and isinstance(new, dict):
        return _mapping(base if isinstance(base, dict) else {}, old, new)
    return _scalar(key, old, new)


def comment_age(comment: object) -> tuple[float, str]:
    """Return the sort key of comments: by time, invalid ones first."""
    if not isinstance(comment, dict):
        return 0.0, str(comment)
    return parse_moment(comment.get("created_at")) or 0.0, str(comment.get("created_at"))


def _scalar(key: str, old: object, new: object) -> object:
    if old is None or new is None:
        return new if new is not None or key not in _EARLIEST else old
    if key in _LATEST or key in _EARLIEST:
        pick = max if key in _LATEST else min
        return pick(old, new, key=lambda value: parse_moment(value) or 0.0)
    if key == "priority" and isinstance(old, int) and isinstance(new, int):
        return min(old, new)
    if key == "notes" and isinstance(old, str) and isinstance(new, str):
        if old in new:
            return new
        return old if new in old else f"{old}\n{new}"
    return new


def comment_key(comment: Raw) -> str:
    """Return the identity of a comment: author, second and text (ids differ between writers)."""
    when = parse_moment(comment.get("created_at"))
    return f"{comment.get('author')}\0{int(when) if when else comment.get('created_at')}\0{comment.get('text')}"


def _set(base: Any, old: Any, new: Any, key_of: Callable[[Any], str]) -> dict[str, Any]:
    """Members by key: the union without removals by either side; a changed member comes from the side that changed it.

    Members of an unexpected type are kept too.
    """
    sides = [
        {key_of(item) if key_of is str or isinstance(item, dict) else json.dumps(item): item for item in side}
        if isinstance(side, list)
        else {}
        for side in (base, old, new)
    ]
    before, first, second = sides
    out = {}
    for key in dict.fromkeys([*first, *second]):
        if key in before and (key not in first or key not in second):
            continue
        if key in first and key in second:
            out[key] = first[key] if second[key] == before.get(key) else second[key]
        else:
            out[key] = first.get(key, second.get(key))
    return out


def _mapping(base: Raw, old: Raw, new: Raw) -> Raw:
    out: Raw = {}
    for key in dict.fromkeys([*old, *new]):
        before, first, second = base.get(key), old.get(key), new.get(key)
        value = second if first == before or second != before else first
        if value is not None:
            out[key] = value
    return out


def _status(base: Raw, old: Raw, new: Raw) -> Raw:
    """The status and its related keys: all from one side, or field by field if both sides have the same status."""
    out: Raw = {}
    if old.get("status") == new.get("status"):
        for key in _STATUS_KEYS:
            _put(out, key, _field(key, base.get(key), old.get(key), new.get(key)))
        return out
    chosen = _status_side(base, old, new)
    return {key: chosen[key] for key in _STATUS_KEYS if key in chosen}


def _status_side(base: Raw, old: Raw, new: Raw) -> Raw:
    """Return the side whose status wins, if they differ."""
    old_closed, new_closed = old.get("status") == CLOSED, new.get("status") == CLOSED
    if old_closed == new_closed:
        return old if new.get("status") == base.get("status") else new
    closed, still_open = (old, new) if old_closed else (new, old)
    if base.get("status") != CLOSED:
        return closed
    # closed in the base: the open side reopened it, and the closed side may have closed it again
    closed_again = closed.get("closed_at") != base.get("closed_at")
    later = (parse_moment(closed.get("closed_at")) or 0.0) > (parse_moment(still_open.get("updated_at")) or 0.0)
    return closed if closed_again and later else still_open
