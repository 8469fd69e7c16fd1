"""``gt incident``: causes that make agents suffer, and one act for all of them."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds
from gastown_core.errors import DeliveryError, UsageError
from gastown_core.town.deacon_pause import read_pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.model.incident import Incident
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.patrols.joint_act import Outcome

ACTS = ("nudge", "restart", "stop", "answer")


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt incident list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List open incidents with who suffers and what helps."""
    from gastown_core.state.collect import collect

    root, now = context.town(), SYSTEM_CLOCK.now()
    town = collect(root)
    found = _open_now(root, now, town)
    if args.json:
        output.say_json([_as_json(one, town) for one in found])
        return 0
    if not found:
        output.say("no open incident")
    if found and not town.daemon.is_at_work:
        words = f"{town.daemon.words(now)}; until it runs again, nobody sees whether these are over"
        output.say(output.style(output.clean(words), "yellow"))
    pause = read_pause(root)
    if pause is not None:
        words = f"the deacon is {pause.words()}; until then it opens and closes no incident"
        output.say(output.style(output.clean(words), "yellow"))
    for one in found:
        held = output.style("  held", "yellow") if one.escalated else ""
        age = format_ago(now - one.since)
        output.say(f"{output.style('⚠', 'yellow')} {one.name}  {one.kind}: {output.clean(one.cause)}  ({age}){held}")
        output.say(f"    {len(one.subjects)}: {output.clean(', '.join(one.subjects))}")
        agents = [name for name in one.subjects if "/" in name or name in ("mayor", "deacon")]
        if agents:
            output.say(output.style(f"    next: {one.advice(town.helps_against(one))}", "dim"))
    return 0


def _open_now(root: str, now: float, town: TownSnapshot) -> list[Incident]:
    """Return the incidents that the patrols keep open, and shared causes that show now and no patrol has seen yet."""
    from gastown_core.patrols.memory import read_memory

    known = dict(read_memory(root, now).open)
    for one in town.incidents:
        known.setdefault(one.key, one)
    return sorted(known.values(), key=lambda one: one.since)


def _as_json(one: Incident, town: TownSnapshot) -> dict[str, Any]:
    told = {"name": one.name, **one._asdict(), "since": format_seconds(one.since)}
    return {**told, "subjects": list(one.subjects), "acts": list(town.helps_against(one))}


def act_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt incident act``."""
    parser.add_argument("name", help="the incident, as gt incident list names it; one that is over too")
    parser.add_argument("act", choices=ACTS, help="what to do for all of its agents")
    parser.add_argument("--choice", default="", metavar="N", help="answer: the number of the choice")
    parser.add_argument("--choices", action="store_true", help="answer: list the choices as ID:NUMBER with their words")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show for whom; do nothing")
    context.add_json(parser)
    add_receipts(parser)


def run_act(args: Namespace) -> int:
    """Do one thing for all agents of an incident; exit code 3 if it failed for some, 1 for all."""
    from gastown_core.patrols.joint_act import find_incident

    root = context.town()
    if args.choices:
        return _choices(root, args.name)
    if (args.act == "answer") != bool(args.choice):
        raise UsageError("answer needs --choice, and nothing else does", "", "gt incident act NAME answer --choice 1")
    found = find_incident(root, args.name, SYSTEM_CLOCK.now())
    if args.dry_run:
        names = list(found.subjects)
        output.say_json(names) if args.json else output.say(f"would {args.act} {output.clean(', '.join(names))}")
        return 0
    return _act(root, found, args)


def _act(root: str, found: Incident, args: Namespace) -> int:
    from gastown_core.model.order import Receipt
    from gastown_core.patrols.joint_act import act_for_all

    kind = f"incident.{args.act}"

    def tell(one: Outcome) -> None:
        saved = f"; saved as {one.saved}" if one.saved else ""
        if args.receipts:
            word = "done" if one.ok else "failed"
            stage = Receipt(kind, found.name, f"{one.subject} {word}", f"{one.subject}: {one.words}{saved}", ok=one.ok)
            output.say_json_line(stage.as_json())
        elif not args.json:
            mark = output.style("✓", "green") if one.ok else output.style("✗", "red")
            output.say(f"{mark} {output.clean(one.subject)}: {output.clean(one.words)}{saved}")

    done = act_for_all(root, found, args.act, tell, choice=args.choice, actor=who.acting(root))
    if args.json and not args.receipts:
        output.say_json([one._asdict() for one in done])
    lost = [one for one in done if not one.ok]
    if args.receipts:
        words = f"{args.act} of {len(done) - len(lost)} of {len(done)} done"
        words += f"; {lost[0].subject}: {lost[0].words}" if lost else ""
        end = Receipt(kind, found.name, "failed" if lost else "done", words, ok=not lost, final=True)
        output.say_json_line(end.as_json())
    return 0 if not lost else 1 if len(lost) == len(done) else 3


def _choices(root: str, name: str) -> int:
    """List the choices of the question that all of its agents ask."""
    from gastown_core.state.collect import collect

    town = collect(root)
    found = town.incident(name)
    asked = town.question_of(found) if found is not None else None
    if asked is None:
        raise DeliveryError(
            f"{name} cannot be answered as one", "its agents do not ask literally the same now", "gt inbox"
        )
    about = asked.text or asked.words
    output.say_json(
        [
            {"number": f"{asked.id}:{place}", "what": option, "at": 0.0, "about": about}
            for place, option in enumerate(asked.options, 1)
        ]
    )
    return 0
