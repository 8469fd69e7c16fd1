"""What ``bd mol`` commands work on: a molecule by any of its names, and what is poured, be it a formula or a proto."""

from __future__ import annotations

from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.formulas.formula import Variable
    from gastown_core.formulas.recipe import Recipe


def add_source(parser: ArgumentParser) -> None:
    """What to pour, and with what."""
    from gastown_cli.bd_commands.formula_place import add_place

    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable (again for more)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check and show, write nothing")
    add_place(parser)


def molecule(space: Workspace, text: str) -> tuple[JsonlStore, str]:
    """The store and root of the molecule that an id means: its own, a step's, or that of the work that carries it.

    Raises NotFoundError.
    """
    from gastown_core.molecules.steps import root_for

    stem, dot, _ = text.rpartition(".")
    try:
        store, bead_id = space.locate(text)
    except NotFoundError:
        # a step of a root-only molecule is no bead of its own
        if not dot:
            raise
        return molecule(space, stem)
    bead = store.get(bead_id)
    root = root_for(bead) if bead is not None else ""
    if not root and bead is not None:
        below = any(kind == "parent-child" for _, kind in store.dependents(bead_id))
        root = bead_id if below else ""
    if not root:
        raise NotFoundError(f"{bead_id} is no molecule and carries none", "", "bd mol list shows them")
    if store.get(root) is None:
        raise NotFoundError(f"the molecule {root} of {bead_id} is gone", "", f"gt mol detach {bead_id}")
    return store, root


def rig_of(space: Workspace) -> str:
    """The rig whose store is worked on, empty for the town's or outside a town."""
    name = space.ledger.name_of(space.store) if space.ledger is not None else ""
    return "" if name == "town" or "/" in name else name


def recipe_for(space: Workspace, args: Namespace, name: str, given: Mapping[str, str]) -> Recipe:
    """The recipe of a proto in the store, else of the formula of that name, overlaid and cooked. Raises FormulaError."""
    from gastown_core.formulas.cook import cook
    from gastown_core.molecules.proto import is_proto, recipe_of

    if is_proto(space.store.get(name)):
        return recipe_of(space.store, name, given)
    formula, overlay = _formula(space, args, name)
    recipe = cook(formula, given, overlay=overlay)
    if not given or getattr(args, "attach", None):
        # with several formulas, a variable may be another's
        return recipe
    from gastown_cli.bd_commands.formula_place import strangers

    return recipe._replace(warnings=(*recipe.warnings, *strangers(formula, recipe, given)))


def compiled_for(space: Workspace, args: Namespace, name: str) -> tuple[Recipe, dict[str, Variable]]:
    """As ``recipe_for`` for a formula, with its placeholders kept."""
    from gastown_core.molecules.proto import compiled

    formula, overlay = _formula(space, args, name)
    return compiled(formula, overlay)


def _formula(space: Workspace, args: Namespace, name: str):  # type: ignore[no-untyped-def]
    from gastown_cli.bd_commands.formula_place import formula_of, places
    from gastown_core.formulas.overlay import read_overlay

    formula = formula_of(name, places(args))
    rig = args.rig or rig_of(space)
    return formula, read_overlay(space.root, rig, formula.name) if space.root else None
