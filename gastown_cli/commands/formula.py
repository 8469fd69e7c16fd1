"""``gt formula``: create a formula, edit its overlays, and run convoy and workflow formulas."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_core.errors import GastownError, PartialError, UsageError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.formula import Formula
    from gastown_core.formulas.overlay import Overlay
    from gastown_core.molecules.run import Ran


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt formula create``."""
    parser.add_argument("name", help="name of the formula")
    parser.add_argument(
        "--type", default="task", metavar="TYPE", help="task, workflow, patrol, expansion or convoy (default task)"
    )
    parser.add_argument("--user", action="store_true", help="write it to ~/.beads/formulas, for all your towns")
    context.add_json(parser)


def run_create(args: Namespace) -> int:
    """Write a starter file and print its path."""
    from gastown_core.formulas.places import shown_path
    from gastown_core.formulas.resolve import places_at
    from gastown_core.formulas.starter import write_starter

    hidden = [shown_path(*pair) for pair in places_at(os.getcwd()).files(args.name)]
    path = write_starter(_folder(args.user), args.name, args.type)
    if args.json:
        output.say_json({"name": args.name, "type": args.type, "path": path})
        return 0
    output.say(f"{output.style('✓', 'green')} wrote {output.clean(path)}")
    if hidden:
        output.note(f"note: {output.clean(hidden[0])} has the same name; the nearer file takes precedence")
    output.say(f"next: edit it, then bd cook {args.name} --dry-run")
    return 0


def _folder(is_users: bool) -> str:
    """Return the formula folder of the enclosing store, or of the user."""
    from gastown_core.beads.discovery import find_beads_dir

    beads = None if is_users else find_beads_dir(os.getcwd())
    return os.path.join(beads or os.path.expanduser(os.path.join("~", ".beads")), "formulas")


def overlay_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt formula overlay``."""
    parser.add_argument("action", choices=["show", "edit", "list"], help="show or edit one overlay, or list all")
    parser.add_argument("formula", nargs="?", default="", help="formula (for show and edit)")
    parser.add_argument("--rig", default="", help="overlay of this rig (default: the rig you are in)")
    parser.add_argument("--town", action="store_true", help="overlay of the town")
    context.add_json(parser)


def run_overlay(args: Namespace) -> int:
    """Show, edit or list overlays."""
    root = context.town()
    if args.action == "list":
        return _list(root, args)
    if not args.formula:
        raise UsageError(
            f"gt formula overlay {args.action} needs a formula", "", "bd formula list shows the available formulas"
        )
    rig = _rig(root, args)
    return _show(root, rig, args) if args.action == "show" else _edit(root, rig, args)


def _rig(root: str, args: Namespace) -> str:
    if args.town and args.rig:
        raise UsageError("--town and --rig cannot be used together")
    if args.rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, args.rig)
    return args.rig or ("" if args.town else context.rig_of(root, os.getcwd(), context.read_rigs(root)))


def _show(root: str, rig: str, args: Namespace) -> int:
    from gastown_core.formulas.overlay import read_overlay
    from gastown_core.formulas.resolve import find_formula

    overlay = read_overlay(root, rig, args.formula)
    if overlay is None:
        # no overlay is no failure, no formula is one
        find_formula(root, args.formula, rig=rig)
    strangers = _strangers(root, rig, args.formula, overlay) if overlay else []
    if args.json:
        rows = [] if overlay is None else [row._asdict() for row in overlay.overrides]
        output.say_json({"path": overlay.path if overlay else "", "overrides": rows, "unknown_steps": strangers})
        return 0
    if overlay is None:
        output.say(
            f"no overlay for {output.clean(args.formula)}; next: gt formula overlay edit {output.clean(args.formula)}"
        )
        return 0
    output.say(output.style(output.clean(overlay.path), "dim"))
    for row in overlay.overrides:
        mark = output.style("  no such step in the formula", "yellow") if row.step_id in strangers else ""
        output.say(f"{output.style(output.clean(row.step_id), 'cyan')}  {row.mode}{mark}")
        for line in row.description.strip().splitlines():
            output.say(f"    {output.clean(line)}")
    for warning in overlay.warnings:
        output.note(f"note: {output.clean(warning)}")
    return 0


def _strangers(root: str, rig: str, name: str, overlay: Overlay) -> list[str]:
    """Return the steps that the overlay names and the formula lacks."""
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
        output.note(f"editor exited with {code}; the file is kept as it is")
    overlay = read_overlay(root, rig, formula.name)
    for step_id in _strangers(root, rig, formula.name, overlay) if overlay else []:
        output.note(
            f"note: {output.clean(formula.name)} has no step {output.clean(step_id)}; this override has no effect"
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
            output.clean(rig) or "town",
            output.style(output.clean(error), "red") if error else "",
            output.clean(path),
        )
        for name, rig, path, error in rows
    ]
    output.say(output.table(lines) if lines else "no overlays; next: gt formula overlay edit FORMULA")
    return 0


def run_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt formula run``."""
    parser.add_argument(
        "name", nargs="?", default="", help="formula to run (default: the rig's workflow.default_formula)"
    )
    parser.add_argument("--rig", default="", help="rig to run it in (default: the one you are in)")
    parser.add_argument("--pr", default="", metavar="N", help="run it on this pull request")
    parser.add_argument(
        "--files", action="append", default=[], metavar="F", help="run it on these files; separate by commas or repeat"
    )
    parser.add_argument(
        "--set", "--var", action="append", default=[], metavar="K=V", help="set a variable (repeatable)"
    )
    parser.add_argument("--preset", default="", help="run only the legs of this preset")
    parser.add_argument("--agent", default="", help="runtime for the workers")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be created; change nothing")
    context.add_json(parser)


