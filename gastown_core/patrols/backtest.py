"""A patrol over the past: what it would have found and done, had it looked then.

It judges the town as event log, ledgers and git tell of it (``past.town``).  What nobody recorded (screens, heartbeats) is
taken for silence; what patrols did at the time is left out, and what this one would have done has no effect on what came
after.
"""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.model.record import Record
from gastown_core.model.town_event import TownEvent
from gastown_core.past.town import Past
from gastown_core.patrols.incidents import turn_of
from gastown_core.patrols.memory import ACTED, CHANGED, OPENED, Memory
from gastown_core.patrols.memory import CLOSED as OVER
from gastown_core.patrols.patrol import Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.patrols.patrol import Finding, Limits, Patrol

LEAST_STEP_S = 60.0
FAR = 60
"""So many looks are passed over where no event comes and nothing is found at either end."""


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


def replay(root: str, patrol: Patrol, limits: Limits, *, since: float, until: float) -> Replay:
    """Run the patrol over the past between the two moments. Raises GastownError, OSError."""
    past = Past(root, without=frozenset((ACTED, OPENED, CHANGED, OVER)))
    try:
        past.read()
        return _run(past, patrol, limits, since, until)
    finally:
        past.close()


def _run(past: Past, patrol: Patrol, limits: Limits, since: float, until: float) -> Replay:
    moments = past.moments_between(0.0, until)
    memory, steps = Memory(), list[BacktestStep]()
    # before the first event of the log there is nothing to see
    first = moments[0] if moments else until
    step_s, at, looks = max(patrol.period_s, LEAST_STEP_S), max(since, min(first, until)), 0
    for edge in [*moments, until]:
        while at <= edge:
            looks += 1
            told = _look(patrol, past.silent_at(at), memory, limits, at)
            steps += told
            far = at + FAR * step_s
            if not told and far <= edge and _rests(memory, at, limits):
                looks += 1
                if not _finds(patrol, past.silent_at(at), memory, limits, at) and not _finds(
                    patrol, past.silent_at(far), memory, limits, far
                ):
                    # what only time can bring stays once it has come: nothing then, nothing in between
                    at = far
                    continue
            at += step_s
    return Replay(patrol.name, since, until, sum(at >= since for at in moments), looks, tuple(steps))


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
