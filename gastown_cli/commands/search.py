"""``gt search``: find what agents said and did, in their programs' transcripts."""

from __future__ import annotations

from itertools import islice

from gastown_cli import context, output
from gastown_core.clock import format_local, format_seconds
from gastown_core.errors import ConflictError, StoreError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.transcripts.search import Hit

WAIT_S = 2.0
MARKS = {"user": ">", "agent": "●", "tool": "$", "result": "="}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt search``."""
    parser.add_argument("text", nargs="+", help="what to look for, as it is written; words are joined by blanks")
    parser.add_argument("--agent", default="", help="only of agents whose address contains this")
    parser.add_argument("--rig", default="", help="only of agents of this rig")
    parser.add_argument("-n", "--limit", type=int, default=50, help="hits to show (default: 50; 0: all)")
    parser.add_argument("--case", action="store_true", help="mind upper and lower case")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Print each hit as it is found: when, who, what kind (``>`` given, ``●`` said, ``$`` called, ``=`` came back)."""
    from gastown_core.transcripts.search import places, search

    if args.limit < 0:
        raise UsageError(f"--limit {args.limit} is negative")
    root = context.town()
    context.check_rig(root, args.rig)
    _find_new(root)
    found = places(root, agent=args.agent, rig=args.rig)
    hits = search(found, " ".join(args.text), is_exact=args.case)
    most = args.limit or None
    if args.json:
        output.say_json([_as_json(hit) for hit in islice(hits, most)])
        return 0
    count = 0
    for hit in islice(hits, most):
        count += 1
        output.say(_line(hit))
    if not count:
        where = f"in {len(found)} transcripts" if found else "there are no transcripts that can be read"
        output.note(f"nothing found: {where}")
    elif count == most and next(hits, None) is not None:
        output.note(f"the newest {count}; --limit 0 shows all")
    return 0


def _find_new(root: str) -> None:
    """Learn of transcripts that began since the last count; what is known already serves otherwise."""
    from gastown_core.usage.collect import collect

    try:
        collect(root, wait_s=WAIT_S)
    except (ConflictError, StoreError) as error:
        output.note(f"the newest transcripts may be missing: {error}")


def _line(hit: Hit) -> str:
    from gastown_core.model.address import parse_address

    at = format_local(hit.at) if hit.at else "-"
    text = (
        output.clean(hit.text[: hit.start])
        + output.style(output.clean(hit.text[hit.start : hit.end]), "bold")
        + output.clean(hit.text[hit.end :])
    )
    who = output.style(output.clean(parse_address(hit.agent).short), "cyan")
    return f"{output.style(at, 'dim')}  {who} {MARKS[hit.kind]} {text}"


def _as_json(hit: Hit) -> dict[str, object]:
    told = hit._asdict()
    return {**told, "at": format_seconds(hit.at) if hit.at else None}
