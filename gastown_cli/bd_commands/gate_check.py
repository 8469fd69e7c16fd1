"""``bd gate check``: open the gates whose time has come."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.molecules.gates import Check


def add_arguments(parser: ArgumentParser) -> None:
    """Which ones."""
    parser.add_argument(
        "-t",
        "--type",
        default="all",
        choices=("gh", "gh:run", "gh:pr", "timer", "bead", "mail", "condition", "all"),
        help="kind",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="judge, change nothing")
    parser.add_argument("-e", "--escalate", action="store_true", help="raise those that will never open by themselves")
    parser.add_argument(
        "-l", "--limit", type=int, default=100, metavar="N", help="at most so many a store (default 100)"
    )
    add_globals(parser)


def run(args: Namespace) -> int:
    """Check every gate of the town, or of this store where there is no town."""
    from gastown_core.molecules.gates import check

    space = Workspace(args)
    stores = list(space.ledger.stores().values()) if space.ledger is not None else [space.store]
    done = check(
        space.ledger,
        stores,
        actor=space.actor,
        kinds=args.type,
        limit=args.limit,
        dry_run=args.dry_run,
        folder=space.place,
    )
    raised = _escalate(space, done) if args.escalate and not args.dry_run else 0
    if space.as_json:
        say_object(done.as_json(escalated=raised, dry_run=args.dry_run))
        return 0
    word = "would open" if args.dry_run else "opened"
    for gate, why in done.resolved:
        say(f"{style('✓', 'green')} {word} {clean(gate)}: {clean(why)}")
    for gate, why in done.failed:
        say(f"{style('✗', 'red')} {clean(gate)}: {clean(why)}")
    for gate, why in done.errors:
        say(f"{style('?', 'yellow')} {clean(gate)} cannot be judged: {clean(why)}")
    shut = done.checked - len(done.resolved) - len(done.failed) - len(done.errors)
    say(
        f"{done.checked} checked, {len(done.resolved)} {word}, {shut} still shut"
        + (f", {raised} escalated" if raised else "")
    )
    return 0


def _escalate(space: Workspace, done: Check) -> int:
    from gastown_core.messaging.escalate import escalate

    if space.ledger is None:
        return 0
    for gate, why in done.failed:
        escalate(
            space.root,
            space.ledger,
            "high",
            f"Gate {gate} will not open by itself",
            sender=space.actor,
            reason=why,
            about=gate,
            key=f"gate-{gate}",
        )
    return len(done.failed)
