"""``bd mol``: list and show molecules, their progress and their ready steps."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, bead_lines, issue_object, one_line, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table
from gastown_core.beads.record import excerpt_of
from gastown_core.beads.rules import entries_of
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.formula import Variable
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.steps import Progress


def add_source(parser: ArgumentParser) -> None:
    """What to pour, and with what."""
    from gastown_cli.bd_commands.formula import add_place

    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable (again for more)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check and show, write nothing")
    add_place(parser)


def molecule(space: Workspace, text: str) -> tuple[BeadStore, str]:
    """The store and root of the molecule that an id means: its own, a step's, or that of the work that carries it.

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
        below = any(kind == "parent-child" for _, kind in store.dependents(bead_id))
        root = bead_id if below else ""
    if not root:
        raise NotFoundError(f"{bead_id} is no molecule and carries none", "", "bd mol list shows them")
    if store.get(root) is None:
        raise NotFoundError(f"the molecule {root} of {bead_id} is gone", "", f"gt mol detach {bead_id}")
    return store, root


def rig_of(space: Workspace) -> str:
    """The rig whose store is worked on, empty for the town's or outside a town."""
    name = space.ledger.name_of(space.store) if space.ledger is not None else ""
    return "" if name == "town" or "/" in name else name


def recipe_for(space: Workspace, args: Namespace, name: str, given: Mapping[str, str]) -> Recipe:
    """The recipe of a proto in the store, else of the formula of that name, overlaid and cooked. Raises FormulaError."""
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
    """As ``recipe_for`` for a formula, with its placeholders kept."""
    from gastown_core.molecules.proto import compiled

    formula, overlay = _formula(space, args, name)
    return compiled(formula, overlay)


def _formula(space: Workspace, args: Namespace, name: str):  # type: ignore[no-untyped-def]
    from gastown_cli.bd_commands.formula import formula_of, places
    from gastown_core.formulas.overlay import read_overlay

    formula = formula_of(name, places(args))
    rig = args.rig or rig_of(space)
    return formula, read_overlay(space.root, rig, formula.name) if space.root else None


def list_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--wisps", action="store_true", help="only those that vanish when they are done")
    parser.add_argument("--protos", action="store_true", help="only protos")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List them, the newest first."""
    from gastown_core.molecules.listing import list_molecules

    space = Workspace(args)
    rows = list_molecules(space.store, closed=args.all, wisps=args.wisps, protos=args.protos)
    if space.as_json:
        say_array([row.as_json() for row in rows])
        return 0
    if not rows:
        say(
            "no protos; bd cook FORMULA --persist makes one"
            if args.protos
            else "no molecules; bd mol pour FORMULA makes one"
        )
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
    """Which one."""
    parser.add_argument("molecule", help="its id, a step's, or that of the work that carries it")
    parser.add_argument("--parallel", action="store_true", help="also what may be done side by side")
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show it."""
    from gastown_core.molecules.record import molecule_of
    from gastown_core.molecules.steps import progress_of

    space = Workspace(args)
    store, root_id = molecule(space, args.molecule)
    seen = progress_of(store, root_id)
    kept = molecule_of(seen.root)
    if space.as_json:
        beads = list(store.get_many(_below(store, root_id)).values())
        say_object(_as_json(seen, beads, args.parallel))
        return 0
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
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
            say(f"side by side: {clean(', '.join(group))}")
    return 0


def _below(store: Any, root_id: str) -> list[str]:
    from gastown_core.beads.query import BeadQuery

    return [one.id for one in store.excerpts(BeadQuery(parent=root_id, include_wisps=True, sort="id"))]


