"""Escalations: problems for a person or a higher role, kept as beads until they are closed.

There is one open escalation per cause: raising it again increments a counter, and changes the bead only if the severity
is higher.  An unanswered escalation stays open and rises one severity after ``stale_threshold``, at most
``max_reescalations`` times.  Format and routes: daemon-and-health.md section 9.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_moment
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging.escalation_routes import Routes, routes_or_defaults
from gastown_core.messaging.mail import HIGH, LOW, NORMAL, URGENT, Letter, write_mail
from gastown_core.messaging.message import MESSAGE
from gastown_core.messaging.outward import Delivery
from gastown_core.model.bead import CLOSED
from gastown_core.model.fields import read_fields, set_fields
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

KEY = "escalation-key:"
"""Label: the cause under which it was raised."""
LABEL, ACKED, REESCALATED = "gt:escalation", "acked", "reescalated"
UNSENT = "notify:pending"
"""Label of an escalation whose routes leave the town (e-mail, webhook, …) and have not been used yet."""
SEVERITIES = {"critical": 0, "high": 1, "medium": 2, "low": 3}
"""Severity → priority of the bead."""
SHORT = {"p0": "critical", "p1": "high", "p2": "medium", "p3": "low"}
SHOWN = ("critical", "high")
"""Severities that are also shown in attached tmux clients."""
MAIL_PRIORITY = {"critical": URGENT, "high": HIGH, "medium": NORMAL, "low": LOW}
FORWARD = {"deacon": "deacon/", "mayor": "mayor/", "overseer": "overseer"}
"""Tiers that an escalation can be forwarded to → mail address."""


class Escalation(Record):
    """An escalation as its bead says it; times in Unix seconds, 0 if unset. ``times`` is how often it was raised."""

    id: str
    title: str
    status: str
    severity: str
    reason: str
    source: str
    raised_by: str
    raised_at: float
    acked_by: str
    acked_at: float
    closed_by: str
    closed_reason: str
    related: str
    times: int
    reescalations: int
    last_sent_at: float

    @property
    def is_acked(self) -> bool:
        """Whether somebody has acknowledged it."""
        return bool(self.acked_by)

    def as_json(self) -> dict[str, object]:
        """Return it as ``--json`` prints it; moments that are unset are empty."""
        raised = format_seconds(self.raised_at) if self.raised_at else ""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "created_at": raised,
            "severity": self.severity,
            "reason": self.reason,
            "source": self.source,
            "escalatedBy": self.raised_by,
            "escalatedAt": raised,
            "ackedBy": self.acked_by,
            "ackedAt": format_seconds(self.acked_at) if self.acked_at else "",
            "closedBy": self.closed_by,
            "closedReason": self.closed_reason,
            "relatedBead": self.related,
            "times": self.times,
            "reescalations": self.reescalations,
        }


class Raised(Record):
    """The result of raising an escalation; ``is_new`` is False if it was open already."""

    id: str
    is_new: bool
    severity: str
    deliveries: tuple[Delivery, ...] = ()


def severity_of(text: str) -> str:
    """Return the severity for ``HIGH``, ``p1`` and the like. Raises UsageError."""
    word = text.strip().lower()
    word = SHORT.get(word, word)
    if word not in SEVERITIES:
        raise UsageError(f"{text!r} is not a severity", "", "one of " + ", ".join([*SEVERITIES, *SHORT]))
    return word


def escalation_of(bead: Bead) -> Escalation:
    """Return what the bead says; unreadable times and numbers count as unset."""
    fields = read_fields(_parts(bead)[1])

    def moment(key: str) -> float:
        return parse_moment(fields.get(key, "")) or 0.0

    def number(key: str, least: int) -> int:
        text = fields.get(key, "")
        return max(least, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else least

    by_label = next((label[9:] for label in bead.labels if label.startswith("severity:")), "")
    severity = fields.get("severity", "").lower() or by_label
    raised_at = moment("escalated_at") or bead.created_at
    return Escalation(
        bead.id,
        bead.title,
        bead.status,
        severity if severity in SEVERITIES else _word_of(bead.priority),
        fields.get("reason", ""),
        fields.get("source", ""),
        fields.get("escalated_by", ""),
        raised_at,
        fields.get("acked_by", ""),
        moment("acked_at"),
        fields.get("closed_by", ""),
        fields.get("closed_reason", ""),
        fields.get("related_bead", "") or fields.get("about", ""),
        number("seen", 1),
        number("reescalation_count", 0),
        moment("last_reescalated_at") or raised_at,
    )


def _parts(bead: Bead) -> tuple[str, str]:
    """Return the title's paragraph, which is prose whatever it looks like, and the rest of the description."""
    head, blank, rest = bead.description.partition("\n\n")
    return (head + blank, rest) if head == bead.title else ("", bead.description)


