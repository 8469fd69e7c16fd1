"""The steps of a molecule: their statuses, the current and the next step, and the rate of progress.

Pure functions once the beads are read.
"""

from __future__ import annotations

from gastown_core.beads.graph import Graph, is_released
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.clock import parse_moment
from gastown_core.errors import NotFoundError
from gastown_core.model import bead as bead_status
from gastown_core.model.bead import (
    BLOCKS,
    CLOSED,
    CONDITIONAL,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    PARENT_CHILD,
    Bead,
)
from gastown_core.model.metadata import metadata_of, read_step
from gastown_core.model.record import Record
from gastown_core.molecules.pour import gate_id, when_id
from gastown_core.molecules.root_bead import Molecule, attached_to, molecule_of, step_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.recipe import RecipeStep
DONE, CURRENT, READY, BLOCKED, PENDING = "done current ready blocked pending".split()
"""Statuses of a step: blocked steps wait for something outside, pending ones only for earlier steps."""


class StepView(Record):
    """One step. ``id`` is ``<root>.<name>``; ``holds`` are the ids it waits for; times are Unix seconds."""

    id: str
    name: str
    title: str
    status: str
    place: int = 0
    assignee: str = ""
    needs: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    parent: str = ""
    parallel: bool = False
    interactive: bool = False
    closed_at: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.status == DONE


def look(
    root: Bead,
    read: Callable[[Iterable[str]], Mapping[str, Bead]],
    children: Callable[[str], list[str]],
    graph: Graph,
) -> list[StepView]:
    """Return the steps of a molecule in order, without parent steps, which close with their children.

    ``read`` returns beads by id, ``children`` the ids of a bead's children.
    """
    molecule = molecule_of(root)
    if molecule is None:
        return _foreign(root, read(children(root.id)), graph)
    if molecule.is_poured:
        return _poured(molecule, read(molecule.step_bead(step.id) for step in molecule.steps), graph)
    return _listed(molecule, graph)


def parents_in(steps: Iterable[RecipeStep]) -> set[str]:
    """Return the names of the steps that have children."""
    return {step.parent for step in steps if step.parent}


def _poured(molecule: Molecule, beads: Mapping[str, Bead], graph: Graph) -> list[StepView]:
    for bead in beads.values():
        graph.learn(excerpt_of(bead))
    above = parents_in(molecule.steps)
    own = {molecule.step_bead(step.id) for step in molecule.steps} | {molecule.id}
    found = []
    for index, step in enumerate(molecule.steps):
        found_bead = beads.get(molecule.step_bead(step.id))
        if found_bead is not None and step.id not in above:
            view = _view(found_bead, step.id, index, graph, own)
            found.append(view._replace(needs=step.needs, parent=step.parent, parallel=step.parallel))
    return found


def _view(bead: Bead, name: str, index: int, graph: Graph, own: set[str]) -> StepView:
    holds = () if bead.is_closed else graph.blockers(bead.id)
    if bead.is_closed:
        status = DONE
    elif bead.status in (IN_PROGRESS, HOOKED, IN_REVIEW):
        status = CURRENT
    elif not holds:
        status = BLOCKED if graph.is_deferred(excerpt_of(bead)) or bead.status == bead_status.BLOCKED else READY
    else:
        # a blocker inherited from the parent step appears as the parent, which is an earlier step
        status = PENDING if own.issuperset(holds) else BLOCKED
    return StepView(
        bead.id, name, bead.title, status, index, bead.assignee, holds=holds, closed_at=bead.closed_at or 0.0
    )


def _foreign(root: Bead, beads: Mapping[str, Bead], graph: Graph) -> list[StepView]:
    """Return the steps of a molecule or epic made by another tool, or by hand: the children in order."""
    steps = sorted((bead for bead in beads.values() if bead.issue_type != "gate"), key=_place)
    own = {bead.id for bead in steps} | {root.id}
    found = []
    for index, bead in enumerate(steps):
        graph.learn(excerpt_of(bead))
        name = bead.id.removeprefix(f"{root.id}.")
        needs = tuple(e.target for e in bead.edges if e.type in (BLOCKS, CONDITIONAL) and e.target in own)
        view = _view(bead, name, index, graph, own)
        found.append(view._replace(needs=tuple(need.removeprefix(f"{root.id}.") for need in needs)))
    return found