def _as_json(seen: Progress, beads: list[Bead], parallel: bool) -> dict[str, Any]:
    from gastown_core.molecules.record import molecule_of

    kept = molecule_of(seen.root)
    out: dict[str, Any] = {
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


def _groups(seen: Progress) -> list[list[str]]:
    """Steps of one wave that are not done, where there are several."""
    from gastown_core.molecules.steps import tiers

    tier = tiers(seen.steps)
    groups: dict[int, list[str]] = {}
    for view in seen.steps:
        if not view.is_done:
            groups.setdefault(tier[view.name], []).append(view.id)
    return [group for _, group in sorted(groups.items()) if len(group) > 1]


def current_arguments(parser: ArgumentParser) -> None:
    """Which molecule, and how much of it."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: those you are at)")
    parser.add_argument("--for", dest="whose", default="", metavar="WHO", help="those somebody else is at")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="at most so many steps")
    parser.add_argument("--range", default="", metavar="A-B", help="steps A to B")
    add_globals(parser)


def run_current(args: Namespace) -> int:
    """Show the steps of each."""
    space = Workspace(args)
    found = molecules(space, args.molecule, args.whose)
    first, last = _range(args.range)
    if space.as_json:
        say_array([_current_as_json(seen, first, last, args.limit) for seen in found])
        return 0
    if not found:
        say(f"{clean(args.whose or space.actor)} is at no molecule; bd mol list shows them all")
    for number, seen in enumerate(found):
        if number:
            say()
        _say(seen, first, last, args.limit)
    return 0


def molecules(space: Workspace, text: str, whose: str = "") -> list[Progress]:
    """The molecule that is named, else those that the actor (or ``whose``) has steps of, or has on the hook."""
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
    """Places from 1, both ends included; 0 is no bound."""
    if not text:
        return 0, 0
    first, dash, last = text.partition("-")
    if not dash or not (first or last) or not (first or "0").isdecimal() or not (last or "0").isdecimal():
        raise UsageError(f"{text!r} is no range", "", "for example --range 20-40")
    return int(first or 1), int(last or 0)


def _shown(seen: Progress, first: int, last: int, limit: int) -> list[object]:
    views = [view for view in seen.steps if view.place + 1 >= first and (not last or view.place + 1 <= last)]
    if not first and not last and not limit and seen.total > molecule_lines.LONG:
        return []
    return list(views[:limit] if limit else views)


def _current_as_json(seen: Progress, first: int, last: int, limit: int) -> dict[str, object]:
    return molecule_lines.current_json(seen, _shown(seen, first, last, limit))  # type: ignore[arg-type]


def _say(seen: Progress, first: int, last: int, limit: int) -> None:
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    views = _shown(seen, first, last, limit)
    for line in molecule_lines.step_rows(views, seen.total):  # type: ignore[arg-type]
        say(line)
    here, following = seen.current, seen.next
    if not views and here is not None:
        say(f"  now   {here.place + 1} {clean(here.id)}  {molecule_lines.one_line(here.title)}")
        if following is not None:
            say(f"  next  {following.place + 1} {clean(following.id)}  {molecule_lines.one_line(following.title)}")
        say(style(f"{seen.total} steps; --range A-B or --limit N shows some", "dim"))
    elif here is not None:
        say(style(f"when it is done: bd close {clean(here.id)} --continue", "dim"))


def progress_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: the one you are at)")
    add_globals(parser)


def run_progress(args: Namespace) -> int:
    """Show it."""
    space = Workspace(args)
    found = molecules(space, args.molecule)
    if not found:
        raise NotFoundError(f"{space.actor} is at no molecule", "", "bd mol list shows them all")
    seen = found[0]
    if space.as_json:
        say_object(seen.as_json())
        return 0
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    here, pace = seen.current, molecule_lines.pace(seen)
    if here is not None:
        say(f"now: {clean(here.id)}  {molecule_lines.one_line(here.title)}")
    if pace:
        say(style(pace, "dim"))
    return 0


def ready_arguments(parser: ArgumentParser) -> None:
    """What to look for."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: those you are at)")
    parser.add_argument("--gated", action="store_true", help="molecules that can go on since a gate opened")
    add_globals(parser)


def run_ready(args: Namespace) -> int:
    """Show them."""
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
        say("no step is ready; bd mol current shows what they wait for" if found else "you are at no molecule")
    for seen in found:
        for line in molecule_lines.step_rows(seen.ready, seen.total, with_ids=True):
            say(line)
    return 0


def gated(space: Workspace) -> int:
    """Molecules with a step that an opened gate has made ready, and that nobody has on a hook."""
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
    say(table(rows) if rows else "no molecule waits to be taken up again")
    return 0


def stale_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument("--blocking", action="store_true", help="only those that something waits for")
    parser.add_argument("--unassigned", action="store_true", help="only those that nobody has")
    parser.add_argument("--all", action="store_true", help="also those without a single step")
    add_globals(parser)


def run_stale(args: Namespace) -> int:
    """List them."""
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
        say("nothing is complete and still open")
        return 0
    notes = {one.root.id: f"holds {', '.join(one.blocking)}" for one in found if one.blocking}
    for line in bead_lines([excerpt_of(one.root) for one in found], notes=notes):
        say(line)
    say(style("bd close ID closes one", "dim"))
    return 0


def last_activity_arguments(parser: ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("molecule", help="its id")
    add_globals(parser)


def run_last_activity(args: Namespace) -> int:
    """Say when, and by what."""
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
