"""``gt mq integration``: manage the branch that collects an epic's work and lands as a whole."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.context import which_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.refinery.place import Refinery

ACTIONS = ("create", "status", "land")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq integration``."""
    parser.add_argument("action", choices=ACTIONS, metavar="create|status|land")
    parser.add_argument("epic", help="id of the epic")
    parser.add_argument("--rig", default="", help="rig (default: the one of the epic's prefix)")
    parser.add_argument("--branch", default="", help="create: name of the branch (default: from the rig's template)")
    parser.add_argument(
        "--base-branch", default="", help="create: branch it starts from and lands on (default: the rig's)"
    )
    parser.add_argument(
        "--force", action="store_true", help="create: even if another exists; land: even if work is open"
    )
    parser.add_argument("--skip-tests", action="store_true", help="land: skip the gates")
    parser.add_argument("-n", "--dry-run", action="store_true", help="land: show what would happen; change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Create, inspect or land an epic's integration branch."""
    from gastown_core.refinery.place import Refinery

    root = context.town()
    rigs = {prefix: name for name, prefix in context.read_rigs(root).items()}
    rig = args.rig or rigs.get(args.epic.partition("-")[0], "") or which_rig(root)
    place = Refinery(root, which_rig(root, rig))
    if args.action == "create":
        return _create(place, args)
    return _status(place, args) if args.action == "status" else _land(place, args)


def _create(place: Refinery, args: Namespace) -> int:
    from gastown_core.refinery.integration import create

    actor = who.acting(place.root)
    branch, base = create(place, args.epic, actor=actor, branch=args.branch, base=args.base_branch, force=args.force)
    if args.json:
        output.say_json({"epic": args.epic, "branch": branch, "base_branch": base})
    else:
        output.say(f"{output.style('✓', 'green')} created {output.clean(branch)} on origin, from {output.clean(base)}")
    return 0


def _status(place: Refinery, args: Namespace) -> int:
    from gastown_core.refinery.integration import status

    found = status(place, args.epic)
    if args.json:
        output.say_json(found.as_json())
        return 0
    output.say(output.style(f"{output.clean(found.branch)} → {output.clean(found.base)}", "bold"))
    output.say(f"  {found.ahead} commits ahead, {found.children_closed} of {found.children} children closed")
    output.say(f"  {len(found.merged)} requests merged, {len(found.pending)} pending")
    output.say(f"  {'ready to land: gt mq integration land ' + found.epic if not found.lacks else found.lacks}")
    return 0


def _land(place: Refinery, args: Namespace) -> int:
    from gastown_core.refinery.integration import land

    how = {"force": args.force, "skip_tests": args.skip_tests, "dry_run": args.dry_run}
    found, commit = land(place, args.epic, actor=who.acting(place.root), **how)
    if args.json:
        output.say_json({**found.as_json(), "landed": bool(commit), "commit": commit, "dry_run": args.dry_run})
    elif args.dry_run:
        output.say(f"would land {output.clean(found.branch)} ({found.ahead} commits) on {output.clean(found.base)}")
    elif commit:
        said = f"{output.clean(found.branch)} landed on {output.clean(found.base)} as {commit[:8]}"
        output.say(f"{output.style('✓', 'green')} {said}; closed {args.epic}")
    else:
        output.say(f"{args.epic} has already landed")
    return 0
