"""What patrols remember: which incidents are open, and what was done about them; read from the event log, kept nowhere else."""

from __future__ import annotations

import threading

from gastown_core.clock import parse_moment
from gastown_core.events.log import log_path, newest_events
from gastown_core.model.incident import Incident
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.town_event import TownEvent

OPENED, CHANGED, CLOSED, ACTED = "incident_opened", "incident_changed", "incident_closed", "patrol_acted"
"""Event kinds of patrols."""
BACK_S = 7 * 24 * 3600.0
MOST_EVENTS = 20_000
"""How far back the log is read at the start; an older incident that is still open is opened anew."""


class Act(Record):
    """One order that a patrol gave, and whether it succeeded."""

    at: float
    patrol: str
    kind: str
    subject: str
    order: str
    bead: str = ""
    ok: bool = True
    why: str = ""


class Memory:
    """Open incidents by key, those that are over, and acts, oldest first."""

    def __init__(self) -> None:
        self.open: dict[str, Incident] = {}
        self.over: dict[str, Incident] = {}
        self.acts: list[Act] = []
        self._of: dict[str, list[Act]] = {}
        # patrols of one process share the memory, and each runs in a thread of its own
        self._changing = threading.Lock()

    def fold(self, event: TownEvent) -> None:
        """Take in one event of a patrol; others change nothing."""
        told = event.payload
        if event.type == OPENED:
            names = told.get("subjects")
            subjects = tuple(str(one) for one in names) if isinstance(names, list) else ()
            key = str(told.get("incident") or "")
            since = parse_moment(told.get("since")) or event.ts
            words = {name: str(told.get(name) or "") for name in ("patrol", "kind", "cause")}
            if key:
                self.open[key] = Incident(
                    key, subjects=subjects, since=since, escalated=bool(told.get("escalated")), **words
                )
        elif event.type == CHANGED:
            old, names = self.open.get(str(told.get("incident") or "")), told.get("subjects")
            if old is not None and isinstance(names, list):
                cause = str(told.get("cause") or old.cause)
                self.open[old.key] = old._replace(subjects=tuple(str(one) for one in names), cause=cause)
        elif event.type == CLOSED:
            gone = self.open.pop(str(told.get("incident") or ""), None)
            if gone is not None:
                self.over[gone.key] = gone
        elif event.type == ACTED:
            words = {name: str(told.get(name) or "") for name in ("patrol", "kind", "order", "bead")}
            why = str(told.get("error") or told.get("reason") or "")
            self.add(
                Act(event.ts, subject=str(told.get("target") or ""), ok=told.get("ok") is not False, why=why, **words)
            )

    def add(self, act: Act) -> None:
        """Remember an act; it is not older than those before it."""
        with self._changing:
            self.acts.append(act)
            self._of.setdefault(act.subject, []).append(act)

    def forget_before(self, moment: float) -> None:
        """Drop acts older than ``moment``."""
        if self.acts and self.acts[0].at < moment:
            with self._changing:
                self.acts = [act for act in self.acts if act.at >= moment]
                self._of = {}
                for act in self.acts:
                    self._of.setdefault(act.subject, []).append(act)

    def acts_on(self, subject: str, since: float, *, orders: tuple[str, ...] = (), bead: str = "") -> list[Act]:
        """Return the acts on a subject since then, oldest first; of these orders, and for this bead, if given."""
        found: list[Act] = []
        # a busy week has thousands of acts, and each agent is asked about at each look
        for act in reversed(self._of.get(subject, ())):
            if act.at < since:
                break
            if (not orders or act.order in orders) and (not bead or act.bead == bead):
                found.append(act)
        found.reverse()
        return found

    def of(self, patrol: str) -> list[Incident]:
        """Return the open incidents of a patrol."""
        return [one for one in self.open.values() if one.patrol == patrol]


def read_memory(root: str, now: float) -> Memory:
    """Return what the event log says. Raises OSError."""
    found: list[TownEvent] = []
    for number, event in enumerate(newest_events(log_path(root))):
        if event.ts < now - BACK_S or number >= MOST_EVENTS:
            break
        if event.type in (OPENED, CHANGED, CLOSED, ACTED):
            found.append(event)
    memory = Memory()
    for event in reversed(found):
        memory.fold(event)
    return memory
