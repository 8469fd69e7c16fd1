"""``bd epic close-eligible``: close epics whose children are all closed."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say
from gastown_core.beads.epics import epic_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Only look, if wanted."""
    parser.add_argument("--dry-run", action="store_true", help="only show")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Close them."""
    space = Workspace(args)
    ids = [row.epic.id for row in epic_progress(space.store) if row.is_eligible]
    if ids and not args.dry_run:
        reason = "all children closed"
        space.change_each(ids, lambda batch, bead_id: batch.close(bead_id, reason), reasons=[reason])
    if space.as_json:
        say_object({"closed": ids, "count": len(ids), **({"dry_run": True} if args.dry_run else {})})
    elif ids:
        say(f"{'would close' if args.dry_run else 'closed'} {clean(', '.join(ids))}")
    else:
        say("no epic can be closed")
    return space.exit_code()
