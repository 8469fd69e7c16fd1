"""What a closing step brings about: a molecule for each item of its output (``on_complete``)."""

from __future__ import annotations

import re

from gastown_core.errors import UsageError
from gastown_core.formulas.molecules import make_molecule, set_state
from gastown_core.formulas.recipe import OnComplete, RecipeStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.formulas.record import Molecule

MOST = 200
"""More items than this in one output are a mistake, not a plan."""

_ITEM = re.compile(r"\{(item(?:\.[\w-]+)*|index)\}")


def spawn(
    batch: RuleBatch,
    molecule: Molecule,
    step: RecipeStep,
    output: Any,
    actor: str,
    cook: Callable[[str, Mapping[str, str]], Recipe] | None,
) -> list[str]:
    """Make the molecules that the step asks for, as children of it; their ids. One after another unless parallel.

    Raises UsageError if the output does not hold the list, or nothing can be cooked here.
    """
    act = step.on_complete
    if act is None:
        return []
    if cook is None:
        raise UsageError(f"{step.id} bonds {act.formula} when it is done", "formulas are found only within a town")
    made: list[str] = []
    parent = molecule.step_bead(step.id) if molecule.is_poured else molecule.id
    for number, item in enumerate(items_of(step.id, act, output)):
        recipe = cook(act.formula, {name: _filled(text, item, number) for name, text in act.vars.items()})
        root = make_molecule(
            batch,
            recipe,
            actor=actor,
            poured=recipe.pour or molecule.is_poured,
            ephemeral=molecule.root.is_ephemeral,
            title=f"{recipe.name}: {_short(item)}",
            parent=parent,
        )
        if made and not act.parallel:
            batch.add_edge(root, made[-1])
        made.append(root)
    root_now = batch.need(molecule.id)
    set_state(batch, root_now, spawned={**molecule.table("spawned"), step.id: made})
    return made


def items_of(name: str, act: OnComplete, output: Any) -> list[Any]:
    """The list at ``output.<path>``. Raises UsageError saying what is there instead."""
    value, hint = output, 'give it with --output, for example --output \'{"files": ["a", "b"]}\''
    for key in act.for_each.split(".")[1:]:
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        there = "no output was given" if output is None else f"there is {type(value).__name__} in its place"
        raise UsageError(f"step {name} goes over {act.for_each}, which is no list", there, hint)
    if len(value) > MOST:
        raise UsageError(f"{act.for_each} of step {name} has {len(value)} items", f"at most {MOST} are bonded at once")
    return value


def _filled(text: str, item: Any, number: int) -> str:
    def of(found: re.Match[str]) -> str:
        words = found[1].split(".")
        if words[0] == "index":
            return str(number)
        value = item
        for key in words[1:]:
            value = value.get(key) if isinstance(value, dict) else None
        return _text(value)

    return _ITEM.sub(of, text)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _short(item: Any) -> str:
    named = (
        next((item[key] for key in ("title", "name", "id") if item.get(key)), item) if isinstance(item, dict) else item
    )
    return _text(named)[:80]
