"""``gt mol detach``: take the molecule off its work; it stays in the ledger."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands.mol_attach import work_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol detach``."""
    parser.add_argument("bead", nargs="?", default="", help="the work (default: yours)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Detach it; work without one is fine."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.attachment import detach_from_work

    root = context.town()
    ledger = TownLedger(root)
    bead = work_named(root, ledger, args.bead)
    home = ledger.home_of(bead.id)
    gone = detach_from_work(home, bead.id, actor=who.acting(root)) if home is not None else ""
    if args.json:
        output.say_json({"bead": bead.id, "molecule": gone, "detached": bool(gone)})
    elif gone:
        output.say(f"{output.style('✓', 'green')} {output.clean(gone)} is off {bead.id}")
        output.say(
            f"  bd mol burn {output.clean(gone)} deletes it, gt mol attach {bead.id} {output.clean(gone)} puts it back"
        )
    else:
        output.say(f"{bead.id} carries no molecule")
    return 0
