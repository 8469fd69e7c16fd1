"""``bd dep add A B``: let A depend on B."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.errors import GastownError, NotFoundError, UsageError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """The two ids and the type."""
    parser.add_argument("id", nargs="?", default="", help="the bead that depends")
    parser.add_argument("target", nargs="?", default="", help="the bead it depends on")
    parser.add_argument("-t", "--type", default="blocks", help="blocks, parent-child, waits-for, related, … ")
    parser.add_argument("--blocked-by", "--depends-on", default="", metavar="ID", help="the target as an option")
    parser.add_argument("--metadata", default="", metavar="JSON", help="kept with the edge")
    parser.add_argument("--file", default="", metavar="JSONL", help="many: lines with from, to and type")
    parser.add_argument("-f", "--force", action="store_true", help="although no store here has the target")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Add the edge, or those of a file."""
    space = Workspace(args)
    if args.file:
        return _from_file(space, args)
    target = args.target or args.blocked_by
    if not args.id or not target:
        raise UsageError("two beads are needed", "", "bd dep add gt-abc12 gt-x7k2m")
    bead, to = _add(space, args, args.id, target, args.type)
    if space.as_json:
        say_object({"status": "added", "issue_id": bead.id, "depends_on_id": to, "type": args.type})
    elif not space.quiet:
        say(f"{clean(bead.id)} depends on {clean(to)} {style(clean(args.type), 'dim')}")
    return 0


def _add(space: Workspace, args: Namespace, partial: str, target: str, kind: str) -> tuple[Bead, str]:
    to = space.target_id(target, force=args.force)
    return space.change(partial, lambda batch, bead_id: batch.add_edge(bead_id, to, kind, args.metadata)), to


def _from_file(space: Workspace, args: Namespace) -> int:
    path = args.file
    try:
        with open(path, encoding="utf-8") as handle:
            lines = [line for line in handle if line.strip()]
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error
    added = []
    for number, line in enumerate(lines, 1):
        try:
            value = decode_json(line)
            source = str(value.get("issue_id") or value["from"])
            target = str(value.get("depends_on_id") or value["to"])
            kind = str(value.get("type") or "blocks")
        except (ValueError, KeyError, AttributeError) as error:
            space.failed.append(UsageError(f"{path}:{number} is no edge", str(error)))
            continue
        try:
            bead, to = _add(space, args, source, target, kind)
            added.append({"status": "added", "issue_id": bead.id, "depends_on_id": to, "type": kind})
        except GastownError as error:
            space.failed.append(error)
    if space.as_json:
        say_array(added)
    else:
        say(f"added {len(added)} of {len(lines)}")
    return space.exit_code()
