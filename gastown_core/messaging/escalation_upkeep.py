"""Acts on open escalations: acknowledge, forward, raise the severity of unanswered ones, send out of the town."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging.escalation import (
    ACKED,
    FORWARD,
    LABEL,
    MAIL_PRIORITY,
    REESCALATED,
    SHOWN,
    UNSENT,
    Escalation,
    change,
    escalation_of,
    log_mails,
    open_escalations,
    route,
)
from gastown_core.messaging.escalation_routes import LEVELS, load_routes, routes_or_defaults
from gastown_core.messaging.mail import Letter, write_mail
from gastown_core.messaging.outward import Delivery
from gastown_core.model.bead import CLOSED
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


class Rise(Record):
    """An unanswered escalation that rises from one severity to the next."""

    id: str
    title: str
    before: str
    after: str


def acknowledge(
    root: str, ledger: TownLedger, bead: Bead, *, actor: str, note: str = "", clock: Clock = SYSTEM_CLOCK
) -> Escalation:
    """Acknowledge an escalation, which stops it from rising. Raises ConflictError if it is closed or acknowledged by another."""
    with ledger.store_for("hq-x").write(actor) as batch:
        fresh = batch.need(bead.id)
        known = escalation_of(fresh)
        if known.status == CLOSED:
            raise ConflictError(f"{bead.id} is closed", known.closed_reason)
        if known.acked_by and known.acked_by != actor:
            raise ConflictError(f"{bead.id} is acknowledged already", f"by {known.acked_by}")
        if known.acked_by:
            return known
        change(batch, fresh, {"acked_by": actor, "acked_at": format_seconds(clock.now())}, labels=(ACKED,))
        if note:
            batch.comment(bead.id, note)
        done = escalation_of(batch.need(bead.id))
    append_event(root, "escalation_acked", actor, {"escalation_id": bead.id, "acked_by": actor}, clock=clock)
    return done


def forward(
    root: str, ledger: TownLedger, bead: Bead, to: str, *, actor: str, note: str = "", clock: Clock = SYSTEM_CLOCK
) -> None:
    """Send an open escalation to another tier, with a comment. Raises UsageError for an unknown tier, ConflictError."""
    if to not in FORWARD:
        raise UsageError(f"cannot forward to {to!r}", "", "one of " + ", ".join(FORWARD))
    known = escalation_of(bead)
    if known.status == CLOSED:
        raise ConflictError(f"{bead.id} is closed", known.closed_reason)
    with ledger.store_for("hq-x").write(actor) as batch:
        batch.comment(bead.id, f"forwarded to {to}" + (f": {note}" if note else ""))
        subject = f"[{known.severity.upper()}] {known.title}"
        letter = Letter(actor, subject, note or known.reason, MAIL_PRIORITY[known.severity])
        write_mail(batch, FORWARD[to], letter, (LABEL, f"escalation:{bead.id}"))
    append_event(root, "mail", actor, {"to": FORWARD[to], "subject": subject}, clock=clock)


def unanswered(root: str, ledger: TownLedger, now: float) -> list[Rise]:
    """Return what is due to rise: open, not acknowledged, silent for the threshold, below critical and the maximum."""
    routes = load_routes(root)
    found = []
    for one in open_escalations(ledger):
        is_due = now - one.last_sent_at >= routes.stale_after_s and one.reescalations < routes.most_reescalations
        if is_due and not one.is_acked and one.severity != LEVELS[-1]:
            found.append(Rise(one.id, one.title, one.severity, LEVELS[LEVELS.index(one.severity) + 1]))
    return found


def reescalate(root: str, ledger: TownLedger, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[Rise]:
    """Raise each unanswered escalation by one severity and route it again; return those raised. Raises SettingsError."""
    routes = load_routes(root)
    done = []
    for rise in unanswered(root, ledger, clock.now()):
        with ledger.store_for("hq-x").write(actor) as batch:
            fresh = batch.need(rise.id)
            known = escalation_of(fresh)
            if known.status == CLOSED or known.is_acked or known.severity != rise.before:
                continue
            number = known.reescalations + 1
            fields = {
                "severity": rise.after,
                "reescalation_count": str(number),
                "last_reescalated_at": format_seconds(clock.now()),
                "last_reescalated_by": actor,
            }
            if number == 1:
                fields["original_severity"] = rise.before
            change(batch, fresh, fields, severity=rise.after, labels=(REESCALATED,))
            targets = routes.mail(rise.after)
            subject = f"[{rise.before.upper()}→{rise.after.upper()}] Re-escalated: {rise.title}"
            sent = route(batch, rise.id, rise.after, subject, known.reason, targets, routes, actor)
        payload: dict[str, object] = {"escalation_id": rise.id, "severity": rise.after, "to": ", ".join(targets)}
        payload |= {"reason": rise.title, "reescalated": True, "old_severity": rise.before, "number": number}
        append_event(root, "escalation_sent", actor, payload, clock=clock)
        log_mails(root, sent, subject, actor, clock)
        done.append(rise)
    return done


def send_out(root: str, ledger: TownLedger, *, actor: str, only: str = "") -> dict[str, list[Delivery]]:
    """Use the channels that leave the town for escalations that wait for it (or ``only`` one); return a row for each.

    Each is tried once: a channel that fails is a comment on the bead, and the bead stays open in the console.
    """
    from gastown_core.messaging import outward

    done = {}
    for known in open_escalations(ledger, label=UNSENT):
        if only and known.id != only:
            continue
        store = ledger.store_for("hq-x")
        routes, _ = routes_or_defaults(root)
        with store.write(actor) as batch:
            # first: an interrupted send is not repeated, and the bead is still open in the console
            batch.update(known.id, {"labels": sorted(set(batch.need(known.id).labels) - {UNSENT})})
        rows = [
            outward.send(action, routes.contacts, known.severity, known.title, known.reason)
            for action in routes.outward(known.severity)
        ]
        if known.severity in SHOWN:
            rows.append(outward.show(root, known.severity, known.title))
        failed = [f"{row.channel}: {row.error}" for row in rows if row.error]
        if failed:
            with store.write(actor) as batch:
                batch.comment(known.id, "could not be sent by " + "; ".join(failed))
        done[known.id] = rows
    return done
