"""The way through a molecule: which step to do next, and closing it by ``gt mol step done``, as any agent would.

The ledger, not the agent, knows the progress: an agent started after another was killed continues at the first step
that is not done.
"""

from __future__ import annotations

from gastown_agent.town_commands import gt
from gastown_core.errors import GastownError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.molecules.steps import MoleculeProgress, StepView

WORK_STEP, HAND_IN_STEM = "implement", "submit"
"""The step in which the bead's own steps are done, if any; and the prefix of steps that ``gt done`` completes."""


class Walk:
    """Progress through a molecule; ``step`` is the one to do now, "" at the end or if all steps are blocked."""

    def __init__(self, seen: MoleculeProgress) -> None:
        self.molecule = seen.id
        self.titles = tuple(view.title for view in seen.steps if not _hands_in(view.name))
        self.has_work_step = any(view.name == WORK_STEP for view in seen.steps)
        self.is_over = False
        self.is_past_work = any(view.name == WORK_STEP and view.is_done for view in seen.steps)
        self._names = {view.id: view.name for view in seen.steps}
        self._take(seen.current)
        self.done, self.total = seen.completed, seen.total
        self.is_over = seen.is_complete

    def _take(self, view: StepView | None) -> None:
        self.step = view.id if view is not None else ""
        self.title = view.title if view is not None else ""

    @property
    def name(self) -> str:
        """Name of the current step."""
        return self._names.get(self.step, "")

    @property
    def is_edit(self) -> bool:
        """Whether this step changes files: the work step does, or every step if there is no work step."""
        return self.name == WORK_STEP or not self.has_work_step

    @property
    def hands_in(self) -> bool:
        """Whether only ``gt done`` is left."""
        return self.is_over or _hands_in(self.name)

    def tick(self, cwd: str) -> None:
        """Close the step and move to the next one. Raises GastownError if that is refused."""
        finished = gt("mol", "step", "done", self.step, "--json", cwd=cwd)
        try:
            value = decode_json(finished.out)
        except ValueError:
            value = {}
        if finished.code or not isinstance(value, dict):
            why = value.get("error") if isinstance(value, dict) else ""
            raise GastownError(f"gt mol step done {self.step} failed", str(why or finished.err).strip()[:300])
        self.step = str(value.get("next_step_id") or "")
        self.title = str(value.get("next_step_title") or "")
        self.is_over = value.get("complete") is True
        self.done = int(value.get("completed") or 0)


def walk_of(town: str, molecule: str) -> Walk | None:
    """Return the progress through this molecule; None if it is gone or has no steps. Raises GastownError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import progress_of

    ledger = TownLedger(town, read_only=True)
    try:
        home = ledger.home_of(molecule)
        seen = progress_of(home, molecule) if home is not None else None
        return Walk(seen) if seen is not None and seen.steps else None
    finally:
        ledger.close()


def _hands_in(name: str) -> bool:
    return name.startswith(HAND_IN_STEM)