def _word_of(priority: int) -> str:
    return next((word for word, number in SEVERITIES.items() if number == min(max(priority, 0), 3)), "medium")


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
    source: str = "",
    to: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Raised:
    """Raise an escalation about ``about`` (a bead, rig or agent), or count up the open one with the same cause.

    ``key`` names the cause; without it, subject, source and ``about`` do.  ``to`` is a tier to notify in addition to
    the routes.  Settings that cannot be read never lose an alarm: the default routes are used, and a delivery says so.
    Raises UsageError for an unknown severity or tier, or no subject; StoreError.
    """
    word = severity_of(severity)
    title = " ".join(subject.split())[:500]
    if not title:
        raise UsageError("an escalation needs words", "", 'gt escalate -s HIGH "what is wrong"')
    if to and to not in FORWARD:
        raise UsageError(f"cannot forward to {to!r}", "", "one of " + ", ".join(FORWARD))
    routes, fault = routes_or_defaults(root)
    mark = f"{KEY}{key or _cause(title, source, about)}"
    body = _body(title, word, reason or title, source, sender, about, clock.now())
    targets = [*routes.mail(word), *([FORWARD[to]] if to else [])]
    subject = f"[{word.upper()}] {title}"
    with ledger.store_for("hq-x").write(sender) as batch:
        known, bead = _raise_or_count(batch, ledger, word, title, body, mark, reason, clock.now())
        if known is not None and SEVERITIES[word] >= SEVERITIES[known.severity]:
            return Raised(bead.id, False, known.severity)
        sent = route(batch, bead.id, word, subject, reason, targets, routes, sender)
    payload: dict[str, object] = {"escalation_id": bead.id, "severity": word, "to": ", ".join(targets), "reason": title}
    payload |= {"source": source or sender, "actions": list(routes.actions[word]), "target": about}
    append_event(root, "escalation_sent", sender, payload, clock=clock)
    log_mails(root, sent, subject, sender, clock)
    wrong = (Delivery("routes", warning=f"the default routes are used: {fault}"),) if fault else ()
    return Raised(bead.id, known is None, word, (*sent, *wrong))


def _raise_or_count(
    batch: RuleBatch, ledger: TownLedger, word: str, title: str, body: str, mark: str, reason: str, now: float
) -> tuple[Escalation | None, Bead]:
    """Count up the open escalation with this mark, or create one; return what was open before, and the bead."""
    # searched under the lock, so that two concurrent calls with one cause create one bead
    found = (batch.get(one.id) for one in _open_with(ledger, mark))
    bead = next((one for one in found if one is not None and one.status != CLOSED), None)
    if bead is None:
        labels = sorted({LABEL, f"severity:{word}", mark})
        fields = {"title": title, "description": body, "labels": labels, "issue_type": "task"}
        return None, batch.create({**fields, "priority": SEVERITIES[word]})
    before = escalation_of(bead)
    changes = {"seen": str(before.times + 1), "last_seen_at": format_seconds(now)}
    if reason and " ".join(reason.split()) != before.reason:
        batch.comment(bead.id, reason)
    worse = SEVERITIES[word] < SEVERITIES[before.severity]
    if worse:
        changes["severity"] = word
    change(batch, bead, changes, severity=word if worse else "")
    return before, bead


def _cause(title: str, source: str, about: str) -> str:
    from gastown_core.model.sha256 import sha256

    return "text:" + sha256("\0".join((title.lower(), source, about)).encode("utf-8", "replace")).hex()[:16]


def _body(title: str, severity: str, reason: str, source: str, sender: str, about: str, now: float) -> str:
    fields = {
        "severity": severity,
        "reason": reason,
        "source": source or None,
        "escalated_by": sender,
        "escalated_at": format_seconds(now),
        "acked_by": None,
        "acked_at": None,
        "closed_by": None,
        "closed_reason": None,
        "related_bead": about or None,
    }
    lines = [f"{key}: {' '.join(value.split()) if value else 'null'}" for key, value in fields.items()]
    return "\n".join([title, "", *lines])


def change(
    batch: RuleBatch, bead: Bead, fields: dict[str, str], *, severity: str = "", labels: Iterable[str] = ()
) -> None:
    """Write field lines, and with ``severity`` also its label and priority."""
    kept = [label for label in bead.labels if not (severity and label.startswith("severity:"))]
    more = [f"severity:{severity}", *labels] if severity else list(labels)
    head, body = _parts(bead)
    changes: dict[str, object] = {"description": head + set_fields(body, fields)} if fields else {}
    if more:
        changes["labels"] = sorted({*kept, *more})
    if severity:
        changes["priority"] = SEVERITIES[severity]
    batch.update(bead.id, changes)


