"""The current state of a refinery, as its engine records it and every front end shows it.

At every step the engine replaces ``<rig>/.runtime/refinery/state.json`` by rename; front ends watch that file.
Moments are Unix seconds, ``secs`` are durations; paths are relative to the rig's folder.
"""

from __future__ import annotations

from gastown_core.model.merge_request import LEVEL_S
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

STATE_FILE = ".runtime/refinery/state.json"
"""Relative to the rig's folder."""
BATCHES_FILE = ".runtime/refinery/batches.jsonl"
"""Finished batches, one JSON object a line, relative to the rig's folder."""

IDLE, STACKING, TESTING, BISECTING, PUSHING, POST_MERGE, HELD = (
    "idle stacking testing bisecting pushing post-merge held".split()
)
PHASES = (IDLE, STACKING, TESTING, BISECTING, PUSHING, POST_MERGE, HELD)
"""``held`` means that the target itself or the infrastructure fails: nobody is blamed and the queue waits."""

RUNNING, PASS, FAIL, ERROR, CACHED, SKIPPED = "running pass fail error cached skipped".split()
"""Results of a probe and of a gate; ``error`` is no verdict (time-out, exit 126 or 127, disk full), ``cached`` a
pass from an earlier run."""
RED_TARGET, ENVIRONMENT = "red-target", "environment"
TARGET_IS_RED = (RED_TARGET, ENVIRONMENT)
"""Kinds of holds where the gates are red on the bare target."""
FROZEN = "frozen"
"""The ``hold_kind``, and the first word of ``hold_reason``, where a person or the hours of the settings want nothing merged."""
SETTINGS = "settings"
"""The ``hold_kind`` where the rig's settings cannot be used."""
OFF = "off"
"""The ``hold_kind`` where the settings switch the rig's queue off, or the rig is parked or docked; by hand it is merged all the same."""
INFRASTRUCTURE = "infrastructure"
"""The ``hold_kind`` where git or the engine fails, or the disk is full."""
BY_CHOICE = (FROZEN, OFF)
"""Kinds of holds that somebody wanted: nothing is wrong."""
DIED = "engine died"
"""In place of the phase, where the process that wrote it is gone."""
MOST_NUMBER, MOST_SECONDS = 2**31 - 1, 2.0**37
"""Larger numbers in a file are ignored: no process id, count or moment (up to the year 6325) is that large."""
GAVE_UP = "gave-up"
"""The final result of a gate whose error is its command's own: it timed out or could not run on this tree.
If the target is green, the tree is to blame.  Front ends show it as ``error``."""


class GateRun(Record):
    """One gate in one probe."""

    name: str
    result: str = RUNNING
    secs: float = 0.0
    log: str = ""
    started_at: float = 0.0
    detail: str = ""
    """The cause of an error, or the exit code of a failure, as text."""
    gave_up: bool = False
    """Whether the error is that the command timed out, could not be found or run, or was killed."""


class Probe(Record):
    """One stack of requests that was, or is being, tested.

    ``purpose`` is stack, again, base, left, right, alone, peers, single or final; of what was pushed it is pushed, again, before or upto.
    """

    id: int
    requests: tuple[str, ...]
    purpose: str = "stack"
    parent: int = 0
    tree: str = ""
    result: str = RUNNING
    gates: tuple[GateRun, ...] = ()
    started_at: float = 0.0
    secs: float = 0.0
    waits: str = ""
    """Why it does not run yet: no gate place is free, or the machine has too little left."""


def places_used(probes: Sequence[Probe]) -> int:
    """How many gate places these probes take up: those that wait for one take none."""
    return sum(probe.result == RUNNING and not probe.waits for probe in probes)


def gate_to_show(probe: Probe) -> GateRun | None:
    """The gate of a probe that people want to see: the last one that runs, else the first that failed, else the last."""
    running = [gate for gate in probe.gates if gate.result == RUNNING]
    bad = [gate for gate in probe.gates if gate.result not in (RUNNING, PASS, CACHED, SKIPPED)]
    shown = running[-1:] or bad[:1] or probe.gates[-1:]
    return shown[0] if shown else None


def probe_to_show(probes: Sequence[Probe]) -> Probe | None:
    """The last probe that runs, else the last one."""
    running = [probe for probe in probes if probe.result == RUNNING]
    shown = running or list(probes)
    return shown[-1] if shown else None


