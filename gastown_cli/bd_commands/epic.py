"""``bd epic``: show epics and close the completed ones."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import issue_object, one_line, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd epic status``."""
    parser.add_argument("--eligible-only", action="store_true", help="only epics that can be closed")
    add_globals(parser)


def run_status(args: Namespace) -> int:
    """List epics and how many of their children are closed."""
    space = Workspace(args)
    found = [row for row in space.store.epic_progress() if row.is_eligible or not args.eligible_only]
    if space.as_json:
        beads = space.store.get_many([row.epic.id for row in found])
        say_array(
            {
                "epic": issue_object(beads[row.epic.id]),
                "total_children": row.total,
                "closed_children": row.closed,
                "eligible_for_close": row.is_eligible,
            }
            for row in found
        )
        return 0
    rows = [
        (
            clean(row.epic.id),
            f"{row.closed}/{row.total}",
            style("can be closed", "green") if row.is_eligible else "",
            one_line(row.epic.title),
        )
        for row in found
    ]
    say(table(rows, right=(1,)) if rows else "no open epics")
    return 0


def close_eligible_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd epic close-eligible``."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be closed; close nothing")
    add_globals(parser)


def run_close_eligible(args: Namespace) -> int:
    """Close the epics whose children are all closed."""
    space = Workspace(args)
    ids = [row.epic.id for row in space.store.epic_progress() if row.is_eligible]
    if ids and not args.dry_run:
        reason = "all children closed"
        space.change_each(ids, lambda batch, bead_id: batch.close(bead_id, reason), reasons=[reason])
    if space.as_json:
        say_object({"closed": ids, "count": len(ids), **({"dry_run": True} if args.dry_run else {})})
    elif ids:
        say(f"{'would close' if args.dry_run else 'closed'} {clean(', '.join(ids))}")
    else:
        say("no epics to close")
    return space.exit_code()
