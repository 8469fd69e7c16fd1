"""Run-time conditions of a molecule: the state they see, and whether an ``until`` loop ends or starts another round."""

from __future__ import annotations

import os

from gastown_core.errors import UsageError
from gastown_core.formulas.conditions import ConditionFault, RunState, StepState, holds
from gastown_core.model.bead import HOOKED, IN_PROGRESS, OPEN, PARENT_CHILD
from gastown_core.model.metadata import metadata_of
from gastown_core.model.record import Record
from gastown_core.molecules.root_bead import Molecule, molecule_of
from gastown_core.molecules.steps import CURRENT, DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.recipe import RecipeStep
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import MoleculeProgress
_WORDS = {DONE: "complete", CURRENT: "in_progress"}


def condition_holds(store: BeadStore, gate: Bead, *, folder: str = "") -> bool:
    """Return whether the condition of a condition gate is true. Raises UsageError if it is invalid."""
    from gastown_core.molecules.steps import progress_of

    state = state_now(progress_of(store, gate.parent), store.get, store.dependents, folder=folder)
    return is_true(gate.text("await_id"), state._replace(current=gate.id.partition(".when-")[2]))


def condition_holds_in(
    batch: RuleBatch, seen: MoleculeProgress, condition: str, current: str, *, folder: str = ""
) -> bool:
    """As ``condition_holds``, over the state of a batch."""
    return is_true(condition, state_now(seen, batch.get, batch.dependents, folder=folder)._replace(current=current))


def is_true(condition: str, state: RunState) -> bool:
    """Evaluate a condition over a state. Raises UsageError if it is invalid."""
    try:
        return holds(condition, state)
    except ConditionFault as fault:
        raise UsageError(
            f"{condition!r} is not a condition", str(fault), "bd formula show shows where it is written"
        ) from fault


def state_now(
    seen: MoleculeProgress,
    get: Callable[[str], Bead | None],
    dependents: Callable[[str], list[tuple[str, str]]],
    *,
    folder: str = "",
) -> RunState:
    """Statuses and outputs of the steps and of the molecules they spawned."""
    molecule = molecule_of(seen.root)
    outputs = molecule.table("outputs") if molecule is not None else {}
    steps: dict[str, StepState] = {}
    children: dict[str, tuple[str, ...]] = {}
    for view in seen.steps:
        output = outputs.get(view.name)
        if output is None and seen.is_poured:
            bead = get(view.id)
            output = metadata_of(bead).kept.get("output") if bead is not None else None
        steps[view.name] = StepState(_WORDS.get(view.status, "open"), output)
        if view.parent:
            children[view.parent] = (*children.get(view.parent, ()), view.name)
    for name, spawned in _spawned(seen, dependents).items():
        for root_id in spawned:
            _add_molecule(root_id, steps, children, get, dependents)
        children[name] = (*children.get(name, ()), *spawned)
    return RunState(steps, children, folder=folder or os.getcwd(), env=dict(os.environ))


def _spawned(seen: MoleculeProgress, dependents: Callable[[str], list[tuple[str, str]]]) -> dict[str, tuple[str, ...]]:
    molecule = molecule_of(seen.root)
    if molecule is not None:
        kept = molecule.table("spawned")
        return {name: tuple(map(str, ids)) for name, ids in kept.items() if isinstance(ids, list)}
    return {v.name: ids for v in seen.steps if (ids := _children(dependents, v.id))}


def _children(dependents: Callable[[str], list[tuple[str, str]]], bead_id: str) -> tuple[str, ...]:
    return tuple(source for source, kind in dependents(bead_id) if kind == PARENT_CHILD)


def _add_molecule(
    root_id: str,
    steps: dict[str, StepState],
    children: dict[str, tuple[str, ...]],
    get: Callable[[str], Bead | None],
    dependents: Callable[[str], list[tuple[str, str]]],
) -> None:
    root = get(root_id)
    if root is None:
        return
    steps[root_id] = _state_of(root)
    below = _children(dependents, root_id)
    children[root_id] = below
    for bead_id in below:
        bead = get(bead_id)
        if bead is not None:
            steps[bead_id] = _state_of(bead)


def _state_of(bead: Bead) -> StepState:
    from gastown_core.beads.ledger_line import is_failure

    output: object = metadata_of(bead).kept.get("output")
    if bead.is_closed:
        return StepState("failed" if is_failure(bead.text("close_reason")) else "complete", output)
    return StepState(IN_PROGRESS if bead.status in (IN_PROGRESS, HOOKED) else OPEN, output)


class LoopRound(Record):
    """A loop whose round ended with a false condition: ``round`` is the next round, or the last if not ``goes_on``."""

    step: str
    body: tuple[str, ...]
    until: str
    round: int
    goes_on: bool


def round_over(batch: RuleBatch, seen: MoleculeProgress, name: str, folder: str = "") -> LoopRound | None:
    """Return the loop whose round ends with step ``name`` and whose condition is still false; None if there is none.

    The innermost loop is checked first; if its condition is true, the enclosing loop is checked.
    """
    molecule = molecule_of(seen.root)
    if molecule is None:
        return None
    given_up: LoopRound | None = None
    done = {view.name for view in seen.steps if view.is_done} | {name}
    names = {view.name for view in seen.steps}
    for step, body in _around(molecule, name):
        if not done.issuperset(names.intersection(body)):
            return given_up
        if _has_condition(batch, seen, step, name, folder):
            continue
        rounds = molecule.state.section("rounds").number(step.id) or 1
        if rounds < step.most:
            return LoopRound(step.id, body, step.until, rounds + 1, True)
        given_up = LoopRound(step.id, body, step.until, rounds, False)
    return given_up


def _around(molecule: Molecule, name: str) -> list[tuple[RecipeStep, tuple[str, ...]]]:
    """Loops that contain the step, innermost first, each with the steps of its body."""
    found = []
    for step in molecule.steps:
        body = tuple(dict.fromkeys((step.id, *step.body)))
        if step.until and name in body:
            found.append((step, body))
    return sorted(found, key=lambda pair: len(pair[1]))


def _has_condition(batch: RuleBatch, seen: MoleculeProgress, step: RecipeStep, closing: str, folder: str) -> bool:
    """Return whether the loop's condition is true, counting the closing step as complete."""
    state = state_now(seen, batch.get, batch.dependents, folder=folder)
    here = state.steps.get(closing)
    if here is not None:
        state.steps[closing] = here._replace(status="complete")
    return is_true(step.until, state._replace(current=closing))
