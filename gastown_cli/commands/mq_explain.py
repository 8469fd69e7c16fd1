"""``gt mq explain``: why the queue, a batch or a request is where it is."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_cli.context import rig_and_request, which_rig
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.town.discover import read_rigs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.refinery.explanation import Explanation
    from gastown_core.refinery.place import Refinery
LONGEST = 1000
"""Cells of one reason, which may name foreign branches."""


def explain_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq explain``."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[rig] [request|branch|batch]",
        help="what to explain (default: the queue of the rig you are in, and its batches)",
    )
    context.add_json(parser)


def run_explain(args: Namespace) -> int:
    """Explain the queue of a rig, a batch, or a request."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    root = context.town()
    rig, name = _meant(root, args.words)
    found = _explained(Refinery(root, rig, policy=of_hours(root, rig)), name)
    if args.json:
        rows = [{**one._asdict(), "why": [{"about": about, "why": why} for about, why in one.why]} for one in found]
        output.say_json({"rig": rig, "explained": rows})
        return 0
    for number, one in enumerate(found):
        output.say(
            ("\n" if number else "") + f"{output.style(output.clean(one.about), 'bold')}  {output.clean(one.status)}"
        )
        for about, why in one.why:
            output.say(f"  {output.clean(about):<9} {output.brief(why, LONGEST)}")
    return 0


def _meant(root: str, words: list[str]) -> tuple[str, str]:
    """Return the rig, and the request or batch, empty for the whole queue."""
    if len(words) > 2:
        raise UsageError("at most a rig and one request or batch can be explained", "", "gt mq explain RIG REQUEST")
    if not words or (len(words) == 1 and words[0] in read_rigs(root)):
        return which_rig(root, words[0] if words else ""), ""
    if words[-1].startswith("b-"):
        return which_rig(root, words[0] if len(words) > 1 else ""), words[-1]
    return rig_and_request(root, words)


def _explained(place: Refinery, name: str) -> list[Explanation]:
    from gastown_core.model.merge_request import read_request
    from gastown_core.refinery.engine import RefineryEngine
    from gastown_core.refinery.explanation import explain_batch, explain_queue, explain_request
    from gastown_core.refinery.requests import find_request, request_named

    if name.startswith("b-"):
        batch = explain_batch(place, name)
        if batch is None:
            raise NotFoundError(
                f"no batch {output.shorten(output.clean(name), 60)} in {place.rig}",
                "",
                f"gt refinery log {place.rig} lists them",
            )
        return [batch]
    queue = RefineryEngine(place).queue()
    if not name:
        return explain_queue(place, queue)
    return [explain_request(place, queue, read_request(find_request(place.ledger, request_named(place, name))))]
