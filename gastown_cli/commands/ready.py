"""``gt ready``: work that could be begun now, in all ledgers of the town."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.model.bead import priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.done.small_acts import Source


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt ready``."""
    parser.add_argument("--rig", default="", help="only this rig's")
    parser.add_argument("-n", "--limit", type=int, default=100, metavar="N", help="beads of each ledger (100; 0 all)")
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
        output.say("nothing is ready")
    _note_cuts(sources)
    return _tell_unread(ledger, sources)


def _note_cuts(sources: list[Source]) -> None:
    for source in sources:
        if source.total > len(source.beads):
            output.note(f"{source.name}: showing first {len(source.beads)} of {source.total}; -n 0 shows all")


def _tell_unread(ledger: TownLedger, sources: list[Source]) -> int:
    """Also what failed only when it was asked for ready work."""
    ledger.missing.update({source.name: source.error for source in sources if source.error})
    return context.tell_unread(ledger)
