"""``bd mol``: list and show molecules, their progress and their ready steps."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, bead_lines, issue_object, one_line, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.rules import entries_of
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import PARENT_CHILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.formula import Formula, Variable
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import MoleculeProgress, StepView


def add_source(parser: ArgumentParser) -> None:
    """Add the options for pouring a formula."""
    from gastown_cli.bd_commands.formula import add_place

    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable (repeatable)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check and show; write nothing")
    add_place(parser)


def molecule(space: Workspace, text: str) -> tuple[BeadStore, str]:
    """Return store and root of the molecule that an id names: the molecule, a step of it, or the work it is attached to.

    Raises NotFoundError.
    """
    from gastown_core.molecules.steps import root_for

    stem, dot, _ = text.rpartition(".")
    try:
        store, bead_id = space.locate(text)
    except NotFoundError:
        # a step of a root-only molecule is no bead of its own
        if not dot:
            raise
        return molecule(space, stem)
    bead = store.get(bead_id)
    root = root_for(bead) if bead is not None else ""
    if not root and bead is not None:
        below = any(kind == PARENT_CHILD for _, kind in store.dependents(bead_id))
        root = bead_id if below else ""
    if not root:
        raise NotFoundError(f"{bead_id} is not a molecule and has none", "", "bd mol list shows the molecules")
    if store.get(root) is None:
        raise NotFoundError(f"molecule {root} of {bead_id} no longer exists", "", f"gt mol detach {bead_id}")
    return store, root


def rig_of(space: Workspace) -> str:
    """Return the rig of the current store; "" for the town's store or outside a town."""
    name = space.ledger.name_of(space.store) if space.ledger is not None else ""
    return "" if name == "town" or "/" in name else name


def recipe_for(space: Workspace, args: Namespace, name: str, given: Mapping[str, str]) -> Recipe:
    """Return the recipe of a proto in the store, or else of the formula, overlaid and cooked. Raises FormulaError."""
    from gastown_core.formulas.cook import cook
    from gastown_core.molecules.proto import is_proto, recipe_of

    if is_proto(space.store.get(name)):
        return recipe_of(space.store, name, given)
    formula, overlay = _formula(space, args, name)
    recipe = cook(formula, given, overlay=overlay)
    if not given or getattr(args, "attach", None):
        # with several formulas, a variable may be another's
        return recipe
    from gastown_cli.bd_commands.formula import strangers

    return recipe._replace(warnings=(*recipe.warnings, *strangers(formula, recipe, given)))


def compiled_for(space: Workspace, args: Namespace, name: str) -> tuple[Recipe, dict[str, Variable]]:
    """Return the recipe of a formula with its placeholders, and its variables."""
    from gastown_core.molecules.proto import compiled

    formula, overlay = _formula(space, args, name)
    return compiled(formula, overlay)


def _formula(space: Workspace, args: Namespace, name: str) -> tuple[Formula, Overlay | None]:
    from gastown_cli.bd_commands.formula import formula_of, places
    from gastown_core.formulas.overlay import read_overlay

    formula = formula_of(name, places(args))
    rig = args.rig or rig_of(space)
    return formula, read_overlay(space.root, rig, formula.name) if space.root else None


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol list``."""
    parser.add_argument("--all", action="store_true", help="include closed molecules")
    parser.add_argument("--wisps", action="store_true", help="only wisps")
    parser.add_argument("--protos", action="store_true", help="only protos")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List molecules, newest first."""
    from gastown_core.molecules.listing import list_molecules

    space = Workspace(args)
    rows = list_molecules(space.store, closed=args.all, wisps=args.wisps, protos=args.protos)
    if space.as_json:
        say_array([row.as_json() for row in rows])
        return 0
    if not rows:
        say("no protos; next: bd cook FORMULA --persist" if args.protos else "no molecules; next: bd mol pour FORMULA")
        return 0
    now, lines = space.now(), []
    for row in rows:
        told = row.as_json()
        done = f"{row.completed}/{row.total}" if told["phase"] != "solid" else f"{row.total} steps"
        formula = told["formula"] if told["formula"] not in row.root.title else ""
        tail = style(
            clean(" ".join(word for word in (formula, f"@{row.root.assignee}" if row.root.assignee else "") if word)),
            "dim",
        )
        state = "closed" if row.root.is_closed else told["phase"]
        lines.append(
            [
                clean(row.root.id),
                state,
                done,
                age(row.root.updated_at, now),
                f"{one_line(row.root.title)}  {tail}".rstrip(),
            ]
        )
    say(table(lines, right=(2, 3)))
    return 0


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol show``."""
    parser.add_argument("molecule", help="molecule, one of its steps, or its work")
    parser.add_argument("--parallel", action="store_true", help="show steps that can run in parallel")
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show a molecule in full."""
    from gastown_core.molecules.root_bead import molecule_of
    from gastown_core.molecules.steps import progress_of

    space = Workspace(args)
    store, root_id = molecule(space, args.molecule)
    seen = progress_of(store, root_id)
    kept = molecule_of(seen.root)
    if space.as_json:
        beads = list(store.get_many(_below(store, root_id)).values())
        say_object(_as_json(seen, beads, args.parallel))
        return 0
    say(molecule_lines.head(seen))
    if kept is not None:
        facts = {"work": kept.bead, "tier": kept.state.text("tier"), "source": kept.state.text("source")}
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
            say(f"in parallel: {clean(', '.join(group))}")
    return 0


