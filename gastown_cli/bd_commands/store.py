"""``bd init``, ``doctor``, ``sync``, ``merge`` and ``merge-driver``: manage the store itself."""

from __future__ import annotations

import os

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style
from gastown_core.beads.doctor import CHECKS, examine, mend
from gastown_core.beads.merge_driver import merge_files
from gastown_core.beads.opening import init_store, open_store
from gastown_core.beads.sync import sync_store
from gastown_core.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def init_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd init``."""
    parser.add_argument("-p", "--prefix", default="", help="prefix of bead ids (default: from the folder's name)")
    parser.add_argument("--stealth", action="store_true", help="exclude the store from git, in this clone only")
    parser.add_argument("--from-jsonl", default="", metavar="FILE", help="import beads from FILE")
    parser.add_argument("--skip-hooks", action="store_true", help="do not register the merge driver with git")
    parser.add_argument("--skip-agents", action="store_true", help="accepted for compatibility; has no effect")
    add_globals(parser)


def run_init(args: Namespace) -> int:
    """Create a store in a folder, or add what it lacks."""
    folder = os.path.abspath(args.directory or ".")
    if args.readonly:
        raise StoreError("bd init cannot run with --readonly", "it writes a store")
    made = init_store(folder, args.prefix, use_git=not args.skip_hooks)
    if args.stealth:
        _hide(folder)
    store = open_store(os.path.join(folder, ".beads"))
    imported, code = 0, 0
    if args.from_jsonl:
        from gastown_cli.bd_commands.import_export import exit_code, tell_lines
        from gastown_core.beads.import_export import import_file

        report = import_file(store, args.from_jsonl, actor=args.actor or "import")
        tell_lines(report)
        imported, code = len(report.created), exit_code(report)
    if args.json:
        say_object({"beads_dir": store.beads_dir, "prefix": store.prefix, "made": made, "imported": imported})
    elif not args.quiet:
        say(f"store in {store.beads_dir}, bead prefix {style(store.prefix + '-', 'bold')}")
        say(style("made " + ", ".join(made), "dim") if made else style("nothing was missing", "dim"))
    return code


def _hide(folder: str) -> None:
    """Add ``.beads/`` to the clone's exclude list."""
    from gastown_core.process import run as run_program

    found = run_program(["git", "rev-parse", "--git-path", "info/exclude"], cwd=folder)
    if found.code != 0:
        return
    path = os.path.join(folder, found.out.strip())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a+", encoding="utf-8") as handle:
        handle.seek(0)
        if ".beads/" not in handle.read().splitlines():
            handle.write(".beads/\n")


_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def doctor_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd doctor``."""
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired without losing data")
    parser.add_argument("--yes", "-y", action="store_true", help="accepted for compatibility; has no effect")
    parser.add_argument("--deep", action="store_true", help="accepted for compatibility; all checks always run")
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="NAME",
        help=f"run only this check (repeatable): {', '.join(CHECKS)}",
    )
    parser.add_argument("--agent", action="store_true", help="accepted for compatibility; has no effect")
    add_globals(parser)


def run_doctor(args: Namespace) -> int:
    """Check the store and print the findings; return 1 if an error remains."""
    space = Workspace(args, whatever_it_holds=True)
    mended = mend(space.store) if args.fix else []
    findings = examine(space.store, only=tuple(args.check))
    worst = any(finding.level == "error" for finding in findings)
    if space.as_json:
        rows = [finding._asdict() for finding in findings]
        say_object({"ok": not worst, "checks": rows, "fixed": mended})
        return 1 if worst else 0
    for what in mended:
        say(f"{style('repaired', 'green')} {clean(what)}")
    for finding in findings:
        sign, colour = _SIGNS[finding.level]
        say(f"{style(sign, colour)} {finding.name.ljust(17)} {clean(finding.message)}")
        for line in finding.details[: 100 if args.verbose else 5]:
            say(style(f"    {clean(line)}", "dim"))
        if finding.hint:
            say(style(f"    next: {clean(finding.hint)}", "dim"))
    return 1 if worst else 0


def sync_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd sync``."""
    parser.add_argument("-m", "--message", default="", help="commit message")
    parser.add_argument("--push", action="store_true", help="push after the commit")
    parser.add_argument("--flush-only", action="store_true", help="only rewrite the ledger in canonical form")
    add_globals(parser)


def run_sync(args: Namespace) -> int:
    """Compact and commit the ledger, and push it if asked."""
    space = Workspace(args)
    done = sync_store(space.store, message=args.message, commit=not args.flush_only, push=args.push)
    if space.as_json:
        say_object(done._asdict())
    elif not space.quiet:
        say(done.sentence())
    return 0


def merge_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd merge``: the files that git passes as %A %O %A %B."""
    parser.add_argument("output", help="file to write the result to")
    parser.add_argument("base", help="common ancestor")
    parser.add_argument("ours", help="our side")
    parser.add_argument("theirs", help="their side")
    parser.add_argument("--json", action="store_true", help="accepted for compatibility; has no effect")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def run_merge(args: Namespace) -> int:
    """Merge two versions of the ledger, without leaving conflict markers."""
    report = merge_files(args.base, args.ours, args.theirs, args.output)
    for sentence in () if args.quiet else report.sentences():
        note(f"beads: {sentence}")
    return 0


def merge_driver_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd merge-driver``: the files that git passes as %O %A %B."""
    parser.add_argument("base", help="common ancestor")
    parser.add_argument("ours", help="our side; receives the result")
    parser.add_argument("theirs", help="their side")
    parser.add_argument("--json", action="store_true", help="accepted for compatibility; has no effect")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def run_merge_driver(args: Namespace) -> int:
    """Merge their version of the ledger into ours, without leaving conflict markers."""
    report = merge_files(args.base, args.ours, args.theirs)
    for sentence in () if args.quiet else report.sentences():
        note(f"beads: {sentence}")
    return 0
