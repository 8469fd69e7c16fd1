"""The tables that a timeline moves, and how events and versions of beads change them."""

from __future__ import annotations

from bisect import bisect_right

from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.query import Excerpt
from gastown_core.beads.versions import moment_of
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN, TRACKS, is_convoy
from gastown_core.model.convoy import LANDED_S
from gastown_core.model.event_kinds import text_of
from gastown_core.model.record import Record
from gastown_core.model.snapshot import SchedulerView
from gastown_core.past.timeline import ABSENT, Timeline
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.sources.last_events import SESSION_KINDS, told_of
from gastown_core.state.sources.ledger import facts_in, says_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.versions import Versions
    from gastown_core.model.bead import Bead
    from gastown_core.model.town_event import TownEvent
    from gastown_core.past.timeline import Table
    from gastown_core.state.facts import Roster
    from gastown_core.town.inventory import Inventory

FACTS = ("orders", "requests", "molecules", "gates", "fields")
"""Tables of ``TownFacts`` that records of beads fill beside their excerpts."""
_WORK = {"sling": HOOKED, "hook": HOOKED, "done": IN_REVIEW, "unhook": OPEN, "work_released": OPEN, "merged": CLOSED}
"""Event kind → the status that a bead has afterwards."""
_BY_EVENTS = {**_WORK, "step": HOOKED, "complete": CLOSED, "delete": CLOSED, "reopen": OPEN}
"""The same where nothing but events may be left of a bead."""
_LATER = {HOOKED: (HOOKED, IN_PROGRESS), IN_REVIEW: (IN_REVIEW, CLOSED)}
"""Status after an event → what the bead may be already when the event is written."""
SAME_ACT_S = 5.0
"""An event and a version of its bead that are no further apart come from one act."""
_GO_ON = ("step", "done", "hook", "session_start", "answered")
"""Events after which an agent no longer waits or is held by a limit."""


class Known(Record):
    """The kept versions of a bead: its store, when each was written, and how it was then; events tell of what lies between."""

    store: str
    at: list[float]
    beads: list[Excerpt | None]


