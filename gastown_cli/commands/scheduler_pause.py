"""``gt scheduler pause``: give nothing out for now."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler pause``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Pause; twice is once."""
    from gastown_core.work.scheduler.scheduler import pause, read_state

    root = context.town()
    changed = pause(root, actor=who.acting(root))
    state = read_state(root)
    if args.json:
        output.say_json({"paused": True, "changed": changed, "paused_by": state.paused_by})
    elif changed:
        output.say(f"{output.style('⏸', 'yellow')} the scheduler is paused; what runs goes on, nothing new starts")
    else:
        output.say(f"it was paused before, by {output.clean(state.paused_by or 'somebody')}")
    return 0
