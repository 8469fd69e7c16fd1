"""Refineries and landing strips for tests of the console: the pictures an engine leaves, in memory or as files."""

from __future__ import annotations

import json
import os

from gastown_core.model import refinery
from gastown_core.model.landing import (
    CLOSED_NOT_LANDED,
    LANDED_NOT_CLOSED,
    NO,
    NOW,
    SKIPPED,
    STEPS,
    UNKNOWN,
    YES,
    LandingStep,
    LandingStrip,
)
from gastown_core.model.refinery import (
    BatchEntry,
    BatchRecord,
    FlightLine,
    GateRun,
    Landing,
    Probe,
    RefineryState,
    RequestLanes,
)
from gastown_core.model.snapshot import RefineryView, RequestView

PASS, FAIL, ERROR, RUNNING, CACHED = refinery.PASS, refinery.FAIL, refinery.ERROR, refinery.RUNNING, refinery.CACHED
FOUR = ("gt-m4r7k", "gt-m9z2t", "gt-p2w8d", "gt-x7k2m")
TITLES = (
    "Retry push on network failure",
    "Cart total is off by one cent",
    "Export as CSV",
    "Login redirect loses the query",
)
WORKERS = ("opal", "ruby", "pearl", "jade")


def entries(*states: str, why: dict[str, str] | None = None) -> tuple[BatchEntry, ...]:
    """The four requests of the batch in these states."""
    reasons = why or {}
    return tuple(
        BatchEntry(f"gt-mr{n}", f"polecat/{WORKERS[n]}/{FOUR[n]}", WORKERS[n], FOUR[n], TITLES[n], state, reasons.get(state, ""))
        for n, state in enumerate(states)
    )  # fmt: skip


def gate(name: str, result: str = PASS, secs: float = 0.0, *, started_at: float = 0.0, detail: str = "") -> GateRun:
    """One gate with a log of its own."""
    return GateRun(name, result, secs, f".runtime/refinery/b-1019/{name}-9f2c01ab.log", started_at, detail)


def history(now: float) -> tuple[BatchRecord, ...]:
    """Batches of the last hours, newest first."""
    return (
        BatchRecord("b-1018", "main", "1c0e", FOUR, FOUR[:3], (FOUR[3],), probes=5, secs=133.0, at=now - 840),
        BatchRecord("b-1017", "main", "0aa1", FOUR[:2], FOUR[:2], probes=1, secs=41.0, at=now - 2900),
        BatchRecord("b-1016", "main", "0aa0", FOUR[:3], FOUR[:1], (), (FOUR[1],), (FOUR[2],), 2, secs=64.0, at=now - 9000),
    )  # fmt: skip


def gating(now: float, pid: int = 1) -> RefineryState:
    """The whole batch under test, the third gate running."""
    gates = (gate("unit", secs=12.0), gate("lint", secs=3.1), gate("e2e", RUNNING, started_at=now - 26))
    probe = Probe(1, tuple(f"gt-mr{n}" for n in range(4)), "stack", 0, "9f2c01ab", RUNNING, gates, now - 41)
    return RefineryState("shop", refinery.TESTING, pid, now - 1, "b-1019", "main", "1c0e8f3a", now - 41, entries(*["testing"] * 4), (probe,))  # fmt: skip


def bisecting(now: float, pid: int = 1) -> RefineryState:
    """Red, the bare target green, the left half good, the right half being taken apart."""
    red = (gate("unit", secs=12.0), gate("lint", secs=3.0), gate("e2e", FAIL, 41.0, detail="exit 1"))
    green = (gate("unit", secs=11.0), gate("lint", secs=2.9), gate("e2e", secs=38.0))
    running = (gate("unit", secs=12.4), gate("lint", RUNNING, started_at=now - 2), gate("e2e", RUNNING, started_at=now))
    probes = (
        Probe(1, tuple(f"gt-mr{n}" for n in range(4)), "stack", 0, "9f2c01ab", FAIL, red, now - 190, 56.0),
        Probe(2, tuple(f"gt-mr{n}" for n in range(4)), "again", 1, "9f2c01ab", FAIL, red, now - 134, 57.0),
        Probe(3, (), "base", 1, "00c0ffee", CACHED),
        Probe(4, ("gt-mr0", "gt-mr1"), "left", 1, "11aa22bb", PASS, green, now - 77, 52.0),
        Probe(5, ("gt-mr2",), "right", 1, "33cc44dd", FAIL, red[:1] + red[2:], now - 24, 22.0),
        Probe(6, ("gt-mr2",), "alone", 5, "33cc44dd", RUNNING, running, now - 14),
        Probe(7, ("gt-mr3",), "right", 1, "", RUNNING, (), 0.0),
    )[:6]
    why = {"held": "needs gt-mr2, which is under suspicion"}
    return RefineryState("shop", refinery.BISECTING, pid, now - 1, "b-1019", "main", "1c0e8f3a", now - 190, entries("good", "good", "testing", "held", why=why), probes)  # fmt: skip


