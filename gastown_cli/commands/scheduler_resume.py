"""``gt scheduler resume``: give out queued slings again."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt scheduler resume``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Resume; a scheduler that was not paused is fine."""
    from gastown_core.work.scheduler.scheduler import resume

    root = context.town()
    changed = resume(root, actor=who.acting(root))
    if args.json:
        output.say_json({"paused": False, "changed": changed})
    else:
        output.say(f"{output.style('▶', 'green')} the scheduler goes on" if changed else "it was not paused")
    return 0
