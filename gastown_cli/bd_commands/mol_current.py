"""``bd mol current``: where one stands in one's molecules."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.molecules.steps import Progress


def add_arguments(parser: ArgumentParser) -> None:
    """Which molecule, and how much of it."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: those you are at)")
    parser.add_argument("--for", dest="whose", default="", metavar="WHO", help="those somebody else is at")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="at most so many steps")
    parser.add_argument("--range", default="", metavar="A-B", help="steps A to B")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show the steps of each."""
    space = Workspace(args)
    found = molecules(space, args.molecule, args.whose)
    first, last = _range(args.range)
    if space.as_json:
        say_array([_as_json(seen, first, last, args.limit) for seen in found])
        return 0
    if not found:
        say(f"{clean(args.whose or space.actor)} is at no molecule; bd mol list shows them all")
    for number, seen in enumerate(found):
        if number:
            say()
        _say(seen, first, last, args.limit)
    return 0


def molecules(space: Workspace, text: str, whose: str = "") -> list[Progress]:
    """The molecule that is named, else those that the actor (or ``whose``) has steps of, or has on the hook."""
    from gastown_core.molecules.listing import molecules_of
    from gastown_core.molecules.steps import progress_of

    if text:
        store, root = mol_place.molecule(space, text)
        return [progress_of(store, root)]
    roots = molecules_of(space.store, _forms(whose or space.actor))
    return [progress_of(space.store, root) for root in roots]


def _forms(who: str) -> tuple[str, ...]:
    from gastown_core.model.address import parse_address

    address = parse_address(who)
    return tuple(dict.fromkeys((who, address.path, address.mail, address.short)))


def _range(text: str) -> tuple[int, int]:
    """Places from 1, both ends included; 0 is no bound."""
    if not text:
        return 0, 0
    first, dash, last = text.partition("-")
    if not dash or not (first or last) or not (first or "0").isdecimal() or not (last or "0").isdecimal():
        raise UsageError(f"{text!r} is no range", "", "for example --range 20-40")
    return int(first or 1), int(last or 0)


def _shown(seen: Progress, first: int, last: int, limit: int) -> list[object]:
    views = [view for view in seen.steps if view.place + 1 >= first and (not last or view.place + 1 <= last)]
    if not first and not last and not limit and seen.total > molecule_lines.LONG:
        return []
    return list(views[:limit] if limit else views)


def _as_json(seen: Progress, first: int, last: int, limit: int) -> dict[str, object]:
    return molecule_lines.current_json(seen, _shown(seen, first, last, limit))  # type: ignore[arg-type]


def _say(seen: Progress, first: int, last: int, limit: int) -> None:
    say(f"{molecule_lines.heading(seen)}\n{molecule_lines.bar(seen)}")
    views = _shown(seen, first, last, limit)
    for line in molecule_lines.step_rows(views, seen.total):  # type: ignore[arg-type]
        say(line)
    here, following = seen.current, seen.next
    if not views and here is not None:
        say(f"  now   {here.place + 1} {clean(here.id)}  {molecule_lines.one_line(here.title)}")
        if following is not None:
            say(f"  next  {following.place + 1} {clean(following.id)}  {molecule_lines.one_line(following.title)}")
        say(style(f"{seen.total} steps; --range A-B or --limit N shows some", "dim"))
    elif here is not None:
        say(style(f"when it is done: bd close {clean(here.id)} --continue", "dim"))
