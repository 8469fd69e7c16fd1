"""``gt hook``: what is on a hook, or put something there."""

from __future__ import annotations

from gastown_cli import context, hook_lines, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook``."""
    parser.add_argument("words", nargs="*", metavar="bead [agent]", help="hook this bead (default: show your hook)")
    parser.add_argument("-s", "--subject", default="", help="what it is about")
    parser.add_argument("-m", "--message", default="", help="more about it")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="take the bead from another's hook")
    parser.add_argument("--clear", action="store_true", help="let go of what is on the hook")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the caller's hook, or set one."""
    root = context.town()
    words = list(args.words)
    if args.clear:
        from gastown_cli.commands import hook_clear

        return hook_clear.clear(root, words[0] if words else "", args)
    if not words:
        return hook_lines.show(root, who.me(root), as_json=args.json)
    if len(words) > 2:
        raise UsageError("gt hook takes a bead and an agent")
    return put(root, words[0], words[1] if len(words) > 1 else "", args)


def put(root: str, bead_id: str, agent: str, args: Namespace) -> int:
    """Put a bead on the hook of an agent, the caller if none is named."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import caller
    from gastown_core.work.hook.by_hand import put_on_hook
    from gastown_core.work.hook.hook import check_free
    from gastown_core.work.sling.sling import find_bead

    entry = who.find(root, agent)[1]
    ledger = TownLedger(root)
    bead = find_bead(ledger, bead_id)
    if args.dry_run:
        check_free(bead, entry.address, force=args.force)
        output.say(f"would hook {bead.id} {output.clean(bead.title)} to {entry.address.short}")
        return 0
    words = {"subject": args.subject, "message": args.message}
    put_on_hook(root, ledger, bead, entry, actor=who.acting(root), me=caller(), words=words, force=args.force)
    if args.json:
        return hook_lines.show(root, entry, as_json=True)
    output.say(f"{output.style('✓', 'green')} {bead.id} is on the hook of {entry.address.short}")
    return 0