def _below(store: BeadStore, root_id: str) -> list[str]:
    from gastown_core.beads.query import BeadQuery

    return [one.id for one in store.excerpts(BeadQuery(parent=root_id, include_wisps=True, sort="id"))]


def _as_json(seen: MoleculeProgress, beads: list[Bead], parallel: bool) -> dict[str, object]:
    from gastown_core.molecules.root_bead import molecule_of

    kept = molecule_of(seen.root)
    out: dict[str, object] = {
        "root": issue_object(seen.root),
        "issues": [issue_object(bead) for bead in beads],
        "dependencies": [edge for bead in beads for edge in entries_of(bead.raw, "dependencies")],
        "steps": [molecule_lines.step_json(view, seen.current) for view in seen.steps],
        "variables": kept.table("variables") or kept.vars if kept is not None else {},
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


def _groups(seen: MoleculeProgress) -> list[list[str]]:
    """Return the waves that have several steps left."""
    from gastown_core.molecules.steps import tiers

    tier = tiers(seen.steps)
    groups: dict[int, list[str]] = {}
    for view in seen.steps:
        if not view.is_done:
            groups.setdefault(tier[view.name], []).append(view.id)
    return [group for _, group in sorted(groups.items()) if len(group) > 1]


def current_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol current``."""
    parser.add_argument("molecule", nargs="?", default="", help="molecule (default: those you work on)")
    parser.add_argument("--for", dest="whose", default="", metavar="WHO", help="molecules of this agent")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="maximum number of steps")
    parser.add_argument("--range", default="", metavar="A-B", help="only steps A to B")
    add_globals(parser)


def run_current(args: Namespace) -> int:
    """Show the steps of each molecule."""
    space = Workspace(args)
    found = molecules(space, args.molecule, args.whose)
    first, last = _range(args.range)
    if space.as_json:
        say_array([_current_as_json(seen, first, last, args.limit) for seen in found])
        return 0
    if not found:
        say(f"no molecules for {clean(args.whose or space.actor)}; bd mol list shows all")
    for number, seen in enumerate(found):
        if number:
            say()
        _say(seen, first, last, args.limit)
    return 0


def molecules(space: Workspace, text: str, whose: str = "") -> list[MoleculeProgress]:
    """Return the named molecule, or else those of which the actor (or ``whose``) has steps or the work."""
    from gastown_core.molecules.listing import molecules_of
    from gastown_core.molecules.steps import progress_of

    if text:
        store, root = molecule(space, text)
        return [progress_of(store, root)]
    roots = molecules_of(space.store, _forms(whose or space.actor))
    return [progress_of(space.store, root) for root in roots]


def _forms(who: str) -> tuple[str, ...]:
    from gastown_core.model.address import parse_address

    address = parse_address(who)
    return tuple(dict.fromkeys((who, address.path, address.mail, address.short)))


def _range(text: str) -> tuple[int, int]:
    """Return first and last step, counted from 1; 0 means no bound."""
    if not text:
        return 0, 0
    first, dash, last = text.partition("-")
    if not dash or not (first or last) or not (first or "0").isdecimal() or not (last or "0").isdecimal():
        raise UsageError(f"invalid range {text!r}", "", "for example --range 20-40")
    return int(first or 1), int(last or 0)


def _shown(seen: MoleculeProgress, first: int, last: int, limit: int) -> list[StepView]:
    views = [view for view in seen.steps if view.place + 1 >= first and (not last or view.place + 1 <= last)]
    if not first and not last and not limit and seen.total > molecule_lines.LONG:
        return []
    return list(views[:limit] if limit else views)


def _current_as_json(seen: MoleculeProgress, first: int, last: int, limit: int) -> dict[str, object]:
    return molecule_lines.current_json(seen, _shown(seen, first, last, limit))


def _say(seen: MoleculeProgress, first: int, last: int, limit: int) -> None:
    say(molecule_lines.head(seen))
    views = _shown(seen, first, last, limit)
    for line in molecule_lines.step_rows(views, seen.total):
        say(line)
    here, following = seen.current, seen.next
    if not views and here is not None:
        say(f"  now   {here.place + 1} {clean(here.id)}  {molecule_lines.one_line(here.title)}")
        if following is not None:
            say(f"  next  {following.place + 1} {clean(following.id)}  {molecule_lines.one_line(following.title)}")
        say(style(f"{seen.total} steps; --range A-B or --limit N shows some", "dim"))
    elif here is not None:
        say(style(f"next: bd close {clean(here.id)} --continue", "dim"))


def progress_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol progress``."""
    parser.add_argument("molecule", nargs="?", default="", help="molecule (default: the one you work on)")
    add_globals(parser)


def run_progress(args: Namespace) -> int:
    """Show a molecule's progress and pace."""
    space = Workspace(args)
    found = molecules(space, args.molecule)
    if not found:
        raise NotFoundError(f"no molecule for {space.actor}", "", "bd mol list shows the molecules")
    seen = found[0]
    if space.as_json:
        say_object(seen.as_json())
        return 0
    say(molecule_lines.head(seen))
    here, pace = seen.current, molecule_lines.pace(seen)
    if here is not None:
        say(f"now: {clean(here.id)}  {molecule_lines.one_line(here.title)}")
    if pace:
        say(style(pace, "dim"))
    return 0


def ready_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol ready``."""
    parser.add_argument("molecule", nargs="?", default="", help="molecule (default: those you work on)")
    parser.add_argument("--gated", action="store_true", help="molecules that a gate blocked and that can continue")
    add_globals(parser)


def run_ready(args: Namespace) -> int:
    """List ready steps."""
    space = Workspace(args)
    if args.gated:
        return gated(space)
    found = molecules(space, args.molecule)
    if space.as_json:
        say_object(
            {
                "molecules": [
                    {
                        "molecule_id": seen.id,
                        "molecule_title": seen.title,
                        "ready": [molecule_lines.step_json(view, seen.current) for view in seen.ready],
                    }
                    for seen in found
                ],
                "count": sum(len(seen.ready) for seen in found),
            }
        )
        return 0
    if not any(seen.ready for seen in found):
        say("no steps are ready; bd mol current shows what blocks them" if found else "you work on no molecule")
    for seen in found:
        for line in molecule_lines.step_rows(seen.ready, seen.total, with_ids=True):
            say(line)
    return 0


def gated(space: Workspace) -> int:
    """List molecules with a step that became ready when a gate opened and that is on no hook."""
    from gastown_core.molecules.gates import let_go

    found = let_go(space.store)
    if space.as_json:
        say_object({"molecules": [one.as_json() for one in found], "count": len(found)})
        return 0
    rows = [
        [
            clean(one.molecule.id),
            clean(one.step.id),
            f"since {clean(one.gate.id)}",
            molecule_lines.one_line(one.molecule.title),
        ]
        for one in found
    ]
    say(table(rows) if rows else "no molecules to resume")
    return 0


def stale_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol stale``."""
    parser.add_argument("--blocking", action="store_true", help="only molecules that block other beads")
    parser.add_argument("--unassigned", action="store_true", help="only molecules without an assignee")
    parser.add_argument("--all", action="store_true", help="include molecules without steps")
    add_globals(parser)


def run_stale(args: Namespace) -> int:
    """List molecules that are complete but not closed."""
    from gastown_core.molecules.listing import stale

    space = Workspace(args)
    found = stale(space.store, blocking=args.blocking, unassigned=args.unassigned, everything=args.all)
    if space.as_json:
        say_object(
            {
                "stale_molecules": [one.as_json() for one in found],
                "total_count": len(found),
                "blocking_count": sum(bool(one.blocking) for one in found),
            }
        )
        return 0
    if not found:
        say("no stale molecules")
        return 0
    notes = {one.root.id: f"blocks {', '.join(one.blocking)}" for one in found if one.blocking}
    for line in bead_lines([excerpt_of(one.root) for one in found], notes=notes):
        say(line)
    say(style("next: bd close ID closes one", "dim"))
    return 0


def last_activity_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd mol last-activity``."""
    parser.add_argument("molecule", help="id of the molecule")
    add_globals(parser)


def run_last_activity(args: Namespace) -> int:
    """Show when a molecule last changed, and by which step."""
    from gastown_core.clock import format_seconds
    from gastown_core.molecules.listing import last_activity

    space = Workspace(args)
    store, root = molecule(space, args.molecule)
    at, source, step = last_activity(store, root)
    if space.as_json:
        say_object({"molecule_id": root, "last_activity": format_seconds(at), "source": source, "source_step_id": step})
    else:
        by = f" ({clean(step)})" if step else ""
        when = age(at, space.now())
        say(f"{clean(root)}: {source.replace('_', ' ')}{by}, {when}{'' if when == 'now' else ' ago'}")
    return 0
