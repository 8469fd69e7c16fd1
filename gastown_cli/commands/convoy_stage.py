"""``gt convoy stage``: what a convoy would look like, in waves, before anything is slung."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.convoy.launching import Launched, Staged


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy stage``."""
    parser.add_argument("what", nargs="+", help="an epic, tasks, or a staged convoy")
    parser.add_argument("--title", default="", help="name of the convoy")
    parser.add_argument("--launch", action="store_true", help="launch it if nothing is odd")
    parser.add_argument("-f", "--force", action="store_true", help="with --launch: despite warnings")
    parser.add_argument("--no-validate", action="store_true", help="accepted; staging adds no work of its own")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Stage it; 1 if it has errors, then no convoy is made."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.launching import launch, stage

    root = context.town()
    ledger = TownLedger(root)
    me = who.acting(root)
    staged = stage(root, ledger, args.what, actor=me, title=args.title)
    launched = None
    if args.launch and staged.convoy and (args.force or not staged.plan.warnings):
        launched = launch(root, ledger, staged.convoy, actor=me, force=args.force)
    if args.json:
        output.say_json({**staged.as_json(), "launched": launched.as_json() if launched is not None else None})
    else:
        output.say("\n".join(lines_of(staged, launched)))
    if staged.plan.errors:
        return 1
    if args.launch and launched is None:
        return 3
    return 3 if launched is not None and any(not one.ok for one in launched.started) else 0


def lines_of(staged: Staged, launched: Launched | None) -> list[str]:
    """The plan, and what came of it."""
    from gastown_cli.convoy_text import plan_lines

    plan = staged.plan
    lines = plan_lines(plan)
    if plan.errors:
        return [*lines, f"nothing was staged: {output.clean(staged.title)} has errors"]
    word = "staged again" if staged.restaged else "staged"
    name = f"{output.style(staged.convoy, 'bold')} {output.clean(staged.title)}"
    if launched is None:
        lines.append(f"{output.style('✓', 'green')} {name} is {word}")
        force = " --force" if plan.warnings else ""
        lines.append(f"  next: gt convoy launch {staged.convoy}{force}")
        return lines
    return [*lines, *launched_lines(launched)]


def launched_lines(launched: Launched) -> list[str]:
    """What was started, and what waits."""
    from gastown_cli.convoy_text import dispatch_lines

    lines = [f"{output.style('🚀', 'bold')} {launched.convoy} {output.clean(launched.title)} is launched"]
    lines += dispatch_lines(launched.started)
    if launched.waiting:
        lines.append(f"  {launched.waiting} more ready, waiting for room: gt scheduler explain tells in which order")
    elif not launched.started:
        lines.append(f"  nothing is ready to start: gt convoy show {launched.convoy} tells why")
    return lines
