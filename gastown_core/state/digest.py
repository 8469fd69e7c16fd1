"""What the ledger says of agents, worked out once for each state of the ledger and not once for each glance."""

from __future__ import annotations

from collections import defaultdict

from gastown_core.beads.query import Excerpt
from gastown_core.model.address import parse_address
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, is_identity, is_kind
from gastown_core.model.record import Record
from gastown_core.model.snapshot import EscalationView
from gastown_core.state.facts import TownFacts


class LedgerDigest(Record):
    """By mail identity: the bead on the hook, and unread mail by priority, newest first; and open escalations, the
    most urgent first."""

    hooked: dict[str, Excerpt]
    unread: dict[str, list[Excerpt]]
    escalations: tuple[EscalationView, ...]


def digest_of(facts: TownFacts) -> LedgerDigest:
    """The digest of the ledger as it is now; remembered in the facts until the ledger moves."""
    if facts.digest is not None and facts.digest[0] == facts.ledger_version:
        return facts.digest[1]
    digest = _work_out(facts)
    facts.digest = (facts.ledger_version, digest)
    return digest


def _work_out(facts: TownFacts) -> LedgerDigest:
    hooked: dict[str, Excerpt] = {}
    unread: dict[str, list[Excerpt]] = defaultdict(list)
    escalated: dict[str, EscalationView] = {}
    identities: dict[str, str] = {}
    for beads in facts.ledger.values():
        for bead in beads.values():
            if bead.status == CLOSED or is_identity(bead):
                continue
            if "gt:escalation" in bead.labels:
                known = EscalationView(_escalation_id(bead), bead.title, bead.priority, bead.created_at)
                if known.bead_id == bead.id or known.bead_id not in escalated:
                    # the record itself counts before the message that carries it
                    escalated[known.bead_id] = known
            if not bead.assignee:
                continue
            who = identities.get(bead.assignee)
            if who is None:
                who = identities[bead.assignee] = parse_address(bead.assignee).mail
            if is_kind(bead, "gt:message"):
                if "read" not in bead.labels:
                    unread[who].append(bead)
            elif bead.status in (HOOKED, IN_PROGRESS) and _is_newer_hook(bead, hooked.get(who)):
                hooked[who] = bead
    for mail in unread.values():
        mail.sort(key=lambda m: (m.priority, -m.updated_at, m.id))
    escalations = sorted(escalated.values(), key=lambda one: (one.priority, one.since, one.bead_id))
    return LedgerDigest(hooked, dict(unread), tuple(escalations))


def _is_newer_hook(bead: Excerpt, before: Excerpt | None) -> bool:
    """A hooked bead counts before one in progress, then the one moved last."""
    return before is None or _hook_order(bead) > _hook_order(before)


def _hook_order(bead: Excerpt) -> tuple[bool, float, str]:
    return bead.status == HOOKED, bead.updated_at, bead.id


def _escalation_id(bead: Excerpt) -> str:
    """The record and the message that carries it count once: the message names the record in a label."""
    for label in bead.labels:
        if label.startswith("escalation:"):
            return label[11:]
    return bead.id
