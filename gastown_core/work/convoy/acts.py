"""Acts on one convoy: from an epic, closed by hand, watched and no longer watched, swept of what is in its way."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.bead import CLOSED
from gastown_core.model.record import Record
from gastown_core.work.convoy.announce import mail_address, tell
from gastown_core.work.convoy.convoys import get_convoy
from gastown_core.work.convoy.epics import work_below
from gastown_core.work.convoy.landing import land_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.work.convoy.convoys import Convoy

MAIL, NUDGE = "mail", "nudge"
_FIELD = {MAIL: "watchers", NUDGE: "nudge_watchers"}


class Watch(Record):
    """Who hears of a convoy in which way; ``status`` is ``subscribed``, ``already_watching``, ``removed`` or ``not_watching``."""

    convoy_id: str
    address: str
    watch_type: str
    status: str


def members_of_epic(ledger: TownLedger, epic_id: str) -> tuple[str, list[str]]:
    """The epic's title and the ids of the work below it. Raises NotFoundError, UsageError if it is no epic or is empty."""
    epic = ledger.excerpt(epic_id)
    if epic is None or epic.status == "tombstone":
        raise NotFoundError(f"no bead {epic_id}")
    if epic.issue_type != "epic":
        raise UsageError(f"{epic_id} is a {epic.issue_type}, not an epic", "", "name the beads themselves")
    ids = [bead.id for bead in work_below(ledger, epic)]
    if not ids:
        raise UsageError(f"{epic_id} has no work below it", "only tasks, bugs, features and chores are work")
    return epic.title, ids


def open_members(convoy: Convoy) -> list[str]:
    """Members that are not closed, missing ones too."""
    return [bead_id for bead_id, bead in convoy.members if bead is None or bead.status != CLOSED]


def close_convoy(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    actor: str,
    reason: str = "",
    notify: str = "",
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Close a convoy by hand; its members stay as they are. False if it was closed before.

    Raises ConflictError if members are still open, unless forced.  Those who listen are told once.
    """
    convoy = get_convoy(ledger, convoy_id)
    bead = convoy.bead
    if bead.is_closed:
        return False
    still = open_members(convoy)
    if still and not force:
        shown = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
        raise ConflictError(
            f"{bead.id} has {len(still)} open member{'' if len(still) == 1 else 's'}",
            shown,
            "gt convoy close --force closes it all the same; its work stays open",
        )
    extra = [notify] if notify else []
    if not still and convoy.members:
        return land_one(root, ledger, bead.id, actor=actor, reason=reason or "closed by hand", extra=extra, clock=clock)
    with ledger.store_for("hq-x").write(actor) as batch:
        batch.close(bead.id, reason or "closed by hand", force=True)
    payload = {"convoy": bead.id, "title": bead.title, "reason": reason, "open": len(still)}
    append_event(root, "convoy_closed", actor, payload, clock=clock)
    _tell_closed(root, ledger, convoy, still, reason, actor=actor, extra=extra, clock=clock)
    return True


def _tell_closed(
    root: str,
    ledger: TownLedger,
    convoy: Convoy,
    still: list[str],
    reason: str,
    *,
    actor: str,
    extra: list[str],
    clock: Clock,
) -> None:
    """Those who listen hear how far it was, and what stays open."""
    bead = convoy.bead
    count = convoy.progress
    body = (
        f"{bead.id} was closed by {actor}: {count.done} of {count.total} done.{f' Reason: {reason}' if reason else ''}"
    )
    if still:
        body += "\n\nStill open:\n" + "\n".join(f"- {bead_id}" for bead_id in still)
    banner = f"Convoy {bead.id} was closed at {count.done}/{count.total}"
    tell(
        root,
        ledger,
        bead,
        f"🚚 Convoy closed: {bead.title}",
        body,
        banner=banner,
        sender=actor,
        extra=extra,
        clock=clock,
    )


def watch(ledger: TownLedger, convoy_id: str, address: str, *, way: str = MAIL, actor: str) -> Watch:
    """Let ``address`` hear when the convoy lands or stalls. Raises UsageError without an address."""
    return _set_watch(ledger, convoy_id, address, way, actor, on=True)


def unwatch(ledger: TownLedger, convoy_id: str, address: str, *, way: str = MAIL, actor: str) -> Watch:
    """Let ``address`` hear no more."""
    return _set_watch(ledger, convoy_id, address, way, actor, on=False)


def _set_watch(ledger: TownLedger, convoy_id: str, address: str, way: str, actor: str, *, on: bool) -> Watch:
    if not address.strip() or "," in address:
        raise UsageError(f"{address!r} is no address", "", "overseer, mayor/, RIG/NAME, RIG/crew/NAME")
    mailbox = mail_address(address)
    convoy = get_convoy(ledger, convoy_id).bead
    field = _FIELD[way]
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.get(convoy.id) or convoy
        have = [word.strip() for word in bead.fields.get(field, "").split(",") if word.strip()]
        there = mailbox in (mail_address(word) for word in have)
        if there != on:
            now = [*have, mailbox] if on else [word for word in have if mail_address(word) != mailbox]
            batch.set_fields(convoy.id, {field: ", ".join(now) or None})
    status = ("already_watching" if there else "subscribed") if on else ("removed" if there else "not_watching")
    return Watch(convoy.id, mailbox, way, status)
