"""``bd search``: text in titles and ids, closed beads too."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import json_lines, note_cut, say_beads, say_json_texts
from gastown_cli.bd_commands.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.store import BeadQuery

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
    if space.as_json:
        lines = space.store.find_lines(query)
        say_json_texts(json_lines(lines, space.store.tallies([bead_id for bead_id, _ in lines])))
        note_cut(len(lines), _total(space, query, len(lines)))
        return 0
    found = space.store.excerpts(query)
    say_beads(found, empty=f"nothing holds {query.text!r}", shown_of=_total(space, query, len(found)))
    return 0


def _total(space: Workspace, query: BeadQuery, shown: int) -> int:
    """How many there are; every title is looked at a second time only where the limit cuts."""
    return space.store.count(query) if query.limit and shown == query.limit else shown
