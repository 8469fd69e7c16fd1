"""Telling the town's event log what a ``bd`` command changed."""

from __future__ import annotations

from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead


def tell(root: str, actor: str, before: Bead | None, after: Bead, reason: str = "") -> None:
    """Append the event of one changed record; ``rev`` is its ``updated_at``, by which readers of the ledger know it."""
    payload: dict[str, str] = {"bead": after.id, "title": after.title, "rev": after.text("updated_at")}
    if before is not None and before.status != after.status:
        payload["from"] = before.status
    if before is None or before.status != after.status:
        payload["to"] = after.status
    if after.assignee:
        payload["assignee"] = after.assignee
    if reason or after.text("close_reason"):
        payload["reason"] = reason or after.text("close_reason")
    append_event(root, _kind(before, after), actor, payload)


def _kind(before: Bead | None, after: Bead) -> str:
    if after.is_tombstone:
        return "delete"
    if before is None:
        return "create"
    if after.is_closed and not before.is_closed:
        return "complete"
    if before.is_closed and not after.is_closed:
        return "reopen"
    if after.is_pinned and not before.is_pinned:
        return "pin"
    return "update"
