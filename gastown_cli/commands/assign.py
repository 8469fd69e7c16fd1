"""``gt assign``: new work, straight onto the hook of a crew member."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt assign``."""
    parser.add_argument("crew", help="name of the crew member, or RIG/NAME")
    parser.add_argument("title", nargs="+", help="what there is to do")
    parser.add_argument("-d", "--description", default="", help="more about it")
    parser.add_argument("-t", "--type", default="task", help="task, bug, feature … (default task)")
    parser.add_argument("-p", "--priority", type=int, default=2, help="0 critical to 4 backlog (default 2)")
    parser.add_argument("-l", "--label", action="append", default=[], help="a label")
    parser.add_argument("--rig", default="", help="the rig of the crew member")
    parser.add_argument("--nudge", action="store_true", help="tell the agent at once")
    parser.add_argument("-f", "--force", action="store_true", help="even if there is work on the hook already")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """File it and hook it, in one write."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import ConflictError
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.done.small_acts import assign
    from gastown_core.work.hook.hook import hooked_work

    root = context.town()
    entry = _crew(root, args.crew, args.rig)
    prefix = rig_prefix(root, entry.address.rig)
    ledger = TownLedger(root)
    held = hooked_work(ledger, entry.address, prefix)
    if held and not args.force:
        raise ConflictError(f"{entry.address.short} is at {held[0].id}", held[0].title, f"gt unsling {held[0].id}")
    title = " ".join(args.title)
    if args.dry_run:
        output.say(f"would give {entry.address.short} {output.clean(title)}")
        return 0
    bead = assign(
        root,
        ledger,
        entry,
        title,
        prefix=prefix,
        actor=who.acting(root),
        description=args.description,
        kind=args.type,
        priority=args.priority,
        labels=args.label,
    )
    if args.json:
        output.say_json({"bead": bead.id, "agent": entry.address.path})
    else:
        output.say(f"{output.style('✓', 'green')} {bead.id} is on the hook of {entry.address.short}")
    return _nudge(root, entry, bead.id) if args.nudge else 0


def _crew(root: str, text: str, rig: str) -> RosterEntry:
    from gastown_core.errors import UsageError
    from gastown_core.model.address import CREW, Address
    from gastown_core.town.crew import split_name
    from gastown_core.town.inventory import find_agent, read_inventory

    rig, name = split_name(root, text, rig)
    entry = find_agent(read_inventory(root), Address(CREW, rig, name))
    if entry is None or entry.address.role != CREW:
        raise UsageError(f"{rig} has no crew member {name}", "", f"gt crew add {name} --rig {rig}")
    return entry


def _nudge(root: str, entry: RosterEntry, bead_id: str) -> int:
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.targets import target_of
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    text = f"Work is on your hook: {bead_id}. Run `gt hook`."
    to = target_of(root, entry)
    for receipt in nudge(root, to, text, who.acting(root), server=TmuxServer(socket_name(root))):
        if not receipt.ok:
            output.note(f"note: {output.clean(receipt.detail)}")
    return 0
