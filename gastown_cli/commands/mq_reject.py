"""``gt mq reject``: turn a request down; its work opens again."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.which_rig import rig_of_request, which_rig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq reject``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request|branch", help="id of the request, or its branch")
    parser.add_argument("-r", "--reason", default="", help="what has to change")
    parser.add_argument("--stdin", action="store_true", help="read the reason from stdin")
    parser.add_argument("--notify", action="store_true", help="tell the worker by mail")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Turn it down."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.requests import reject

    root = context.town()
    name = args.words[-1]
    if len(args.words) > 1:
        rig = which_rig(root, args.words[0])
    else:
        rig = which_rig(root) if "/" in name else rig_of_request(root, name)
    reason = sys.stdin.read() if args.stdin else args.reason
    place = Refinery(root, rig, policy=Policy())
    request = reject(place, name, reason, actor=who.acting(root), notify=args.notify)
    if args.json:
        output.say_json({"mr": request.id, "source_issue": request.source_issue})
    else:
        output.say(
            f"{output.style('✓', 'green')} {request.id} is rejected; {request.source_issue or 'its work'} is open"
        )
    return 0
