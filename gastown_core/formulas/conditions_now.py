"""Run-time conditions over a molecule as it stands: what the bounded evaluator may look at, gathered from the ledger."""

from __future__ import annotations

import os

from gastown_core.beads.query import PARENT_CHILD
from gastown_core.errors import UsageError
from gastown_core.formulas.conditions import ConditionFault, RunState, StepState, holds
from gastown_core.formulas.record import metadata_of, molecule_of
from gastown_core.formulas.steps import CURRENT, DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.formulas.progress import Progress
    from gastown_core.model.bead import Bead

_WORDS = {DONE: "complete", CURRENT: "in_progress"}


def condition_holds(store: JsonlStore, gate: Bead, *, folder: str = "") -> bool:
    """Whether the condition that a gate stands for is true. Raises UsageError if it is no condition."""
    from gastown_core.formulas.progress import progress_of

    state = state_now(progress_of(store, gate.parent), store.get, store.dependents, folder=folder)
    return is_true(gate.text("await_id"), state._replace(current=gate.id.partition(".when-")[2]))


def condition_holds_in(batch: RuleBatch, seen: Progress, condition: str, current: str, *, folder: str = "") -> bool:
    """As ``condition_holds``, as a batch has it so far."""
    return is_true(condition, state_now(seen, batch.get, batch.dependents, folder=folder)._replace(current=current))


def is_true(condition: str, state: RunState) -> bool:
    """The condition over a state. Raises UsageError if it is none."""
    try:
        return holds(condition, state)
    except ConditionFault as fault:
        raise UsageError(
            f"{condition!r} is no condition", str(fault), "bd formula show tells where it stands"
        ) from fault


def state_now(
    seen: Progress,
    get: Callable[[str], Bead | None],
    dependents: Callable[[str], list[tuple[str, str]]],
    *,
    folder: str = "",
) -> RunState:
    """Statuses and outputs of the steps, and of the molecules that steps have spawned."""
    molecule = molecule_of(seen.root)
    outputs = molecule.table("outputs") if molecule is not None else {}
    steps: dict[str, StepState] = {}
    children: dict[str, tuple[str, ...]] = {}
    for view in seen.steps:
        output = outputs.get(view.name)
        if output is None and seen.is_poured:
            bead = get(view.id)
            output = metadata_of(bead).get("output") if bead is not None else None
        steps[view.name] = StepState(_WORDS.get(view.status, "open"), output)
        if view.parent:
            children[view.parent] = (*children.get(view.parent, ()), view.name)
    for name, spawned in _spawned(seen, dependents).items():
        for root_id in spawned:
            _add_molecule(root_id, steps, children, get, dependents)
        children[name] = (*children.get(name, ()), *spawned)
    return RunState(steps, children, folder=folder or os.getcwd(), env=dict(os.environ))


def _spawned(seen: Progress, dependents: Callable[[str], list[tuple[str, str]]]) -> dict[str, tuple[str, ...]]:
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
    from gastown_core.beads.record import is_failure

    output: Any = metadata_of(bead).get("output")
    if bead.is_closed:
        return StepState("failed" if is_failure(bead.text("close_reason")) else "complete", output)
    return StepState("in_progress" if bead.status in ("in_progress", "hooked") else "open", output)
