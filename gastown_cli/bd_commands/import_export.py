"""``bd import`` and ``bd export``: read and write beads as JSON lines."""

from __future__ import annotations

import sys

from gastown_cli.bd_commands.filters import add_filters, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace, show_progress
from gastown_cli.output import clean, note, say
from gastown_core.beads.import_export import export_lines, import_file
from gastown_core.beads.twins import sentence_of
from gastown_core.errors import PartialError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.import_export import ImportReport
SHOWN = 20
"""Maximum number of lines reported per kind."""


def import_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd import``."""
    parser.add_argument(
        "file", nargs="?", default="-", help="JSON lines file, folder with a table dump, or - for stdin"
    )
    parser.add_argument("-i", "--input", default="", metavar="FILE", help="same as file")
    parser.add_argument("--dedup", action="store_true", help="skip records whose title is that of an open bead")
    parser.add_argument("--dry-run", action="store_true", help="read and report; write nothing")
    add_globals(parser)


def run_import(args: Namespace) -> int:
    """Import records and report what happened to them."""
    space = Workspace(args)
    source = args.input or args.file
    if source == "-" and sys.stdin.isatty():
        note("reading JSON lines from stdin; end with Ctrl-D, or use bd import FILE")
    report = import_file(
        space.store,
        source,
        actor=space.actor,
        dedup=args.dedup,
        dry_run=args.dry_run,
        progress=show_progress,
    )
    if space.root and not args.dry_run and (report.created or report.updated):
        from gastown_core.events.log import append_event

        counts = {"count": str(len(report.created) + len(report.updated)), "message": f"imported from {source}"}
        append_event(space.root, "update", space.actor, {"bead": report.first_id, "title": "import", **counts})
    if space.as_json:
        say_object(report.as_json())
        return exit_code(report)
    say(
        f"{'would import' if args.dry_run else 'imported'}: {len(report.created)} new, {len(report.updated)} changed, "
        f"{report.unchanged} unchanged"
    )
    for count, what in (
        (len(report.stale), f"older than the stored bead: {' '.join(report.stale[:10])}"),
        (report.dedup_skipped, "same title as an open bead"),
        (len(report.skipped_dependencies), f"bad dependencies ignored: {' '.join(report.skipped_dependencies[:5])}"),
    ):
        if count:
            note(clean(f"{count} {what}" if what.startswith("bad") else f"{count} skipped, {what}"))
    tell_lines(report)
    return exit_code(report)


def tell_lines(report: ImportReport) -> None:
    """Print on stderr the lines that could not be read and what is odd about imported records."""
    for twin in report.parted:
        note(clean(sentence_of(twin)))
    for what, lines in (("not imported", report.junk), ("imported as is", report.odd)):
        for line in lines[:SHOWN]:
            note(clean(f"{line} ({what})"))
        if len(lines) > SHOWN:
            note(f"and {len(lines) - SHOWN} more ({what}); --json lists all")


def exit_code(report: ImportReport) -> int:
    """Return 3 if a line or a value in it could not be read, else 0."""
    return 0 if report.is_whole else PartialError.exit_code


def export_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd export``."""
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write to a file instead of stdout")
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="include wisps and memories")
    parser.add_argument(
        "--include-infra",
        action="store_true",
        help="accepted for compatibility; agents, rigs, roles and messages are always included",
    )
    parser.add_argument("--include-memories", action="store_true", help="include memories")
    add_globals(parser)


def run_export(args: Namespace) -> int:
    """Write beads as JSON lines, sorted by id."""
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
