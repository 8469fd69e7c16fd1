"""``gt mol current``: the step that an agent is at."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, molecule_lines, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol current``."""
    parser.add_argument(
        "identity", nargs="?", default="", help="an agent, a molecule, or work that carries one (default: you)"
    )
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the step list around it, and the step in full."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import progress_of

    root = context.town()
    ledger = TownLedger(root)
    if args.json:
        return _as_json(root, ledger, args.identity)
    molecule = agent_molecule.named_molecule(root, ledger, args.identity)
    home = ledger.home_of(molecule)
    if home is None:
        return 0
    seen = progress_of(home, molecule)
    output.say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    from gastown_core.molecules.attachment import checklist_for

    told = checklist_for(root, ledger, seen.root)
    for line in told.lines()[2:] if told is not None else ():
        output.say(output.clean(line))
    return 0


def _as_json(root: str, ledger: TownLedger, identity: str) -> int:
    from gastown_core.errors import NotFoundError
    from gastown_core.molecules.steps import progress_of

    name = identity or who.acting(root)
    try:
        molecule = agent_molecule.named_molecule(root, ledger, identity)
    except NotFoundError:
        molecule = ""
    home = ledger.home_of(molecule) if molecule else None
    seen = progress_of(home, molecule) if home is not None else None
    here = seen.current if seen is not None else None
    status = "naked" if seen is None else "complete" if seen.is_complete else "working" if here else "blocked"
    output.say_json(
        {
            "identity": name,
            "handoff_id": seen.bead if seen is not None else "",
            "molecule_id": molecule,
            "steps_complete": seen.completed if seen is not None else 0,
            "steps_total": seen.total if seen is not None else 0,
            "current_step_id": here.id if here is not None else "",
            "current_step": here.title if here is not None else "",
            "status": status,
        }
    )
    return 0
