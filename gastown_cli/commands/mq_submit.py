"""``gt mq submit``: hand in the branch you stand on, without the rest of ``gt done``."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_cli.which_rig import which_rig
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt mq submit``."""
    parser.add_argument("--branch", default="", help="another branch than the one checked out")
    parser.add_argument("--issue", default="", help="id of the work (default: from the branch's name)")
    parser.add_argument("--epic", default="", help="merge into this epic's integration branch")
    parser.add_argument("-p", "--priority", type=int, choices=range(5), help="0 to 4 (default: the work's)")
    parser.add_argument("--rig", default="", help="the rig (default: the one you are in)")
    parser.add_argument("--skip-deps", action="store_true", help="hand in although what comes before is open")
    parser.add_argument("--resubmit", action="store_true", help="hand in work that is closed")
    parser.add_argument("--no-cleanup", action="store_true", help="accepted for older scripts; nothing is cleaned up")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Hand it in."""
    from gastown_core.git.repo import Git
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.requests import submit

    root = context.town()
    place = Refinery(root, which_rig(root, args.rig), policy=Policy())
    git = Git(os.getcwd())
    if not git.is_repository():
        raise UsageError("this folder is no worktree", "", "stand in the worktree that holds the branch")
    me = who.acting(root)
    made, is_new = submit(
        place,
        git,
        actor=me,
        worker=me.rpartition("/")[2] if "/" in me else "",
        branch=args.branch,
        issue=args.issue,
        epic=args.epic,
        priority=args.priority,
        skip_deps=args.skip_deps,
        resubmit=args.resubmit,
    )
    if args.json:
        output.say_json({"mr": made, "new": is_new})
    else:
        said = "waits in the merge queue" if is_new else "waits there already"
        output.say(f"{output.style('✓', 'green')} {made} {said}")
    return 0
