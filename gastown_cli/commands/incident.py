"""``gt incident``: causes that make agents suffer, and one act for all of them."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.patrols.joint_act import Outcome
    from gastown_core.patrols.memory import Incident

ACTS = ("nudge", "restart", "stop", "answer")


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt incident list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List open incidents with who suffers and what helps."""
    from gastown_core.patrols.joint_act import helps
    from gastown_core.patrols.memory import read_memory

    root, now = context.town(), SYSTEM_CLOCK.now()
    found = sorted(read_memory(root, now).open.values(), key=lambda one: one.since)
    if args.json:
        output.say_json([_as_json(one) for one in found])
        return 0
    if not found:
        output.say("no open incident")
    for one in found:
        held = output.style("  held", "yellow") if one.escalated else ""
        age = format_ago(now - one.since)
        output.say(f"{output.style('⚠', 'yellow')} {one.name}  {one.kind}: {output.clean(one.cause)}  ({age}){held}")
        output.say(f"    {len(one.subjects)}: {output.clean(', '.join(one.subjects))}")
        agents = [name for name in one.subjects if "/" in name or name in ("mayor", "deacon")]
        if agents:
            acts = "|".join(helps(one))
            output.say(output.style(f"    next: gt incident act {one.name} {acts}", "dim"))
    return 0


def _as_json(one: Incident) -> dict[str, Any]:
    from gastown_core.patrols.joint_act import helps

    told = {"name": one.name, **one._asdict(), "since": format_seconds(one.since)}
    return {**told, "subjects": list(one.subjects), "acts": list(helps(one))}


def act_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt incident act``."""
    parser.add_argument("name", help="the incident, as gt incident list names it; one that is over too")
    parser.add_argument("act", choices=ACTS, help="what to do for all of its agents")
    parser.add_argument("--choice", default="", metavar="N", help="answer: the number of the choice")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show for whom; do nothing")
    context.add_json(parser)


def run_act(args: Namespace) -> int:
    """Do one thing for all agents of an incident; exit code 3 if it failed for some, 1 for all."""
    from gastown_core.patrols.joint_act import act_for_all, find_incident

    if (args.act == "answer") != bool(args.choice):
        raise UsageError("answer needs --choice, and nothing else does", "", "gt incident act NAME answer --choice 1")
    root = context.town()
    found = find_incident(root, args.name, SYSTEM_CLOCK.now())
    if args.dry_run:
        names = list(found.subjects)
        output.say_json(names) if args.json else output.say(f"would {args.act} {output.clean(', '.join(names))}")
        return 0

    def tell(one: Outcome) -> None:
        if not args.json:
            mark = output.style("✓", "green") if one.ok else output.style("✗", "red")
            saved = f"; saved as {one.saved}" if one.saved else ""
            output.say(f"{mark} {output.clean(one.subject)}: {output.clean(one.words)}{saved}")

    done = act_for_all(root, found, args.act, tell, choice=args.choice, actor=who.acting(root))
    if args.json:
        output.say_json([one._asdict() for one in done])
    failed = sum(not one.ok for one in done)
    return 0 if not failed else 1 if failed == len(done) else 3
