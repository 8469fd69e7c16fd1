"""What a refinery does at this moment, as its engine tells it and every face shows it.

The engine writes the state whole, by rename, to ``<rig>/.runtime/refinery/state.json`` at every step; faces watch
that file.  Moments are Unix seconds, ``secs`` durations; paths are relative to the rig's folder.
"""

from __future__ import annotations

from gastown_core.model.merge_request import LEVEL_S
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATE_FILE = ".runtime/refinery/state.json"
"""Relative to the rig's folder."""
BATCHES_FILE = ".runtime/refinery/batches.jsonl"
"""Finished batches, one JSON object a line, relative to the rig's folder."""

IDLE, STACKING, TESTING, BISECTING, PUSHING, POST_MERGE, HELD = (
    "idle stacking testing bisecting pushing post-merge held".split()
)
PHASES = (IDLE, STACKING, TESTING, BISECTING, PUSHING, POST_MERGE, HELD)
"""``held`` means the target itself is red, or the infrastructure fails: nobody is blamed, the queue waits."""

RUNNING, PASS, FAIL, ERROR, CACHED, SKIPPED = "running pass fail error cached skipped".split()
"""Results of a probe and of a gate; ``error`` is no verdict (time-out, exit 126 or 127, no disk), ``cached`` a pass known
from before."""
MOST_NUMBER, MOST_SECONDS = 2**31 - 1, 2.0**37
"""Larger numbers in a file stand for nothing: no process, count or moment (up to the year 6325) has them."""
GAVE_UP = "gave-up"
"""What an error of a gate comes to where its own command is why: it did not end in time, or could not run on this tree.
If the target is green, that is the tree's doing.  Faces show it as ``error``."""


class GateRun(Record):
    """One gate in one probe."""

    name: str
    result: str = RUNNING
    secs: float = 0.0
    log: str = ""
    started_at: float = 0.0
    detail: str = ""
    """Why it is an error, or the exit code of a failure, in words."""
    gave_up: bool = False
    """It is an error because the command took too long, could not be found or run, or was killed."""


class Probe(Record):
    """One stack of requests that was, or is being, tested; ``purpose`` is stack, again, base, left, right,
    alone, peers, single or final."""

    id: int
    requests: tuple[str, ...]
    purpose: str = "stack"
    parent: int = 0
    tree: str = ""
    result: str = RUNNING
    gates: tuple[GateRun, ...] = ()
    started_at: float = 0.0
    secs: float = 0.0


class BatchEntry(Record):
    """A request of the running batch; ``state`` is waiting, stacked, testing, good, culprit, conflict, held or merged."""

    id: str
    branch: str
    worker: str = ""
    issue: str = ""
    title: str = ""
    state: str = "waiting"
    why: str = ""


class RefineryState(Record):
    """The whole picture of one rig's refinery; an idle one keeps the last batch under ``last``."""

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
    level_s: float = LEVEL_S
    """So long in the queue is worth a level of priority (``merge_request.score``)."""
    last: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes
    pid_start: float = 0.0
    """When that process began, as the process table has it: another with its number is not the engine."""


class BatchRecord(Record):
    """A finished batch as a line of ``batches.jsonl`` keeps it; ``at`` is when it ended, 0 if the line doesn't say."""

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


def batch_record(value: object) -> BatchRecord | None:
    """The batch in a line's JSON value, None if it holds none."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return None
    fields = _known(BatchRecord, value)
    for key in ("mrs", "merged", "culprits", "conflicts", "held"):
        fields[key] = _texts(value.get(key))
    return BatchRecord(**fields)


def to_json(state: RefineryState) -> dict[str, Any]:
    """The state as its file holds it."""
    out: dict[str, Any] = {"version": 1, **state._asdict()}
    out["requests"] = [entry._asdict() for entry in state.requests]
    out["probes"] = [
        {**probe._asdict(), "requests": list(probe.requests), "gates": [gate._asdict() for gate in probe.gates]}
        for probe in state.probes
    ]
    return out


def from_json(value: object) -> RefineryState | None:
    """The state in a file's JSON value, None if it holds none; unknown keys are left out, absent and odd ones default."""
    if not isinstance(value, dict) or not isinstance(value.get("rig"), str):
        return None
    fields = _known(RefineryState, value)
    fields["requests"] = tuple(
        BatchEntry(**_known(BatchEntry, one)) for one in _objects(value.get("requests"), id=str, branch=str)
    )
    fields["probes"] = tuple(_probe(one) for one in _objects(value.get("probes"), id=int))
    return RefineryState(**fields)


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
    """The fields of ``kind`` that the record has in their own type; lists are left to whoever knows what they hold."""
    kinds = {key: type(kind._field_defaults[key]) for key in kind._field_defaults}
    return {key: value[key] for key in kind._fields if key in value and _fits(value[key], kinds.get(key, object))}


def _fits(value: object, kind: type) -> bool:
    """Whether a JSON value can stand for the type: no truth for a number, no number that no clock or process has."""
    if kind not in (int, float):
        return isinstance(value, kind)
    wanted = (int, float) if kind is float else int
    most = MOST_SECONDS if kind is float else MOST_NUMBER
    return isinstance(value, wanted) and not isinstance(value, bool) and -most <= value <= most
