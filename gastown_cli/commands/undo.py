"""``gt undo``: take back what you did last, or list what you did and what would take it back."""

from __future__ import annotations

import time

from gastown_cli import context, output, who
from gastown_core.errors import UsageError
from gastown_core.orders import undo as state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.orders.undo import Act


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt undo``."""
    parser.add_argument("act", nargs="?", default="", help="key or row number of --list (default: the newest)")
    parser.add_argument("-l", "--list", action="store_true", help="list your acts, newest first; change nothing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be undone; change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Undo an act of the caller's, or list them."""
    root = context.town()
    actor = who.acting(root)
    if args.list and args.act:
        raise UsageError("--list takes no act")
    if args.list:
        return _list(state.acts_of(root, actor), as_json=args.json)
    key = _key(root, actor, args.act)
    if args.dry_run:
        act = state.find(state.acts_of(root, actor), key)
        told = f"would undo: {act.what}; it would {act.does}"
    else:
        act = state.undo(root, key, actor=actor)
        told = f"{output.style('✓', 'green')} undone: {output.clean(act.what)}"
    if args.json:
        output.say_json({**state.rows_of([act])[0], "undone": not args.dry_run})
    else:
        output.say(output.clean(told) if args.dry_run else told)
    return 0


def _key(root: str, actor: str, word: str) -> str:
    """Return the key that a word means: a row's number in the list stands for its key."""
    if not word.isdigit():
        return word
    acts = state.acts_of(root, actor)
    if not 1 <= int(word) <= len(acts):
        raise UsageError(f"there is no row {word}", f"there are {len(acts)}", "gt undo --list shows them")
    return acts[int(word) - 1].key


def _list(acts: list[Act], *, as_json: bool) -> int:
    if as_json:
        output.say_json(state.rows_of(acts))
        return 0
    if not acts:
        output.say("nothing to undo")
        return 0
    for number, act in enumerate(acts, 1):
        stamp = time.strftime("%H:%M:%S", time.localtime(act.at))
        output.say(f"{number:>3}  {stamp}  {output.clean(act.what)}")
        way = f"cannot be undone: {act.why_not}" if act.why_not else f"undo would {act.does}"
        output.say(output.style(f"               {output.clean(way)}", "yellow" if act.why_not else "dim"))
    return 0
