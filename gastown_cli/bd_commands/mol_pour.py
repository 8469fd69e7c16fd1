"""``bd mol pour``, ``wisp``, ``bond`` and ``seed``: turn formulas into beads."""

from __future__ import annotations

from gastown_cli.bd_commands import mol
from gastown_cli.bd_commands.formula import add_place, formula_of, given_variables, places
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import CLOSED, known_priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead


def pour_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol pour``."""
    parser.add_argument("source", help="formula, file, or id of a proto")
    parser.add_argument("-a", "--assignee", default="", help="assignee of the molecule")
    parser.add_argument("--title", default="", help="title of the root (default: the formula's name)")
    parser.add_argument("--bead", default="", metavar="ID", help="work to attach it to")
    parser.add_argument(
        "--attach",
        action="append",
        default=[],
        metavar="SOURCE",
        help="also pour this formula and bond it to the molecule (repeatable)",
    )
    parser.add_argument(
        "--attach-type",
        default="sequential",
        choices=("sequential", "parallel", "conditional"),
        help="how to bond the formulas given by --attach (default sequential)",
    )
    mol.add_source(parser)
    add_globals(parser)


def run_pour(args: Namespace) -> int:
    """Pour a formula into persistent beads, in one write."""
    space = Workspace(args)
    recipe = mol.recipe_for(space, args, args.source, given_variables(args.var))
    if recipe.phase == "vapor":
        note(f"note: {clean(recipe.name)} is meant to be ephemeral; use bd mol wisp {clean(args.source)}")
    return pour(space, args, recipe, poured=True, ephemeral=False)


def pour(space: Workspace, args: Namespace, recipe: Recipe, *, poured: bool, ephemeral: bool) -> int:
    """Pour the recipe and the formulas of ``--attach``, and print what was created."""
    from gastown_core.molecules.bond import Bonding, spawn_onto
    from gastown_core.molecules.pour import make_molecule, members

    given = given_variables(args.var)
    others = [mol.recipe_for(space, args, name, given) for name in args.attach]
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
    how = f"{beads} beads" if beads else f"a checklist of {len(recipe.steps)} steps"
    say(f"{style('✓', 'green')} {clean(root)}  {kind} of {clean(recipe.name)}, {how}")
    for one in attached:
        say(f"  {args.attach_type}: {clean(one)}")
    if not space.quiet:
        say(style(f"next: bd mol current {clean(root)}", "dim"))
    return 0


def tell_warnings(recipe: Recipe) -> None:
    """Print the warnings from cooking."""
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
    say(f"would create {count} bead{'' if count == 1 else 's'} of {clean(recipe.name)} ({phase})")
    width = max(len(step.id) for step in recipe.steps)
    for step in recipe.steps:
        needs = style(f"  after {', '.join(step.needs)}", "dim") if step.needs else ""
        say(f"  {clean(step.id).ljust(width)}  {clean(' '.join(step.title.split()))}{needs}")
    return 0


OLD_S = 24 * 3600.0
VERBS = ("create", "list", "gc")


def wisp_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol wisp``."""
    parser.add_argument("words", nargs="+", metavar="source | list | gc", help="formula or proto to pour, or a verb")
    making = parser.add_argument_group("create")
    making.add_argument(
        "--root-only", action="store_true", help="create one bead with a checklist, whatever the formula says"
    )
    making.add_argument("--pour", action="store_true", help="create one bead per step, whatever the formula says")
    making.add_argument("-a", "--assignee", default="", help="assignee of the wisp")
    making.add_argument("--title", default="", help="title of the root")
    making.add_argument("--bead", default="", metavar="ID", help="work to attach it to")
    mol.add_source(making)  # type: ignore[arg-type]
    clearing = parser.add_argument_group("list and gc")
    clearing.add_argument("--all", action="store_true", help="list: include closed wisps; gc: ignore their age")
    clearing.add_argument("--type", default="", help="list: only this wisp type")
    clearing.add_argument("--age", default="1h", metavar="SPAN", help="gc: wisps that are idle for longer (default 1h)")
    clearing.add_argument("--closed", action="store_true", help="gc: closed wisps; needs --force")
    clearing.add_argument("-f", "--force", action="store_true", help="gc: confirm the deletion of closed wisps")
    clearing.add_argument(
        "--exclude-type", action="append", default=[], metavar="TYPE", help="gc: skip this wisp type (repeatable)"
    )
    add_globals(parser)


