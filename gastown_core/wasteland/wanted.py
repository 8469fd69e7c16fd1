"""Wanted items of a commons and what was done for them: posted, claimed, handed in, judged.

States: open → claimed → in_review → completed, or withdrawn.  Each change is one conditional statement and one commit in the
town's own clone; ``exchange`` carries it to the commons, where the first claim wins.
"""

from __future__ import annotations

import secrets

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.wanted import (
    ALL,
    CLAIMED,
    COMPLETED,
    IN_REVIEW,
    OPEN,
    WITHDRAWN,
    Completion,
    Wanted,
)
from gastown_core.wasteland.clone import literal, moment_text
from gastown_core.wasteland.schema import need_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.model.wanted import WantedFilter
    from gastown_core.wasteland.clone import Clone

TYPES = ("feature", "bug", "design", "rfc", "docs")
EFFORTS = ("trivial", "small", "medium", "large", "epic")
MOST = 50
_MOST_TITLE, _MOST_TEXT = 500, 100_000
_COLUMNS = (
    "id, title, description, project, type, priority, tags, posted_by, claimed_by, status, effort_level, evidence_url, "
    "created_at, updated_at"
)
ASK_WANTED = f"SELECT {_COLUMNS} FROM wanted ORDER BY priority, created_at DESC, id"
_HANDED = "id, wanted_id, completed_by, evidence, validated_by, stamp_id, completed_at"
ASK_COMPLETIONS = f"SELECT {_HANDED} FROM completions ORDER BY completed_at, id"
"""Questions for all items, the most urgent first, then the newest, and for all completions, oldest first."""


def browse(
    clone: Clone, fits: WantedFilter, *, claimed_by: str = "", posted_by: str = "", limit: int = MOST
) -> list[Wanted]:
    """Return items that fit, the most urgent first, then the newest; ``limit`` 0: all."""
    wants = {"project": fits.project, "type": fits.type, "claimed_by": claimed_by, "posted_by": posted_by}
    wants["status"] = "" if fits.status == ALL else fits.status
    where = [f"{name} = {literal(value)}" for name, value in wants.items() if value]
    where += [f"priority = {int(fits.priority)}"] if fits.priority is not None else []
    sql = f"SELECT {_COLUMNS} FROM wanted {'WHERE ' + ' AND '.join(where) if where else ''} ORDER BY priority, created_at DESC, id"
    return [wanted_of(row) for row in clone.read(sql + (f" LIMIT {int(limit)}" if limit > 0 else ""))]


def find(clone: Clone, item: str) -> Wanted:
    """Return one item. Raises NotFoundError."""
    rows = clone.read(f"SELECT {_COLUMNS} FROM wanted WHERE id = {literal(item)}")
    if not rows:
        raise no_item(item)
    return wanted_of(rows[0])


def no_item(item: str) -> NotFoundError:
    """Return the error for an item that the clone does not hold."""
    return NotFoundError(
        f"there is no wanted item {item}", "", "gt wl browse --status all; gt wl sync brings what is new"
    )


def completions(clone: Clone, *, item: str) -> list[Completion]:
    """Return the completions of an item, oldest first."""
    sql = f"SELECT {_HANDED} FROM completions WHERE wanted_id = {literal(item)} ORDER BY completed_at, id"
    return [completion_of(row) for row in clone.read(sql)]


def completion_of(row: Mapping[str, Any]) -> Completion:
    """Return the completion of a row."""
    return Completion(*(str(row.get(name) or "") for name in Completion._fields))


def post(clone: Clone, handle: str, fields: Mapping[str, object], *, clock: Clock = SYSTEM_CLOCK) -> Wanted:
    """Post an item; ``fields`` as in ``Wanted``. Raises UsageError for a field that is none."""
    need_writable(clone)
    checked = _checked(fields)
    if not checked.get("title"):
        raise UsageError("a wanted item needs a title", "", 'gt wl post --title "…"')
    item, moment = f"w-{secrets.token_hex(5)}", moment_text(clock.now())
    values = {"id": item, "posted_by": handle, "status": OPEN, "created_at": moment, "updated_at": moment, **checked}
    sql = f"INSERT INTO wanted ({', '.join(values)}) VALUES ({', '.join(map(literal, values.values()))})"
    clone.commit([sql], f"{handle} posts {item}")
    return find(clone, item)


