"""Deferred slings: a small ephemeral bead in the rig's store that says what to sling once there is room.

The order is the object ``metadata.sling_context``, with the keys of the Go tools (work-pipeline.md section 7.2) and a
few more; contexts of those tools have the same JSON as their description.  The work bead is not changed.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.bead import TRACKS
from gastown_core.model.json_text import decode_json
from gastown_core.model.metadata import SLING_CONTEXT, Section, metadata_of, section_of, with_section
from gastown_core.model.record import Record
from gastown_core.work.request import SlingRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
LABEL = "gt:sling-context"
DISPATCHED, CLEARED = "dispatched", "cleared"
INVALID, STALE = "invalid-context", "stale-work-bead"
"""Reasons for closing a context."""
_SAME = ("formula", "args", "merge", "base_branch", "no_merge", "review_only", "account", "agent", "owned", "mode")
_OURS = ("subject", "message", "force", "create", "session")


class SlingContext(Record):
    """One deferred sling; ``id`` is the context's bead, ``bead`` the work, times are Unix seconds."""

    id: str
    bead: str
    rig: str
    request: SlingRequest
    enqueued_at: float
    enqueued_by: str = ""
    failures: int = 0
    last_failure: str = ""


class Queued(Record):
    """A context bead; ``context`` is None if its order cannot be read."""

    bead: Bead
    store: BeadStore
    context: SlingContext | None


def open_contexts(ledger: TownLedger) -> list[Queued]:
    """Return every waiting deferred sling, oldest first."""
    found: list[Queued] = []
    for store in ledger.stores().values():
        ids = [excerpt.id for excerpt in store.labelled(LABEL)]
        if ids:
            found += [Queued(bead, store, read_context(bead)) for bead in store.get_many(ids).values()]
    return sorted(found, key=lambda one: (_age_key(one), one.bead.created_at, one.bead.id))


def _age_key(queued: Queued) -> float:
    return queued.context.enqueued_at if queued.context is not None else queued.bead.created_at


def read_context(bead: Bead) -> SlingContext | None:
    """Return the order of a context bead; None if it cannot be read."""
    order = _order_of(bead)
    work, rig = order.text("work_bead_id"), order.text("target_rig")
    if not work or not rig:
        return None
    return SlingContext(
        bead.id,
        work,
        rig,
        _request_of(order, work, rig),
        order.moment("enqueued_at") or bead.created_at,
        order.text("enqueued_by") or bead.text("created_by"),
        order.number("dispatch_failures"),
        order.text("last_failure"),
    )


def _order_of(bead: Bead) -> Section:
    """Return the order from the metadata, or without one from the description, where older tools put it."""
    found = metadata_of(bead).section(SLING_CONTEXT)
    if not found.is_absent:
        return found
    try:
        return section_of(decode_json(bead.description))
    except ValueError:
        return Section({}, is_junk=True)


def _request_of(order: Section, work: str, rig: str) -> SlingRequest:
    request = SlingRequest(work, rig)
    kept: dict[str, Any] = order.kept
    told = {key: kept[key] for key in (*_SAME, *_OURS) if type(kept.get(key)) is type(getattr(request, key))}
    variables = tuple(line for line in order.text("vars").split("\n") if line)
    return request._replace(
        variables=variables,
        raw=order.flag("hook_raw_bead"),
        convoy_id=order.text("convoy"),
        convoy=not order.flag("no_convoy"),
        boot=False,
        **told,
    )


def order_of(request: SlingRequest, rig: str, *, actor: str, now: float) -> dict[str, object]:
    """Return the object that stores a request in the queue."""
    order: dict[str, object] = {"version": 1, "work_bead_id": request.bead, "target_rig": rig}
    order |= {key: getattr(request, key) for key in _SAME}
    order |= {"vars": "\n".join(request.variables), "hook_raw_bead": request.raw, "convoy": request.convoy_id}
    order |= {"enqueued_at": format_seconds(now), "enqueued_by": actor, "dispatch_failures": 0, "last_failure": ""}
    if not request.convoy:
        order["no_convoy"] = True
    plain = SlingRequest("")
    return order | {key: getattr(request, key) for key in _OURS if getattr(request, key) != getattr(plain, key)}


def make_context(batch: RuleBatch, request: SlingRequest, rig: str, title: str, *, actor: str, now: float) -> str:
    """Create a context within ``batch`` of the rig's store; return its id."""
    made = batch.create(
        {
            "title": f"sling-context: {title}"[:200],
            "issue_type": "task",
            "labels": [LABEL],
            "metadata": {SLING_CONTEXT: order_of(request, rig, actor=actor, now=now)},
            "dependencies": [{"depends_on_id": request.bead, "type": TRACKS}],
        },
        kind="wisp",
    )
    return made.id


def waiting_context(batch: RuleBatch, bead_id: str) -> str:
    """Return the id of an open context for the bead as ``batch`` sees it, empty if there is none."""
    for source, kind in batch.dependents(bead_id):
        found = batch.get(source) if kind == TRACKS else None
        if found is not None and LABEL in found.labels and not found.is_closed:
            return found.id
    return ""


def note_failure(store: BeadStore, context: SlingContext, error: str, *, actor: str) -> int:
    """Count one failed dispatch in the context; return the number so far."""
    with store.write(actor) as batch:
        bead = batch.get(context.id)
        if bead is None or bead.is_closed:
            return context.failures
        order = _order_of(bead)
        failures = order.number("dispatch_failures") + 1
        fresh = {**order.kept, "dispatch_failures": failures, "last_failure": error[:500]}
        batch.update(context.id, {"metadata": with_section(bead, SLING_CONTEXT, fresh)})
    return failures


def close_contexts(store: BeadStore, ids: Iterable[str], reason: str, *, actor: str) -> None:
    """Close contexts with a reason."""
    with store.write(actor) as batch:
        for context_id in ids:
            bead = batch.get(context_id)
            if bead is not None and not bead.is_closed:
                batch.close(context_id, reason, force=True)
