"""``bd mol squash``, ``burn`` and ``distill``: end a molecule, or extract a formula from it."""

from __future__ import annotations

import os
import sys

from gastown_cli import molecule_lines
from gastown_cli.bd_commands import mol
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, report_error, say, style
from gastown_core.errors import ConflictError, GastownError, PartialError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.store import BeadStore


def squash_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol squash``."""
    parser.add_argument("molecule", help="id of the molecule")
    parser.add_argument(
        "-s", "--summary", default="", help="text of the digest (default: the steps and how they ended)"
    )
    parser.add_argument("--keep-children", action="store_true", help="keep the steps")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the digest; write nothing")
    add_globals(parser)


def run_squash(args: Namespace) -> int:
    """Squash a molecule into one digest bead, in one write."""
    from gastown_core.molecules.squash import digest_text, squash

    space = Workspace(args)
    store, root = mol.molecule(space, args.molecule)
    if args.dry_run:
        from gastown_core.molecules.steps import progress_of

        with store.write(space.actor) as batch:
            text = args.summary or digest_text(batch, progress_of(store, root))
        if space.as_json:
            say_object({"molecule_id": root, "digest": text, "dry_run": True})
        else:
            say(f"would squash {clean(root)} into:\n")
            say("\n".join(clean(line) for line in text.split("\n")))
        return 0
    with store.write(space.actor) as batch:
        done = squash(batch, root, summary=args.summary, keep_children=args.keep_children)
        changes = batch.changes()
    space.tell_all([change for change in changes if change[1].id in (root, done.digest)])
    if space.as_json:
        say_object(done.as_json())
    else:
        say(
            f"{style('✓', 'green')} squashed {clean(root)} into {clean(done.digest)}, {len(done.deleted)} beads deleted"
        )
    return 0


def burn_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol burn``."""
    parser.add_argument("molecules", nargs="+", metavar="molecule", help="molecules to delete")
    parser.add_argument("-f", "--force", "-y", "--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be deleted; delete nothing")
    add_globals(parser)


def run_burn(args: Namespace) -> int:
    """Show the molecules, ask for confirmation, and delete them."""
    space = Workspace(args)
    found: list[tuple[BeadStore, str]] = []
    failed: list[GastownError] = []
    for text in args.molecules:
        try:
            found.append(mol.molecule(space, text))
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


def _preview(found: list[tuple[BeadStore, str]]) -> None:
    from gastown_core.molecules.steps import progress_of

    for store, root in found:
        seen = progress_of(store, root)
        say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")


def _ask(space: Workspace) -> None:
    if space.as_json or not sys.stdin.isatty():
        raise UsageError(
            "burning deletes molecules permanently",
            "stdin is not a terminal, so it cannot ask for confirmation",
            "--dry-run shows what would be deleted",
        )
    say("Delete these molecules permanently, without a digest? [y/N] ")
    if input().strip().lower() not in ("y", "yes"):
        raise UsageError("cancelled; nothing burned")


def _foretold(store: BeadStore, root: str) -> dict[str, object]:
    from gastown_core.beads.query import BeadQuery

    ids = [root, *(one.id for one in store.excerpts(BeadQuery(parent=root, include_wisps=True)))]
    return {"molecule_id": root, "deleted_ids": ids, "deleted_count": len(ids)}


def _burn(space: Workspace, store: BeadStore, root: str) -> dict[str, object]:
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


def distill_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol distill``."""
    parser.add_argument("epic", help="epic or molecule with children")
    parser.add_argument("name", nargs="?", default="", help="name of the formula (default: from the title)")
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="replace this text by a variable"
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="DIR", help="folder to write to (default: the store's formulas)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing formula")
    parser.add_argument("-n", "--dry-run", action="store_true", help="print the formula; write nothing")
    add_globals(parser)


def run_distill(args: Namespace) -> int:
    """Write a formula made from finished work."""
    from gastown_core.files.atomic import write_inside
    from gastown_core.molecules.distill import distill

    space = Workspace(args)
    store, root = space.locate(args.epic)
    made = distill(store, root, args.name, args.var)
    folder = os.path.abspath(args.output) if args.output else os.path.join(store.beads_dir, "formulas")
    path = os.path.join(folder, f"{made.name}.formula.toml")
    if not args.dry_run:
        if os.path.exists(path) and not args.force:
            raise ConflictError(f"{path} already exists", "", "use another name, or --force")
        base = folder if args.output else store.beads_dir
        write_inside(base, os.path.relpath(path, base), made.text.encode())
    told = {
        "formula_name": made.name,
        "formula_path": path,
        "steps": len(made.steps),
        "variables": list(made.variables),
    }
    if space.as_json:
        say_object({**told, **({"dry_run": True, "text": made.text} if args.dry_run else {})})
    elif args.dry_run:
        say("\n".join(clean(line) for line in made.text.rstrip().split("\n")))
    else:
        say(f"{style('✓', 'green')} {clean(made.name)}, {len(made.steps)} steps: {clean(path)}")
        say(style(f"next: bd cook {clean(made.name)} --dry-run", "dim"))
    return 0
