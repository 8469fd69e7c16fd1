"""``bd delete``: show what would be deleted, or delete it with ``--force``."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, style
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd delete``."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads to delete")
    parser.add_argument(
        "-f", "--force", action="store_true", help="delete the beads (default: show what would be deleted)"
    )
    parser.add_argument("--cascade", action="store_true", help="also delete all beads that depend on them")
    parser.add_argument("--dry-run", action="store_true", help="show what would be deleted; delete nothing")
    parser.add_argument("--from-file", default="", metavar="FILE", help="read ids from a file, one per line")
    parser.add_argument("-r", "--reason", default="", help="reason to keep in the tombstone")
    parser.add_argument("--hard", action="store_true", help="accepted for compatibility; has no effect")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Delete beads, or show what would be deleted."""
    space = Workspace(args)
    wanted = _wanted(args)
    if not wanted:
        raise UsageError("no bead given", "", "bd delete ID")
    beads = {bead.id: bead for bead in (space.get(partial) for partial in wanted)}
    dependents = _dependents(space, list(beads))
    if args.cascade:
        while fresh := [bead_id for bead_id in dependents if bead_id not in beads]:
            beads.update((bead_id, space.get(bead_id)) for bead_id in fresh)
            dependents = _dependents(space, list(beads))
    left = [bead_id for bead_id in dependents if bead_id not in beads]
    if args.dry_run or not args.force:
        return _preview(space, list(beads.values()), left)
    for bead in beads.values():
        _delete(space, bead, args.reason)
    if space.as_json:
        say_object({"deleted": list(beads), "count": len(beads), "edges_removed_from": left})
    elif not space.quiet:
        say(
            f"deleted {', '.join(beads)}" + (f"; removed the dependencies of {', '.join(left)} on them" if left else "")
        )
    return 0


def _wanted(args: Namespace) -> list[str]:
    wanted = list(args.ids)
    if args.from_file:
        try:
            with open(args.from_file, encoding="utf-8") as handle:
                wanted += [line.strip() for line in handle if line.strip() and not line.startswith("#")]
        except OSError as error:
            raise NotFoundError(f"cannot read {args.from_file}", error.strerror or str(error)) from error
    return wanted


def _dependents(space: Workspace, ids: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for bead_id in ids:
        store, _ = space.locate(bead_id)
        found.update(dict.fromkeys(source for source, _ in store.dependents(bead_id)))
    return list(found)


def _delete(space: Workspace, bead: Bead, reason: str) -> None:
    store, bead_id = space.locate(bead.id)
    with store.write(space.actor) as batch:
        batch.delete(bead_id, reason)
        changes = batch.changes()
    space.tell_all(changes, reason)


def _preview(space: Workspace, beads: list[Bead], left: list[str]) -> int:
    if space.as_json:
        say_object({"would_delete": [bead.id for bead in beads], "dependents": left, "deleted": [], "count": 0})
        return 0
    say("would delete")
    for line in bead_lines([excerpt_of(bead) for bead in beads]):
        say(line)
    if left:
        say(
            style(
                f"{len(left)} dependent bead{'' if len(left) == 1 else 's'} would lose a dependency: {', '.join(left)}",
                "yellow",
            )
        )
    say(style("nothing deleted; see bd delete --help", "dim"))
    return 0