def run_wisp(args: Namespace) -> int:
    """Create a wisp, list wisps, or delete old ones."""
    space = Workspace(args)
    verb = args.words[0] if args.words[0] in VERBS else "create"
    rest = args.words[1:] if args.words[0] in VERBS else args.words
    if verb == "list":
        return _list(args, space)
    if verb == "gc":
        return _collect(args, space)
    if len(rest) != 1:
        raise UsageError("bd mol wisp needs one formula or proto", "", "bd formula list shows the formulas")
    if args.root_only and args.pour:
        raise UsageError("--root-only and --pour cannot be used together")
    recipe = mol.recipe_for(space, args, rest[0], given_variables(args.var))
    args.attach, args.attach_type = [], "sequential"
    poured = args.pour or (recipe.pour and not args.root_only)
    return pour(space, args, recipe, poured=poured, ephemeral=True)


def _list(args: Namespace, space: Workspace) -> int:
    from gastown_core.beads.query import BeadQuery
    from gastown_core.molecules.root_bead import step_of

    query = BeadQuery(only_wisps=True, exclude_statuses=() if args.all else (CLOSED,), sort="updated")
    wisps = [
        bead
        for bead in space.store.find(query)
        if (not args.type or bead.text("wisp_type") == args.type) and not step_of(bead)[0]
    ]
    now = space.now()
    old = [bead for bead in wisps if now - bead.updated_at > OLD_S]
    if space.as_json:
        rows = [{**_row(bead), "old": bead in old} for bead in wisps]
        say_object({"wisps": rows, "count": len(wisps), "old_count": len(old)})
        return 0
    if not wisps:
        say("no wisps")
        return 0
    notes = {bead.id: "idle for a day" for bead in old}
    for line in bead_lines([excerpt_of(bead) for bead in wisps], notes=notes):
        say(line)
    if old:
        say(style(f"{len(old)} idle for a day; bd mol wisp gc --dry-run shows what would be deleted", "dim"))
    return 0


def _row(bead: Bead) -> dict[str, object]:
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "priority": known_priority(bead.priority),
        "type": bead.issue_type,
        "wisp_type": bead.text("wisp_type"),
        "labels": list(bead.labels),
        "created_at": bead.text("created_at"),
        "updated_at": bead.text("updated_at"),
    }


def _collect(args: Namespace, space: Workspace) -> int:
    from gastown_core.clock import parse_duration
    from gastown_core.molecules.pour import burn
    from gastown_core.molecules.wisp_compaction import collectable

    age = parse_duration(args.age)
    if age is None:
        raise UsageError(f"invalid time span {args.age!r}", "", "for example --age 2h")
    if args.closed and not args.force and not args.dry_run:
        raise UsageError(
            "deleting closed wisps needs --force",
            "their records are deleted permanently",
            "use --dry-run to list them first",
        )
    found = collectable(
        space.store, age_s=age, closed=args.closed, everything=args.all, without=tuple(args.exclude_type)
    )
    gone: list[str] = []
    if not args.dry_run:
        with space.store.write(space.actor) as batch:
            for wisp in found:
                gone += burn(batch, wisp.id, reason="forgotten")
    if space.as_json:
        told = {"cleaned_ids": gone, "cleaned_count": len(gone), "candidates": len(found), "dry_run": args.dry_run}
        say_object(told)
        return 0
    for line in bead_lines([excerpt_of(bead) for bead in found]):
        say(line)
    said = f"would delete {len(found)} wisps" if args.dry_run else f"deleted {len(gone)} beads"
    say(clean(said) if found else "nothing to delete")
    return 0


