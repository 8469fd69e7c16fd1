"""Escalations: a blocker that a person, the mayor or the deacon has to hear of, kept as a bead until it is closed.

``key`` names what is wrong; while an escalation with that key is open, raising it again adds a comment instead of a
second alarm.  Severities and routes: tmux-and-messaging.md.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging.mail import HIGH, URGENT, send_mail
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

LABEL = "gt:escalation"
SEVERITIES = {"critical": 0, "high": 1, "medium": 2, "low": 3}
"""Severity → priority of the bead."""
ROUTES = {"critical": ("mayor/", "overseer"), "high": ("mayor/",), "medium": ("mayor/",), "low": ()}
"""Who gets mail."""


def escalate(
    root: str,
    ledger: TownLedger,
    severity: str,
    subject: str,
    *,
    sender: str,
    reason: str = "",
    about: str = "",
    key: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[str, bool]:
    """Raise an escalation about ``about`` (a bead, rig or agent); its id, and whether it is new.

    Raises UsageError for an unknown severity or no subject.
    """
    word = severity.lower()
    if word not in SEVERITIES:
        raise UsageError(f"{severity!r} is no severity", "", "one of " + ", ".join(SEVERITIES))
    if not subject.strip():
        raise UsageError("an escalation needs words")
    town = ledger.store_for("hq-x")
    mark = f"escalation-key:{key}" if key else ""
    known = _open_with(ledger, key) if key else []
    if known:
        with town.write(sender) as batch:
            batch.comment(known[0].id, reason or subject)
        return known[0].id, False
    body = "\n".join([f"severity: {word}", *([f"about: {about}"] if about else []), f"reason: {reason or subject}"])
    labels = sorted({LABEL, f"severity:{word}", *([mark] if mark else [])})
    with town.write(sender) as batch:
        fields = {"title": " ".join(subject.split())[:500], "description": body, "labels": labels}
        made = batch.create({**fields, "issue_type": "task", "priority": SEVERITIES[word]})
    told = ROUTES[word]
    payload = {"escalation_id": made.id, "severity": word, "to": ", ".join(told), "reason": subject, "source": sender}
    append_event(root, "escalation_sent", sender, {**payload, "target": about}, clock=clock)
    for to in told:
        priority = URGENT if word == "critical" else HIGH
        send_mail(
            root, ledger, to, f"[{word.upper()}] {subject}", reason, sender=sender, priority=priority, clock=clock
        )
    return made.id, True


def settle(root: str, ledger: TownLedger, key: str, why: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Close what was raised with this key, because what was wrong is over; the ids."""
    closed = []
    for bead in _open_with(ledger, key):
        with ledger.store_for("hq-x").write(actor) as batch:
            batch.close(bead.id, why, force=True)
        told = {"escalation_id": bead.id, "closed_by": actor, "reason": why}
        append_event(root, "escalation_closed", actor, told, clock=clock)
        closed.append(bead.id)
    return closed


def _open_with(ledger: TownLedger, key: str) -> list[Bead]:
    query = BeadQuery(labels_all=(LABEL, f"escalation-key:{key}"), exclude_statuses=(CLOSED,), include_wisps=True)
    return ledger.store_for("hq-x").find(query)