def _place(bead: Bead) -> tuple[int, float, int, str]:
    step = read_step(bead)
    index = step.place if step is not None else metadata_of(bead).kept.get("step_index")
    number = bead.id.rpartition(".")[2]
    return (
        index if isinstance(index, int) else 1 << 30,
        bead.created_at,
        int(number) if number.isdecimal() else 0,
        bead.id,
    )


# -- the checklist of a root-only molecule -------------------------------------------------------------------


def _listed(molecule: Molecule, graph: Graph) -> list[StepView]:
    closed = closed_names(molecule)
    done, current = molecule.table("done"), molecule.table("current")
    all_closed = molecule.root.status == CLOSED
    needed = needs_with_parents(molecule.steps)
    above = parents_in(molecule.steps)
    # a blocker of the whole molecule (it was bonded after something) holds every step
    around = graph.blockers(molecule.id)
    found = []
    for index, step in enumerate(molecule.steps):
        if step.id in above:
            continue
        before = tuple(molecule.step_bead(name) for name in needed[step.id] if name not in closed)
        outside = (*around, *_outside(molecule, step, closed, graph))
        if step.id in done or all_closed:
            status = DONE
        elif step.id in current:
            status = CURRENT
        else:
            status = BLOCKED if outside else PENDING if before else READY
        holds = () if status in (DONE, CURRENT) else (*before, *outside)
        closed_at = parse_moment(done.get(step.id)) or 0.0
        found.append(
            StepView(
                molecule.step_bead(step.id),
                step.id,
                step.title or step.id,
                status,
                index,
                str(current.get(step.id) or ""),
                step.needs,
                holds,
                step.parent,
                step.parallel,
                step.interactive,
                closed_at,
            )
        )
    return found


def closed_names(molecule: Molecule) -> set[str]:
    """Return the names of a checklist's completed steps, including parents whose children are all completed."""
    if molecule.root.status == CLOSED:
        return {step.id for step in molecule.steps}
    above = parents_in(molecule.steps)
    closed = set(molecule.table("done")) - above
    inside: dict[str, list[str]] = {}
    for step in molecule.steps:
        if step.parent:
            inside.setdefault(step.parent, []).append(step.id)
    # children come after their parent, so in reverse order inner steps are decided first
    for step in reversed(molecule.steps):
        if step.id in above and closed.issuperset(inside[step.id]):
            closed.add(step.id)
    return closed


def needs_with_parents(steps: Iterable[RecipeStep]) -> dict[str, tuple[str, ...]]:
    """Return each step's needs, including those of its enclosing steps."""
    known: dict[str, tuple[str, ...]] = {}
    by_name = {step.id: step for step in steps}
    for step in by_name.values():
        names: dict[str, None] = dict.fromkeys(step.needs)
        here: RecipeStep | None = by_name.get(step.parent)
        if step.waits_for and step.spawner:
            names[step.spawner] = None
        while here is not None:
            names.update(dict.fromkeys(known.get(here.id, here.needs)))
            here = by_name.get(here.parent) if here.id not in known else None
        known[step.id] = tuple(names)
    return known


def _outside(molecule: Molecule, step: RecipeStep, closed: set[str], graph: Graph) -> tuple[str, ...]:
    """Return the open gates of the step, and the open molecules it waits for."""
    wanted = [gate_id(molecule.id, step.id)] if step.gate is not None else []
    wanted += [when_id(molecule.id, step.id)] if step.only_if else []
    found = [one for one in wanted if _is_open(graph, one)]
    if step.waits_for:
        spawner = step.spawner or (step.needs[0] if step.needs else "")
        spawned = molecule.state.section("spawned").texts(spawner)
        still = [one for one in spawned if _is_open(graph, one)]
        if still and not ("any-children" in step.waits_for and len(still) < len(spawned)):
            found += still
    return tuple(found)


def _is_open(graph: Graph, bead_id: str) -> bool:
    bead = graph.bead(bead_id)
    return bead is not None and not is_released(bead)


# -- shape ---------------------------------------------------------------------------------------------------


def tiers(views: Iterable[StepView]) -> dict[str, int]:
    """Return the wave of each step: 0 if it needs nothing, otherwise one more than the latest step it needs."""
    found: dict[str, int] = {}
    for view in views:
        # steps are in order, so needs are already known
        found[view.name] = 1 + max((found.get(name, -1) for name in view.needs), default=-1)
    return found


