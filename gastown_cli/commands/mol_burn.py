"""``gt mol burn``: an agent's molecule goes, without a digest."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol burn``."""
    parser.add_argument("target", nargs="?", default="", help="a molecule, its work, or an agent (default: you)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Close what is open below, take it off its work, close the root."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.pour import detach, finish
    from gastown_core.molecules.record import molecule_of

    root = context.town()
    ledger = TownLedger(root)
    molecule = agent_molecule.named_molecule(root, ledger, args.target)
    home = ledger.home_of(molecule)
    if home is None:
        return 0
    with home.write(who.acting(root)) as batch:
        kept = molecule_of(batch.need(molecule))
        work = kept.bead if kept is not None else ""
        closed = finish(batch, molecule, "burned")
        if work:
            detach(batch, work)
            batch.comment(work, f"Molecule {molecule} was burned.")
    told = {
        "burned": molecule,
        "from": args.target or who.acting(root),
        "handoff_id": work,
        "children_closed": len([one for one in closed if one != molecule]),
        "digest_skipped": True,
        "root_closed": molecule in closed,
    }
    if args.json:
        output.say_json(told)
    else:
        output.say(
            f"{output.style('✓', 'green')} {output.clean(molecule)} burned, {told['children_closed']} steps closed"
        )
    return 0
