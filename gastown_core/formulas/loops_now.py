"""``until`` loops of a running molecule: whether a closing step ends a round, and whether another begins."""

from __future__ import annotations

from gastown_core.formulas.conditions_now import is_true, state_now
from gastown_core.formulas.record import Molecule, molecule_of
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.batch import RuleBatch
    from gastown_core.formulas.progress import Progress
    from gastown_core.formulas.recipe import RecipeStep


class Loop(Record):
    """A round that is over without its condition: begun again as number ``round``, or (not ``goes_on``) given up."""

    step: str
    body: tuple[str, ...]
    until: str
    round: int
    goes_on: bool


def round_over(batch: RuleBatch, seen: Progress, name: str, folder: str = "") -> Loop | None:
    """The loop whose round ends with the step ``name`` and whose condition is still false; None if there is none.

    The innermost loop is asked first; one that has its condition lets the loop around it be asked.
    """
    molecule = molecule_of(seen.root)
    if molecule is None:
        return None
    given_up: Loop | None = None
    done = {view.name for view in seen.steps if view.is_done} | {name}
    names = {view.name for view in seen.steps}
    for step, body in _around(molecule, name):
        if not done.issuperset(names.intersection(body)):
            return given_up
        if _has_condition(batch, seen, step, name, folder):
            continue
        rounds = int(molecule.table("rounds").get(step.id, 1))
        if rounds < step.most:
            return Loop(step.id, body, step.until, rounds + 1, True)
        given_up = Loop(step.id, body, step.until, rounds, False)
    return given_up


def _around(molecule: Molecule, name: str) -> list[tuple[RecipeStep, tuple[str, ...]]]:
    """Loops that hold the step, the innermost first, each with the steps of its body."""
    found = []
    for step in molecule.steps:
        body = tuple(dict.fromkeys((step.id, *step.body)))
        if step.until and name in body:
            found.append((step, body))
    return sorted(found, key=lambda pair: len(pair[1]))


def _has_condition(batch: RuleBatch, seen: Progress, step: RecipeStep, closing: str, folder: str) -> bool:
    """The loop's condition, with the closing step taken as closed."""
    state = state_now(seen, batch.get, batch.dependents, folder=folder)
    here = state.steps.get(closing)
    if here is not None:
        state.steps[closing] = here._replace(status="complete")
    return is_true(step.until, state._replace(current=closing))
