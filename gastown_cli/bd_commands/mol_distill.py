"""``bd mol distill``: a formula from work that was done."""

from __future__ import annotations

import os

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.errors import ConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """From what, and where to."""
    parser.add_argument("epic", help="an epic or molecule with children")
    parser.add_argument("name", nargs="?", default="", help="the formula's name (default: from the title)")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="this text becomes a variable")
    parser.add_argument(
        "-o", "--output", default="", metavar="DIR", help="folder to write to (default: the store's formulas)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace a formula of that name")
    parser.add_argument("-n", "--dry-run", action="store_true", help="print it, write nothing")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Write the formula, and see that it can be read again."""
    from gastown_core.files.atomic import write_atomic
    from gastown_core.molecules.distill import distill

    space = Workspace(args)
    store, root = space.locate(args.epic)
    made = distill(store, root, args.name, args.var)
    folder = os.path.abspath(args.output) if args.output else os.path.join(store.beads_dir, "formulas")
    path = os.path.join(folder, f"{made.name}.formula.toml")
    if not args.dry_run:
        if os.path.exists(path) and not args.force:
            raise ConflictError(f"{path} exists already", "", "give another name, or --force")
        os.makedirs(folder, exist_ok=True)
        write_atomic(path, made.text.encode())
    told = {
        "formula_name": made.name,
        "formula_path": path,
        "steps": len(made.steps),
        "variables": list(made.variables),
    }
    if space.as_json:
        say_object({**told, **({"dry_run": True, "text": made.text} if args.dry_run else {})})
    elif args.dry_run:
        say("\n".join(clean(line) for line in made.text.rstrip().split("\n")))
    else:
        say(f"{style('✓', 'green')} {clean(made.name)}, {len(made.steps)} steps: {clean(path)}")
        say(style(f"bd cook {clean(made.name)} --dry-run shows it cooked", "dim"))
    return 0
