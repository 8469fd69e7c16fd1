"""``bd count``: how many beads, by groups if asked."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, table
from gastown_core.model.bead import NO_PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_COLUMNS = {"status": "status", "priority": "priority", "type": "issue_type", "assignee": "assignee", "label": "label"}


def add_arguments(parser: ArgumentParser) -> None:
    """Filters and the group."""
    add_filters(parser)
    group = parser.add_mutually_exclusive_group()
    for name in _COLUMNS:
        group.add_argument(f"--by-{name}", dest="by", action="store_const", const=name, help=f"per {name}")
    parser.set_defaults(by="")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Count."""
    space = Workspace(args)
    query = query_of(args, space)
    total = space.store.count(query)
    if not args.by:
        if space.as_json:
            say_object({"count": total})
        else:
            say(str(total))
        return 0
    groups = space.store.count_by(_COLUMNS[args.by], query)
    if args.by == "priority":
        groups = {"none" if group == str(NO_PRIORITY) else group: number for group, number in groups.items()}
    if space.as_json:
        rows = [{"group": group, "count": number} for group, number in groups.items()]
        say_object({"total": total, "groups": rows})
        return 0
    lines = [(clean(group) or "(none)", str(number)) for group, number in groups.items()]
    say(table([*lines, ("total", str(total))], right=(1,)))
    return 0
