"""Deliberate faults: a failing test is handed in with the work, so that the merge queue has something to find."""

from __future__ import annotations

import os

from gastown_agent.mood import SLIPS
from gastown_agent.plan import commit_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_agent.plan import Plan


def add_fault(plan: Plan, mood: str, work_dir: str) -> str:
    """Commit a failing test, or its repair if a worker that slips gets the work back; return the commit's subject."""
    name = f"tests/test_{plan.bead.replace('-', '_').replace('.', '_')}.py"
    path = os.path.join(work_dir, name)
    came_back = os.path.exists(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if came_back and mood == SLIPS:
        text, subject = _test(plan.bead, "1 + 1 == 2", 0), f"Fix the test of {plan.bead}"
    else:
        tries = _lines(path) if came_back else 0
        text, subject = _test(plan.bead, "1 + 1 == 3", tries + 1), f"Test {plan.bead}"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    commit_file(work_dir, name, subject, plan.title or plan.bead)
    return subject


def _test(bead: str, claim: str, tries: int) -> str:
    return f"def test_{bead.replace('-', '_').replace('.', '_')}():\n    assert {claim}\n" + "# tried again\n" * max(
        0, tries - 1
    )


def _lines(path: str) -> int:
    with open(path, encoding="utf-8") as handle:
        return handle.read().count("# tried again") + 1