def flying(now: float) -> RefineryState:
    """Four places in use: a batch, one of another lane beside it, one on its stack, and a push that is verified."""
    ids = [f"gt-mr{n}" for n in range(4)]
    gates = (gate("unit", secs=12.0), gate("e2e", RUNNING, started_at=now - 26))
    probe = Probe(1, (ids[0], ids[1]), "stack", 0, "9f2c01ab", RUNNING, gates, now - 41)
    size = "size: all 2 that wait in these lanes; a full batch has 12, the cheapest at a failure rate of 6 % and 1 % of runs red by chance"
    first = (
        size,
        "begin: at once: no other batch is in flight",
        "order: by score: gt-mr0 1412, gt-mr1 1372",
        "lane: core: what does not meet that is tested beside it and lands without another run",
    )
    beside = (size, "begin: beside the batch in the first run, of other lanes", "order: by score: gt-mr2 1332")
    above = (
        size,
        "chain: on the stack of b-1019, which lands as it is tested 87 times of 100; 2 requests wait, fewer than a full batch of 12",
    )
    verifies = ("verify: what landed is not verified yet; this goes before all else that wants a place",)
    flights = (
        FlightLine(
            "b-1019", refinery.TESTING, (ids[0], ids[1]), 1, 1, "1c0e8f3a", now - 41, lanes=("core",), why=first
        ),
        FlightLine("b-1020", refinery.TESTING, (ids[2],), 1, 1, "1c0e8f3a", now - 38, lanes=("web",), why=beside),
        FlightLine(
            "b-1021", refinery.TESTING, (ids[3],), 1, 1, "77ab01cd", now - 20, on="b-1019", lanes=("core",), why=above
        ),
        FlightLine(
            "b-1022", refinery.TESTING, (), 1, 1, "77ab01cd", now - 9, pushed=("gt-mr8", "gt-mr9"), why=verifies
        ),
    )
    reaches = tuple(RequestLanes(one, ("web",) if one == ids[2] else ("core",)) for one in (*ids, "gt-mr4"))
    forecast = tuple(
        Landing(one, now + 60 * n + 40, now + 90 * n + 60, now + 150 * n + 90) for n, one in enumerate((*ids, "gt-mr4"))
    )
    return RefineryState("shop", refinery.TESTING, 1, now - 1, "b-1019", "main", "1c0e8f3a", now - 41, entries(*["testing"] * 4)[:2], (probe,),
                         flights=flights, places=4, lanes=("core",), reaches=reaches, forecast=forecast, why=first, next="no gate place of the rig is free")  # fmt: skip


def lone(now: float) -> RefineryState:
    """One batch in a rig with one place."""
    alone = "the rig has one gate place (merge_queue.max_concurrent, or gate_slots of the town)"
    why = ("size: all 4 that waited; a full batch has 20 (merge_queue.batch.max_batch_size)", f"begin: one batch at a time: {alone}",
           "order: by score: gt-mr0 1412, gt-mr1 1372, gt-mr2 1332, gt-mr3 1292")  # fmt: skip
    return gating(now)._replace(places=1, why=why, alone=alone, next="no gate place of the rig is free")


def judged(now: float) -> RefineryState:
    """At rest, with the last batch's tree and verdicts kept."""
    state = bisecting(now - 600, 0)
    why = {
        "culprit": "e2e failed alone, twice: exit 1. Given back to pearl on its old branch, attempt 1 of 5.",
        "held": "needs gt-mr2",
    }
    last = state._replace(requests=entries("merged", "merged", "culprit", "held", why=why))
    probes = tuple(
        probe._replace(result=FAIL if probe.result == RUNNING else probe.result) for probe in last.probes[:5]
    )
    return RefineryState("shop", refinery.IDLE, 0, now - 500, last=refinery.to_json(last._replace(probes=probes)))


def held(now: float, pid: int = 1) -> RefineryState:
    """The bare target is red."""
    red = (gate("unit", FAIL, 12.0, detail="exit 1"),)
    probes = (
        Probe(1, tuple(f"gt-mr{n}" for n in range(4)), "stack", 0, "9f2c01ab", FAIL, red, now - 800, 12.0),
        Probe(2, (), "base", 1, "00c0ffee", FAIL, red, now - 780, 12.0),
    )
    reason = "main itself is red: unit fails on the bare target (exit 1), since 1c0e8f3a"
    return RefineryState("shop", refinery.HELD, pid, now - 720, "b-1019", "main", "1c0e8f3a", now - 800, entries(*["waiting"] * 4), probes, reason)  # fmt: skip