def run_run(args: Namespace) -> int:
    """Plan the formula, create its beads and dispatch them."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.formulas.formula import CONVOY
    from gastown_core.formulas.resolve import find_formula

    root = context.town()
    rig = args.rig or _rig_here(root)
    ledger = TownLedger(root)
    formula = find_formula(root, args.name or _usual(root, rig), rig=rig)
    done = (
        _convoy(root, ledger, rig, formula, args)
        if formula.type == CONVOY
        else _workflow(root, ledger, rig, formula.name, args)
    )
    if args.json:
        output.say_json(done.as_json())
    else:
        _say(done)
    return PartialError.exit_code if done.failed else 0


def _rig_here(root: str) -> str:
    import os

    from gastown_core.town.identity import caller

    rig = context.rig_of(root, os.getcwd(), context.read_rigs(root)) or caller().rig
    if not rig:
        raise UsageError(
            "no rig given", "the current folder is not in a rig", "use --rig NAME; gt rig list shows the rigs"
        )
    return rig


def _usual(root: str, rig: str) -> str:
    from gastown_core.town.settings import load_settings

    found = str(load_settings(root, "rig", rig).lenient("workflow.default_formula") or "")
    if not found:
        raise UsageError(f"rig {rig} has no default formula", "", "name a formula, or set workflow.default_formula")
    return found


def _convoy(root: str, ledger: TownLedger, rig: str, formula: Formula, args: Namespace) -> Ran:
    from gastown_core.molecules.run import run_convoy

    return run_convoy(
        root,
        _store(ledger, rig),
        formula,
        _inputs(args),
        actor=who.acting(root),
        bundle=lambda title, ids: _bundle(root, ledger, title, list(ids)),
        hand=lambda bead, agent, review_only: _hand(root, ledger, rig, bead, agent, review_only, raw=True),
        preset=args.preset,
        agent=args.agent,
        facts=_facts(root, rig, args),
        dry_run=args.dry_run,
    )


def _workflow(root: str, ledger: TownLedger, rig: str, name: str, args: Namespace) -> Ran:
    from gastown_core.formulas.resolve import load_recipe
    from gastown_core.molecules.run import run_workflow

    return run_workflow(
        _store(ledger, rig),
        load_recipe(root, name, _inputs(args), rig=rig),
        actor=who.acting(root),
        bundle=lambda title, ids: _bundle(root, ledger, title, list(ids)),
        hand=lambda bead, agent, review_only: _hand(root, ledger, rig, bead, agent, review_only, raw=False),
        agent=args.agent,
        dry_run=args.dry_run,
    )


def _store(ledger: TownLedger, rig: str) -> BeadStore:
    store = ledger.store(rig)
    if store is None:
        raise UsageError(f"rig {rig} has no ledger", ledger.missing.get(rig, ""), "gt rig list shows the rigs")
    return store


def _inputs(args: Namespace) -> dict[str, str]:
    from gastown_cli.bd_commands.formula import given_variables

    return given_variables(args.set)


def _bundle(root: str, ledger: TownLedger, title: str, ids: list[str]) -> str:
    from gastown_core.work.convoys import create_convoy

    return create_convoy(root, ledger, title, ids, owner=who.acting(root)).id


def _hand(root: str, ledger: TownLedger, rig: str, bead: str, agent: str, review_only: bool, *, raw: bool) -> str:
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.scheduler.dispatch import dispatch

    request = SlingRequest(bead, rig, agent=agent, review_only=review_only, raw=raw, convoy=False)
    return dispatch(root, ledger, bead, rig, actor=who.acting(root), request=request).error


def _facts(root: str, rig: str, args: Namespace) -> dict[str, object]:
    """Return what the formula's texts may refer to: a pull request as ``gh`` reports it, or the files given."""
    files = [name.strip() for word in args.files for name in word.split(",") if name.strip()]
    facts: dict[str, object] = (
        {"files": ", ".join(files), "changed_files": [{"path": name} for name in files]} if files else {}
    )
    if args.pr:
        facts |= _pull_request(root, rig, args.pr)
    return facts