def update(
    clone: Clone, handle: str, item: str, fields: Mapping[str, object], *, clock: Clock = SYSTEM_CLOCK
) -> Wanted:
    """Change an item of one's own that nobody has claimed. Raises ConflictError, UsageError."""
    checked = _checked(fields)
    if not checked:
        raise UsageError("nothing to change", "", "gt wl update ID --title …")
    return _change(clone, handle, item, checked, "updates", (OPEN,), mine="posted_by", clock=clock)


def claim(clone: Clone, handle: str, item: str, *, clock: Clock = SYSTEM_CLOCK) -> Wanted:
    """Claim an open item; one that the handle has claimed stays as it is. Raises ConflictError if it is not open."""
    try:
        return _change(clone, handle, item, {"claimed_by": handle, "status": CLAIMED}, "claims", (OPEN,), clock=clock)
    except ConflictError:
        # a claim whose program was killed before it made the bead is claimed again
        known = find(clone, item)
        if known.status == CLAIMED and known.claimed_by == handle:
            return known
        raise


def unclaim(clone: Clone, handle: str, item: str, *, clock: Clock = SYSTEM_CLOCK) -> Wanted:
    """Give a claim back."""
    fields = {"claimed_by": None, "status": OPEN}
    return _change(clone, handle, item, fields, "gives back", (CLAIMED,), mine="claimed_by", clock=clock)


def done(clone: Clone, handle: str, item: str, evidence: str, *, clock: Clock = SYSTEM_CLOCK) -> Completion:
    """Hand in evidence for an item that one has claimed."""
    if not evidence.strip():
        raise UsageError("evidence is missing", "", "gt wl done ID --evidence URL-or-commit")
    completion = f"c-{secrets.token_hex(8)}"
    values = [completion, item, handle, evidence[:_MOST_TEXT], moment_text(clock.now())]
    insert = (
        "INSERT INTO completions (id, wanted_id, completed_by, evidence, completed_at) VALUES "
        f"({', '.join(map(literal, values))})"
    )
    fields = {"status": IN_REVIEW, "evidence_url": evidence[:_MOST_TEXT]}
    _change(clone, handle, item, fields, "hands in", (CLAIMED,), mine="claimed_by", also=insert, clock=clock)
    return next(one for one in completions(clone, item=item) if one.id == completion)


def accept(
    clone: Clone, handle: str, item: str, *, also: str = "", stamp_id: str = "", clock: Clock = SYSTEM_CLOCK
) -> Wanted:
    """Accept what was handed in for an item of one's own. ``also`` is the statement that writes the stamp."""
    latest = _latest(clone, item)
    if latest.completed_by == handle:
        raise ConflictError("nobody judges work of their own", f"{item} was handed in by {handle}", "")
    judged = (
        f"UPDATE completions SET validated_by = {literal(handle)}, validated_at = {literal(moment_text(clock.now()))}, "
        f"stamp_id = {literal(stamp_id or None)} WHERE id = {literal(latest.id)}"
    )
    statements = ";\n".join(filter(None, (judged, also)))
    return _change(
        clone,
        handle,
        item,
        {"status": COMPLETED},
        "accepts",
        (IN_REVIEW,),
        mine="posted_by",
        also=statements,
        clock=clock,
    )


def reject(clone: Clone, handle: str, item: str, *, clock: Clock = SYSTEM_CLOCK) -> Wanted:
    """Send work back: the item is claimed again, by the one who handed it in."""
    return _change(clone, handle, item, {"status": CLAIMED}, "sends back", (IN_REVIEW,), mine="posted_by", clock=clock)


