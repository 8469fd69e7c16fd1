"""``gt hook clear``: let go of what is on a hook; the beads are open again."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook clear``."""
    parser.add_argument("agent", nargs="?", default="", help="whose hook (default: yours)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="also work that was begun")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Let everything on it go; worktree and branch stay as they are."""
    return clear(context.town(), args.agent, args)


def clear(root: str, agent: str, args: Namespace) -> int:
    """As ``gt hook clear``."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work
    from gastown_core.work.hook.unsling import check_begun, unsling

    entry = who.find(root, agent)[1]
    ledger = TownLedger(root)
    held = hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig))
    for bead in held:
        check_begun(ledger, bead, force=args.force)
    if not args.dry_run:
        for bead in held:
            unsling(root, ledger, bead, actor=who.acting(root), holder=entry)
    if args.json:
        output.say_json({"agent": entry.address.path, "released": [bead.id for bead in held], "dry_run": args.dry_run})
    elif not held:
        output.say(f"nothing is on the hook of {entry.address.short}")
    for bead in held if not args.json else ():
        word = "would be" if args.dry_run else "is"
        output.say(f"{output.style('✓', 'green')} {bead.id} {word} off the hook of {entry.address.short}")
    return 0
