"""``bd init``: make a store in this folder; what stands, stays."""

from __future__ import annotations

import os

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.output import say, style
from gastown_core.beads.opening import init_store, open_store
from gastown_core.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Prefix, and where beads come from."""
    parser.add_argument("-p", "--prefix", default="", help="what ids begin with; default from the folder's name")
    parser.add_argument("--stealth", action="store_true", help="keep the folder out of git, for this clone only")
    parser.add_argument("--from-jsonl", default="", metavar="FILE", help="import these beads")
    parser.add_argument("--skip-hooks", action="store_true", help="do not tell git of the merge driver")
    parser.add_argument("--skip-agents", action="store_true", help="taken for compatibility")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Make it."""
    folder = os.path.abspath(args.directory or ".")
    if args.readonly:
        raise StoreError("bd init writes", "--readonly was given")
    made = init_store(folder, args.prefix, use_git=not args.skip_hooks)
    if args.stealth:
        _hide(folder)
    store = open_store(os.path.join(folder, ".beads"))
    imported, code = 0, 0
    if args.from_jsonl:
        from gastown_cli.bd_commands.import_beads import exit_code, tell_lines
        from gastown_core.beads.importing import import_file

        report = import_file(store, args.from_jsonl, actor=args.actor or "import")
        tell_lines(report)
        imported, code = len(report.created), exit_code(report)
    if args.json:
        say_object({"beads_dir": store.beads_dir, "prefix": store.prefix, "made": made, "imported": imported})
    elif not args.quiet:
        say(f"beads in {store.beads_dir}, ids begin with {style(store.prefix + '-', 'bold')}")
        say(style("made " + ", ".join(made), "dim") if made else style("everything was there already", "dim"))
    return code


def _hide(folder: str) -> None:
    """Put ``.beads/`` into the clone's own exclude list."""
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
