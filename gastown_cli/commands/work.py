"""``gt ready``, ``assign``, ``release`` and ``close``: work in any ledger of the town."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.done.assign import ReadyWork


def ready_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt ready``."""
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument(
        "-n",
        "--limit",
        type=int,
        default=100,
        metavar="N",
        help="maximum number of beads per ledger (default 100, 0 for all)",
    )
    context.add_json(parser)


def run_ready(args: Namespace) -> int:
    """List ready work per ledger, the town's first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.work.done.assign import ready_as_json, ready_everywhere

    root = context.town()
    if args.rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, args.rig)
    ledger = TownLedger(root)
    sources = ready_everywhere(ledger, SYSTEM_CLOCK.now(), rig=args.rig, limit=max(0, args.limit))
    if args.json:
        output.say_json(ready_as_json(root, sources))
        _note_cuts(sources)
        return _tell_unread(ledger, sources)
    for source in sources:
        if source.beads:
            output.say(output.style(source.name, "bold"))
            rows = [(f"  {bead.id}", priority_word(bead.priority), output.clean(bead.title)) for bead in source.beads]
            output.say(output.table(rows))
    if not any(source.beads for source in sources):
        output.say("no ready work")
    _note_cuts(sources)
    return _tell_unread(ledger, sources)


def _note_cuts(sources: list[ReadyWork]) -> None:
    for source in sources:
        if source.total > len(source.beads):
            output.note(f"{source.name}: showing first {len(source.beads)} of {source.total}; -n 0 shows all")


def _tell_unread(ledger: TownLedger, sources: list[ReadyWork]) -> int:
    """Report unreadable ledgers, including those that failed while reading ready work."""
    ledger.missing.update({source.name: source.error for source in sources if source.error})
    return context.tell_unread(ledger)


def assign_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt assign``."""
    parser.add_argument("crew", help="name of the crew member, or RIG/NAME")
    parser.add_argument("title", nargs="+", help="title of the bead")
    parser.add_argument("-d", "--description", default="", help="description of the bead")
    parser.add_argument("-t", "--type", default="task", help="type: task, bug, feature, … (default task)")
    parser.add_argument("-p", "--priority", type=int, default=2, help="0 critical to 4 backlog (default 2)")
    parser.add_argument("-l", "--label", action="append", default=[], help="label (repeatable)")
    parser.add_argument("--rig", default="", help="rig of the crew member")
    parser.add_argument("--nudge", action="store_true", help="nudge the agent")
    parser.add_argument("-f", "--force", action="store_true", help="even if its hook already holds work")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be created; change nothing")
    context.add_json(parser)


def run_assign(args: Namespace) -> int:
    """Create a bead on a crew member's hook, in one write."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import ConflictError
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.done.assign import assign
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
        output.say(f"would assign {output.clean(title)} to {entry.address.short}")
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
    from gastown_core.errors import NotFoundError
    from gastown_core.model.address import CREW, Address
    from gastown_core.town.crew import split_name
    from gastown_core.town.inventory import find_agent, read_inventory

    rig, name = split_name(root, text, rig)
    entry = find_agent(read_inventory(root), Address(CREW, rig, name))
    if entry is None or entry.address.role != CREW:
        context.check_rig(root, rig)
        raise NotFoundError(f"no crew member {name} in {rig}", "", f"gt crew add {name} --rig {rig}")
    return entry


def _nudge(root: str, entry: RosterEntry, bead_id: str) -> int:
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.target import target_of
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    text = f"Work is on your hook: {bead_id}. Run `gt hook`."
    to = target_of(root, entry)
    server = TmuxServer(socket_name(root))
    for receipt in nudge(root, to, text, who.acting(root), server=server, about=bead_id):
        if not receipt.ok:
            output.note(f"note: {output.clean(receipt.detail)}")
    return 0


def release_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt release``."""
    parser.add_argument("beads", nargs="+", help="beads to release")
    parser.add_argument("-r", "--reason", default="", help="reason to record")
    context.add_json(parser)


def run_release(args: Namespace) -> int:
    """Release beads from their assignees; worktrees and branches stay."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.done.assign import release

    root = context.town()
    freed = release(root, TownLedger(root), args.beads, actor=who.acting(root), reason=args.reason)
    if args.json:
        output.say_json({"released": freed})
        return 0
    for bead_id in dict.fromkeys(args.beads):
        if bead_id in freed:
            output.say(f"{output.style('✓', 'green')} {bead_id} is open again")
        else:
            output.say(f"{bead_id} has no assignee")
    return 0


def close_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt close``."""
    parser.add_argument("beads", nargs="+", help="beads to close")
    parser.add_argument("-r", "--reason", "--comment", default="", dest="reason", help="reason to record")
    parser.add_argument("--cascade", action="store_true", help="close open descendants first")
    parser.add_argument("-f", "--force", action="store_true", help="even if blocked or pinned")
    context.add_json(parser)


def run_close(args: Namespace) -> int:
    """Close beads in any ledger."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.done.assign import close_beads, open_children

    root = context.town()
    ledger = TownLedger(root)
    closed = close_beads(
        root,
        ledger,
        args.beads,
        actor=who.acting(root),
        reason=args.reason,
        cascade=args.cascade,
        force=args.force,
    )
    for bead_id, children in open_children(ledger, closed).items():
        output.note(output.clean(f"note: {bead_id} is closed but has open children: {', '.join(children[:5])}"))
    if args.json:
        output.say_json({"closed": closed})
        return 0
    for bead_id in closed:
        output.say(f"{output.style('✓', 'green')} closed {bead_id}")
    if not closed:
        output.say("already closed")
    return 0
