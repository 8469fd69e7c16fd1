"""``gt prune-branches``: local branches whose work has arrived go; what cannot be proved stays."""

from __future__ import annotations

import os

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt prune-branches``."""
    parser.add_argument("--pattern", default="polecat/*", help="which branches (default polecat/*)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Delete them in the repository one stands in."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import UsageError
    from gastown_core.git.repo import Git
    from gastown_core.town.discover import read_rigs, rig_of
    from gastown_core.town.rigs import default_branch
    from gastown_core.work.polecat.upkeep import merged_commits, prune_branches

    root = context.town()
    git = Git(os.getcwd())
    rig = rig_of(root, os.getcwd(), read_rigs(root))
    if not rig or not git.is_repository():
        raise UsageError("this is no repository of a rig", os.getcwd(), "go to one, or gt polecat prune RIG")
    landed = merged_commits(TownLedger(root), root, rig)
    done = prune_branches(git, default_branch(root, rig), args.pattern, landed, dry_run=args.dry_run)
    if args.json:
        output.say_json({**done.as_json(), "dry_run": args.dry_run})
        return 0
    if done.warning:
        output.note(f"note: {output.clean(done.warning)}")
    word = "would delete" if args.dry_run else "deleted"
    for one in done.branches:
        output.say(f"{word} {one.branch}  {one.why}")
    if not done.branches:
        output.say("no branch to delete")
    return 0
