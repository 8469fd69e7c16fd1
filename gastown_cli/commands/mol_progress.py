"""``gt mol progress``: how far a molecule is, step by step."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, molecule_lines, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol progress``."""
    parser.add_argument("molecule", nargs="?", default="", help="its id, its work's, or an agent (default: yours)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import progress_of

    root = context.town()
    ledger = TownLedger(root)
    molecule = agent_molecule.named_molecule(root, ledger, args.molecule)
    home = ledger.home_of(molecule)
    if home is None:
        return 0
    seen = progress_of(home, molecule)
    if args.json:
        output.say_json(
            {
                **seen.as_json(),
                "root_id": seen.id,
                "root_title": seen.title,
                "total_steps": seen.total,
                "done_steps": seen.completed,
                "ready_steps": [view.id for view in seen.ready],
                "blocked_steps": [view.id for view in seen.of("blocked", "pending")],
                "percent_complete": seen.percent,
                "complete": seen.is_complete,
            }
        )
        return 0
    output.say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    pace = molecule_lines.pace(seen)
    if pace:
        output.say(output.style(pace, "dim"))
    output.say()
    for line in molecule_lines.step_rows(seen.steps, seen.total):
        output.say(line)
    output.say(f"\n{molecule_lines.legend()}")
    return 0
