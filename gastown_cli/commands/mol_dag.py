"""``gt mol dag``: a molecule as waves of steps, and the chain that decides how long it takes."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, molecule_lines, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.molecules.steps import Progress, StepView


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol dag``."""
    parser.add_argument("molecule", nargs="?", default="", help="its id, its work's, or an agent (default: yours)")
    parser.add_argument("--tiers", action="store_true", help="only the waves, a line each")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import critical_path, progress_of, tiers

    root = context.town()
    ledger = TownLedger(root)
    molecule = agent_molecule.named_molecule(root, ledger, args.molecule)
    home = ledger.home_of(molecule)
    if home is None:
        return 0
    seen = progress_of(home, molecule)
    tier, path = tiers(seen.steps), critical_path(seen.steps)
    groups: dict[int, list[StepView]] = {}
    for view in seen.steps:
        groups.setdefault(tier[view.name], []).append(view)
    if args.json:
        output.say_json(_as_json(seen, tier, path, groups))
        return 0
    output.say(molecule_lines.heading(seen))
    for number, views in sorted(groups.items()):
        if args.tiers:
            output.say(f"  {number + 1:>3}  {output.clean(', '.join(view.name for view in views))}")
            continue
        output.say(f"\n{output.style(f'wave {number + 1}', 'bold')}")
        for line in molecule_lines.step_rows(views, seen.total):
            output.say(line)
    output.say(f"\nlongest chain, {len(path)} steps: {output.clean(' → '.join(_short(path)))}")
    return 0


def _short(path: list[str]) -> list[str]:
    return path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]


def _as_json(
    seen: Progress, tier: dict[str, int], path: list[str], groups: dict[int, list[StepView]]
) -> dict[str, Any]:
    ids = {view.name: view.id for view in seen.steps}
    dependents: dict[str, list[str]] = {}
    for view in seen.steps:
        for name in view.needs:
            dependents.setdefault(name, []).append(view.id)
    words = {"pending": "blocked", "current": "in_progress"}
    return {
        "root_id": seen.id,
        "root_title": seen.title,
        "total_nodes": seen.total,
        "tiers": len(groups),
        "critical_path": [ids[name] for name in path],
        "nodes": {
            view.id: {
                "id": view.id,
                "title": view.title,
                "status": words.get(view.status, view.status),
                "parallel": view.parallel or len(groups[tier[view.name]]) > 1,
                "dependencies": [ids.get(name, name) for name in view.needs],
                "dependents": dependents.get(view.name, []),
                "tier": tier[view.name],
            }
            for view in seen.steps
        },
        "tier_groups": [[view.id for view in groups[number]] for number in sorted(groups)],
    }