def subject_of(why: str) -> tuple[str, str]:
    """Split a reason (``FlightLine.why``) into its subject and the rest."""
    subject, colon, words = why.partition(": ")
    return (subject, words) if colon and subject.isalpha() else ("", why)


class EntryState:
    """The state of a merge request in its batch."""

    WAITING = "waiting"
    """Not rebased yet."""
    STACKED = "stacked"
    TESTING = "testing"
    GOOD = "good"
    """Its gates passed; it is not pushed yet."""
    CULPRIT = "culprit"
    """Its gates failed."""
    CONFLICT = "conflict"
    HELD = "held"
    """Left out of this batch; it stays in the queue."""
    MERGED = "merged"


class BatchEntry(Record):
    """A request of the batch; ``state`` is an ``EntryState``."""

    id: str
    branch: str
    worker: str = ""
    issue: str = ""
    title: str = ""
    state: str = EntryState.WAITING
    why: str = ""


class FlightLine(Record):
    """One of several batches in flight at once: its phase, its requests, and how many probes run and were begun."""

    batch: str
    phase: str = IDLE
    requests: tuple[str, ...] = ()
    running: int = 0
    probes: int = 0
    base: str = ""
    started_at: float = 0.0
    waits: str = ""
    """Why a probe of it does not run yet."""
    on: str = ""
    """The batch on whose stack it is tested, before that one has landed."""
    ran_since: float = 0.0
    """When the newest of its probes began that run now, 0 if none does."""
    lanes: tuple[str, ...] = ()
    """The lanes that it affects."""
    union: tuple[str, ...] = ()
    """The batches that it tests together, after they landed: then it has no requests."""
    pushed: tuple[str, ...] = ()
    """What it verifies after the push, by request or commit: then it has no requests."""
    clean: tuple[str, ...] = ()
    """Requests of a red stack that are known to be green together, from the bottom up."""
    window: tuple[str, ...] = ()
    """Those among which the culprit is, while it is searched."""
    suspects: tuple[str, ...] = ()
    """Those that were singled out."""
    good: tuple[str, ...] = ()
    """Those that are green together and wait for their turn to land."""
    why: tuple[str, ...] = ()
    """Why it is as it is: sentences that begin with their subject, such as ``size: all 3 that wait``."""
    lands_next: bool = False
    """Whether its requests were green, and are tested once more on what has landed since, before others land."""
    tree: tuple[Probe, ...] = ()
    judged: tuple[BatchEntry, ...] = ()
    """Its probes, and those of its requests that have a verdict; of the oldest batch the state itself has both."""


class Landing(Record):
    """When a request is expected on the target, as moments: between ``early`` and ``late`` four times out of five.

    ``sent_back`` is the chance that it goes back instead.
    """

    id: str
    early: float = 0.0
    middle: float = 0.0
    late: float = 0.0
    sent_back: float = 0.0


class QuarantinedTest(Record):
    """A test that may be red without blame until a moment; ``bead`` is its issue."""

    test: str
    gate: str = ""
    until: float = 0.0
    bead: str = ""


class RequestLanes(Record):
    """The lanes that a request of the queue affects."""

    id: str
    lanes: tuple[str, ...] = ()


class RefineryState(Record):
    """The full state of one rig's refinery; when idle, ``last`` holds the last batch."""

    rig: str
    phase: str = IDLE
    pid: int = 0
    updated_at: float = 0.0
    batch: str = ""
    target: str = ""
    base: str = ""
    started_at: float = 0.0
    requests: tuple[BatchEntry, ...] = ()
    probes: tuple[Probe, ...] = ()
    hold_reason: str = ""
    hold_kind: str = ""
    """What holds the queue, also while a batch is at work beside it: ``frozen``, ``off``, ``settings``, or a kind of ``refinery.hold``; empty in the state of an older engine."""
    level_s: float = LEVEL_S
    """Seconds in the queue that are worth one priority level (``merge_request.score``)."""
    last: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    pid_start: float = 0.0
    """Start of process ``pid`` as in the process table, to tell the engine from a later process with that number."""
    flights: tuple[FlightLine, ...] = ()
    """All batches in flight, the oldest first, if there are several; the other fields show the oldest."""
    places: int = 0
    """How many probes the rig may run at once, 0 if that is not known."""
    forecast: tuple[Landing, ...] = ()
    quarantined: tuple[QuarantinedTest, ...] = ()
    """When the requests of the queue are expected to land, as far as that was worked out."""
    on: str = ""
    """The batch on whose stack this one is tested."""
    lanes: tuple[str, ...] = ()
    """The lanes that the batch affects, in a rig that has lanes."""
    union: tuple[str, ...] = ()
    """The batches that this one tests together, after they landed."""
    pushed: tuple[str, ...] = ()
    """What this one verifies after the push, by request or commit."""
    reaches: tuple[RequestLanes, ...] = ()
    """What the requests of the queue affect, in a rig that has lanes."""
    clean: tuple[str, ...] = ()
    window: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    """How far the search in a red stack is, and what waits for its turn to land (``FlightLine``)."""
    why: tuple[str, ...] = ()
    """Why the batch is as it is (``FlightLine``)."""
    next: str = ""
    """Why no other batch begins now, empty if none waits or one does."""
    alone: str = ""
    """Why batches of the target run one after the other now, empty if they need not."""
    needs_approval: bool = False
    """Whether the rig merges only commits that a person approved, as the engine last read the settings."""
    lands_next: bool = False
    """Whether what was green of the batch is tested once more (``FlightLine``)."""