def critical_path(views: Iterable[StepView]) -> list[str]:
    """Return the names along the longest chain of needs, first step first."""
    longest: dict[str, int] = {}
    came: dict[str, str] = {}
    for view in views:
        best = max((name for name in view.needs if name in longest), key=lambda name: longest[name], default="")
        longest[view.name] = 1 + (longest[best] if best else 0)
        came[view.name] = best
    path = [max(longest, key=lambda name: longest[name])] if longest else []
    while path and came[path[-1]]:
        path.append(came[path[-1]])
    return path[::-1]


class MoleculeProgress(Record):
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
        """The work bead it is attached to, empty if none."""
        molecule = molecule_of(self.root)
        return molecule.bead if molecule is not None else ""

    @property
    def is_poured(self) -> bool:
        """Whether its steps are beads."""
        molecule = molecule_of(self.root)
        return molecule is None or molecule.is_poured

    @property
    def total(self) -> int:
        """The number of steps."""
        return len(self.steps)

    @property
    def completed(self) -> int:
        """The number of done steps."""
        return len(self.of(DONE))

    @property
    def in_progress(self) -> int:
        """The number of current steps."""
        return len(self.of(CURRENT))

    @property
    def percent(self) -> int:
        """Percentage of done steps; without steps, 100 if the root is closed."""
        if not self.steps:
            return 100 if self.root.is_closed else 0
        return self.completed * 100 // self.total

    @property
    def is_complete(self) -> bool:
        """Whether every step is done."""
        return bool(self.steps) and self.completed == self.total

    @property
    def ready(self) -> tuple[StepView, ...]:
        """Steps that can be started now."""
        return self.of(READY)

    @property
    def current(self) -> StepView | None:
        """The first current step, else the first ready one."""
        return next(iter((*self.of(CURRENT), *self.ready)), None)

    @property
    def next(self) -> StepView | None:
        """The step after the current one: another current or ready step, else the first pending one."""
        here = self.current
        rest = [step for step in (*self.of(CURRENT), *self.ready, *self.of(PENDING)) if step is not here]
        return rest[0] if rest and here is not None else None

    @property
    def rate_per_hour(self) -> float:
        """Steps done per hour since the molecule was created; 0 if none is done."""
        ends = [step.closed_at for step in self.steps if step.closed_at]
        until = max(ends, default=0.0) if self.is_complete else self.moment
        hours = (until - self.root.created_at) / 3600
        return round(self.completed / hours, 2) if self.completed and hours > 0 else 0.0

    @property
    def eta_hours(self) -> float:
        """Estimated hours until completion at this rate; 0 if unknown."""
        rate = self.rate_per_hour
        return round((self.total - self.completed) / rate, 2) if rate else 0.0

    def of(self, *statuses: str) -> tuple[StepView, ...]:
        """Return the steps with one of these statuses."""
        return tuple(step for step in self.steps if step.status in statuses)

    def step(self, name: str) -> StepView | None:
        """Return the step with this name or id, None if there is none."""
        return next((step for step in self.steps if name in (step.name, step.id)), None)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd mol progress --json`` prints."""
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


def progress_of(store: BeadStore, root_id: str) -> MoleculeProgress:
    """Return the progress of a molecule in the store. Raises NotFoundError."""
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no molecule {root_id}", "", "bd mol list lists them")
    now = store.clock.now()

    def children(bead_id: str) -> list[str]:
        return [source for source, kind in store.dependents(bead_id) if kind == PARENT_CHILD]

    return MoleculeProgress(root, tuple(look(root, store.get_many, children, store.graph(now))), now)


def progress_in(batch: RuleBatch, root: Bead) -> MoleculeProgress:
    """As ``progress_of``, over the state of a batch."""
    graph = batch.graph()

    def read(ids: Iterable[str]) -> dict[str, Bead]:
        found = ((bead_id, batch.get(bead_id)) for bead_id in ids)
        return {bead_id: bead for bead_id, bead in found if bead is not None}

    def children(bead_id: str) -> list[str]:
        return [source for source, kind in batch.dependents(bead_id) if kind == PARENT_CHILD]

    return MoleculeProgress(root, tuple(look(root, read, children, graph)), graph.now)


def root_for(bead: Bead) -> str:
    """Id of the molecule of a bead: its own, the one it is a step of, or the one attached to it; empty if none."""
    if molecule_of(bead) is not None or bead.issue_type == "molecule":
        return bead.id
    return step_of(bead)[0] or attached_to(bead)
