"""``gt estop`` and ``gt thaw``: stop a town or a rig at once, and let it go on."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_span
from gastown_core.errors import PartialError, TownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.messaging.standstill import Halted


def estop_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt estop``."""
    parser.add_argument("-r", "--reason", default="", help="why, for everyone who finds the town stopped")
    parser.add_argument("--rig", default="", help="stop only this rig")
    context.add_json(parser)


def run_estop(args: Namespace) -> int:
    """Stop the town or a rig: nothing starts, tools stand still, turns are interrupted; the mayor goes on."""
    from gastown_core.messaging.standstill import halt
    from gastown_core.town import estop

    root = context.town()
    rig = context.check_rig(root, args.rig)
    done = halt(root, rig, reason=args.reason, actor=who.acting(root))
    stop = estop.read(root, rig)
    if args.json:
        output.say_json({"rig": rig, "stopped": True, **_told(done)})
    elif stop is not None:
        words = output.clean(stop.words(SYSTEM_CLOCK.now()))
        output.say(words if not done.changed else f"{output.style('■', 'red')} {words}")
        output.say(
            f"  {done.processes} processes stand still, {len(done.interrupted)} turns interrupted; nothing starts"
        )
        if done.changed:
            output.note("note: the agents' programs themselves stay up; a text that a model is writing may still end")
        output.note(f"note: {stop.command} ends it")
    return _say_failed(done)


def thaw_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt thaw``."""
    parser.add_argument("--rig", default="", help="end the stop of this rig")
    context.add_json(parser)


def run_thaw(args: Namespace) -> int:
    """End an emergency stop: what stood still continues, and interrupted agents are told to go on."""
    from gastown_core.messaging.standstill import thaw
    from gastown_core.town import estop
    from gastown_core.town.identity import HUMAN, caller

    root = context.town()
    rig = context.check_rig(root, args.rig)
    stop = estop.read(root, rig)
    if stop is not None and caller().role != HUMAN.role:
        raise TownError("an agent does not end an emergency stop", "a person declared it", "ask the overseer")
    done = thaw(root, rig, actor=who.acting(root))
    took = format_span(SYSTEM_CLOCK.now() - stop.at) if stop is not None and stop.at else ""
    if args.json:
        output.say_json({"rig": rig, "thawed": done.changed, **_told(done)})
    elif stop is None:
        output.say(f"{f'rig {rig}' if rig else 'the town'} is under no emergency stop")
    else:
        after = f" after {took}" if took else ""
        output.say(
            f"{output.style('✓', 'green')} {stop.whose} goes on{after}: {done.processes} processes continued,"
            f" {len(done.interrupted)} agents told to go on"
        )
    for other in (estop.read(root) if rig else None,):
        if other is not None:
            output.note(f"note: {output.clean(other.words(SYSTEM_CLOCK.now()))}; {other.command} ends it")
    return _say_failed(done)


def _told(done: Halted) -> dict[str, object]:
    return {
        "changed": done.changed,
        "processes": done.processes,
        "interrupted": list(done.interrupted),
        "failed": list(done.failed),
    }


def _say_failed(done: Halted) -> int:
    for words in done.failed:
        output.note(f"gt: {output.clean(words)}")
    return PartialError.exit_code if done.failed else 0
