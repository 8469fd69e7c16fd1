"""``gt config agent list|get|set|remove``: the runtimes of the town."""

from __future__ import annotations

import shlex

from gastown_cli import context, output, who
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.runtimes.preset import Preset


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt config agent``."""
    parser.add_argument("action", choices=("list", "get", "set", "remove"))
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("command", nargs="?", default="", help='for set: "claude --model opus"')
    parser.add_argument("--provider", default="", help="for set: the built-in runtime it behaves like")
    parser.add_argument("--rig", default="", help="look at this rig's runtimes too")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Do what the first word says."""
    from gastown_core.town import agents

    root = context.town()
    if args.action == "list":
        if args.name:
            raise UsageError(f"gt config agent list takes no {args.name}", "", f"gt config agent get {args.name}")
        return _list(agents.list_agents(root, args.rig), as_json=args.json)
    if not args.name:
        raise UsageError(f"gt config agent {args.action} needs a name")
    if args.action == "remove":
        agents.remove_agent(root, args.name)
        preset = None
    elif args.action == "set":
        preset = agents.set_agent(root, args.name, args.command, provider=args.provider)
    else:
        preset = agents.require_agent(root, args.name, args.rig)
    if args.action != "get":
        payload = {"key": f"agents.{args.name}", "file": "settings/config.json"}
        append_event(root, "settings_changed", who.acting(root), payload, visibility="both")
    if args.json:
        output.say_json(preset.as_json() if preset else {"name": args.name, "removed": True})
    elif preset is None:
        output.say(f"{output.style('✓', 'green')} {args.name} is removed")
    else:
        output.say(f"{preset.name}: {output.clean(command_of(preset))}")
    return 0


def command_of(preset: Preset) -> str:
    """The command line of a runtime as a shell would take it."""
    return shlex.join([preset.command, *preset.all_args])


def _list(presets: list[Preset], *, as_json: bool) -> int:
    if as_json:
        output.say_json([preset.as_json() for preset in presets])
        return 0
    rows = [[p.name, "custom" if p.is_custom else "built-in", output.clean(command_of(p))] for p in presets]
    output.say(output.table(rows, header=("NAME", "TYPE", "COMMAND")))
    return 0
