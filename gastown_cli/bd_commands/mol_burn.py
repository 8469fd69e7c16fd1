"""``bd mol burn``: molecules go without a trace; by itself it asks first."""

from __future__ import annotations

import sys

from gastown_cli import molecule_lines
from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, report_error, say, style
from gastown_core.errors import GastownError, PartialError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.jsonl_store import JsonlStore


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("molecules", nargs="+", metavar="molecule", help="their ids")
    parser.add_argument("-f", "--force", "-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would go, delete nothing")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show what would go, ask, and burn it."""
    space = Workspace(args)
    found: list[tuple[JsonlStore, str]] = []
    failed: list[GastownError] = []
    for text in args.molecules:
        try:
            found.append(mol_place.molecule(space, text))
        except GastownError as error:
            failed.append(error)
    if failed and not found:
        raise failed[0]
    if not args.force or args.dry_run:
        if not space.as_json:
            _preview(found)
        if args.dry_run:
            return _show(space, [_foretold(*one) for one in found], failed, dry_run=True)
        _ask(space)
    return _show(space, [_burn(space, *one) for one in found], failed, dry_run=False)


def _preview(found: list[tuple[JsonlStore, str]]) -> None:
    from gastown_core.molecules.steps import progress_of

    for store, root in found:
        seen = progress_of(store, root)
        say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")


def _ask(space: Workspace) -> None:
    if space.as_json or not sys.stdin.isatty():
        raise UsageError(
            "burning deletes for good",
            "nobody can be asked here",
            "--dry-run shows what would go",
        )
    say("Delete this for good, without a digest? [y/N] ")
    if input().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was burned")


def _foretold(store: JsonlStore, root: str) -> dict[str, Any]:
    from gastown_core.beads.store import BeadQuery

    ids = [root, *(one.id for one in store.excerpts(BeadQuery(parent=root, include_wisps=True)))]
    return {"molecule_id": root, "deleted_ids": ids, "deleted_count": len(ids)}


def _burn(space: Workspace, store: JsonlStore, root: str) -> dict[str, Any]:
    from gastown_core.molecules.pour import burn

    with store.write(space.actor) as batch:
        gone = burn(batch, root)
        changes = batch.changes()
    space.tell_all([change for change in changes if change[1].id == root])
    return {"molecule_id": root, "deleted_ids": gone, "deleted_count": len(gone)}


def _show(space: Workspace, results: list[dict[str, Any]], failed: list[GastownError], *, dry_run: bool) -> int:
    if space.as_json:
        more = {"dry_run": True} if dry_run else {}
        if len(results) == 1 and not failed:
            say_object({**results[0], **more})
        else:
            total = sum(one["deleted_count"] for one in results)
            say_object({"results": results, "total_deleted": total, "failed_count": len(failed), **more})
    else:
        for one in results:
            verb = "would delete" if dry_run else f"{style('✓', 'green')} burned"
            say(
                f"{verb} {clean(one['molecule_id'])}, {one['deleted_count']} bead{'s' if one['deleted_count'] != 1 else ''}"
            )
    for error in failed:
        report_error(error, as_json=False)
    return PartialError.exit_code if failed else 0
