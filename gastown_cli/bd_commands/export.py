"""``bd export``: beads as JSON lines that bd reads."""

from __future__ import annotations

import sys

from gastown_cli.bd_commands.filters import add_filters, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import note
from gastown_core.beads.exporting import export_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What and whereto."""
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="a file instead of stdout")
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="wisps and memories too")
    parser.add_argument(
        "--include-infra", action="store_true", help="agents, rigs, roles and messages too (they always are)"
    )
    parser.add_argument("--include-memories", action="store_true", help="memory lines too")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Write them by id."""
    space = Workspace(args)
    query = query_of(args, space)._replace(sort="id", limit=0)
    if args.all:
        query = query._replace(include_wisps=True)
    lines = export_lines(space.store, query, with_memories=args.all or args.include_memories)
    if not args.output:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
        return 0
    from gastown_core.files.atomic import write_atomic

    written = list(lines)
    write_atomic(args.output, b"".join(line + b"\n" for line in written))
    if not space.quiet:
        note(f"wrote {len(written)} beads to {args.output}")
    return 0
