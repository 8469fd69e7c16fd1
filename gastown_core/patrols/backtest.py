"""A patrol over the event log: what it would have found and done, had it looked then.

The log is replayed into facts of the same kind that sources fill, and these are reduced and judged by the same code.
What the log does not hold (screens, heartbeats, git, convoys) is not judged, and what the patrol would have done has no
effect on what came after.
"""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.clock import format_seconds
from gastown_core.events.log import log_path, newest_events
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW, OPEN
from gastown_core.model.record import Record
from gastown_core.model.town_event import TownEvent
from gastown_core.patrols.incidents import turn_of
from gastown_core.patrols.memory import ACTED, CHANGED, OPENED, Memory
from gastown_core.patrols.memory import CLOSED as OVER
from gastown_core.patrols.patrol import Look
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.collect import make_roster
from gastown_core.state.facts import TownFacts
from gastown_core.state.reduce import reduce_town
from gastown_core.state.sources.last_events import note_last
from gastown_core.tmux.panes import Pane
from gastown_core.town.inventory import survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.patrols.patrol import Finding, Limits, Patrol
    from gastown_core.state.evidence import Thresholds

LEAST_STEP_S = 60.0
FAR = 60
"""So many looks are passed over where no event comes and nothing is found at either end."""
WARM_S = 24 * 3600.0
"""Events so long before the span are replayed too, unjudged: they say who had what at its start."""


class BacktestStep(Record):
    """One thing that the patrol would have reported or done: ``opened``, ``acted``, ``held`` or ``closed``."""

    at: float
    what: str
    subject: str
    text: str


