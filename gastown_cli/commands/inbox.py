"""``gt inbox``: list what waits on a person, and snooze, pin or finish its rows."""

from __future__ import annotations

import time

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds, parse_duration, parse_moment
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.attention.item import Item
    from gastown_core.attention.marks import Sorted


def _collected(root: str) -> tuple[Sorted, str]:
    """Return the list as it is now, and what it means if it is empty."""
    from gastown_core.attention.count import calm_words
    from gastown_core.attention.look import attention
    from gastown_core.attention.marks import sort_rows
    from gastown_core.state.collect import collect

    town = collect(root, backlog=True)
    for source in town.sources:
        if source.error:
            # without it the list may lack rows
            output.note(f"note: {source.name}: {output.clean(source.error)}; what it tells is missing here")
    found, error = sort_rows(root, attention(town), town.taken_at)
    if error:
        output.note(f"note: {output.clean(error)}; rows that were snoozed or done are here too")
    return found, calm_words(town)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt inbox``."""
    parser.add_argument("--all", action="store_true", help="also the rows that are snoozed or done")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--count", action="store_true", help="print only how many rows wait on a person")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List what waits on a person, the most needed first."""
    from gastown_core.attention.count import count_of

    root = context.town()
    if args.rig:
        context.check_rig(root, args.rig)
    found, calm = _collected(root)
    shown = [one for one in found.shown if not args.rig or one.rig == args.rig]
    hidden = [one for one in found.hidden if not args.rig or one.rig == args.rig]
    count = count_of(shown)
    if args.json:
        told = {
            "needs_you": count.you,
            "needs_help": count.trouble,
            "to_read": count.to_read,
            "hidden": len(hidden),
        }
        rows = [*shown, *(hidden if args.all else ())]
        output.say_json(told if args.count else {**told, "items": [one.as_json() for one in rows]})
        return 0
    if args.count:
        output.say(str(count.you))
        return 0
    numbers = {one.key: number for number, one in enumerate(found.shown, 1)}
    _print(shown, numbers, calm)
    if args.all and hidden:
        output.say(output.style(f"HIDDEN {len(hidden)}", "bold"))
        for one in hidden:
            back = time.strftime("%d %b %H:%M", time.localtime(one.snoozed_until))
            output.say(output.clean(f"  {one.subject.name}  {one.question}  back {back} or when it changes"))
    elif hidden:
        output.note(f"note: {len(hidden)} snoozed or done: gt inbox --all")
    return 0


def _print(shown: list[Item], numbers: dict[str, int], calm: str) -> None:
    from gastown_core.attention.count import count_of
    from gastown_core.attention.item import NEEDS

    if count_of(shown).is_calm:
        output.say(output.style(calm, "yellow" if "cannot" in calm else "green"))
    now = SYSTEM_CLOCK.now()
    for need, title in NEEDS.items():
        rows = [one for one in shown if one.needs == need]
        if rows:
            output.say(output.style(f"{title} {len(rows)}", "bold"))
        for one in rows:
            _print_row(one, numbers[one.key], now)


def _print_row(one: Item, number: int, now: float) -> None:
    age = format_age(max(0.0, now - one.since)) if one.since else ""
    pin = "* " if one.is_pinned else ""
    head = f"{number:>3}  {pin}{one.kind:<13} {output.clean(one.subject.name):<16} {age:>4}  "
    output.say(head + output.style(output.clean(one.question), "bold"))
    choices = "   ".join(output.clean(option) for option in one.choices)
    if choices:
        output.say(f"       {choices}")
    more = [f"work {one.work}"] if one.work else []
    if one.holds:
        more.append(f"blocks {', '.join(one.holds[:3])}" + (f" and {len(one.holds) - 3} more" if one.holds[3:] else ""))
    more += [f"convoy {', '.join(one.convoys[:2])}"] if one.convoys else []
    more += [f"next: {one.hint}"] if one.hint else []
    if more:
        output.say(output.style(output.clean("       " + " · ".join(more)), "dim"))


