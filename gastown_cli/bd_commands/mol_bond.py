"""``bd mol bond``: two molecules, or a molecule and what is poured for it, tied together."""

from __future__ import annotations

from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.formula_place import given_variables
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What to bond, and how."""
    parser.add_argument("first", help="a molecule, a proto, or a formula")
    parser.add_argument("second", help="what comes after it, or beside it")
    parser.add_argument(
        "--type", default="sequential", help="sequential (default), parallel, or conditional (if the first fails)"
    )
    parser.add_argument("--as", dest="title", default="", metavar="TITLE", help="title of what is made")
    parser.add_argument("--ref", default="", help="id of what is made: FIRST.REF")
    parser.add_argument("--pour", action="store_true", help="what is made stays")
    parser.add_argument("--ephemeral", action="store_true", help="what is made vanishes when it is done")
    mol_place.add_source(parser)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Bond them, in one write."""
    from gastown_core.molecules.bond import Bonding, bond

    if args.pour and args.ephemeral:
        raise UsageError("--pour and --ephemeral exclude each other")
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
        cook=lambda name, given: mol_place.recipe_for(space, args, name, given),
        compile_=lambda name: mol_place.compiled_for(space, args, name),
        dry_run=args.dry_run,
    )
    if space.as_json:
        say_object({**done.as_json(), **({"dry_run": True} if args.dry_run else {})})
        return 0
    verb = "would bond" if args.dry_run else "bonded"
    made = f", {clean(done.spawned)} made for it" if done.spawned and not args.dry_run else ""
    word = {"sequential": "after", "parallel": "beside", "conditional": "if it fails, after"}[done.bond]
    say(f"{style('✓', 'green')} {verb}: {clean(second)} {word} {clean(first)}{made}")
    if done.kind == "compound_proto" and not args.dry_run:
        say(f"  {clean(done.result)} holds both: bd mol pour {clean(done.result)}")
    return 0


def _full(space: Workspace, text: str) -> str:
    """The full id of a bead of this store; a word that names none is taken for a formula's name."""
    try:
        return space.full_id(text)
    except NotFoundError:
        return text
    except UsageError:
        # fits several ids: rather a formula's name than half an id
        return text
