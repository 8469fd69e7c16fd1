"""The landing strip of a piece of work: written, pushed, queued, gated, on target; each step with its proof in words.

A step is never guessed: ``how`` names what proves it (a ref, a commit, a request, a batch), and what could not be
asked is ``unknown``.  A fault is a contradiction between the ledger and git, and only shown when both were asked.
"""

from __future__ import annotations

from gastown_core.model.bead import BLOCKED, CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW
from gastown_core.model.record import Record

WRITTEN, PUSHED, QUEUED, GATED, LANDED = "written pushed queued gated landed".split()
STEPS = (WRITTEN, PUSHED, QUEUED, GATED, LANDED)

YES, NO, NOW, FAILED, SKIPPED, UNKNOWN = "yes no now failed skipped unknown".split()
"""States of a step: proved, not yet, going on, failed, left out on the way (nobody proved it), could not be asked."""

BEGUN = frozenset((HOOKED, IN_PROGRESS, IN_REVIEW, CLOSED, BLOCKED))
"""Statuses of work that may have left a trace; what was never begun has nothing to prove."""

CLOSED_NOT_LANDED, LANDED_NOT_CLOSED = "closed, not landed", "landed, not closed"
FAULTS = (CLOSED_NOT_LANDED, LANDED_NOT_CLOSED)


class Step(Record):
    """One step: its name, one of the states, and what proves it."""

    name: str
    state: str = NO
    how: str = ""


class LandingStrip(Record):
    """The five steps of one bead; ``fault`` is one of FAULTS or empty, ``why`` tells of it in a sentence."""

    steps: tuple[Step, ...]
    branch: str = ""
    request: str = ""
    target: str = ""
    fault: str = ""
    why: str = ""

    def state(self, name: str) -> str:
        """The state of the step with this name."""
        return self.steps[STEPS.index(name)].state
