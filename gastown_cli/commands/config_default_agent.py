"""``gt config default-agent``: the runtime of everyone without one of their own."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt config default-agent``."""
    parser.add_argument("name", nargs="?", default="", help="a runtime; without it the present one is shown")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show or set it."""
    from gastown_core.town.agents import list_agents, require_agent
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
