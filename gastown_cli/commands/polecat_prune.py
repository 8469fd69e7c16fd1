"""``gt polecat prune``: what polecats left behind: merged branches, void reservations, worktrees without a folder."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat prune``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig's (default: all)")
    parser.add_argument("--remote", action="store_true", help="merged branches at origin too")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Take it away, or tell what would go."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.discover import read_rigs
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.upkeep import prune_rig

    root = context.town()
    if args.rig:
        require_rig(root, args.rig)
    ledger = TownLedger(root)
    rigs = [args.rig] if args.rig else list(read_rigs(root))
    found = {rig: prune_rig(root, ledger, rig, remote=args.remote, dry_run=args.dry_run) for rig in rigs}
    if args.json:
        output.say_json([{"rig": rig, **one.as_json()} for rig, one in found.items()])
        return 0
    word = "would delete" if args.dry_run else "deleted"
    for rig, one in found.items():
        if one.warning:
            output.note(f"note: {output.clean(one.warning)}")
        for gone in one.branches:
            output.say(f"{word} {'origin/' if gone.is_remote else ''}{gone.branch}  {gone.why}")
        if not one.branches:
            output.say(f"{rig}: no branch to delete")
    return 0
