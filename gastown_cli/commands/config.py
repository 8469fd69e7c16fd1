"""``gt config``: read and write settings, and manage the runtimes that roles use."""

from __future__ import annotations

import shlex

from gastown_cli import context, output, who
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.runtimes.preset import Preset


def get_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt config get``."""
    parser.add_argument("key", help="setting, such as scheduler.max_polecats")
    parser.add_argument("--rig", default="", help="read this rig's setting")
    parser.add_argument("--daemon", action="store_true", help="read a setting of the daemon (mayor/daemon.json)")
    context.add_json(parser)


def scope_of(root: str, rig: str, daemon: bool) -> str:
    """Return which settings file is meant: ``rig``, ``daemon`` or ``town``. Raises NotFoundError for an unknown rig."""
    if rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, rig)
        return "rig"
    return "daemon" if daemon else "town"


def run_get(args: Namespace) -> int:
    """Print the value of a setting, or its default if it is unset."""
    from gastown_core.town.settings import load_settings

    root = context.town()
    value = load_settings(root, scope_of(root, args.rig, args.daemon), args.rig).get(args.key)
    if args.json:
        output.say_json({"key": args.key, "value": value})
    elif isinstance(value, bool):
        output.say("true" if value else "false")
    elif isinstance(value, list):
        output.say(output.clean(", ".join(map(str, value))))
    elif isinstance(value, dict):
        output.say_json(value)
    else:
        output.say(output.clean("" if value is None else str(value)))
    return 0


def set_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt config set``."""
    parser.add_argument("key", help="setting, such as scheduler.max_polecats")
    parser.add_argument("value", nargs="?", help="new value; write a list as a,b,c")
    parser.add_argument("--unset", action="store_true", help="restore the default")
    parser.add_argument("--rig", default="", help="change this rig's setting")
    parser.add_argument("--daemon", action="store_true", help="change a setting of the daemon (mayor/daemon.json)")
    context.add_json(parser)


def run_set(args: Namespace) -> int:
    """Write the value; an invalid value is an error and changes nothing."""
    from gastown_core.town.settings import set_setting, settings_path, unset_setting

    root = context.town()
    scope = scope_of(root, args.rig, args.daemon)
    if args.unset == (args.value is not None):
        raise UsageError("give either a value or --unset")
    if args.unset:
        unset_setting(root, args.key, scope=scope, rig=args.rig)
        value: object = None
    else:
        if args.key == "default_agent":
            from gastown_core.town.runtime_settings import require_agent

            require_agent(root, args.value)
        if args.key == "merge_queue.freeze":
            _check_hours(args.value)
        value = set_setting(root, args.key, args.value, scope=scope, rig=args.rig)
    path = settings_path(root, scope, args.rig)
    append_event(root, "settings_changed", who.acting(root), {"key": args.key, "file": path}, visibility="both")
    if args.json:
        output.say_json({"key": args.key, "value": value, "file": path})
    else:
        output.say(
            f"{output.style('✓', 'green')} {args.key} is {'unset' if args.unset else output.clean(_shown(value))}"
        )
    return 0


def _shown(value: object) -> str:
    """Return a value as it is given on the command line."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_hours(text: str) -> None:
    """Raise UsageError unless all are hours that a freeze understands: of others nothing would be merged until they are mended."""
    from gastown_core.refinery.freeze_windows import read_window

    wrong = next((one for one in map(str.strip, text.split(",")) if one and read_window(one) is None), "")
    if wrong:
        raise UsageError(
            f"{wrong!r} is no span of hours", "", "allowed: fri 16:00-mon 08:00, or 22:00-06:00; several as A,B"
        )


def agent_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt config agent``."""
    parser.add_argument("action", choices=("list", "get", "set", "remove"))
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("command", nargs="?", default="", help='set: command line, such as "claude --model opus"')
    parser.add_argument("--provider", default="", help="set: built-in runtime that it behaves like")
    parser.add_argument("--rig", default="", help="include this rig's runtimes")
    context.add_json(parser)


def run_agent(args: Namespace) -> int:
    """List, show, set or remove a runtime."""
    from gastown_core.town import runtime_settings

    root = context.town()
    if args.action == "list":
        if args.name:
            raise UsageError(
                f"gt config agent list takes no name, but got {args.name}", "", f"gt config agent get {args.name}"
            )
        return _list(runtime_settings.list_agents(root, args.rig), as_json=args.json)
    if not args.name:
        raise UsageError(f"gt config agent {args.action} needs a name")
    if args.action == "remove":
        runtime_settings.remove_agent(root, args.name)
        preset = None
    elif args.action == "set":
        preset = runtime_settings.set_agent(root, args.name, args.command, provider=args.provider)
    else:
        preset = runtime_settings.require_agent(root, args.name, args.rig)
    if args.action != "get":
        payload = {"key": f"agents.{args.name}", "file": "settings/config.json"}
        append_event(root, "settings_changed", who.acting(root), payload, visibility="both")
    if args.json:
        output.say_json(preset.as_json() if preset else {"name": args.name, "removed": True})
    elif preset is None:
        output.say(f"{output.style('✓', 'green')} removed {args.name}")
    else:
        output.say(f"{preset.name}: {output.clean(command_of(preset))}")
    return 0


def command_of(preset: Preset) -> str:
    """Return a runtime's command line, quoted for a shell."""
    return shlex.join([preset.command, *preset.all_args])


def _list(presets: list[Preset], *, as_json: bool) -> int:
    from gastown_core.runtimes.launch import installed_at
    from gastown_core.runtimes.presets import SCRIPTED

    paths = {preset.name: installed_at(preset) for preset in presets}
    if as_json:
        output.say_json([{**p.as_json(), "installed": bool(paths[p.name]), "path": paths[p.name]} for p in presets])
        return 0
    rows = [
        [p.name, "custom" if p.is_custom else "built-in", "yes" if paths[p.name] else "-", output.clean(command_of(p))]
        for p in presets
    ]
    output.say(output.table(rows, header=("NAME", "TYPE", "INSTALLED", "COMMAND")))
    if not any(paths[p.name] for p in presets if p.screens != SCRIPTED):
        output.note("no agent program found on PATH; only the scripted agent can be started")
    return 0


def default_agent_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt config default-agent``."""
    parser.add_argument(
        "name", nargs="?", default="", help="runtime to use by default (without it: show the current one)"
    )
    context.add_json(parser)


def run_default_agent(args: Namespace) -> int:
    """Show or set the default runtime; ``list`` names all runtimes."""
    from gastown_core.town.runtime_settings import list_agents, require_agent
    from gastown_core.town.settings import load_settings, set_setting

    root = context.town()
    if args.name == "list":
        for preset in list_agents(root):
            output.say(preset.name)
        return 0
    if args.name:
        require_agent(root, args.name)
        set_setting(root, "default_agent", args.name)
        payload = {"key": "default_agent", "file": "settings/config.json"}
        append_event(root, "settings_changed", who.acting(root), payload, visibility="both")
    name = str(load_settings(root).lenient("default_agent"))
    if args.json:
        output.say_json({"default_agent": name})
    else:
        output.say(output.clean(name))
    return 0
