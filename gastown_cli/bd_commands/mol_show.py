"""``bd mol show``: a molecule with everything in it."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import issue_object, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.beads.rules import entries_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import Progress


def add_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("molecule", help="its id, a step's, or that of the work that carries it")
    parser.add_argument("--parallel", action="store_true", help="also what may be done side by side")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.molecules.record import molecule_of
    from gastown_core.molecules.steps import progress_of

    space = Workspace(args)
    store, root_id = mol_place.molecule(space, args.molecule)
    seen = progress_of(store, root_id)
    kept = molecule_of(seen.root)
    if space.as_json:
        beads = list(store.get_many(_below(store, root_id)).values())
        say_object(_as_json(seen, beads, args.parallel))
        return 0
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    if kept is not None:
        facts = {"work": kept.bead, "tier": kept.state.get("tier"), "source": kept.state.get("source")}
        facts |= {f"var {name}": value for name, value in kept.vars.items() if value}
        for name, value in facts.items():
            if value:
                say(style(f"  {clean(name)}: {clean(' '.join(str(value).split())[:120])}", "dim"))
    say()
    for line in molecule_lines.step_rows(seen.steps, seen.total):
        say(line)
    if args.parallel:
        say()
        for group in _groups(seen):
            say(f"side by side: {clean(', '.join(group))}")
    return 0


def _below(store: Any, root_id: str) -> list[str]:
    from gastown_core.beads.store import BeadQuery

    return [one.id for one in store.excerpts(BeadQuery(parent=root_id, include_wisps=True, sort="id"))]


def _as_json(seen: Progress, beads: list[Bead], parallel: bool) -> dict[str, Any]:
    from gastown_core.molecules.record import molecule_of

    kept = molecule_of(seen.root)
    out: dict[str, Any] = {
        "root": issue_object(seen.root),
        "issues": [issue_object(bead) for bead in beads],
        "dependencies": [edge for bead in beads for edge in entries_of(bead.raw, "dependencies")],
        "steps": [molecule_lines.step_json(view, seen.current) for view in seen.steps],
        "variables": kept.state.get("variables") or kept.vars if kept is not None else {},
        "is_compound": bool(seen.root.raw.get("bonded_from")),
        "bonded_from": seen.root.raw.get("bonded_from") or [],
    }
    if parallel:
        out["parallel"] = {
            "ready_steps": [view.id for view in seen.ready],
            "blocked_by": {view.id: list(view.holds) for view in seen.steps if view.holds},
            "groups": _groups(seen),
        }
    return out


def _groups(seen: Progress) -> list[list[str]]:
    """Steps of one wave that are not done, where there are several."""
    from gastown_core.molecules.steps import tiers

    tier = tiers(seen.steps)
    groups: dict[int, list[str]] = {}
    for view in seen.steps:
        if not view.is_done:
            groups.setdefault(tier[view.name], []).append(view.id)
    return [group for _, group in sorted(groups.items()) if len(group) > 1]
