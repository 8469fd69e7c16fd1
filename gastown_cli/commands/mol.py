"""``gt mol``: show the molecule on a hook, its current step, its progress and its steps as waves."""

from __future__ import annotations

from gastown_cli import context, molecule_lines, output, who
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import EPIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import MoleculeProgress, StepView
    from gastown_core.town.inventory import RosterEntry


def work_of(root: str, ledger: TownLedger, entry: RosterEntry) -> Bead | None:
    """Return the work on the agent's hook, or None."""
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work

    held = hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig))
    return held[0] if held else None


def molecule_id_of(root: str, ledger: TownLedger, entry: RosterEntry) -> str:
    """Return the id of the molecule that the agent works on, or ""."""
    from gastown_core.molecules.steps import root_for

    work = work_of(root, ledger, entry)
    found = root_for(work) if work is not None else ""
    return found if found and ledger.home_of(found) is not None else ""


def named_molecule(root: str, ledger: TownLedger, text: str) -> tuple[BeadStore, str]:
    """Return the store and id of the molecule that ``text`` names: a molecule, a step, its work or an agent.

    "" is the caller's own.  Raises NotFoundError, also for a molecule that work names and no ledger has; UsageError.
    """
    molecule = _named_id(root, ledger, text)
    home = ledger.home_of(molecule)
    if home is None:
        raise NotFoundError(
            f"no molecule {molecule}", "its work names it, but no ledger has it", "gt mol detach takes it off the work"
        )
    return home, molecule


def _named_id(root: str, ledger: TownLedger, text: str) -> str:
    """Return the id of the molecule that ``text`` names; its record may be gone. Raises NotFoundError, UsageError."""
    from gastown_core.molecules.steps import root_for

    home = ledger.home_of(text) if "-" in text else None
    bead = home.get(text) if home is not None else None
    if bead is not None:
        found = root_for(bead) or (bead.id if bead.issue_type == EPIC else "")
        if not found:
            raise NotFoundError(f"no molecule on {text}", bead.title, f"gt mol attach {text} FORMULA attaches one")
        return found
    if text and "-" in text and "/" not in text and home is None and _has_prefix(ledger, text):
        raise ledger.store_for(text).near(text)
    entry = who.find(root, text)[1]
    found = molecule_id_of(root, ledger, entry)
    if not found:
        raise NotFoundError(
            f"no molecule for {entry.address.short}", "the work on its hook has none", "gt mol status shows the hook"
        )
    return found


def progress_named(root: str, ledger: TownLedger, text: str) -> MoleculeProgress:
    """Return the progress of the molecule that ``text`` names. Raises as ``named_molecule``."""
    from gastown_core.molecules.steps import progress_of

    return progress_of(*named_molecule(root, ledger, text))


def _has_prefix(ledger: TownLedger, text: str) -> bool:
    return any(text.startswith(f"{store.prefix.rstrip('-')}-") for store in ledger.stores().values())


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol status``."""
    parser.add_argument("target", nargs="?", default="", help="agent (default: you)")
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show the work on an agent's hook and its molecule."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import progress_of

    root = context.town()
    entry = who.find(root, args.target)[1]
    ledger = TownLedger(root)
    work = work_of(root, ledger, entry)
    molecule = molecule_id_of(root, ledger, entry)
    home = ledger.home_of(molecule) if molecule else None
    seen = progress_of(home, molecule) if home is not None else None
    if args.json:
        output.say_json(_as_json(entry, work, seen))
        return 0
    if work is None:
        output.say(f"the hook of {entry.address.short} is empty")
        return 0
    output.say(f"{output.style(work.id, 'bold')} [{work.status}] {molecule_lines.one_line(work.title)}")
    if seen is None:
        output.say(output.style("no molecule attached", "dim"))
        return 0
    output.say(molecule_lines.head(seen))
    here = seen.current
    if here is not None:
        output.say(f"now: {output.clean(here.id)}  {molecule_lines.one_line(here.title)}")
    output.say(f"next: {_next_action(work, seen)}")
    return 0


def _as_json(entry: RosterEntry, work: Bead | None, seen: MoleculeProgress | None) -> dict[str, object]:
    from gastown_core.model.metadata import dispatch_words

    dispatch = dispatch_words(work) if work is not None else {}
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


def _variables(seen: MoleculeProgress | None) -> dict[str, str]:
    from gastown_core.molecules.root_bead import molecule_of

    molecule = molecule_of(seen.root) if seen is not None else None
    return molecule.vars if molecule is not None else {}


def _progress(seen: MoleculeProgress) -> dict[str, object]:
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


def _next_action(work: Bead | None, seen: MoleculeProgress | None) -> str:
    if work is None:
        return "wait for work"
    if seen is None or seen.is_complete:
        return "do the work, then gt done" if seen is None else "gt done"
    return (
        f"gt mol step done {seen.current.id}" if seen.current is not None else "wait: all remaining steps are blocked"
    )


def current_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol current``."""
    parser.add_argument(
        "identity", nargs="?", default="", help="agent, molecule, or work with a molecule (default: you)"
    )
    context.add_json(parser)


