"""``gt crew list``: who has a clone in the rigs."""

from __future__ import annotations

import os

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt crew list``."""
    parser.add_argument("in_rig", nargs="?", default="", metavar="rig", help="only this rig")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--all", action="store_true", help="all rigs, wherever you stand")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List crew with branch, session and cleanliness."""
    from gastown_core.town.crew import look_at
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig

    root = context.town()
    rig = args.rig or args.in_rig
    if rig:
        require_rig(root, rig)
    elif not args.all:
        rig = context.rig_of(root, os.getcwd(), context.read_rigs(root))
    entries = [e for e in read_inventory(root).agents if e.address.role == "crew" and rig in ("", e.address.rig)]
    sessions: frozenset[str] = live_sessions(root) or frozenset()
    rows = [look_at(entry, set(sessions)) for entry in entries]
    if args.json:
        keys = {"is_clean": "git_clean"}
        output.say_json([{keys.get(key, key): value for key, value in row._asdict().items()} for row in rows])
    elif not rows:
        output.say(f"no crew in {rig or 'this town'}; gt crew add NAME --rig RIG adds one")
    else:
        header = ("RIG", "NAME", "BRANCH", "SESSION", "TREE")
        words = {True: "clean", False: "changed", None: "unknown"}
        output.say(
            output.table(
                [
                    [r.rig, r.name, output.clean(r.branch), "running" if r.has_session else "-", words[r.is_clean]]
                    for r in rows
                ],
                header=header,
            )
        )
    return 0
