"""``bd dep remove A B``: A no longer depends on B."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say
from gastown_core.beads.rules import entries_of
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The two ids."""
    parser.add_argument("id", help="the bead that depends")
    parser.add_argument("target", help="the bead it depends on")
    parser.add_argument("-t", "--type", default="", help="taken for compatibility: there is one edge at most")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Drop the edge."""
    space = Workspace(args)
    bead = space.get(args.id)
    written = {str(entry["depends_on_id"]) for entry in entries_of(bead.raw, "dependencies") if target_of(entry)}
    known = {edge.target for edge in bead.edges} | written
    target = args.target
    if target not in known and not target.startswith("external:"):
        try:
            target = space.full_id(target)
        except NotFoundError:
            target = args.target
    bead = space.change(args.id, lambda batch, bead_id: batch.remove_edge(bead_id, target))
    if space.as_json:
        say_object({"status": "removed", "issue_id": bead.id, "depends_on_id": target})
    elif not space.quiet:
        say(f"{clean(bead.id)} no longer depends on {clean(target)}")
    return 0
