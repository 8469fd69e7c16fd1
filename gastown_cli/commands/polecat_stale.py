"""``gt polecat stale``: polecats at rest whose worktrees fell behind."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat stale``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig's (default: all)")
    parser.add_argument("--threshold", type=int, default=20, help="commits behind the default branch (default 20)")
    parser.add_argument("--cleanup", action="store_true", help="remove those that hold nothing of their own")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List them, and remove what is safe to remove if asked."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.polecat.removal import remove_all
    from gastown_core.work.polecat.upkeep import find_stale

    root = context.town()
    ledger = TownLedger(root)
    stale = find_stale(root, ledger, rig=args.rig, threshold=args.threshold)
    safe = [one.entry for one in stale if one.is_safe] if args.cleanup and not args.dry_run else []
    done, _ = remove_all(root, ledger, safe, actor=who.acting(root), nuke=True, force=False)
    removed = {f"{one.rig}/{one.name}" for one in done}
    if args.json:
        output.say_json([{**one.as_json(), "removed": one.entry.address.short in removed} for one in stale])
        return context.tell_unread(ledger)
    if not stale:
        output.say(f"nobody at rest is {args.threshold} commits behind")
    for one in stale:
        short = one.entry.address.short
        tail = "removed" if short in removed else "safe to remove" if one.is_safe else "; ".join(one.words)
        output.say(f"{short}  {one.behind} behind  {output.clean(tail)}")
    return context.tell_unread(ledger)