def refinery_view(state: RefineryState, now: float, *, path: str = "/town/shop", **more: object) -> RefineryView:
    """The view of a state whose engine lives."""
    return RefineryView(**{"rig": "shop", "path": path, "state": state, "is_alive": True, "history": history(now), **more})  # fmt: skip


def queue(now: float, merging: int = 4) -> tuple[RequestView, ...]:
    """Four requests of the batch, one that waits, one that failed before, one that is held back."""
    batch = tuple(
        RequestView(f"gt-mr{n}", "shop", f"polecat/{WORKERS[n]}/{FOUR[n]}", WORKERS[n], "merging" if n < merging else "queued",
                    FOUR[n], now - 900 + 60 * n, TITLES[n], n % 3, 1412.0 - 40 * n, target="main")
        for n in range(4)
    )  # fmt: skip
    return (
        *batch,
        RequestView("gt-mr4", "shop", "polecat/onyx/gt-a1b2c", "onyx", "queued", "gt-a1b2c", now - 300, "Speed up the search", 2, 1212.0, target="main"),
        RequestView("gt-mr5", "shop", "polecat/agate/gt-d3e4f", "agate", "queued", "gt-d3e4f", now - 4000, "Round the totals once", 2, 1151.0, 2, "gates were red", "main"),
        RequestView("gt-mr6", "shop", "polecat/beryl/gt-g5h6i", "beryl", "blocked", "gt-g5h6i", now - 100, "Tax per region", 3, 1101.0, target="main", blockers=("gt-mr5",)),
    )  # fmt: skip


def strip(*states: str, fault: str = "", why: str = "", how: dict[str, str] | None = None) -> LandingStrip:
    """A strip in these states, with proofs in words."""
    words = {
        "written": "4 commits on polecat/opal/gt-k3x9p",
        "pushed": "origin has 9f2c01ab",
        "queued": "as gt-mr1",
        "gated": "its gates were green in b-1018",
        "landed": "77ab01cd on origin/main names it",
        **(how or {}),
    }
    steps = tuple(
        LandingStep(name, state, words[name] if state == YES or name in (how or {}) else "")
        for name, state in zip(STEPS, states, strict=True)
    )
    return LandingStrip(steps, "polecat/opal/gt-k3x9p", "gt-mr1", "main", fault, why)


STRIPS = {
    "landed": strip(YES, YES, YES, YES, YES),
    "by hand": strip(YES, YES, SKIPPED, SKIPPED, YES, how={"landed": "its commit 9f2c01ab is on origin/main"}),
    "gating": strip(YES, YES, YES, NOW, NO, how={"gated": "gates 2/3 in b-1019"}),
    "queued": strip(YES, YES, YES, NO, NO),
    "unpushed": strip(YES, NO, NO, NO, NO, how={"pushed": "2 commits not pushed yet"}),
    "unknown": strip(UNKNOWN, UNKNOWN, YES, NO, UNKNOWN, how={"written": "git took too long"}),
    "closed": strip(YES, YES, YES, YES, NO, fault=CLOSED_NOT_LANDED,
                    why="the bead is closed (Merged in gt-mr1), but origin/main has no commit of it"),
    "open": strip(YES, YES, YES, YES, YES, fault=LANDED_NOT_CLOSED,
                  why="77ab01cd on origin/main names it, but the bead is in review"),
}  # fmt: skip
"""Strips by what they show."""


def write_state(rig_path: str, state: RefineryState, batches: tuple[BatchRecord, ...] = ()) -> str:
    """Leave the files as an engine does; returns the state's path."""
    folder = os.path.join(rig_path, ".runtime", "refinery")
    os.makedirs(folder, exist_ok=True)
    for run in (run for probe in state.probes for run in probe.gates):
        log = os.path.join(rig_path, run.log)
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with open(log, "a", encoding="utf-8") as handle:
            handle.write(f"$ {run.name}\n")
    with open(os.path.join(folder, "batches.jsonl"), "a", encoding="utf-8") as handle:
        for record in reversed(batches):
            handle.write(json.dumps(record._asdict()) + "\n")
    path = os.path.join(rig_path, refinery.STATE_FILE)
    with open(path + ".new", "w", encoding="utf-8") as handle:
        json.dump(refinery.to_json(state), handle)
    os.replace(path + ".new", path)
    return path
