"""The landing strip of a piece of work: written, pushed, queued, gated, landed; each step with its proof as text.

A step is never guessed: ``how`` names its proof (a ref, a commit, a request, a batch), and a step that could not be
checked is ``unknown``.  A fault is a contradiction between ledger and git, shown only when both were read.
"""

from __future__ import annotations

from gastown_core.model.bead import BLOCKED, CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW
from gastown_core.model.record import Record

WRITTEN, PUSHED, QUEUED, GATED, LANDED = "written pushed queued gated landed".split()
STEPS = (WRITTEN, PUSHED, QUEUED, GATED, LANDED)

YES, NO, NOW, FAILED, SKIPPED, UNKNOWN = "yes no now failed skipped unknown".split()
"""States of a step: proved, not yet, in progress, failed, passed over without proof, could not be checked."""

BEGUN = frozenset((HOOKED, IN_PROGRESS, IN_REVIEW, CLOSED, BLOCKED))
"""Statuses of work that may have left a trace; work that never began has nothing to prove."""

CLOSED_NOT_LANDED, LANDED_NOT_CLOSED = "closed, not landed", "landed, not closed"
FAULTS = (CLOSED_NOT_LANDED, LANDED_NOT_CLOSED)


class LandingStep(Record):
    """One step: its name, its state, and its proof."""

    name: str
    state: str = NO
    how: str = ""


class LandingStrip(Record):
    """The five steps of one bead; ``fault`` is one of FAULTS or empty, ``why`` explains it in a sentence."""

    steps: tuple[LandingStep, ...]
    branch: str = ""
    request: str = ""
    target: str = ""
    fault: str = ""
    why: str = ""

    def state(self, name: str) -> str:
        """Return the state of the step with this name."""
        return self.steps[STEPS.index(name)].state
