"""``gt agents``: who there is and how they are."""

from __future__ import annotations

from gastown_cli import agent_lines, context, output
from gastown_core.model.address import POLECAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt agents``."""
    parser.add_argument("what", nargs="?", choices=["list"], help=argparse_suppress())
    parser.add_argument("-a", "--all", action="store_true", help="also those without a session")
    parser.add_argument("--rig", default="", help="only this rig")
    context.add_json(parser)


def argparse_suppress() -> str:
    """The word that keeps an argument out of the help."""
    import argparse

    return argparse.SUPPRESS


def run(args: Namespace) -> int:
    """List agents: all with a session or work; polecats without either only with ``--all``."""
    from gastown_core.state.collect import collect

    snapshot = collect(context.town())
    views = [
        view
        for view in snapshot.agents
        if (not args.rig or view.address.rig == args.rig)
        and (args.all or view.pane_id or view.work is not None or view.address.role != POLECAT)
    ]
    if args.json:
        from gastown_core.state.as_json import agent_json

        output.say_json([agent_json(view) for view in views])
        return 0
    rows = []
    for view in views:
        row = agent_lines.agent_row(view, snapshot.taken_at)
        rows.append(
            [
                f"{agent_lines.role_icon(view)} {output.clean(view.address.short)}",
                *row[1:],
                view.session if view.pane_id else "-",
            ]
        )
    output.say(output.table(rows, header=("agent", "state", "since", "about", "mail", "session")))
    hidden = len([v for v in snapshot.agents if not args.rig or v.address.rig == args.rig]) - len(views)
    if hidden:
        output.note(f"{hidden} resting without a session; gt agents --all shows them")
    return 0
