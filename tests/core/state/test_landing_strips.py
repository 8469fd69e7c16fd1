"""The landing strip: each step proved by git or the ledger, faults only where both were asked."""

from __future__ import annotations

import pytest

from gastown_core.model.landing import CLOSED_NOT_LANDED, LANDED_NOT_CLOSED, STEPS
from gastown_core.model.merge_request import MergeRequest
from gastown_core.model.refinery import BatchEntry, BatchRecord, GateRun, Probe, RefineryState
from gastown_core.state.facts import Proof, RefineryFacts
from gastown_core.state.landing_strips import strip_of

OPEN = MergeRequest("sh-mr1", "open", 2, 0.0, branch="b", target="main", source_issue="sh-1", commit_sha="aaaa" * 10)
MERGED = OPEN._replace(status="closed", close_reason="merged")
REJECTED = OPEN._replace(status="closed", close_reason="rejected")
BRANCH = Proof(5.0, "polecat/opal/sh-1", "main", local="c1" * 20, ahead=2)
PUSHED = BRANCH._replace(remote="c1" * 20)
LANDED = PUSHED._replace(landed="77ab" * 10, by="sh-mr1", how="77ab77ab on origin/main names it")
GONE = Proof(5.0, "b", "main")
NO_GIT = Proof(5.0, "b", "main", error="git took too long")


def refinery(phase: str, entry: str = "testing", *, alive: bool = True, **more: object) -> RefineryFacts:
    probe = Probe(1, ("sh-mr1",), gates=(GateRun("unit", "pass"), GateRun("e2e")))
    state = RefineryState("shop", phase, 1, 1.0, "b-7", "main", requests=(BatchEntry("sh-mr1", "b", state=entry),), probes=(probe,))  # fmt: skip
    return RefineryFacts("shop", "/t/shop", state, is_alive=alive, **more)  # type: ignore[arg-type]


def history(**more: tuple[str, ...]) -> RefineryFacts:
    return RefineryFacts("shop", "/t/shop", None, (BatchRecord("b-6", mrs=("sh-mr1",), **more),))  # type: ignore[arg-type]


CASES = {
    # name: (status, proof, requests, refinery, states of the five steps, fault)
    "nothing but a branch": ("hooked", BRANCH._replace(ahead=0), (), None, "no no no no no", ""),
    "commits here alone": ("hooked", BRANCH, (), None, "yes no no no no", ""),
    "some commits not pushed": ("hooked", PUSHED._replace(local="c2", unpushed=1), (), None, "yes no no no no", ""),
    "pushed, nobody asked": ("hooked", PUSHED, (), None, "yes yes no no no", ""),
    "handed in": ("in_review", PUSHED, (OPEN,), None, "yes yes yes no no", ""),
    "in a batch": ("in_review", PUSHED, (OPEN,), refinery("testing"), "yes yes yes now no", ""),
    "in a batch whose engine died": ("in_review", PUSHED, (OPEN,), refinery("testing", alive=False), "yes yes yes no no", ""),
    "good in bisection": ("in_review", PUSHED, (OPEN,), refinery("bisecting", "good"), "yes yes yes yes no", ""),
    "culprit": ("in_review", PUSHED, (OPEN,), refinery("bisecting", "culprit"), "yes yes yes failed no", ""),
    "red before": ("in_review", PUSHED, (OPEN,), history(culprits=("sh-mr1",)), "yes yes yes failed no", ""),
    "rejected": ("open", PUSHED, (REJECTED,), None, "yes yes failed no no", ""),
    "landed and closed": ("closed", LANDED, (MERGED,), history(merged=("sh-mr1",)), "yes yes yes yes yes", ""),
    "landed, branch deleted": ("closed", LANDED._replace(local="", remote="", ahead=0), (MERGED,), None, "yes yes yes skipped yes", ""),
    "merged by hand, no request": ("closed", LANDED._replace(by=""), (), None, "yes yes skipped skipped yes", ""),
    "closed as merged, no proof": ("closed", PUSHED._replace(close_reason="Merged in sh-mr1"), (MERGED,), None, "yes yes yes no no", CLOSED_NOT_LANDED),
    "closed over an open request": ("closed", PUSHED, (OPEN,), None, "yes yes yes no no", CLOSED_NOT_LANDED),
    "closed without a change": ("closed", GONE._replace(close_reason="no code changes"), (), None, "no no no no no", ""),
    "landed, in review": ("in_review", LANDED, (OPEN,), None, "yes yes yes skipped yes", LANDED_NOT_CLOSED),
    "landed, request open, bead hooked": ("hooked", LANDED, (OPEN,), None, "yes yes yes skipped yes", LANDED_NOT_CLOSED),
    "landed, being closed now": ("in_review", LANDED, (OPEN,), refinery("post-merge", "merged"), "yes yes yes yes yes", ""),
    "landed, engine died closing": ("in_review", LANDED, (OPEN,), refinery("post-merge", "merged", alive=False), "yes yes yes yes yes", LANDED_NOT_CLOSED),
    "landed once, reopened": ("hooked", LANDED, (MERGED,), None, "yes yes yes skipped yes", ""),
    "a later part handed in": ("in_review", LANDED._replace(by="sh-mr0"), (OPEN,), None, "yes yes yes no no", ""),
    "git failed": ("closed", NO_GIT._replace(close_reason="Merged in sh-mr1"), (MERGED,), None, "unknown unknown yes no unknown", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_the_strip(name: str) -> None:
    status, proof, requests, engine, states, fault = CASES[name]
    strip = strip_of(status, proof, requests, engine)
    assert " ".join(step.state for step in strip.steps) == states
    assert strip.fault == fault
    assert [step.name for step in strip.steps] == list(STEPS)
    assert all(step.how for step in strip.steps)
    assert bool(strip.why) == bool(fault)


def test_no_fault_is_spoken_of_before_git_was_asked_about_the_newest_record() -> None:
    proof = PUSHED._replace(close_reason="Merged in sh-mr1")
    strip = strip_of("closed", proof, (MERGED,), is_fresh=False)
    assert (strip.fault, strip.state("landed")) == ("", "unknown")


def test_a_request_that_rests_says_so_on_its_strip() -> None:
    strip = strip_of("in_review", PUSHED, (OPEN,), rests="gt-1 is deferred")
    assert strip.steps[2].how == f"as {OPEN.id}, which is on hold: gt-1 is deferred"


def test_a_running_gate_is_counted() -> None:
    strip = strip_of("in_review", PUSHED, (OPEN,), refinery("testing"))
    assert strip.steps[3].how == "gates 1/2 in b-7"
