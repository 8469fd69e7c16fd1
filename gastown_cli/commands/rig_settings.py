"""``gt rig settings``: show, set and unset the settings of one rig, all at a glance."""

from __future__ import annotations

import json

from gastown_cli import context, output
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

ACTIONS = ("show", "set", "unset")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig settings``."""
    parser.add_argument("action", choices=ACTIONS, metavar="|".join(ACTIONS))
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("key", nargs="?", default="", help="setting, such as merge_queue.test_command")
    parser.add_argument("value", nargs="?", help="set: new value; write a list as a,b,c")
    parser.add_argument("-a", "--all", action="store_true", help="show: settings with their default, too")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the rig's settings, or change one; a wrong value is an error and changes nothing."""
    if args.action == "show":
        return _show(args)
    if not args.key or (args.value is None) == (args.action == "set"):
        usage = "set RIG KEY VALUE" if args.action == "set" else "unset RIG KEY"
        raise UsageError(f"gt rig settings {args.action} takes other arguments", "", f"gt rig settings {usage}")
    from gastown_cli.commands.config import run_set

    args.unset, args.daemon = args.action == "unset", False
    return run_set(args)


def _show(args: Namespace) -> int:
    from gastown_core.town.rigs import require_rig
    from gastown_core.town.settings import load_settings

    root = context.town()
    require_rig(root, args.rig)
    settings = load_settings(root, "rig", args.rig)
    if args.value is not None:
        raise UsageError("show takes a rig and a setting", "", "gt rig settings show RIG KEY")
    if args.key:
        value = settings.get(args.key)
        output.say_json({"key": args.key, "value": value}) if args.json else output.say(_words(value))
        return 0
    rows = [row for row in settings.rows() if row.is_set or args.all]
    if args.json:
        output.say_json([row._asdict() for row in rows])
    elif rows:
        table = [[output.clean(row.key), _words(row.value), "" if row.is_set else "default", row.about] for row in rows]
        output.say(output.table(table, header=("SETTING", "VALUE", "", "ABOUT")))
    else:
        output.say(f"rig {args.rig} has no settings of its own; gt rig settings show {args.rig} --all shows all")
    for problem in settings.problems():
        output.note(f"note: {output.clean(problem)}")
    return 0


def _words(value: object) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return output.clean(text)
