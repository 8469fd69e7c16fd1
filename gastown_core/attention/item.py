"""One row of the attention list."""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.agent import Question

PERMISSION, DIALOG, LOGIN, ASKS = "permission", "dialog", "login", "asks"
ESCALATION, MAIL, QUEUE, GATE, BUDGET, DAM = "escalation", "mail", "queue", "gate", "budget", "dam"
STUCK, LANDING, ORPHAN, JUDGE, DAEMON = "stuck", "landing", "orphan", "judge", "daemon"
APPROVAL, GIVEN_UP, CONFLICT = "approval", "given-up", "conflict"
STOPPED_SHORT, SILENT, STALLED, DEAD = "stopped-short", "silent", "stalled", "dead"
INCIDENT, OUTAGE = "incident", "outage"
"""What several agents ask, and what several suffer from: a limit, a common death, something that cannot be read."""
KINDS = (
    DAM,
    DAEMON,
    INCIDENT,
    LOGIN,
    PERMISSION,
    DIALOG,
    ASKS,
    ESCALATION,
    GIVEN_UP,
    QUEUE,
    GATE,
    APPROVAL,
    BUDGET,
    STUCK,
    LANDING,
    ORPHAN,
    JUDGE,
    CONFLICT,
    MAIL,
)
TROUBLE_KINDS = (OUTAGE, STOPPED_SHORT, SILENT, DEAD, STALLED)
"""Kinds in the order of need; those of trouble may yet be mended by the town itself."""
QUESTIONS = (PERMISSION, DIALOG, LOGIN, ASKS)
"""Kinds of an agent that waits with its program: only an answer ends them."""

ELSEWHERE = (DAEMON, GIVEN_UP, QUEUE, GATE, APPROVAL, CONFLICT, MAIL, BUDGET, JUDGE)
"""Kinds that no list of agents and of stuck work has."""

YOU, HELP, READ = "you", "help", "reading"
NEEDS = {YOU: "NEEDS YOU", HELP: "NEEDS HELP", READ: "TO READ"}
"""What a row needs: an answer or act of a person, help if the town does not mend it by itself, to be read; its heading."""

AGENT, BEAD, CONVOY, RIG, TOWN = "agent", "bead", "convoy", "rig", "town"
WANTED = "wanted"
"""What a subject may be."""


class Subject(Record):
    """What a row is about: its kind (agent, bead, convoy, incident, rig, town, wanted), its id, its name for people."""

    kind: str
    id: str
    name: str


class Item(Record):
    """One thing that waits on a person.

    ``question`` is what is asked, ``asked`` the question on a screen with its choices.  ``holds`` are open beads that
    cannot go on before it is settled, ``convoys`` the ids of those they belong to.  ``orders`` are ids of the order
    table, the most useful first; ``hint`` is a command that settles it.  ``stamp`` changes when the matter does.
    ``informs``: nothing waits for it, it is only to be read.
    """

    kind: str
    subject: Subject
    question: str
    since: float
    stamp: str
    bead: str = ""
    rig: str = ""
    work: str = ""
    asked: Question | None = None
    holds: tuple[str, ...] = ()
    convoys: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    hint: str = ""
    evidence: tuple[str, ...] = ()
    urgency: int = 1
    informs: bool = False
    is_pinned: bool = False
    snoozed_until: float = 0.0
    """Set in the list of what is hidden: when it comes back by itself."""

    @property
    def key(self) -> str:
        """The key of a row's mark: cause and subject, independent of the wording."""
        return f"{self.cause}:{self.bead or self.subject.id}"

    @property
    def cause(self) -> str:
        """The kind, one for all states of an agent's screen and one for all troubles of its work."""
        if self.kind in (INCIDENT, OUTAGE):
            return INCIDENT
        return "question" if self.kind in QUESTIONS else "trouble" if self.kind in TROUBLE_KINDS else self.kind

    @property
    def needs(self) -> str:
        """What the row needs, of ``NEEDS``; only rows that need a person count anywhere."""
        return READ if self.informs else HELP if self.kind in TROUBLE_KINDS else YOU

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices of the question on the screen."""
        return self.asked.options if self.asked is not None else ()

    def as_json(self) -> dict[str, Any]:
        """Return the row as ``gt inbox --json`` prints it; empty values are left out."""
        told: dict[str, Any] = {
            "key": self.key,
            "kind": self.kind,
            "subject": {"kind": self.subject.kind, "id": self.subject.id, "name": self.subject.name},
            "question": self.question,
            "since": format_seconds(self.since) if self.since else "",
            "needs": self.needs,
            "bead": self.bead,
            "rig": self.rig,
            "work": self.work,
            "question_id": self.asked.id if self.asked is not None else "",
            "text": self.asked.text if self.asked is not None else "",
            "choices": list(self.choices),
            "holds_up": list(self.holds),
            "convoys": list(self.convoys),
            "orders": list(self.orders),
            "next": self.hint,
            "evidence": list(self.evidence),
            "pinned": self.is_pinned,
            "snoozed_until": format_seconds(self.snoozed_until) if self.snoozed_until else "",
        }
        return {key: value for key, value in told.items() if value not in ("", [], False)}
