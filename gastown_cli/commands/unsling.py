"""``gt unsling``: take work off a hook; the bead is open again."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.model.address import OTHER, parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt unsling``."""
    parser.add_argument(
        "bead", nargs="?", default="", help="or an agent, for what is on its hook (default: what is on your own)"
    )
    parser.add_argument("agent", nargs="?", default="", help="only if it is on this agent's hook")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="also work that was begun")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Let it go; the worktree and its branch stay as they are."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.hook.unsling import check_begun, unsling, work_of
    from gastown_core.work.sling.sling import find_bead

    root = context.town()
    ledger = TownLedger(root)
    # gt unsling shop/opal, or mayor, means what hangs there; no bead's id has a slash, or is a role's word
    is_agent = "/" in args.bead or parse_address(args.bead).role != OTHER
    bead_id, agent = ("", args.bead) if is_agent else (args.bead, args.agent)
    holder = _holder(root, agent) if agent or not bead_id else None
    bead = work_of(root, ledger, holder) if holder is not None and not bead_id else find_bead(ledger, bead_id)
    check_begun(ledger, bead, force=args.force)
    had = bead.assignee
    done = bool(had) if args.dry_run else unsling(root, ledger, bead, actor=who.acting(root), holder=holder)
    if args.json:
        output.say_json({"bead": bead.id, "released": done, "agent": had})
    elif done:
        word = "would be" if args.dry_run else "is"
        output.say(f"{output.style('✓', 'green')} {bead.id} {word} off the hook of {output.clean(had or 'nobody')}")
    else:
        output.say(f"{bead.id} is on no hook")
    return 0


def _holder(root: str, agent: str) -> RosterEntry:
    """The agent meant, also one that does not exist any more: work may still hang on its hook."""
    from gastown_core.town.inventory import RosterEntry, is_absent, read_inventory

    inventory = read_inventory(root)
    if not agent or not is_absent(inventory, agent):
        return who.find(root, agent)[1]
    address = parse_address(agent)
    return RosterEntry(address, "", "", "")
