"""``gt formula run``: a convoy or workflow formula, set going in a rig."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import GastownError, PartialError, UsageError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.run import Ran


def add_arguments(parser: ArgumentParser) -> None:
    """What to run, on what."""
    parser.add_argument("name", nargs="?", default="", help="the formula (default: the rig's)")
    parser.add_argument("--rig", default="", help="in this rig (default: the one you stand in)")
    parser.add_argument("--pr", default="", metavar="N", help="about this pull request")
    parser.add_argument(
        "--files", action="append", default=[], metavar="F", help="about these files, with commas or repeated"
    )
    parser.add_argument("--set", "--var", action="append", default=[], metavar="K=V", help="an input (again for more)")
    parser.add_argument("--preset", default="", help="only the legs of this preset")
    parser.add_argument("--agent", default="", help="runtime of the workers")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be made, write nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Plan it, make it, hand it out."""
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
        raise UsageError("which rig?", "this folder is in none", "--rig NAME; gt rig list shows them")
    return rig


def _usual(root: str, rig: str) -> str:
    from gastown_core.town.settings import load_settings

    found = str(load_settings(root, "rig", rig).lenient("workflow.default_formula") or "")
    if not found:
        raise UsageError(f"{rig} has no usual formula", "", "name one, or set workflow.default_formula")
    return found


def _convoy(root: str, ledger: TownLedger, rig: str, formula: Any, args: Namespace) -> Ran:
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


def _store(ledger: TownLedger, rig: str) -> Any:
    store = ledger.store(rig)
    if store is None:
        raise UsageError(f"rig {rig} has no ledger", ledger.missing.get(rig, ""), "gt rig list shows the rigs")
    return store


def _inputs(args: Namespace) -> dict[str, str]:
    from gastown_cli.bd_commands.formula_place import given_variables

    return given_variables(args.set)


def _bundle(root: str, ledger: TownLedger, title: str, ids: list[str]) -> str:
    from gastown_core.work.convoy.convoys import create_convoy

    return create_convoy(root, ledger, title, ids, owner=who.acting(root)).id


def _hand(root: str, ledger: TownLedger, rig: str, bead: str, agent: str, review_only: bool, *, raw: bool) -> str:
    from gastown_core.work.scheduler.dispatch import dispatch
    from gastown_core.work.sling.request import SlingRequest

    request = SlingRequest(bead, rig, agent=agent, review_only=review_only, raw=raw, convoy=False)
    return dispatch(root, ledger, bead, rig, actor=who.acting(root), request=request).error


def _facts(root: str, rig: str, args: Namespace) -> dict[str, Any]:
    """What the texts may speak of: the pull request as ``gh`` tells it, or the files that were named."""
    files = [name.strip() for word in args.files for name in word.split(",") if name.strip()]
    facts: dict[str, Any] = (
        {"files": ", ".join(files), "changed_files": [{"path": name} for name in files]} if files else {}
    )
    if args.pr:
        facts |= _pull_request(root, rig, args.pr)
    return facts


def _pull_request(root: str, rig: str, number: str) -> dict[str, Any]:
    import os

    from gastown_core import process

    if not number.isdecimal():
        raise UsageError(f"{number!r} is no number of a pull request")
    folder = os.path.join(root, rig, "mayor", "rig")
    words = ["gh", "pr", "view", number, "--json", "number,title,files,headRefName"]
    done = process.run(words, cwd=folder if os.path.isdir(folder) else root, timeout_s=30.0)
    if done.code:
        raise GastownError(f"gh pr view {number} failed", done.err.strip()[:200], "gh auth status may tell more")
    try:
        value = decode_json(done.out)
    except ValueError as error:
        raise GastownError(f"gh pr view {number} gave no JSON", str(error)) from error
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
        where = f", findings in {output.clean(done.directory)}" if done.directory else ""
        output.say(f"would run {output.clean(done.formula)}: {len(done.parts)} beads{where}")
    else:
        output.say(f"{output.style('✓', 'green')} {output.clean(done.formula)} runs as {output.clean(done.convoy)}")
    rows = []
    for part in done.parts:
        mark = output.style("✗", "red") if part.error else output.style("✓", "green") if part.started else "·"
        tail = part.error or ("given out" if part.started else "" if done.dry_run else "waits")
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
        output.say(output.style(f"gt convoy show {done.convoy} shows how far it is", "dim"))
