"""``gt unsling``: take work off a hook; the bead is open again."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import NotFoundError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt unsling``."""
    parser.add_argument("bead", nargs="?", default="", help="default: what is on your own hook")
    parser.add_argument("agent", nargs="?", default="", help="only if it is on this agent's hook")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Let it go; the worktree and its branch stay as they are."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import parse_address
    from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
    from gastown_core.town.identity import rig_prefix
    from gastown_core.town.inventory import find_agent, read_inventory
    from gastown_core.work.hook import hooked_work, unhook
    from gastown_core.work.sling import find_bead

    root = context.town()
    ledger = TownLedger(root)
    holder = who.find(root, args.agent)[1] if args.agent or not args.bead else None
    if args.bead:
        bead = find_bead(ledger, args.bead)
    else:
        assert holder is not None
        held = hooked_work(ledger, holder.address, rig_prefix(root, holder.address.rig))
        if not held:
            raise NotFoundError(f"nothing is on the hook of {holder.address.short}")
        bead = held[0]
    had = bead.assignee
    done = (
        bool(had) if args.dry_run else unhook(ledger, bead.id, actor=who.acting(root), holder=holder and holder.address)
    )
    if done and not args.dry_run:
        append_event(root, "unhook", had or who.acting(root), {"bead": bead.id})
        entry = find_agent(read_inventory(root), parse_address(had)) if had else None
        if entry is not None and get_agent_bead(ledger, entry.bead_id) is not None:
            put_agent_bead(
                ledger,
                entry.address,
                rig_prefix(root, entry.address.rig),
                agent_state="idle",
                hook_bead="",
                hook_state="",
            )
    if args.json:
        output.say_json({"bead": bead.id, "released": done, "agent": had})
    elif done:
        word = "would be" if args.dry_run else "is"
        output.say(f"{output.style('✓', 'green')} {bead.id} {word} off the hook of {output.clean(had or 'nobody')}")
    else:
        output.say(f"{bead.id} is on no hook")
    return 0