class Replay(Record):
    """The whole run."""

    patrol: str
    since: float
    until: float
    events: int
    looks: int
    steps: tuple[BacktestStep, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the run as ``--json`` prints it."""
        steps = [{**one._asdict(), "at": format_seconds(one.at)} for one in self.steps]
        span = {"since": format_seconds(self.since), "until": format_seconds(self.until)}
        return {"patrol": self.patrol, **span, "events": self.events, "looks": self.looks, "steps": steps}


class _Past:
    """The facts as they were at one moment of the log.

    ``spawns_are_starts``: the Go tools tell of no worker's session but by its spawn.
    """

    def __init__(self, root: str, thresholds: Thresholds, *, spawns_are_starts: bool = False) -> None:
        self._spawns_are_starts = spawns_are_starts
        self.facts = TownFacts(survey(root), thresholds)
        self.roster = make_roster(self.facts.inventory)
        self.facts.panes = {}
        self._stores = {f"{rig.prefix}-": rig.name for rig in self.facts.inventory.rigs}
        self._sessions = {one.address.path: one.session for one in self.facts.inventory.agents}
        for name in ("town", *self._stores.values()):
            self.facts.ledger[name] = {}

    def take(self, event: TownEvent) -> None:
        """Move on by one event."""
        note_last(self.facts, self.roster, event, newest=True)
        self._session(event)
        self._work(event)

    def _session(self, event: TownEvent) -> None:
        told, facts = event.payload, self.facts
        starts = event.type == "session_start" or (event.type == "spawn" and self._spawns_are_starts)
        if event.type == "spawn" and starts:
            told = {**told, "agent": f"{told.get('rig')}/polecats/{told.get('polecat')}"}
        who = str(told.get("agent") or told.get("target") or told.get("role") or event.actor)
        session = str(told.get("session_id") or told.get("session") or "") or self._sessions.get(
            self.roster.resolve(who).path, ""
        )
        panes = facts.panes if facts.panes is not None else {}
        if not session:
            return
        if starts:
            panes[session] = Pane(
                session, "@1", "%1", 1, "agent", False, None, event.ts, 0, False, "", 80, 24, created=event.ts
            )
            facts.alive[session] = True
            facts.heartbeats.pop(session, None)
        elif event.type in ("session_end", "session_death", "kill"):
            panes.pop(session, None)
            facts.alive.pop(session, None)
        elif event.type in ("waiting", "limited"):
            facts.heartbeats[session] = Heartbeat(event.ts, event.type, str(told.get("message") or ""))
        elif event.type in ("step", "done", "hook", "session_start"):
            facts.heartbeats.pop(session, None)

    def _work(self, event: TownEvent) -> None:
        told = event.payload
        bead_id = told.get("bead")
        if not isinstance(bead_id, str) or not bead_id:
            return
        if event.type == "sling":
            self._put(event, bead_id, HOOKED, str(told.get("target") or ""))
        elif event.type == "hook":
            self._put(event, bead_id, HOOKED, event.actor)
        elif event.type == "done":
            self._put(event, bead_id, IN_REVIEW, "")
        elif event.type in ("complete", "delete"):
            self._put(event, bead_id, CLOSED, "")
        elif event.type in ("unhook", "work_released", "reopen"):
            self._put(event, bead_id, OPEN, "")
        elif event.type == "step":
            self._put(event, bead_id, HOOKED, event.actor)

    def _put(self, event: TownEvent, bead_id: str, status: str, assignee: str) -> None:
        store = next((name for prefix, name in self._stores.items() if bead_id.startswith(prefix)), "town")
        address = self.roster.resolve(assignee) if assignee else None
        who = address.mail if address is not None and address.is_agent else ""
        title = str(event.payload.get("title") or "")
        ended = event.ts if status == CLOSED else 0.0
        self.facts.ledger[store][bead_id] = Excerpt(
            bead_id, title, status, 2, "task", who, event.ts, event.ts, ended, 0.0, (), (), False, False
        )
        self.facts.ledger_version += 1

    def town(self, now: float) -> TownSnapshot:
        """The town, as far as the log shows it."""
        return reduce_town(self.facts, now)


def replay(root: str, patrol: Patrol, limits: Limits, thresholds: Thresholds, *, since: float, until: float) -> Replay:
    """Run the patrol over the log between the two moments. Raises OSError, SettingsError."""
    events = []
    for event in newest_events(log_path(root)):
        if event.ts < since - WARM_S:
            break
        events.append(event)
    events.reverse()
    tells_starts = any(event.type == "session_start" for event in events)
    past = _Past(root, thresholds, spawns_are_starts=not tells_starts)
    memory, steps = Memory(), list[BacktestStep]()
    # before the first event of the log there is nothing to see
    first = min((one.ts for one in events if one.ts > 0), default=until)
    step_s, at, looks = max(patrol.period_s, LEAST_STEP_S), max(since, min(first, until)), 0
    for event in [*events, TownEvent(until, "", "", {}, "", -1)]:
        edge = min(event.ts, until)
        while at <= edge:
            looks += 1
            told = _look(patrol, past.town(at), memory, limits, at)
            steps += told
            far = at + FAR * step_s
            if not told and far <= edge and _rests(memory, at, limits):
                looks += 1
                if not _finds(patrol, past.town(at), memory, limits, at) and not _finds(
                    patrol, past.town(far), memory, limits, far
                ):
                    # what only time can bring stays once it has come: nothing then, nothing in between
                    at = far
                    continue
            at += step_s
        if event.type not in (ACTED, OPENED, CHANGED, OVER):
            # what a patrol did at the time is not what this one would do
            past.take(event)
    return Replay(patrol.name, since, until, sum(one.ts >= since for one in events), looks, tuple(steps))


def _rests(memory: Memory, now: float, limits: Limits) -> bool:
    """Whether nothing is open, and no act is so recent that it keeps a finding back for a while."""
    longest = max(limits.ladder_s, limits.convoy_cooldown_s, limits.half_open_s)
    return not memory.open and (not memory.acts or memory.acts[-1].at < now - longest)


def _finds(patrol: Patrol, town: TownSnapshot, memory: Memory, limits: Limits, now: float) -> bool:
    return any(True for _ in patrol.look(Look(town, memory, limits, now, patrol.rig)))


def _look(patrol: Patrol, town: TownSnapshot, memory: Memory, limits: Limits, now: float) -> list[BacktestStep]:
    findings = tuple(patrol.look(Look(town, memory, limits, now, patrol.rig)))
    turn = turn_of(patrol.name, findings, memory.of(patrol.name), now, blind=False)
    steps = []
    for one in turn.opened:
        memory.open[one.key] = one
        what = "held" if one.escalated else "opened"
        steps.append(BacktestStep(now, what, one.subjects[0], f"{', '.join(one.subjects)}: {one.cause}"))
    for one in turn.changed:
        memory.open[one.key] = one
    for one in turn.closed:
        memory.open.pop(one.key, None)
        steps.append(BacktestStep(now, "closed", one.subjects[0], f"{', '.join(one.subjects)}: {one.kind} is over"))
    for found in findings:
        if found.remedy is not None:
            steps.append(_acted(memory, patrol, found, now))
    return steps


def _acted(memory: Memory, patrol: Patrol, found: Finding, now: float) -> BacktestStep:
    order = found.remedy.kind if found.remedy is not None else ""
    told = {"patrol": patrol.name, "kind": found.kind, "target": found.subject, "order": order, "bead": found.bead}
    memory.fold(TownEvent(now, ACTED, patrol.actor, told, "", -1))
    return BacktestStep(now, "acted", found.subject, f"{order} {found.subject}, because: {found.cause}")
