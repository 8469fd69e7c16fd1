"""``gt formula overlay``: a town's or rig's own words for single steps of a formula."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.formulas.overlay import Overlay


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and for whom."""
    parser.add_argument("action", choices=["show", "edit", "list"], help="show one, edit one, list all")
    parser.add_argument("formula", nargs="?", default="", help="the formula (show, edit)")
    parser.add_argument("--rig", default="", help="the rig's (default: the rig you stand in)")
    parser.add_argument("--town", action="store_true", help="the town's")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show, edit or list."""
    root = context.town()
    if args.action == "list":
        return _list(root, args)
    if not args.formula:
        raise UsageError(f"gt formula overlay {args.action} needs a formula", "", "bd formula list shows all there are")
    rig = _rig(root, args)
    return _show(root, rig, args) if args.action == "show" else _edit(root, rig, args)


def _rig(root: str, args: Namespace) -> str:
    if args.town and args.rig:
        raise UsageError("--town and --rig exclude each other")
    if args.rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, args.rig)
    return args.rig or ("" if args.town else context.rig_of(root, os.getcwd(), context.read_rigs(root)))


def _show(root: str, rig: str, args: Namespace) -> int:
    from gastown_core.formulas.overlay import read_overlay

    overlay = read_overlay(root, rig, args.formula)
    strangers = _strangers(root, rig, args.formula, overlay) if overlay else []
    if args.json:
        rows = [] if overlay is None else [row._asdict() for row in overlay.overrides]
        output.say_json({"path": overlay.path if overlay else "", "overrides": rows, "unknown_steps": strangers})
        return 0
    if overlay is None:
        output.say(f"no overlay for {output.clean(args.formula)}; gt formula overlay edit makes one")
        return 0
    output.say(output.style(output.clean(overlay.path), "dim"))
    for row in overlay.overrides:
        mark = output.style("  not a step of the formula", "yellow") if row.step_id in strangers else ""
        output.say(f"{output.style(output.clean(row.step_id), 'cyan')}  {row.mode}{mark}")
        for line in row.description.strip().splitlines():
            output.say(f"    {output.clean(line)}")
    for warning in overlay.warnings:
        output.note(f"note: {output.clean(warning)}")
    return 0


def _strangers(root: str, rig: str, name: str, overlay: Overlay) -> list[str]:
    """Steps that the overlay names and the formula does not have."""
    from gastown_core.formulas.cook import cook
    from gastown_core.formulas.recipe import COMPILE
    from gastown_core.formulas.resolve import find_formula

    recipe = cook(find_formula(root, name, rig=rig), {}, mode=COMPILE)
    return [row.step_id for row in overlay.overrides if recipe.step(row.step_id) is None]


def _edit(root: str, rig: str, args: Namespace) -> int:
    from gastown_core.formulas.overlay import make_overlay, overlay_path, read_overlay
    from gastown_core.formulas.resolve import find_formula
    from gastown_core.process import run_on_terminal

    formula = find_formula(root, args.formula, rig=rig)
    path = overlay_path(root, rig, formula.name)
    make_overlay(path, formula)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    import shlex

    code = run_on_terminal([*shlex.split(editor), path])
    if code:
        output.note(f"the editor ended with {code}; the file is as it left it")
    overlay = read_overlay(root, rig, formula.name)
    for step_id in _strangers(root, rig, formula.name, overlay) if overlay else []:
        output.note(
            f"note: {output.clean(formula.name)} has no step {output.clean(step_id)}; that override does nothing"
        )
    output.say(
        f"{output.style('✓', 'green')} {output.clean(path)}: {len(overlay.overrides) if overlay else 0} overrides"
    )
    return 0


def _list(root: str, args: Namespace) -> int:
    from gastown_core.formulas.overlay import list_overlays

    rigs = [args.rig] if args.rig else [] if args.town else list(context.read_rigs(root))
    rows = list_overlays(root, rigs, with_town=not args.rig)
    if args.json:
        output.say_json(
            [{"formula": name, "rig": rig, "path": path, "error": error} for name, rig, path, error in rows]
        )
        return 0
    lines = [
        (
            output.clean(name),
            output.clean(rig) or "the town",
            output.style(output.clean(error), "red") if error else "",
            output.clean(path),
        )
        for name, rig, path, error in rows
    ]
    output.say(output.table(lines) if lines else "no overlays; gt formula overlay edit FORMULA makes one")
    return 0