def row_arguments(parser: ArgumentParser) -> None:
    """Add the row that a command is about."""
    parser.add_argument("row", help="number of the row in gt inbox, its key, its bead or its agent")


pin_arguments = row_arguments


def done_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt inbox done``."""
    parser.add_argument(
        "row", nargs="?", default="", help="number of the row in gt inbox, its key, its bead or its agent"
    )
    parser.add_argument("--read", action="store_true", help="all rows that are only to be read; pinned ones stay")


def snooze_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt inbox snooze``."""
    row_arguments(parser)
    parser.add_argument(
        "until", nargs="?", default="", help="for how long (30m, 2h), or a time (default: until it changes)"
    )


def _found(root: str, text: str, *, hidden: bool = False) -> Item:
    """Return the row that ``text`` names. Raises NotFoundError, UsageError if it names several."""
    found, _ = _collected(root)
    if text.isascii() and text.isdigit() and 0 < int(text) <= len(found.shown):
        return found.shown[int(text) - 1]
    rows = [*found.shown, *(found.hidden if hidden else ())]
    exact = [one for one in rows if text == one.key]
    named = [one for one in rows if text in (one.bead, one.subject.id, one.subject.name)]
    match = exact or named
    if not match:
        raise NotFoundError(f"no row {text} in the inbox", "", "gt inbox lists them; --all shows the hidden ones")
    if len(match) > 1:
        raise UsageError(f"{text} names {len(match)} rows", "", "one of " + ", ".join(one.key for one in match))
    return match[0]


def _moment(text: str, now: float) -> float:
    """Return when a snooze ends, 0 for no time. Raises UsageError."""
    if not text:
        return 0.0
    span = parse_duration(text)
    if span is not None:
        return now + span
    moment = parse_moment(text)
    if moment is None:
        raise UsageError(f"{text!r} is neither a span nor a time", "", "30m, 2h, 1d or 2027-01-31T09:00:00Z")
    return moment


def run_snooze(args: Namespace) -> int:
    """Hide a row for a time, or until it changes."""
    from gastown_core.attention.marks import snooze

    root, now = context.town(), SYSTEM_CLOCK.now()
    item = _found(root, args.row, hidden=True)
    until = _moment(args.until, now)
    snooze(root, item, until, now)
    when = f"until {format_seconds(until)}, or until it changes" if until else "until it changes, a day at most"
    output.say(f"{output.style('✓', 'green')} snoozed {output.clean(item.key)} {when}")
    return 0


def run_pin(args: Namespace) -> int:
    """Pin a row to the top of the list, or unpin it."""
    from gastown_core.attention.marks import pin

    root = context.town()
    item = _found(root, args.row)
    word = "pinned" if pin(root, item, SYSTEM_CLOCK.now()) else "unpinned"
    output.say(f"{output.style('✓', 'green')} {word} {output.clean(item.key)}")
    return 0


def run_done(args: Namespace) -> int:
    """Hide a row until it changes, or all that is only to be read."""
    from gastown_core.attention.marks import NOTHING_TO_READ, done, read_all

    root = context.town()
    if bool(args.row) == args.read:
        raise UsageError("name a row, or give --read for all that is only to be read", "", "gt inbox lists the rows")
    if args.read:
        count = read_all(root, _collected(root)[0].shown, SYSTEM_CLOCK.now())
        marked = f"{output.style('✓', 'green')} marked as read: {count}; gt inbox undo takes it back"
        output.say(marked if count else NOTHING_TO_READ)
        return 0
    item = _found(root, args.row)
    done(root, item, SYSTEM_CLOCK.now())
    output.say(f"{output.style('✓', 'green')} done: {output.clean(item.key)}; it is back when it changes")
    return 0


def undo_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt inbox undo``: none."""


def run_undo(args: Namespace) -> int:
    """Take back the last snooze, pin or done."""
    from gastown_core.attention.marks import undo

    output.say(f"{output.style('✓', 'green')} undone: {output.clean(undo(context.town()))}")
    return 0
