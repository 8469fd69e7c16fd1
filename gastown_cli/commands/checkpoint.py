"""``gt checkpoint``: note what you are at, for the session that comes after a crash."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def checkpoint_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt checkpoint``."""
    parser.add_argument("action", choices=("write", "read", "clear"), help="what to do with your checkpoint")
    parser.add_argument("--agent", default="", help="agent (default: you)")
    parser.add_argument("--notes", default="", help="write: what the next session must know")
    parser.add_argument("--step", default="", help="write: step you are at")
    parser.add_argument("--molecule", default="", help="write: molecule you work through")
    context.add_json(parser)


def run_checkpoint(args: Namespace) -> int:
    """Write, read or clear a checkpoint; read returns 1 if there is none of the last day."""
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.work.progress import clear_progress, read_progress, write_progress

    root = context.town()
    entry = who.find(root, args.agent)[1]
    if args.action == "clear":
        was_there = clear_progress(entry)
        if args.json:
            output.say_json({"cleared": was_there})
        else:
            output.say("the checkpoint is removed" if was_there else "there is no checkpoint")
        return 0
    if args.action == "write":
        bead = _hooked(root, entry)
        found = write_progress(entry, notes=args.notes, step=args.step, molecule=args.molecule, bead=bead)
    else:
        read = read_progress(entry, SYSTEM_CLOCK.now())
        if read is None:
            if args.json:
                output.say_json(None)
            else:
                output.note(f"{entry.address.short} has no checkpoint of the last day; gt checkpoint write makes one")
            return 1
        found = read
    if args.json:
        output.say_json(found.as_json())
    else:
        for line in found.lines():
            output.say(output.clean(line))
    return 0


def _hooked(root: str, entry: RosterEntry) -> str:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work

    held = hooked_work(TownLedger(root), entry.address, rig_prefix(root, entry.address.rig))
    return held[0].id if held else ""
