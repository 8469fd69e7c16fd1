"""``gt mq retry``: take a request up again at once."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.which_rig import rig_of_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt mq retry``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request", help="id of the request")
    parser.add_argument("--now", action="store_true", help="and merge what is ready, here and now")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Clear what keeps it back."""
    from gastown_core.refinery.engine import Engine
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.requests import retry

    root = context.town()
    request_id = args.words[-1]
    rig = args.words[0] if len(args.words) > 1 else rig_of_request(root, request_id)
    place = Refinery(root, rig, policy=Policy())
    request = retry(place, request_id, actor=who.acting(root))
    blocked = {one.id: why for one, why in Engine(place).queue().blocked}
    if args.now:
        from gastown_cli.commands.refinery_process import merge

        return merge(root, rig, once=False, as_json=args.json)
    if args.json:
        output.say_json({"mr": request.id, "status": request.status, "why": blocked.get(request.id, "")})
    elif request.id in blocked:
        output.say(f"{output.style('!', 'yellow')} {request.id} rests: {output.clean(blocked[request.id])}")
    else:
        output.say(f"{output.style('✓', 'green')} {request.id} is back in the queue")
    return 0
