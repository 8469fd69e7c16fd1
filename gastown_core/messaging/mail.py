"""Mail: a message bead in the town's ledger, addressed to an agent or the overseer.

Sending is one write and one event.  Front ends strip control characters from title and text before they show them.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock

URGENT, HIGH, NORMAL, LOW = 0, 1, 2, 3
"""Priorities of a message."""


def send_mail(
    root: str,
    ledger: TownLedger,
    to: str,
    subject: str,
    body: str = "",
    *,
    sender: str,
    priority: int = NORMAL,
    labels: Iterable[str] = (),
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Send one message; returns its id. ``to`` is a mail address (``mayor/``, ``shop/opal``, ``overseer``).

    Raises UsageError without an addressee or a subject, StoreError if it cannot be stored.
    """
    if not to.strip() or not subject.strip():
        raise UsageError("a message needs an addressee and a subject")
    fields = {
        "title": " ".join(subject.split())[:500],
        "description": body,
        "issue_type": "message",
        "priority": priority,
        "labels": sorted({"gt:message", f"from:{sender}", *labels}),
        "assignee": to.strip(),
        "ephemeral": True,
    }
    with ledger.store_for("hq-x").write(sender) as batch:
        made = str(batch.create(fields, kind="wisp").id)
    append_event(root, "mail", sender, {"to": to, "subject": subject}, clock=clock)
    return made
