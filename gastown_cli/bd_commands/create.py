"""``bd create`` and ``bd q``: create beads."""

from __future__ import annotations

import sys

from gastown_cli.bd_commands.filters import future, words
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, issue_object, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import BLOCKS, WAITS_FOR, edge_type_of
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
_TEXTS = {
    "design": "how to implement it",
    "acceptance": "acceptance criteria",
    "notes": "working notes",
    "external_ref": "id in another tracker, such as gh-9",
    "wisp_type": "kind of wisp",
    "mol_type": "swarm, patrol or work",
    "spec_id": "specification that it comes from",
}


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd create``."""
    parser.add_argument("title", nargs="?", default="", help="title: one line, at most 500 characters")
    parser.add_argument("--title", dest="title_option", default="", help="same as title")
    parser.add_argument("-t", "--type", default="task", help="type: bug, feature, task, epic, chore, … (default task)")
    parser.add_argument("-p", "--priority", default="2", help="0 critical to 4 backlog (default 2)")
    parser.add_argument("-d", "--description", "--body", default="", help="description; - reads stdin")
    for name, text in _TEXTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help=text)
    parser.add_argument("-a", "--assignee", default="", help="assignee")
    parser.add_argument(
        "-l", "--labels", "--label", action="append", default=[], help="labels; separate by commas or repeat"
    )
    parser.add_argument("--parent", default="", metavar="ID", help="create it as a child of this bead")
    parser.add_argument(
        "--deps",
        action="append",
        default=[],
        metavar="X",
        help="beads it depends on: ID or TYPE:ID; blocks:ID makes that bead depend on it",
    )
    parser.add_argument("--waits-for", default="", metavar="ID", help="wait for the children of this bead")
    parser.add_argument("--id", default="", help="use this id instead of a generated one")
    parser.add_argument(
        "--force",
        action="store_true",
        help="allow an id with another store's prefix, and --deps that do not exist",
    )
    parser.add_argument("--ephemeral", action="store_true", help="create a wisp, kept outside git")
    parser.add_argument("--no-history", action="store_true", help="keep it outside git, but do not let it expire")
    parser.add_argument("--due", default="", metavar="WHEN", help="due date, or a span such as 3d")
    parser.add_argument("--defer", default="", metavar="WHEN", help="hide it from ready work until then")
    parser.add_argument("--estimate", type=int, default=None, metavar="MIN", help="estimated minutes of work")
    parser.add_argument("--metadata", default="", metavar="JSON", help="metadata, a JSON object")
    parser.add_argument(
        "-f", "--file", default="", metavar="MD", help="create one bead per '## Title' section of a file"
    )
    parser.add_argument("--rig", "--repo", default="", help="create it in the store of this rig")
    parser.add_argument("--dry-run", action="store_true", help="check and show; write nothing")
    parser.add_argument("--silent", action="store_true", help="print only the id")
    add_globals(parser)


def run_create(args: Namespace) -> int:
    """Create one bead, or one per section of ``--file``."""
    space = Workspace(args)
    store = _store(space, args.rig)
    plans = _plans(args)
    edges = [_edge(space, text, force=args.force) for text in words(args.deps)]
    if args.waits_for:
        edges.append((WAITS_FOR, space.full_id(args.waits_for)))
    parent = store.resolve(args.parent) if args.parent else ""
    if args.id and not args.force and not args.id.startswith(store.prefix + "-") and not space.root:
        raise UsageError(
            f"{args.id} has the wrong prefix",
            f"the prefix of this store is {store.prefix}",
            f"use an id such as {store.prefix}-abc12",
        )
    batch = store.write(space.actor)
    made: list[Bead] = []
    try:
        with batch:
            for fields in plans:
                bead = batch.create(
                    {**_fields(args, space), **fields}, bead_id=args.id, parent=parent, kind=_infix(args)
                )
                made.append(_tie(batch, bead, edges, store))
            changes = batch.changes()
            if args.dry_run:
                raise _DryRunError
    except _DryRunError:
        return _show(args, space, made, store, dry=True)
    space.tell_all(changes)
    space.touched(store, made[-1].id)
    return _show(args, space, made, store, dry=False)


class _DryRunError(Exception):
    """Leaves the batch without writing."""


def _store(space: Workspace, rig: str) -> BeadStore:
    if not rig:
        return space.store
    found = space.ledger.store(rig) if space.ledger is not None else None
    if found is None:
        known = ", ".join(space.ledger.names) if space.ledger is not None else "this folder is not in a town"
        raise NotFoundError(f"no store for rig {rig}", "", f"stores: {known}")
    return found


def _plans(args: Namespace) -> list[dict[str, object]]:
    """Return title and description of each bead to create."""
    if args.file:
        return _sections(args.file)
    title = args.title or args.title_option
    body = sys.stdin.read() if args.description == "-" else args.description
    return [{"title": title, "description": body}]


def _sections(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error
    found: list[dict[str, Any]] = []
    for line in lines:
        if line.startswith("## "):
            found.append({"title": line[3:].strip(), "description": ""})
        elif found:
            found[-1]["description"] += line + "\n"
    if not found:
        raise UsageError(f"{path} has no '## Title' section", "", "each second-level heading becomes a bead")
    return [{**plan, "description": plan["description"].strip()} for plan in found]


def _fields(args: Namespace, space: Workspace) -> dict[str, object]:
    fields: dict[str, object] = {"issue_type": args.type, "priority": args.priority, "assignee": args.assignee}
    fields |= {key: getattr(args, key) for key in _TEXTS if key != "acceptance"}
    fields["acceptance_criteria"] = args.acceptance
    fields["labels"] = words(args.labels)
    fields["ephemeral"], fields["no_history"] = args.ephemeral, args.no_history
    fields["due_at"] = future(args.due, space.now(), ends_day=True)
    fields["defer_until"] = future(args.defer, space.now())
    fields["estimated_minutes"] = args.estimate
    if args.metadata:
        fields["metadata"] = read_metadata(args.metadata)
    return {key: value for key, value in fields.items() if value not in ("", None, (), False)}


def read_metadata(text: str) -> object:
    """Return the value of ``--metadata``. Raises UsageError if it is not JSON."""

    try:
        return decode_json(text)
    except ValueError as error:
        raise UsageError("--metadata is not JSON", str(error), '--metadata \'{"key": "value"}\'') from error


def _infix(args: Namespace) -> str:
    return "wisp" if args.ephemeral or args.wisp_type else ""


def _edge(space: Workspace, text: str, *, force: bool) -> tuple[str, str]:
    """Return ``(type, id)`` of a --deps word; type ``>`` means that the other bead depends on this one."""
    kind, colon, target = text.rpartition(":")
    if text.startswith("external:") or not colon:
        return BLOCKS, space.target_id(text, force=force)
    return ">" if kind == BLOCKS else edge_type_of(kind), space.target_id(target, force=force)


def _tie(batch: RuleBatch, bead: Bead, edges: list[tuple[str, str]], store: BeadStore) -> Bead:
    for kind, target in edges:
        if kind != ">":
            bead = batch.add_edge(bead.id, target, kind)
        elif batch.get(target) is not None:
            batch.add_edge(target, bead.id)
        else:
            raise UsageError(
                f"{target} is in another store",
                f"the prefix of this store is {store.prefix}",
                f"bd dep add {target} {bead.id}",
            )
    return bead


def _show(args: Namespace, space: Workspace, made: list[Bead], store: BeadStore, *, dry: bool) -> int:
    if space.as_json:
        tallies = {} if dry else store.tallies([bead.id for bead in made])
        objects = [issue_object(bead, tallies.get(bead.id)) for bead in made]
        if len(objects) == 1:
            say_object(objects[0])
        else:
            say_array(objects)
    elif args.silent:
        for bead in made:
            say(clean(bead.id))
    else:
        if not space.quiet:
            say("would create" if dry else "created")
        for line in bead_lines([excerpt_of(bead) for bead in made]):
            say(line)
    return 0


quick_arguments = create_arguments


def run_quick(args: Namespace) -> int:
    """Create a bead and print only its id."""
    args.silent = True
    args.json = False
    return run_create(args)
