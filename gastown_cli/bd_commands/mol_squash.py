"""``bd mol squash``: a molecule ends in one digest bead."""

from __future__ import annotations

from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Which one, and what to keep."""
    parser.add_argument("molecule", help="its id")
    parser.add_argument("-s", "--summary", default="", help="the digest's text (default: the steps and how they ended)")
    parser.add_argument("--keep-children", action="store_true", help="delete no steps")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the digest, write nothing")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Squash it, in one write."""
    from gastown_core.molecules.squash import digest_text, squash

    space = Workspace(args)
    store, root = mol_place.molecule(space, args.molecule)
    if args.dry_run:
        from gastown_core.molecules.steps import progress_of

        with store.write(space.actor) as batch:
            text = args.summary or digest_text(batch, progress_of(store, root))
        if space.as_json:
            say_object({"molecule_id": root, "digest": text, "dry_run": True})
        else:
            say(f"would squash {clean(root)} into:\n")
            say("\n".join(clean(line) for line in text.split("\n")))
        return 0
    with store.write(space.actor) as batch:
        done = squash(batch, root, summary=args.summary, keep_children=args.keep_children)
        changes = batch.changes()
    space.tell_all([change for change in changes if change[1].id in (root, done.digest)])
    if space.as_json:
        say_object(done.as_json())
    else:
        say(f"{style('✓', 'green')} {clean(root)} squashed into {clean(done.digest)}, {len(done.deleted)} beads gone")
    return 0