def _pull_request(root: str, rig: str, number: str) -> dict[str, object]:
    import os

    from gastown_core import process

    if not number.isdecimal():
        raise UsageError(f"invalid pull request number {number!r}")
    folder = os.path.join(root, rig, "mayor", "rig")
    words = ["gh", "pr", "view", number, "--json", "number,title,files,headRefName"]
    done = process.run(words, cwd=folder if os.path.isdir(folder) else root, timeout_s=30.0)
    if done.code:
        raise GastownError(
            f"gh pr view {number} failed", done.err.strip()[:200], "gh auth status shows whether you are logged in"
        )
    try:
        value = decode_json(done.out)
    except ValueError as error:
        raise GastownError(f"gh pr view {number} returned invalid JSON", str(error)) from error
    changed = [
        {"path": one.get("path"), "additions": one.get("additions", 0), "deletions": one.get("deletions", 0)}
        for one in value.get("files") or ()
    ]
    title = str(value.get("title") or "")
    return {
        "pr_number": number,
        "pr_title": title,
        "changed_files": changed,
        "target_description": f"PR #{number}: {title}",
    }


def _say(done: Ran) -> None:
    for warning in done.warnings:
        output.note(f"note: {output.clean(warning)}")
    if done.dry_run:
        where = f", findings go to {output.clean(done.directory)}" if done.directory else ""
        output.say(f"would run {output.clean(done.formula)}: {len(done.parts)} beads{where}")
    else:
        output.say(f"{output.style('✓', 'green')} {output.clean(done.formula)} started as {output.clean(done.convoy)}")
    rows = []
    for part in done.parts:
        mark = output.style("✗", "red") if part.error else output.style("✓", "green") if part.started else "·"
        tail = part.error or ("dispatched" if part.started else "" if done.dry_run else "waits")
        title = " ".join(output.clean(part.title).split())
        rows.append(
            [
                f"{mark} {output.clean(part.name)}",
                output.clean(part.bead),
                output.shorten(title, 60),
                output.clean(tail),
            ]
        )
    output.say(output.table(rows))
    if not done.dry_run:
        output.say(output.style(f"gt convoy show {done.convoy} shows its progress", "dim"))
