"""``gt scheduler run``: one dispatch cycle by hand."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler run``."""
    parser.add_argument("--batch", type=int, default=None, metavar="N", help="at most N (scheduler.batch_size)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only show what would be given out")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Give out what there is room for; 3 if some of it failed."""
    from gastown_cli.convoy_text import dispatch_lines
    from gastown_core.work.scheduler.scheduler import cycle

    if args.batch is not None and args.batch < 1:
        raise UsageError("--batch must be at least 1")
    done = cycle(context.town(), batch=args.batch, dry_run=args.dry_run)
    if args.json:
        output.say_json(done.as_json())
        return 3 if done.failed else 0
    for bead, reason in done.cleaned:
        output.say(f"  {'would take' if args.dry_run else 'took'} {bead or 'an order'} out of the queue: {reason}")
    for bead, rig in done.would:
        output.say(f"  would give {bead} to {rig}")
    for line in dispatch_lines((*done.dispatched, *done.failed)):
        output.say(line)
    count = len(done.would) if args.dry_run else len(done.dispatched)
    output.say(f"{count} {'would be ' if args.dry_run else ''}given out: {done.why}")
    return 3 if done.failed else 0
