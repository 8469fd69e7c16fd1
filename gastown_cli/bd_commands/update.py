"""``bd update``, ``bd claim`` and ``bd reopen``: change beads."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import future, words
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, issue_object, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.rules import with_labels
from gastown_core.errors import UsageError
from gastown_core.model.bead import PARENT_CHILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.bead import Bead
_PLAIN = {
    "title": "title",
    "description": "description",
    "design": "design",
    "acceptance": "acceptance_criteria",
    "notes": "notes",
    "assignee": "assignee",
    "external_ref": "external_ref",
    "spec_id": "spec_id",
    "type": "issue_type",
    "priority": "priority",
    "status": "status",
}


def update_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd update``; an empty text clears a field."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads to update (default: the last touched bead)")
    short = {"status": "-s", "assignee": "-a", "priority": "-p", "description": "-d", "type": "-t"}
    for name in _PLAIN:
        flags = [short[name]] if name in short else []
        parser.add_argument(*flags, f"--{name.replace('_', '-')}", default=None, help=f"set the {name}")
    parser.add_argument("--append-notes", default="", help="append a line to the notes")
    parser.add_argument("--add-label", action="append", default=[], metavar="L", help="add labels")
    parser.add_argument("--remove-label", action="append", default=[], metavar="L", help="remove labels")
    parser.add_argument("--set-labels", action="append", default=None, metavar="L", help="replace all labels")
    parser.add_argument("--unassign", action="store_true", help="remove the assignee")
    parser.add_argument("--claim", action="store_true", help="claim it if it has no assignee")
    parser.add_argument(
        "--parent", default=None, metavar="ID", help="make it a child of this bead; empty removes the parent"
    )
    parser.add_argument("--metadata", default="", metavar="JSON", help="replace the metadata")
    parser.add_argument(
        "--set-metadata", action="append", default=[], metavar="K=V", help="set one key of the metadata"
    )
    parser.add_argument(
        "--unset-metadata", action="append", default=[], metavar="K", help="remove one key of the metadata"
    )
    parser.add_argument(
        "--set-field", action="append", default=[], metavar="K=V", help="set a field line in the description"
    )
    parser.add_argument("--due", default=None, metavar="WHEN", help="due date; empty clears it")
    parser.add_argument(
        "--defer", default=None, metavar="WHEN", help="hide it from ready work until then; empty ends the deferral"
    )
    parser.add_argument("--estimate", type=int, default=None, metavar="MIN", help="estimated minutes of work")
    parser.add_argument("--persistent", action="store_true", help="make a wisp a persistent bead")
    parser.add_argument("--ephemeral", action="store_true", help="make it a wisp")
    parser.add_argument(
        "--if-unchanged", default=None, metavar="UPDATED_AT", help="only if its updated_at still has this value"
    )
    add_globals(parser)


def run_update(args: Namespace) -> int:
    """Update each bead and report those that fail."""
    space = Workspace(args)
    fields = _fields(args, space)
    parent = None if args.parent is None else (space.full_id(args.parent) if args.parent else "")
    if not (fields or _edits(args) or parent is not None):
        raise UsageError("no changes given", "", "bd update --help lists the fields")

    def act(batch: RuleBatch, bead_id: str) -> Bead:
        return _change(batch, bead_id, args, fields, parent)

    done = space.change_each(space.named_or_last(args.ids, "update"), act)
    if space.as_json:
        say_array([issue_object(bead) for bead in done])
    elif not space.quiet:
        for line in bead_lines([excerpt_of(bead) for bead in done]):
            say(line)
    return space.exit_code()


def _fields(args: Namespace, space: Workspace) -> dict[str, object]:
    fields = {key: getattr(args, name) for name, key in _PLAIN.items() if getattr(args, name) is not None}
    for key, text in (("due_at", args.due), ("defer_until", args.defer)):
        if text is not None:
            fields[key] = future(text, space.now(), ends_day=key == "due_at")
    if args.unassign:
        fields["assignee"] = None
    if args.estimate is not None:
        fields["estimated_minutes"] = args.estimate
    if args.persistent:
        fields["ephemeral"] = fields["no_history"] = None
    if args.ephemeral:
        fields["ephemeral"] = True
    if args.set_labels is not None:
        fields["labels"] = words(args.set_labels)
    if args.metadata:
        from gastown_cli.bd_commands.create import read_metadata

        fields["metadata"] = read_metadata(args.metadata)
    return fields


def _edits(args: Namespace) -> bool:
    lists = (args.add_label, args.remove_label, args.set_metadata, args.unset_metadata, args.set_field)
    return bool(args.append_notes or args.claim or any(lists))


def _change(batch: RuleBatch, bead_id: str, args: Namespace, fields: dict[str, object], parent: str | None) -> Bead:
    bead = batch.need(bead_id)
    changes = dict(fields)
    if args.add_label or args.remove_label:
        standing = {"labels": changes["labels"]} if "labels" in changes else bead.raw
        changes["labels"] = with_labels(standing, added=words(args.add_label), gone=words(args.remove_label))
    if args.append_notes:
        notes = changes.get("notes", bead.text("notes"))
        changes["notes"] = f"{notes}\n{args.append_notes}" if notes else args.append_notes
    if args.set_metadata or args.unset_metadata:
        changes["metadata"] = _metadata(changes.get("metadata", bead.raw.get("metadata")), args)
    bead = batch.update(bead_id, changes, expected_updated_at=args.if_unchanged)
    if args.set_field:
        batch.set_fields(bead_id, {key: value or None for key, value in map(pair, args.set_field)})
    if parent is not None:
        _move(batch, bead, parent)
    if args.claim:
        batch.claim(bead_id)
    return batch.need(bead_id)


def _move(batch: RuleBatch, bead: Bead, parent: str) -> None:
    if bead.parent == parent:
        return
    if bead.parent:
        batch.remove_edge(bead.id, bead.parent)
    if parent:
        batch.add_edge(bead.id, parent, PARENT_CHILD)


def _metadata(standing: object, args: Namespace) -> dict[str, object]:
    from gastown_core.model.metadata import writable

    data = writable(standing)
    data.update(map(pair, args.set_metadata))
    for key in args.unset_metadata:
        data.pop(key, None)
    return data


def pair(text: str) -> tuple[str, str]:
    """Split ``key=value``. Raises UsageError."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} is not KEY=VALUE")
    return key.strip(), value


def claim_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd claim``."""
    parser.add_argument("ids", nargs="+", metavar="id", help="beads to claim")
    add_globals(parser)


def run_claim(args: Namespace) -> int:
    """Claim each bead for the actor and report those that fail."""
    space = Workspace(args)
    done = space.change_each(args.ids, lambda batch, bead_id: batch.claim(bead_id))
    if space.as_json:
        say_array([issue_object(bead) for bead in done])
    elif not space.quiet:
        for line in bead_lines([excerpt_of(bead) for bead in done]):
            say(line)
    return space.exit_code()


def reopen_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd reopen``."""
    parser.add_argument("ids", nargs="+", metavar="id", help="beads to reopen")
    parser.add_argument("-r", "--reason", default="", help="reason to add as a comment")
    add_globals(parser)


def run_reopen(args: Namespace) -> int:
    """Reopen each bead and report those that fail."""
    space = Workspace(args)
    done = space.change_each(args.ids, lambda batch, bead_id: batch.reopen(bead_id, args.reason), reasons=[args.reason])
    if space.as_json:
        say_array([issue_object(bead) for bead in done])
    elif not space.quiet:
        for line in bead_lines([excerpt_of(bead) for bead in done]):
            say(line)
    return space.exit_code()