class BatchRecord(Record):
    """A finished batch, as stored in a line of ``batches.jsonl``; ``at`` is when it ended, 0 if the line lacks it."""

    id: str
    target: str = ""
    base: str = ""
    mrs: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    culprits: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    probes: int = 0
    head: str = ""
    secs: float = 0.0
    at: float = 0.0
    flaky: bool = False
    runs: int = 0
    lanes: tuple[str, ...] = ()
    untested: bool = False
    """Whether it landed without a test on the commit on which it landed, apart from all that had landed since."""
    union: tuple[str, ...] = ()
    """The batches that landed so and were tested together by this one; ``hold`` says why if they are red."""
    pair: tuple[str, ...] = ()
    """Which requests make a red union red, if a search found them, the later one first; of a push what was taken back."""
    pushed: tuple[str, ...] = ()
    """What it verified after the push, by request or commit, and what it ``found``: green, red, taken back or no verdict."""
    found: str = ""
    why: tuple[str, ...] = ()
    """Why it was as it was (``FlightLine``)."""
    hold: str = ""
    gate_set: str = ""
    """The fingerprint of the rig's gates at that time."""
    times: tuple[float, ...] = ()
    """How long each of its gate runs took, in seconds."""
    killed: bool = False
    """Whether its engine died in it; what it says is then that engine's last word, at the moment ``at``."""

    @property
    def outcome(self) -> str:
        """What became of it, in a few words."""
        if self.killed:
            landed = f"{len(self.merged)} of {len(self.mrs)} landed, " if self.merged else ""
            return f"{landed}{DIED} after {self.runs} gate run{'' if self.runs == 1 else 's'}"
        if self.union:
            who = f": {self.pair[0]} with {' or '.join(self.pair[1:]) or 'what was there'}" if self.pair else ""
            return f"union of {len(self.union)} {'red' if self.hold else 'green'}{who}"
        if self.found:
            return f"push of {len(self.pushed)} {self.found}" + (f": {self.pair[0]}" if self.pair else "")
        # green on an older commit, or no longer suspected
        return f"{len(self.merged)} of {len(self.mrs)} landed" if self.mrs else "left to the next batch"


def batch_record(value: object) -> BatchRecord | None:
    """Return the batch in a line's JSON value, None if it is not a batch."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return None
    fields = _known(BatchRecord, value)
    for key in ("mrs", "merged", "culprits", "conflicts", "held", "lanes", "union", "pair", "pushed", "why"):
        fields[key] = _texts(value.get(key))
    times = value.get("times")
    fields["times"] = tuple(float(one) for one in times if _fits(one, float)) if isinstance(times, list) else ()
    return BatchRecord(**fields)


_LISTS = ("lanes", "union", "pushed", "why", "clean", "window", "suspects", "good")
"""Fields of texts that a batch in flight has, in full and in a line."""


def last_word_of(state: RefineryState) -> str:
    """What is wrong with a state whose engine died in mid-batch, in words; empty where nothing was in flight."""
    if state.phase in (IDLE, HELD):
        return ""
    who = f"process {state.pid}" if state.pid else "its process"
    return f"the engine is gone ({who}); what stands here is its last word"


def holds(state: RefineryState, *, is_alive: bool) -> bool:
    """Whether nothing is merged now but what a live engine tries as the cure; what a dead one said of that while at work is old."""
    return state.phase == HELD or (is_alive and bool(state.hold_kind))


def held_target(state: RefineryState) -> str:
    """The target that the state's hold is about; between two batches that of the last one, empty if neither is known."""
    return state.target or str(state.last.get("target") or "")


