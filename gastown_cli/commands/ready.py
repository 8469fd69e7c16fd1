"""``gt ready``: work that could be begun now, in all ledgers of the town."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt ready``."""
    parser.add_argument("--rig", default="", help="only this rig's")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List it, the town's first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.work.done.small_acts import ready_as_json, ready_everywhere

    root = context.town()
    if args.rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, args.rig)
    sources = ready_everywhere(TownLedger(root), SYSTEM_CLOCK.now(), rig=args.rig)
    if args.json:
        output.say_json(ready_as_json(root, sources))
        return 0
    for source in sources:
        if source.error:
            output.note(f"note: {source.name} could not be read: {output.clean(source.error)}")
        if source.beads:
            output.say(output.style(source.name, "bold"))
            rows = [(f"  {bead.id}", f"P{bead.priority}", output.clean(bead.title)) for bead in source.beads]
            output.say(output.table(rows))
    if not any(source.beads for source in sources):
        output.say("nothing is ready")
    return 0
