"""``gt mq next``: which request is merged next."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.commands.mq_list import holds_of, row_of
from gastown_cli.which_rig import add_rig, which_rig
from gastown_core.clock import SYSTEM_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq next``."""
    add_rig(parser)
    parser.add_argument("--strategy", default="priority", choices=("priority", "fifo"), help="by score, or the oldest")
    parser.add_argument("-q", "--quiet", action="store_true", help="print its id only")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it; exit code 1 if none is ready."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy, level_of
    from gastown_core.refinery.queue import pending

    root = context.town()
    rig = which_rig(root, args.rig)
    now = SYSTEM_CLOCK.now()
    ready = pending(root, TownLedger(root), rig, now)
    holds = holds_of(Refinery(root, rig, policy=Policy()), {one.target for one in ready})
    ready = [one for one in ready if one.target not in holds]
    best = min(ready, key=lambda one: (one.created_at, one.id), default=None) if args.strategy == "fifo" else None
    found = best or (ready[0] if ready else None)
    if args.json:
        output.say_json(row_of(found, "ready", "", now, level_of(root, rig)) if found is not None else None)
    elif found is None:
        if not args.quiet:
            output.say(f"nothing is ready in the merge queue of {rig}")
            for target, why in sorted(holds.items()):
                output.say(f"{output.clean(target)} is held: {output.clean(why)}")
    elif args.quiet:
        output.say(found.id)
    else:
        output.say(f"{found.id}  {output.clean(found.branch)} → {output.clean(found.target)}  ({found.source_issue})")
    return 0 if found is not None else 1
