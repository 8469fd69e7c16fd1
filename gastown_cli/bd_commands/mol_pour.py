"""``bd mol pour``: a formula or proto as beads that stay."""

from __future__ import annotations

from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.formula_place import given_variables
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.recipe import Recipe


def add_arguments(parser: ArgumentParser) -> None:
    """What to pour."""
    parser.add_argument("source", help="a formula, a file, or a proto's id")
    parser.add_argument("-a", "--assignee", default="", help="who has the molecule")
    parser.add_argument("--title", default="", help="title of the root (default: the formula's name)")
    parser.add_argument("--bead", default="", metavar="ID", help="the work that is to carry it")
    parser.add_argument("--attach", action="append", default=[], metavar="SOURCE", help="pour this too, bonded to it")
    parser.add_argument(
        "--attach-type",
        default="sequential",
        choices=("sequential", "parallel", "conditional"),
        help="how (default: after)",
    )
    mol_place.add_source(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Pour it, in one write."""
    space = Workspace(args)
    recipe = mol_place.recipe_for(space, args, args.source, given_variables(args.var))
    if recipe.phase == "vapor":
        note(f"note: {clean(recipe.name)} is meant to vanish when it is done: bd mol wisp {clean(args.source)}")
    return pour(space, args, recipe, poured=True, ephemeral=False)


def pour(space: Workspace, args: Namespace, recipe: Recipe, *, poured: bool, ephemeral: bool) -> int:
    """Make the molecule (and those attached to it), and show what was made."""
    from gastown_core.molecules.bond import Bonding, spawn_onto
    from gastown_core.molecules.pour import make_molecule, members

    given = given_variables(args.var)
    others = [mol_place.recipe_for(space, args, name, given) for name in args.attach]
    bead = space.full_id(args.bead) if args.bead else ""
    tell_warnings(recipe)
    if args.dry_run:
        return _foretell(space, recipe, poured=poured, ephemeral=ephemeral)
    with space.store.write(space.actor) as batch:
        root = make_molecule(
            batch,
            recipe,
            actor=space.actor,
            poured=poured,
            ephemeral=ephemeral,
            assignee=args.assignee,
            title=args.title,
            bead=bead,
        )
        mapping = {**{one.removeprefix(f"{root}."): one for one in members(batch, root)}, recipe.name: root}
        bonded = [spawn_onto(batch, batch.need(root), one, Bonding(args.attach_type)) for one in others]
        changes = batch.changes()
    space.tell_all([change for change in changes if change[1].id in (root, *(one.spawned for one in bonded))])
    space.touched(space.store, root)
    created = sum(before is None for before, _ in changes)
    return _show(
        space, args, recipe, mapping, [one.spawned for one in bonded], created, "vapor" if ephemeral else "liquid"
    )


def _show(
    space: Workspace,
    args: Namespace,
    recipe: Recipe,
    mapping: dict[str, str],
    attached: list[str],
    created: int,
    phase: str,
) -> int:
    root = mapping[recipe.name]
    if space.as_json:
        told = {"new_epic_id": root, "id_mapping": mapping, "created": created, "attached": attached, "phase": phase}
        say_object(told)
        return 0
    kind = "wisp" if phase == "vapor" else "molecule"
    beads = len(mapping) - 1
    how = f"{beads} beads below it" if beads else f"a checklist of {len(recipe.steps)} steps"
    say(f"{style('✓', 'green')} {clean(root)}  {kind} of {clean(recipe.name)}, {how}")
    for one in attached:
        say(f"  {args.attach_type}: {clean(one)}")
    if not space.quiet:
        say(style(f"bd mol current {clean(root)} shows its steps", "dim"))
    return 0


def tell_warnings(recipe: Recipe) -> None:
    """What cooking had to say."""
    for warning in recipe.warnings:
        note(f"note: {clean(warning)}")


def _foretell(space: Workspace, recipe: Recipe, *, poured: bool, ephemeral: bool) -> int:
    steps = [{"id": step.id, "title": step.title, "needs": list(step.needs)} for step in recipe.steps]
    count = 1 + (len(steps) if poured else 0) + sum((s.gate is not None) + bool(s.only_if) for s in recipe.steps)
    phase = "vapor" if ephemeral else "liquid"
    if space.as_json:
        told = {"formula": recipe.name, "would_create": count, "poured": poured, "steps": steps, "phase": phase}
        say_object({**told, "dry_run": True})
        return 0
    say(f"would make {count} bead{'' if count == 1 else 's'} of {clean(recipe.name)} ({phase})")
    width = max(len(step.id) for step in recipe.steps)
    for step in recipe.steps:
        needs = style(f"  after {', '.join(step.needs)}", "dim") if step.needs else ""
        say(f"  {clean(step.id).ljust(width)}  {clean(' '.join(step.title.split()))}{needs}")
    return 0
