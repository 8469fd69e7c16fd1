"""``gt mq post-merge``: the bookkeeping for a request that somebody merged by hand."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.which_rig import rig_of_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq post-merge``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request", help="id of the request")
    parser.add_argument("--skip-branch-delete", action="store_true", help="leave its branch")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Close request and work, if git proves the merge."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.requests import note_merged

    root = context.town()
    request_id = args.words[-1]
    rig = args.words[0] if len(args.words) > 1 else rig_of_request(root, request_id)
    request = note_merged(Refinery(root, rig), request_id, keep_branch=args.skip_branch_delete)
    if args.json:
        output.say_json({"mr": request.id, "source_issue": request.source_issue, "merged": True})
    else:
        output.say(
            f"{output.style('✓', 'green')} {request.id} is merged; {request.source_issue or 'its work'} is closed"
        )
    return 0
