"""Recipes built by hand, for tests of what they become in the ledger."""

from __future__ import annotations

from gastown_core.formulas.recipe import Recipe, RecipeStep


def step(name: str, *needs: str, **fields) -> RecipeStep:
    fields.setdefault("title", name.replace("-", " ").capitalize())
    return RecipeStep(name, needs=needs, **fields)


def recipe(*steps: RecipeStep, name: str = "ship", **fields) -> Recipe:
    return Recipe(name, "workflow", steps, digest=fields.pop("digest", "d1"), source=f"shipped:{name}", **fields)


def chain(count: int, **fields) -> Recipe:
    """``s0`` to ``s<count-1>``, each needing the one before."""
    steps = [step(f"s{n}", *([f"s{n - 1}"] if n else []), description=f"do {n}") for n in range(count)]
    return recipe(*steps, **fields)


def pour(store, made: Recipe, *, poured: bool = True, ephemeral: bool = True, actor: str = "tester", **options) -> str:
    from gastown_core.molecules.pour import make_molecule

    with store.write(actor) as batch:
        return make_molecule(batch, made, actor=actor, poured=poured, ephemeral=ephemeral, **options)
