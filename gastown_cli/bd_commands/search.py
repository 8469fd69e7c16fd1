"""``bd search``: text in titles and ids, closed beads too."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.render import issue_object, note_cut, say_array, say_beads
from gastown_cli.bd_commands.workspace import Workspace, add_globals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

DEFAULT_LIMIT = 50


def add_arguments(parser: ArgumentParser) -> None:
    """The text, filters and order."""
    parser.add_argument("text", nargs="+", help="what title or id holds, in any case")
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show what was found."""
    space = Workspace(args)
    query = query_of(args, space)._replace(text=" ".join(args.text), limit=limit_of(args, DEFAULT_LIMIT))
    total = space.store.count(query)
    if space.as_json:
        beads = space.store.find(query)
        tallies = space.store.tallies([bead.id for bead in beads])
        say_array(issue_object(bead, tallies.get(bead.id)) for bead in beads)
        note_cut(len(beads), total, as_json=True)
        return 0
    say_beads(space.store.excerpts(query), empty=f"nothing holds {query.text!r}", shown_of=total)
    return 0