def to_json(state: RefineryState) -> dict[str, Any]:
    """Return the JSON value for the state file."""
    out: dict[str, Any] = {"version": 1, **state._asdict()}
    out["requests"] = [entry._asdict() for entry in state.requests]
    out["probes"] = [_probe_json(probe) for probe in state.probes]
    out["flights"] = [
        {
            **one._asdict(),
            "requests": list(one.requests),
            **{key: list(getattr(one, key)) for key in _LISTS},
            "tree": [_probe_json(probe) for probe in one.tree],
            "judged": [entry._asdict() for entry in one.judged],
        }
        for one in state.flights
    ]
    out |= {key: list(getattr(state, key)) for key in _LISTS}
    out["reaches"] = [{"id": one.id, "lanes": list(one.lanes)} for one in state.reaches]
    out["forecast"] = [one._asdict() for one in state.forecast]
    out["quarantined"] = [one._asdict() for one in state.quarantined]
    return out


def _probe_json(probe: Probe) -> dict[str, Any]:
    return {**probe._asdict(), "requests": list(probe.requests), "gates": [gate._asdict() for gate in probe.gates]}


def from_json(value: object) -> RefineryState | None:
    """The state in a file's JSON value, None if it is not one; unknown keys are dropped, invalid values defaulted."""
    if not isinstance(value, dict) or not isinstance(value.get("rig"), str):
        return None
    fields = _known(RefineryState, value)
    fields["requests"] = _entries(value.get("requests"))
    fields["probes"] = _probes(value.get("probes"))
    fields["flights"] = tuple(_flight(one) for one in _objects(value.get("flights"), batch=str))
    fields["forecast"] = tuple(Landing(**_known(Landing, one)) for one in _objects(value.get("forecast"), id=str))
    fields |= {key: _texts(value.get(key)) for key in _LISTS}
    fields["reaches"] = tuple(
        RequestLanes(one["id"], _texts(one.get("lanes"))) for one in _objects(value.get("reaches"), id=str)
    )
    tests = _objects(value.get("quarantined"), test=str)
    fields["quarantined"] = tuple(QuarantinedTest(**_known(QuarantinedTest, one)) for one in tests)
    return RefineryState(**fields)


def _flight(value: dict[str, Any]) -> FlightLine:
    fields = _known(FlightLine, value) | {key: _texts(value.get(key)) for key in ("requests", *_LISTS)}
    fields |= {"tree": _probes(value.get("tree")), "judged": _entries(value.get("judged"))}
    return FlightLine(**fields)


def _entries(value: object) -> tuple[BatchEntry, ...]:
    return tuple(BatchEntry(**_known(BatchEntry, one)) for one in _objects(value, id=str, branch=str))


def _probes(value: object) -> tuple[Probe, ...]:
    return tuple(_probe(one) for one in _objects(value, id=int))


def _probe(value: dict[str, Any]) -> Probe:
    fields = _known(Probe, value)
    fields["requests"] = _texts(value.get("requests"))
    fields["gates"] = tuple(GateRun(**_known(GateRun, one)) for one in _objects(value.get("gates"), name=str))
    return Probe(**fields)


def _objects(value: object, **needed: type) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [one for one in items if isinstance(one, dict) and all(_fits(one.get(key), needed[key]) for key in needed)]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _known(kind: Any, value: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ``kind`` whose values have the field's type; lists are checked by the caller."""
    kinds = {key: type(kind._field_defaults[key]) for key in kind._field_defaults}
    return {key: value[key] for key in kind._fields if key in value and _fits(value[key], kinds.get(key, object))}


def _fits(value: object, kind: type) -> bool:
    """Return whether a JSON value fits the type; a boolean is no number, and numbers beyond the limits do not fit."""
    if kind not in (int, float):
        return isinstance(value, kind)
    wanted = (int, float) if kind is float else int
    most = MOST_SECONDS if kind is float else MOST_NUMBER
    return isinstance(value, wanted) and not isinstance(value, bool) and -most <= value <= most
