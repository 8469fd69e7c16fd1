"""``gt crew add``: a person's own clone in a rig."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output, who
from gastown_cli.commands.rig_add import progress_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt crew add``."""
    parser.add_argument("names", nargs="+", metavar="name", help="NAME or RIG/NAME")
    parser.add_argument("--rig", default="", help="the rig (default: the one you stand in)")
    parser.add_argument("--branch", action="store_true", help="work on a branch crew/NAME")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Clone for each name."""
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