def close(clone: Clone, handle: str, item: str, *, clock: Clock = SYSTEM_CLOCK) -> Wanted:
    """Withdraw an item of one's own that is not completed."""
    states = (OPEN, CLAIMED, IN_REVIEW)
    return _change(clone, handle, item, {"status": WITHDRAWN}, "withdraws", states, mine="posted_by", clock=clock)


def delete(clone: Clone, handle: str, item: str) -> Wanted:
    """Remove an item of one's own that nobody ever claimed; the history of the commons keeps it."""
    need_writable(clone)
    known = find(clone, item)
    if known.posted_by != handle or known.status not in (OPEN, WITHDRAWN) or completions(clone, item=item):
        raise ConflictError(f"{item} stays", _state(known), f"gt wl close {item} withdraws it")
    clone.commit([f"DELETE FROM wanted WHERE id = {literal(item)}"], f"{handle} deletes {item}")
    return known


def _latest(clone: Clone, item: str) -> Completion:
    found = completions(clone, item=item)
    if not found:
        raise ConflictError(f"nothing was handed in for {item}", _state(find(clone, item)), f"gt wl show {item}")
    return found[-1]


def _change(
    clone: Clone,
    handle: str,
    item: str,
    fields: Mapping[str, object],
    verb: str,
    states: tuple[str, ...],
    *,
    mine: str = "",
    also: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Wanted:
    """Change an item in one of these states whose column ``mine`` names the handle. Raises ConflictError otherwise."""
    need_writable(clone)
    before = find(clone, item)
    if before.status not in states or (mine and getattr(before, mine) != handle):
        raise ConflictError(
            f"{item} is not {' or '.join(states)}{' and yours' if mine else ''}", _state(before), f"gt wl show {item}"
        )
    values = {**fields, "updated_at": moment_text(clock.now())}
    sets = ", ".join(f"{name} = {literal(value)}" for name, value in values.items())
    where = f"id = {literal(item)} AND status = {literal(before.status)}"
    update_sql = f"UPDATE wanted SET {sets} WHERE {where}"
    if not clone.commit([update_sql, *filter(None, (also,))], f"{handle} {verb} {item}"):
        raise ConflictError(f"{item} has changed meanwhile", _state(find(clone, item)), f"gt wl show {item}")
    return find(clone, item)


def _state(item: Wanted) -> str:
    by = f", claimed by {item.claimed_by}" if item.claimed_by else ""
    return f"it is {item.status}{by}, posted by {item.posted_by or 'nobody'}"


def _checked(fields: Mapping[str, object]) -> dict[str, object]:
    out = {name: value for name, value in fields.items() if value not in (None, "")}
    if len(str(out.get("title", ""))) > _MOST_TITLE or len(str(out.get("description", ""))) > _MOST_TEXT:
        raise UsageError("that is too long", f"a title has at most {_MOST_TITLE} characters, a text {_MOST_TEXT}", "")
    for name, known in (("type", TYPES), ("effort_level", EFFORTS)):
        if name in out and out[name] not in known:
            raise UsageError(f"{name} is {out[name]!r}", "", f"one of {', '.join(known)}")
    priority = out.get("priority", 2)
    if not isinstance(priority, int) or not 0 <= priority <= 4:
        raise UsageError(f"priority is {priority!r}", "", "0 (most urgent) to 4")
    return out


def wanted_of(row: Mapping[str, Any]) -> Wanted:
    """Return the item of a row."""
    tags = row.get("tags")
    text = {name: str(row.get(name) if row.get(name) is not None else "") for name in row}
    priority = row.get("priority")
    return Wanted(
        text.get("id", ""),
        text.get("title", ""),
        text.get("description", ""),
        text.get("project", ""),
        text.get("type", ""),
        priority if isinstance(priority, int) else 2,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        text.get("posted_by", ""),
        text.get("claimed_by", ""),
        text.get("status", ""),
        text.get("effort_level", ""),
        text.get("evidence_url", ""),
        text.get("created_at", ""),
        text.get("updated_at", ""),
    )