class Tables:
    """What is known at the moment the timeline is at; ``told`` are agents and rigs whose coming or going an event tells.

    ``by_events``: a bead of which no version is kept is known by its events.
    """

    def __init__(self, inventory: Inventory, roster: Roster, *, by_events: bool = False) -> None:
        self.line = Timeline()
        self._by_events = by_events
        self._stores = {f"{rig.prefix}-": rig.name for rig in inventory.rigs}
        self.roster = roster
        self.ledger: dict[str, dict[str, Excerpt]] = {"town": {}, **{rig.name: {} for rig in inventory.rigs}}
        self.facts: dict[str, Table] = {name: {} for name in FACTS}
        self.last: dict[str, int] = {}
        self.last_of_session: dict[str, int] = {}
        self.sessions: dict[str, float] = {}
        self.no_sessions: dict[str, float] = {}
        self.hook_since: dict[str, float] = {}
        self.said: dict[str, Heartbeat] = {}
        self.absent: dict[str, bool] = {}
        self.told: set[str] = set()
        self.rig_states: dict[str, str] = {}
        self.halted: dict[str, bool] = {}
        self.scheduler: dict[str, SchedulerView] = {}
        self.holds: dict[str, tuple[float, str, str]] = {}
        self.commits: dict[str, tuple[float, str]] = {}
        self.unsure: dict[str, bool] = {}
        self.ledger_steps: list[float] = []
        self._known: dict[str, Known] = {}
        self._named: set[str] = set()
        self._sessions_of = {one.address.path: one.session for one in inventory.agents}
        self._first: set[str] = set()

    # beads

    def take_versions(self, stores: dict[str, Versions]) -> None:
        """Note all versions of all beads; call it before the events, which fill the gaps."""
        for versions in stores.values():
            for known in versions.beads.values():
                for bead in known:
                    self._named.update(_named_by(bead))
        for store, versions in stores.items():
            for bead_id, known in versions.beads.items():
                self._take_bead(store, bead_id, known)

    def _take_bead(self, store: str, bead_id: str, known: list[Bead]) -> None:
        kept = self._known[bead_id] = Known(store, [], [])
        self._take_beginning(kept, known[0])
        old: Excerpt | None = None
        for number, bead in enumerate(known):
            at = moment_of(bead)
            if bead.is_tombstone:
                if old is None or old.is_ephemeral == bead.is_ephemeral:
                    self._put_bead(at, store, bead_id, ABSENT)
                    old = None
                continue
            old = excerpt_of(bead)
            kept.at.append(at)
            kept.beads.append(old)
            self._put_bead(at, store, bead_id, old)
            self.line.put(at, self.unsure, bead_id, ABSENT)
            for table, key, value in facts_in(bead) if says_more(old) else ():
                self.line.put(at, self.facts[table], key, value)
            after = moment_of(known[number + 1]) if number + 1 < len(known) else None
            self._leave(store, old, after)

    def _take_beginning(self, kept: Known, first: Bead) -> None:
        """Put a bead as it must have begun where its first version is no longer kept."""
        begun = first.created_at
        if not begun or first.is_tombstone or moment_of(first) - begun <= 1.0:
            return
        guess = excerpt_of(first)._replace(status=OPEN, assignee="", updated_at=begun, closed_at=0.0, is_failed=False)
        kept.at.append(begun)
        kept.beads.append(guess)
        self._put_bead(begun, kept.store, first.id, guess)
        self.line.put(begun, self.unsure, first.id, True)

    def _leave(self, store: str, bead: Excerpt, after: float | None) -> None:
        """Take a bead that has been closed for a day out of view, unless others name it."""
        gone = bead.closed_at + LANDED_S
        if bead.status == CLOSED and bead.id not in self._named and (after is None or gone < after):
            self._put_bead(max(gone, bead.updated_at), store, bead.id, ABSENT)

    def _put_bead(self, at: float, store: str, bead_id: str, value: Any) -> None:
        self.line.put(at, self.ledger[store], bead_id, value)
        self.ledger_steps.append(at)

    def take_commit(self, at: float, path: str, subject: str) -> None:
        """Note a commit of an agent."""
        self.line.put(at, self.commits, path, (at, subject))

    def take_pane(self, session: str, created: float) -> None:
        """Note a session that runs now, and whose start the log no longer has."""
        if session not in self._first:
            self._first.add(session)
            self.line.put(created, self.sessions, session, created)

    # events

    def take_event(self, number: int, event: TownEvent) -> None:
        """Note what an event changed."""
        address = self.roster.resolve(told_of(event))
        path, put = address.path, self.line.put
        if event.type == "hook_state":
            put(event.ts, self.hook_since, path, event.ts)
            return
        if address.is_agent:
            put(event.ts, self.last, path, number)
            if event.type in SESSION_KINDS:
                put(event.ts, self.last_of_session, path, number)
        self._session(event, path)
        self._roster(event)
        self._town(event)
        self._work(event)

    def take_start(self, event: TownEvent) -> None:
        """Note the session that a spawn began: the Go tools tell of no worker's session but by that."""
        session = self._sessions_of.get(self.roster.resolve(told_of(event)).path, "")
        if session:
            self.line.put(event.ts, self.sessions, session, event.ts)
            self._first.add(session)

    def _session(self, event: TownEvent, path: str) -> None:
        told, put = event.payload, self.line.put
        session = text_of(told, "session_id") or text_of(told, "session") or self._sessions_of.get(path, "")
        if not session:
            return
        if event.type == "session_start":
            put(event.ts, self.sessions, session, event.ts)
            put(event.ts, self.no_sessions, session, ABSENT)
        elif event.type in ("session_end", "session_death", "kill"):
            if session not in self._first:
                # it must have run before; since when is not known
                put(0.0, self.sessions, session, 0.0)
            put(event.ts, self.sessions, session, ABSENT)
            put(event.ts, self.no_sessions, session, event.ts)
        if event.type in SESSION_KINDS:
            self._first.add(session)
        if event.type in ("waiting", "limited"):
            until = told.get("until")
            moment = float(until) if isinstance(until, int | float) else 0.0
            put(event.ts, self.said, session, Heartbeat(event.ts, event.type, text_of(told, "message"), until=moment))
        elif event.type in (*_GO_ON, "session_end", "session_death", "kill"):
            put(event.ts, self.said, session, ABSENT)

    def _roster(self, event: TownEvent) -> None:
        """Note agents that came and went; ``absent`` has those that are known not to be there."""
        told = event.payload
        rig, name = text_of(told, "rig"), text_of(told, "polecat") or text_of(told, "crew")
        if event.type in ("spawn", "crew_added") and rig and name:
            path = self.roster.resolve(f"{rig}/{'polecats' if event.type == 'spawn' else 'crew'}/{name}").path
            self._presence(event.ts, path, is_there=True)
        elif event.type == "polecat_removed" and rig and name:
            self._presence(event.ts, self.roster.resolve(f"{rig}/polecats/{name}").path, is_there=False)
        elif event.type in ("rig_added", "rig_removed") and rig:
            self._presence(event.ts, rig, is_there=event.type == "rig_added")
        elif event.type == "rig_state" and rig:
            if rig not in self._first:
                self.line.put(0.0, self.rig_states, rig, text_of(told, "from"))
                self._first.add(rig)
            self.line.put(event.ts, self.rig_states, rig, text_of(told, "to"))

    def _presence(self, at: float, path: str, *, is_there: bool) -> None:
        if is_there and path not in self.told:
            self.line.put(0.0, self.absent, path, True)
        self.told.add(path)
        self.line.put(at, self.absent, path, ABSENT if is_there else True)

    def _town(self, event: TownEvent) -> None:
        told, put, rig = event.payload, self.line.put, text_of(event.payload, "rig")
        if event.type == "scheduler_paused":
            put(event.ts, self.scheduler, "", SchedulerView(0, True, event.actor, event.ts))
        elif event.type == "scheduler_resumed":
            put(event.ts, self.scheduler, "", ABSENT)
        elif event.type == "queue_held":
            put(event.ts, self.holds, rig, (event.ts, text_of(told, "reason"), text_of(told, "kind")))
        elif event.type == "queue_released":
            put(event.ts, self.holds, rig, ABSENT)
        elif event.type in ("estop", "thaw"):
            put(event.ts, self.halted, rig, True if event.type == "estop" else ABSENT)

    def _work(self, event: TownEvent) -> None:
        """Let an event tell of a bead whose record of then is not kept."""
        status, bead_id = (_BY_EVENTS if self._by_events else _WORK).get(event.type), text_of(event.payload, "bead")
        kept = self._known.get(bead_id) if status is not None else None
        if kept is None and self._by_events and bead_id and status is not None:
            kept = self._begin(event, bead_id)
        if kept is None or status is None:
            return
        place = bisect_right(kept.at, event.ts) - 1
        bead = kept.beads[place] if place >= 0 else None
        if bead is None or any(abs(event.ts - at) <= SAME_ACT_S for at in kept.at[max(0, place) : place + 2]):
            # there is no such bead, or its own record tells of this act
            return
        who = text_of(event.payload, "target") or event.actor if status == HOOKED else ""
        assignee = self.roster.resolve(who).mail if who else ""
        if status == bead.status or (bead.status in _LATER.get(status, ()) and assignee in ("", bead.assignee)):
            return
        closed_at = event.ts if status == CLOSED else 0.0
        made = bead._replace(status=status, assignee=assignee, updated_at=event.ts, closed_at=closed_at)
        kept.at.insert(place + 1, event.ts)
        kept.beads.insert(place + 1, made)
        self._put_bead(event.ts, kept.store, bead_id, made)
        self.line.put(event.ts, self.unsure, bead_id, True)

    def _begin(self, event: TownEvent, bead_id: str) -> Known:
        """Know a bead by its first event, open until then."""
        store = next((name for prefix, name in self._stores.items() if bead_id.startswith(prefix)), "town")
        title = text_of(event.payload, "title")
        begun = Excerpt(bead_id, title, OPEN, 2, "task", "", event.ts, 0.0, 0.0, 0.0, (), (), False, False)
        self._known[bead_id] = Known(store, [0.0], [begun])
        return self._known[bead_id]


def _named_by(bead: Bead) -> list[str]:
    """Return the beads that must stay in view because this one names them."""
    found = [edge.target for edge in bead.edges if edge.type == TRACKS] if is_convoy(excerpt_of(bead)) else []
    for table, _, value in facts_in(bead):
        if table == "requests" and value.source_issue:  # type: ignore[attr-defined]
            found.append(value.source_issue)  # type: ignore[attr-defined]
        elif table == "molecules":
            found += [f"{value.root}.{step}" for step in value.steps]  # type: ignore[attr-defined]
    return found
