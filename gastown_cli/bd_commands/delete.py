"""``bd delete``: shows what would go, and deletes it when told so."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, style
from gastown_core.beads.record import excerpt_of
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """The ids and how far."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads to delete")
    parser.add_argument("-f", "--force", action="store_true", help="delete; without it, only show")
    parser.add_argument("--cascade", action="store_true", help="also everything that depends on them")
    parser.add_argument("--dry-run", action="store_true", help="only show")
    parser.add_argument("--from-file", default="", metavar="FILE", help="ids from a file, one a line")
    parser.add_argument("-r", "--reason", default="", help="why; kept in the tombstone")
    parser.add_argument("--hard", action="store_true", help="taken for compatibility")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show or delete."""
    space = Workspace(args)
    wanted = _wanted(args)
    if not wanted:
        raise UsageError("no bead was named", "", "bd delete ID")
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
        say(f"deleted {', '.join(beads)}" + (f"; took the edges to them out of {', '.join(left)}" if left else ""))
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
        say(style(f"{len(left)} depend on them and would lose that edge: {', '.join(left)}", "yellow"))
    say(style("nothing was deleted; see bd delete --help", "dim"))
    return 0