def route(
    batch: RuleBatch,
    bead_id: str,
    severity: str,
    subject: str,
    reason: str,
    targets: Iterable[str],
    routes: Routes,
    sender: str,
) -> tuple[Delivery, ...]:
    """Mail the targets, and mark the bead if other channels are to be used, in the write that raises it: a kill leaves no
    alarm of which nobody is told.  A mail that cannot be written is a row and hides nothing."""
    rows = [Delivery("bead", bead_id)]
    labels = (LABEL, f"severity:{severity}", f"escalation:{bead_id}")
    for to in dict.fromkeys(targets):
        try:
            write_mail(batch, to, Letter(sender, subject, reason, MAIL_PRIORITY[severity]), labels)
            rows.append(Delivery("mail", to))
        except UsageError as error:
            rows.append(Delivery("mail", to, error=str(error)))
    if routes.outward(severity) or severity in SHOWN:
        change(batch, batch.need(bead_id), {}, labels=(UNSENT,))
    return tuple(rows)


def log_mails(root: str, sent: Iterable[Delivery], subject: str, sender: str, clock: Clock) -> None:
    """Write the event of each mail that was written."""
    for row in sent:
        if row.channel == "mail" and not row.error:
            append_event(root, "mail", sender, {"to": row.target, "subject": subject}, clock=clock)


def open_escalations(ledger: TownLedger, *, all_of_them: bool = False, label: str = "") -> list[Escalation]:
    """Return the open escalations (or all), or those with a label, the most urgent first, then the oldest."""
    query = BeadQuery(
        labels_all=(LABEL, label) if label else (LABEL,),
        exclude_statuses=() if all_of_them else (CLOSED,),
        exclude_types=("message",),
        include_wisps=True,
    )
    found = [escalation_of(bead) for bead in ledger.store_for("hq-x").find(query)]
    return sorted(found, key=lambda one: (one.status == CLOSED, SEVERITIES[one.severity], one.raised_at, one.id))


def get_escalation(ledger: TownLedger, partial: str) -> Bead:
    """Return the bead of an escalation. Raises NotFoundError, UsageError if it is another kind of bead."""
    store = ledger.store_for("hq-x")
    bead = store.get(store.resolve(partial.strip()))
    if bead is None:
        raise NotFoundError(f"no escalation {partial}", "", "gt escalate list --all shows them")
    if LABEL not in bead.labels or bead.issue_type == "message":
        raise UsageError(f"{bead.id} is not an escalation", f"it has no label {LABEL}", "gt escalate list shows them")
    return bead


def open_beads(ledger: TownLedger) -> list[Bead]:
    """Return the beads of the open escalations, in no order."""
    return [bead for bead in _open_with(ledger, LABEL) if bead.issue_type != "message"]


def _open_with(ledger: TownLedger, mark: str) -> list[Bead]:
    query = BeadQuery(labels_all=(LABEL, mark), exclude_statuses=(CLOSED,), include_wisps=True)
    return ledger.store_for("hq-x").find(query)


def settle(root: str, ledger: TownLedger, key: str, why: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Close what was raised with this key, because the cause is gone; return the ids."""
    closed = []
    for bead in _open_with(ledger, f"{KEY}{key}"):
        close(root, ledger, bead, why, actor=actor, clock=clock)
        closed.append(bead.id)
    return closed


def close(root: str, ledger: TownLedger, bead: Bead, reason: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> None:
    """Close an escalation with a reason, and archive the mail that told of it: nobody is to act on what is over.

    Raises UsageError without a reason.
    """
    if not reason.strip():
        raise UsageError("closing an escalation needs a reason", "", "--reason TEXT")
    store = ledger.store_for("hq-x")
    mail = BeadQuery(labels_all=(MESSAGE, f"escalation:{bead.id}"), exclude_statuses=(CLOSED,), include_wisps=True)
    with store.write(actor) as batch:
        fresh = batch.need(bead.id)
        if fresh.status == CLOSED:
            return
        change(batch, fresh, {"closed_by": actor, "closed_reason": reason}, labels=("resolved",))
        batch.close(bead.id, reason, force=True)
        for told in (batch.get(one.id) for one in store.excerpts(mail)):
            if told is not None and not told.is_closed:
                batch.close(told.id, f"{bead.id} is closed: {reason}", force=True)
    payload = {"escalation_id": bead.id, "closed_by": actor, "reason": reason}
    append_event(root, "escalation_closed", actor, payload, clock=clock)
