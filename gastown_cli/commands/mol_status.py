"""``gt mol status``: what is on an agent's hook, and how far its molecule is."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, molecule_lines, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import Progress
    from gastown_core.town.inventory import RosterEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt mol status``."""
    parser.add_argument("target", nargs="?", default="", help="the agent (default: you)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import progress_of

    root = context.town()
    entry = who.find(root, args.target)[1]
    ledger = TownLedger(root)
    work = agent_molecule.work_of(root, ledger, entry)
    molecule = agent_molecule.molecule_id_of(root, ledger, entry)
    home = ledger.home_of(molecule) if molecule else None
    seen = progress_of(home, molecule) if home is not None else None
    if args.json:
        output.say_json(_as_json(entry, work, seen))
        return 0
    if work is None:
        output.say(f"nothing is on the hook of {entry.address.short}")
        return 0
    output.say(f"{output.style(work.id, 'bold')} [{work.status}] {molecule_lines.one_line(work.title)}")
    if seen is None:
        output.say(output.style("it goes without a molecule", "dim"))
        return 0
    output.say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    here = seen.current
    if here is not None:
        output.say(f"now: {output.clean(here.id)}  {molecule_lines.one_line(here.title)}")
    output.say(f"next: {_next_action(work, seen)}")
    return 0


def _as_json(entry: RosterEntry, work: Bead | None, seen: Progress | None) -> dict[str, Any]:
    from gastown_core.work.hook.hook import dispatch_of

    dispatch = dispatch_of(work) if work is not None else {}
    return {
        "target": entry.address.path,
        "role": entry.address.role,
        "agent_bead_id": entry.bead_id,
        "has_work": work is not None,
        "pinned_bead": work.raw if work is not None else None,
        "attached_molecule": seen.id if seen is not None else "",
        "attached_formula": seen.formula if seen is not None else dispatch.get("formula", ""),
        "attached_at": dispatch.get("at", ""),
        "attached_args": dispatch.get("args", ""),
        "attached_vars": _variables(seen),
        "is_wisp": seen is not None and seen.root.is_ephemeral,
        "progress": _progress(seen) if seen is not None else None,
        "next_action": _next_action(work, seen),
    }


def _variables(seen: Progress | None) -> dict[str, str]:
    from gastown_core.molecules.record import molecule_of

    molecule = molecule_of(seen.root) if seen is not None else None
    return molecule.vars if molecule is not None else {}


def _progress(seen: Progress) -> dict[str, Any]:
    return {
        "root_id": seen.id,
        "root_title": seen.title,
        "total_steps": seen.total,
        "done_steps": seen.completed,
        "in_progress_steps": seen.in_progress,
        "ready_steps": [view.id for view in seen.ready],
        "blocked_steps": [view.id for view in seen.of("blocked", "pending")],
        "percent_complete": seen.percent,
        "complete": seen.is_complete,
    }


def _next_action(work: Bead | None, seen: Progress | None) -> str:
    if work is None:
        return "wait for orders"
    if seen is None or seen.is_complete:
        return "run it, then gt done" if seen is None else "gt done"
    return f"gt mol step done {seen.current.id}" if seen.current is not None else "wait: every step left is held"
