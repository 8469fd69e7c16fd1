"""``gt answer``: show what an agent asks, or answer it with one of its choices."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.errors import DeliveryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.messaging.answer import Asked
    from gastown_core.town.inventory import RosterEntry


def answer_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt answer``."""
    parser.add_argument("agent", help="agent that asks")
    parser.add_argument("choice", nargs="?", default="", help="number of the choice, or its words (default: show them)")
    parser.add_argument(
        "--words", default="", metavar="TEXT", help="words of your own: why not, or an answer that no choice gives"
    )
    parser.add_argument("--expect", default="", metavar="ID", help="refuse if the question is no longer this one")
    parser.add_argument("--choices", action="store_true", help="list the choices as ID:NUMBER, each with its words")
    context.add_json(parser)
    add_receipts(parser)


def run_answer(args: Namespace) -> int:
    """Show the question on an agent's screen, or answer it with one of its choices and words of one's own."""
    from gastown_core.messaging.answer import answer, asked_of, check_person, parted

    root = context.town()
    entry = who.find(root, args.agent)[1]
    if not args.choice and not args.words:
        return _show(entry, asked_of(root, entry), args)
    check_person()
    seen, choice = parted(args.choice)
    expect = seen or args.expect
    code, last = follow(
        lambda: answer(root, entry, choice, sender=who.acting(root), expect=expect, words=args.words),
        as_lines=args.receipts,
        quiet=args.json,
    )
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code


def _show(entry: RosterEntry, asked: Asked, args: Namespace) -> int:
    if args.choices:
        if asked.obstacle:
            raise DeliveryError(f"{entry.address.short} cannot be answered from here", asked.obstacle, _attach(entry))
        output.say_json(_choices_as_json(asked))
    elif args.json:
        output.say_json(_as_json(entry, asked))
    elif asked.obstacle:
        output.say(f"{output.clean(entry.address.short)}: {output.clean(asked.obstacle)}")
        if asked.reading.detail:
            output.say(output.clean(f"  {asked.reading.detail}"))
        output.note(f"note: {_attach(entry)} opens its session")
    else:
        _say_question(entry, asked)
    return 0


def _choices_as_json(asked: Asked) -> list[dict[str, object]]:
    reading = asked.reading
    return [
        {"number": f"{asked.id}:{place}", "what": option, "at": 0.0, "about": reading.text or reading.detail}
        for place, option in enumerate(reading.options, 1)
    ]


def _as_json(entry: RosterEntry, asked: Asked) -> dict[str, object]:
    reading = asked.reading
    return {
        "agent": entry.address.path,
        "kind": reading.kind,
        "question": reading.detail,
        "text": reading.text,
        "id": asked.id if asked.is_question else "",
        "options": list(reading.options),
        "cursor": reading.cursor + 1,
        "can_answer": not asked.obstacle,
        "why_not": asked.obstacle,
    }


def _say_question(entry: RosterEntry, asked: Asked) -> None:
    from gastown_core.model.choice import bare_option

    reading = asked.reading
    output.say(f"{output.style(output.clean(entry.address.short), 'bold')} asks: {output.clean(reading.detail)}")
    for row in reading.text.split("\n") if reading.text else ():
        output.say(output.clean(f"  │ {row}"))
    for place, option in enumerate(reading.options):
        mark = "❯" if place == reading.cursor else " "
        output.say(f"  {mark} {place + 1}  {output.clean(bare_option(option))}")
    output.note(f"note: gt answer {entry.address.short} NUMBER --expect {asked.id}; --words TEXT says why, or more")


def _attach(entry: RosterEntry) -> str:
    return f"gt attach {entry.address.short}"
