"""``gt maintain``: the town's chores, done now. The daemon does them by itself (``gt patrol list``: dogs)."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAMES = ("backup", "git")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt maintain``."""
    parser.add_argument("chores", nargs="*", metavar="|".join(NAMES), help="what to do (default: all)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be done; change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Do the chores, and say what was done; exit code 3 if something could not be done."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import UsageError
    from gastown_core.town.chores import BACKUP, back_up, tend_git

    unknown = [name for name in args.chores if name not in NAMES]
    if unknown:
        raise UsageError(f"there is no chore {unknown[0]}", "", f"one of {', '.join(NAMES)}")
    root, now = context.town(), SYSTEM_CLOCK.now()
    told: dict[str, dict[str, list[str]]] = {}
    for name in args.chores or NAMES:
        done = (
            back_up(root, TownLedger(root), now, dry_run=args.dry_run)
            if name == BACKUP
            else tend_git(root, now, dry_run=args.dry_run)
        )
        told[name] = {"done": list(done.lines), "warnings": list(done.warnings)}
    if args.json:
        output.say_json(told)
    else:
        for name, one in told.items():
            for line in one["done"] or ["nothing to do"]:
                output.say(f"{name}: {output.clean(line)}")
            for line in one["warnings"]:
                output.note(output.style(f"{name}: {output.clean(line)}", "yellow"))
    return 3 if any(one["warnings"] for one in told.values()) else 0