def run_current(args: Namespace) -> int:
    """Show the current step in full, and the steps around it."""
    from gastown_core.beads.ledger import TownLedger

    root = context.town()
    ledger = TownLedger(root)
    if args.json:
        return _current_as_json(root, ledger, args.identity)
    seen = progress_named(root, ledger, args.identity)
    output.say(molecule_lines.head(seen))
    from gastown_core.molecules.attachment import checklist_for

    told = checklist_for(root, ledger, seen.root)
    for line in told.lines()[2:] if told is not None else ():
        output.say(output.clean(line))
    return 0


def _current_as_json(root: str, ledger: TownLedger, identity: str) -> int:
    from gastown_core.errors import NotFoundError

    name = identity or who.acting(root)
    try:
        seen = progress_named(root, ledger, identity)
    except NotFoundError:
        seen = None
    here = seen.current if seen is not None else None
    status = "naked" if seen is None else "complete" if seen.is_complete else "working" if here else "blocked"
    output.say_json(
        {
            "identity": name,
            "handoff_id": seen.bead if seen is not None else "",
            "molecule_id": seen.id if seen is not None else "",
            "steps_complete": seen.completed if seen is not None else 0,
            "steps_total": seen.total if seen is not None else 0,
            "current_step_id": here.id if here is not None else "",
            "current_step": here.title if here is not None else "",
            "status": status,
        }
    )
    return 0


def progress_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol progress``."""
    parser.add_argument("molecule", nargs="?", default="", help="molecule, its work, or an agent (default: you)")
    context.add_json(parser)


def run_progress(args: Namespace) -> int:
    """Show a molecule's steps and how far it has got."""
    from gastown_core.beads.ledger import TownLedger

    root = context.town()
    ledger = TownLedger(root)
    seen = progress_named(root, ledger, args.molecule)
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
    output.say(molecule_lines.head(seen))
    pace = molecule_lines.pace(seen)
    if pace:
        output.say(output.style(pace, "dim"))
    output.say()
    for line in molecule_lines.step_rows(seen.steps, seen.total):
        output.say(line)
    output.say(f"\n{molecule_lines.legend()}")
    return 0


def dag_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol dag``."""
    parser.add_argument("molecule", nargs="?", default="", help="molecule, its work, or an agent (default: you)")
    parser.add_argument("--tiers", action="store_true", help="show only the waves, one per line")
    context.add_json(parser)


def run_dag(args: Namespace) -> int:
    """Show a molecule's steps as waves, and its critical path."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.steps import critical_path, tiers

    root = context.town()
    ledger = TownLedger(root)
    seen = progress_named(root, ledger, args.molecule)
    tier, path = tiers(seen.steps), critical_path(seen.steps)
    groups: dict[int, list[StepView]] = {}
    for view in seen.steps:
        groups.setdefault(tier[view.name], []).append(view)
    if args.json:
        output.say_json(_dag_as_json(seen, tier, path, groups))
        return 0
    output.say(molecule_lines.heading(seen))
    for number, views in sorted(groups.items()):
        if args.tiers:
            output.say(f"  {number + 1:>3}  {output.clean(', '.join(view.name for view in views))}")
            continue
        output.say(f"\n{output.style(f'wave {number + 1}', 'bold')}")
        for line in molecule_lines.step_rows(views, seen.total):
            output.say(line)
    output.say(f"\ncritical path, {len(path)} steps: {output.clean(' → '.join(_short(path)))}")
    return 0


def _short(path: list[str]) -> list[str]:
    return path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]


def _dag_as_json(
    seen: MoleculeProgress, tier: dict[str, int], path: list[str], groups: dict[int, list[StepView]]
) -> dict[str, object]:
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
