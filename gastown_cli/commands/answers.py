"""``gt answers``: standing answers: list them, make one from an agent's question, try it on past questions, revoke it."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds, format_span, parse_duration
from gastown_core.errors import DeliveryError, NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.messaging.standing_answers import Past, Rule

LONGEST_S = 30 * 86400.0
MOST_SHOWN = 10


def _rules(root: str) -> list[Rule]:
    """Return the rules of the town and of every rig. Raises SettingsError."""
    from gastown_core.messaging.standing_answers import rules_of

    found = rules_of(root)
    for rig in context.read_rigs(root):
        found += [rule for rule in rules_of(root, rig) if rule.rig]
    return found


def _json(rule: Rule, now: float) -> dict[str, object]:
    told: dict[str, object] = rule._asdict()
    return {**told, "until": format_seconds(rule.until) if rule.until else "", "ended": rule.has_ended(now)}


def _say(rule: Rule, now: float) -> None:
    left = "no end" if not rule.until else "ended" if rule.has_ended(now) else f"{format_span(rule.until - now)} left"
    where = f"rig {rule.rig}" if rule.rig else "the town"
    output.say(output.clean(f"{rule.name}  {rule.runtime} {rule.kind}  in {where}  {left}  answers: {rule.answer}"))
    output.say(output.style(output.clean(f"    {rule.question}"), "dim"))


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt answers list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the standing answers of the town and its rigs, with the time they have left."""
    now = SYSTEM_CLOCK.now()
    rules = _rules(context.town())
    if args.json:
        output.say_json([_json(rule, now) for rule in rules])
        return 0
    for rule in rules:
        _say(rule, now)
    if not rules:
        output.note("note: no standing answers; gt answers add AGENT NUMBER makes one from its question")
    return 0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt answers add``."""
    parser.add_argument("agent", help="agent that asks")
    parser.add_argument("choice", help="number of the choice to take (ID:NUMBER: only if it still asks this)")
    parser.add_argument(
        "--any", action="append", default=[], metavar="WORD", help="let this word of the question be any plain word"
    )
    parser.add_argument(
        "--for", dest="span", default="1h", metavar="SPAN", help="for how long (default 1h, 30d at most)"
    )
    parser.add_argument("--town", action="store_true", help="for all rigs (default: the agent's)")
    parser.add_argument("--name", default="", help="its name (default: made from the agent's)")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show it and the past questions it fits; add nothing"
    )
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Make a standing answer from the question on an agent's screen, and show what it would have answered."""
    from gastown_core.messaging.answer import asked_of, check_person, parted
    from gastown_core.messaging.standing_answers import add_rule, past_prompts, rule_for

    span = parse_duration(args.span)
    if not span or span > LONGEST_S:
        raise UsageError(f"--for {args.span} is not possible", "a standing answer ends", "use 10m, 1h … up to 30d")
    root, now = context.town(), SYSTEM_CLOCK.now()
    entry = who.find(root, args.agent)[1]
    check_person()
    asked = asked_of(root, entry)
    expect, choice = parted(args.choice)
    if expect and asked.is_question and asked.id != expect:
        raise DeliveryError("the question has changed", f"it asks: {asked.reading.detail}", "read it again")
    rig = "" if args.town else entry.address.rig
    name = args.name or f"{entry.address.label}-{asked.id[:6]}"
    rule = rule_for(asked, choice, name, rig=rig, any_words=args.any, until=now + span)
    past = past_prompts(root, rule, now - LONGEST_S)
    if not args.dry_run:
        add_rule(root, rule, actor=who.acting(root), clock=SYSTEM_CLOCK)
    if args.json:
        output.say_json({**_json(rule, now), "added": not args.dry_run, "past": [one._asdict() for one in past]})
        return 0
    _say(rule, now)
    _say_past(past, now)
    if not args.dry_run:
        output.say(f"{output.style('✓', 'green')} added; gt answers revoke {output.clean(name)} ends it")
    return 0


def _say_past(past: list[Past], now: float) -> None:
    many = len(past)
    output.say(f"It would have answered {many} past question{'' if many == 1 else 's'}{':' if many else '.'}")
    for one in past[:MOST_SHOWN]:
        age = format_age(max(0.0, now - one.at))
        output.say(output.clean(f"  {age} ago  {one.agent}  {one.question}  answered: {one.answer}"))
    if many > MOST_SHOWN:
        output.say(f"  and {many - MOST_SHOWN} more")


def revoke_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt answers revoke``."""
    parser.add_argument("name", help="name of the standing answer")


def run_revoke(args: Namespace) -> int:
    """Remove a standing answer from the settings."""
    from gastown_core.messaging.answer import check_person
    from gastown_core.messaging.standing_answers import revoke_rule

    root = context.town()
    check_person()
    gone = revoke_rule(root, args.name, context.read_rigs(root), actor=who.acting(root), clock=SYSTEM_CLOCK)
    output.say(output.clean(f"revoked {args.name} of {', '.join(rig or 'the town' for rig in gone)}"))
    return 0


def test_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt answers test``."""
    parser.add_argument("name", help="name of the standing answer")
    parser.add_argument("--since", default="30d", metavar="WHEN", help="how far back: a span or a date (default 30d)")
    context.add_json(parser)


def run_test(args: Namespace) -> int:
    """Show the answered questions of the log that a standing answer fits."""
    from gastown_core.messaging.standing_answers import past_prompts

    root, now = context.town(), SYSTEM_CLOCK.now()
    since = context.moment_of(args.since)
    rules = [rule for rule in _rules(root) if rule.name == args.name]
    if not rules:
        raise NotFoundError(f"there is no standing answer {args.name}", "", "gt answers list shows them")
    past = [one for rule in rules for one in past_prompts(root, rule, since)]
    if args.json:
        output.say_json([one._asdict() for one in past])
        return 0
    _say_past(past, now)
    return 0
