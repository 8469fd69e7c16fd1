"""``gt config get``: one setting, or all that are wrong."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt config get``."""
    parser.add_argument("key", help="for example scheduler.max_polecats")
    parser.add_argument("--rig", default="", help="the setting of this rig")
    parser.add_argument("--daemon", action="store_true", help="a setting of the daemon (mayor/daemon.json)")
    context.add_json(parser)


def scope_of(root: str, rig: str, daemon: bool) -> str:
    """Which settings file is meant. Raises NotFoundError for an unknown rig."""
    if rig:
        from gastown_core.town.rigs import require_rig

        require_rig(root, rig)
        return "rig"
    return "daemon" if daemon else "town"


def run(args: Namespace) -> int:
    """Print the value, or its default where it is unset."""
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
