"""``gt config set``: change one setting, checked first."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands.config_get import scope_of
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt config set``."""
    parser.add_argument("key", help="for example scheduler.max_polecats")
    parser.add_argument("value", nargs="?", help="a list is written a,b,c")
    parser.add_argument("--unset", action="store_true", help="go back to the default")
    parser.add_argument("--rig", default="", help="the setting of this rig")
    parser.add_argument("--daemon", action="store_true", help="a setting of the daemon (mayor/daemon.json)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Write the value; nothing is written if it is wrong."""
    from gastown_core.town.settings import set_setting, settings_path, unset_setting

    root = context.town()
    scope = scope_of(root, args.rig, args.daemon)
    if args.unset == (args.value is not None):
        raise UsageError("give a value, or --unset")
    if args.unset:
        unset_setting(root, args.key, scope=scope, rig=args.rig)
        value: object = None
    else:
        if args.key == "default_agent":
            from gastown_core.town.agents import require_agent

            require_agent(root, args.value)
        value = set_setting(root, args.key, args.value, scope=scope, rig=args.rig)
    path = settings_path(root, scope, args.rig)
    append_event(root, "settings_changed", who.acting(root), {"key": args.key, "file": path}, visibility="both")
    if args.json:
        output.say_json({"key": args.key, "value": value, "file": path})
    else:
        shown = "unset" if args.unset else str(value).lower() if isinstance(value, bool) else str(value)
        output.say(f"{output.style('✓', 'green')} {args.key} is {output.clean(shown)}")
    return 0