def bond_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol bond``."""
    parser.add_argument("first", help="molecule, proto or formula")
    parser.add_argument("second", help="molecule, proto or formula to bond to it")
    parser.add_argument(
        "--type", default="sequential", help="sequential (default), parallel, or conditional (runs if the first fails)"
    )
    parser.add_argument("--as", dest="title", default="", metavar="TITLE", help="title of the result")
    parser.add_argument("--ref", default="", help="id of the result: FIRST.REF")
    parser.add_argument("--pour", action="store_true", help="make the result persistent")
    parser.add_argument("--ephemeral", action="store_true", help="make the result ephemeral")
    mol.add_source(parser)
    add_globals(parser)


def run_bond(args: Namespace) -> int:
    """Bond two molecules, protos or formulas, in one write."""
    from gastown_core.molecules.bond import Bonding, bond

    if args.pour and args.ephemeral:
        raise UsageError("--pour and --ephemeral cannot be used together")
    space = Workspace(args)
    first, second = _full(space, args.first), _full(space, args.second)
    how = Bonding(
        args.type,
        args.title,
        given_variables(args.var),
        args.ref,
        True if args.ephemeral else False if args.pour else None,
    )
    done = bond(
        space.store,
        first,
        second,
        how,
        actor=space.actor,
        cook=lambda name, given: mol.recipe_for(space, args, name, given),
        compile_=lambda name: mol.compiled_for(space, args, name),
        dry_run=args.dry_run,
    )
    if space.as_json:
        say_object({**done.as_json(), **({"dry_run": True} if args.dry_run else {})})
        return 0
    verb = "would bond" if args.dry_run else "bonded"
    made = f", created {clean(done.spawned)}" if done.spawned and not args.dry_run else ""
    word = {"sequential": "after", "parallel": "beside", "conditional": "if it fails, after"}[done.bond]
    say(f"{style('✓', 'green')} {verb}: {clean(second)} {word} {clean(first)}{made}")
    if done.kind == "compound_proto" and not args.dry_run:
        say(f"  {clean(done.result)} contains both; next: bd mol pour {clean(done.result)}")
    return 0


def _full(space: Workspace, text: str) -> str:
    """Return the full id of a bead in this store; other text is returned as it is, as the name of a formula."""
    try:
        return space.full_id(text)
    except NotFoundError:
        return text
    except UsageError:
        # fits several ids: rather a formula's name than half an id
        return text


PATROLS = ("mol-deacon-patrol", "mol-witness-patrol", "mol-refinery-patrol")


def seed_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol seed``."""
    parser.add_argument("formula", nargs="?", default="", help="formula to check")
    parser.add_argument("--patrol", action="store_true", help="check the three patrol formulas")
    add_place(parser)
    add_globals(parser)


def run_seed(args: Namespace) -> int:
    """Find and compile each formula, and list them."""
    from gastown_core.errors import UsageError
    from gastown_core.molecules.proto import compiled

    names = PATROLS if args.patrol else (args.formula,)
    if not names[0]:
        raise UsageError("bd mol seed needs a formula", "", "bd formula list shows the formulas")
    where, rows = places(args), []
    for name in names:
        formula = formula_of(name, where)
        recipe, _ = compiled(formula)
        rows.append({"formula": formula.name, "tier": recipe.tier, "source": recipe.source, "steps": len(recipe.steps)})
    if args.json:
        say_object({"seeded": rows, "count": len(rows)})
        return 0
    for row in rows:
        say(f"{style('✓', 'green')} {clean(str(row['formula']))}  {row['steps']} steps, {row['tier']}")
    return 0
