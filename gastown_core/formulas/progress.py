"""How far a molecule is: its steps, the current one and the next, and how fast it goes."""

from __future__ import annotations

from gastown_core.beads.query import PARENT_CHILD
from gastown_core.errors import NotFoundError
from gastown_core.formulas.record import attached_to, molecule_of, step_of
from gastown_core.formulas.steps import CURRENT, DONE, PENDING, READY, StepView, look
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.model.bead import Bead


class Progress(Record):
    """A molecule at one moment; ``steps`` in order, ``moment`` in Unix seconds."""

    root: Bead
    steps: tuple[StepView, ...]
    moment: float

    @property
    def id(self) -> str:
        """Id of the root."""
        return self.root.id

    @property
    def title(self) -> str:
        """Title of the root."""
        return self.root.title

    @property
    def formula(self) -> str:
        """Name of its formula, empty if unknown."""
        return self.root.text("source_formula")

    @property
    def bead(self) -> str:
        """The work it is attached to, empty if none."""
        molecule = molecule_of(self.root)
        return molecule.bead if molecule is not None else ""

    @property
    def is_poured(self) -> bool:
        """Whether its steps are beads."""
        molecule = molecule_of(self.root)
        return molecule is None or molecule.is_poured

    @property
    def total(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    @property
    def completed(self) -> int:
        """How many are done."""
        return len(self.of(DONE))

    @property
    def in_progress(self) -> int:
        """How many are being worked on."""
        return len(self.of(CURRENT))

    @property
    def percent(self) -> int:
        """Done of all, in whole percent; a molecule without steps is as far as its root."""
        if not self.steps:
            return 100 if self.root.is_closed else 0
        return self.completed * 100 // self.total

    @property
    def is_complete(self) -> bool:
        """Whether every step is done."""
        return bool(self.steps) and self.completed == self.total

    @property
    def ready(self) -> tuple[StepView, ...]:
        """Steps that could be begun now."""
        return self.of(READY)

    @property
    def current(self) -> StepView | None:
        """What is being worked on, else what is ready; the first in order."""
        return next(iter((*self.of(CURRENT), *self.ready)), None)

    @property
    def next(self) -> StepView | None:
        """What comes after the current step: another ready one, else the first that waits."""
        here = self.current
        rest = [step for step in (*self.of(CURRENT), *self.ready, *self.of(PENDING)) if step is not here]
        return rest[0] if rest and here is not None else None

    @property
    def rate_per_hour(self) -> float:
        """Steps done per hour since the molecule was made; 0 while nothing is done."""
        ends = [step.closed_at for step in self.steps if step.closed_at]
        until = max(ends, default=0.0) if self.is_complete else self.moment
        hours = (until - self.root.created_at) / 3600
        return round(self.completed / hours, 2) if self.completed and hours > 0 else 0.0

    @property
    def eta_hours(self) -> float:
        """Hours until the end at this rate; 0 if that cannot be said."""
        rate = self.rate_per_hour
        return round((self.total - self.completed) / rate, 2) if rate else 0.0

    def of(self, *statuses: str) -> tuple[StepView, ...]:
        """The steps that stand there."""
        return tuple(step for step in self.steps if step.status in statuses)

    def step(self, name: str) -> StepView | None:
        """The step of this name or id."""
        return next((step for step in self.steps if name in (step.name, step.id)), None)

    def as_json(self) -> dict[str, Any]:
        """As ``bd mol progress --json`` prints it."""
        here = self.current
        return {
            "molecule_id": self.id,
            "molecule_title": self.title,
            "total": self.total,
            "completed": self.completed,
            "in_progress": self.in_progress,
            "current_step_id": here.id if here is not None else "",
            "percent": self.percent,
            "rate_per_hour": self.rate_per_hour,
            "eta_hours": self.eta_hours,
        }


def progress_of(store: JsonlStore, root_id: str) -> Progress:
    """The molecule of this root as it stands in the store. Raises NotFoundError."""
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no molecule {root_id}", "", "bd mol list shows them")
    now = store.clock.now()

    def children(bead_id: str) -> list[str]:
        return [source for source, kind in store.dependents(bead_id) if kind == PARENT_CHILD]

    return Progress(root, tuple(look(root, store.get_many, children, store.graph(now))), now)


def progress_in(batch: RuleBatch, root: Bead) -> Progress:
    """As ``progress_of``, as a batch has it so far."""
    graph = batch.graph()

    def read(ids: Any) -> dict[str, Bead]:
        found = ((bead_id, batch.get(bead_id)) for bead_id in ids)
        return {bead_id: bead for bead_id, bead in found if bead is not None}

    def children(bead_id: str) -> list[str]:
        return [source for source, kind in batch.dependents(bead_id) if kind == PARENT_CHILD]

    return Progress(root, tuple(look(root, read, children, graph)), graph.now)


def root_for(bead: Bead) -> str:
    """Id of the molecule that a bead stands for: its own, the one it is a step of, or the one it carries; else empty."""
    if molecule_of(bead) is not None or bead.issue_type == "molecule":
        return bead.id
    return step_of(bead)[0] or attached_to(bead)
