"""``gt crew``: create and list crew workspaces."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output, who
from gastown_cli.commands.rig import progress_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt crew add``."""
    parser.add_argument("names", nargs="+", metavar="name", help="NAME or RIG/NAME")
    parser.add_argument("--rig", default="", help="rig to clone (default: the one you are in)")
    parser.add_argument("--branch", action="store_true", help="create and check out branch crew/NAME")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Create a clone for each name."""
    from gastown_core.town.crew import add_crew, split_name

    root = context.town()
    here = context.rig_of(root, os.getcwd(), context.read_rigs(root))
    progress = progress_line if sys.stderr.isatty() else lambda line: None
    made = []
    for text in args.names:
        rig, name = split_name(root, text, args.rig, here)
        entry = add_crew(root, rig, name, new_branch=args.branch, actor=who.acting(root), progress=progress)
        if sys.stderr.isatty():
            progress_line("")
        made.append({"name": name, "rig": rig, "path": entry.work_dir, "session": entry.session})
        if not args.json:
            output.say(f"{output.style('✓', 'green')} {rig}/crew/{name} at {entry.work_dir}")
    if args.json:
        output.say_json(made)
    return 0


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt crew list``."""
    parser.add_argument("in_rig", nargs="?", default="", metavar="rig", help="only this rig")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--all", action="store_true", help="all rigs, wherever you are")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List crew workspaces with branch, session and whether the tree is clean."""
    from gastown_core.town.crew import look_at
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig

    root = context.town()
    rig = args.rig or args.in_rig
    if rig:
        require_rig(root, rig)
    elif not args.all:
        rig = context.rig_of(root, os.getcwd(), context.read_rigs(root))
    entries = [e for e in read_inventory(root).agents if e.address.role == "crew" and rig in ("", e.address.rig)]
    sessions: frozenset[str] = live_sessions(root) or frozenset()
    rows = [look_at(entry, set(sessions)) for entry in entries]
    if args.json:
        keys = {"is_clean": "git_clean"}
        output.say_json([{keys.get(key, key): value for key, value in row._asdict().items()} for row in rows])
    elif not rows:
        output.say(f"no crew in {rig or 'this town'}; next: gt crew add NAME --rig RIG")
    else:
        header = ("RIG", "NAME", "BRANCH", "SESSION", "TREE")
        words = {True: "clean", False: "changed", None: "unknown"}
        output.say(
            output.table(
                [
                    [r.rig, r.name, output.clean(r.branch), "running" if r.has_session else "-", words[r.is_clean]]
                    for r in rows
                ],
                header=header,
            )
        )
    return 0
