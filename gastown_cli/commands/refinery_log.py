"""``gt refinery log``: finished batches, or what a gate said in one."""

from __future__ import annotations

import os

from gastown_cli import context, output
from gastown_cli.which_rig import add_rig, which_rig
from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt refinery log``."""
    add_rig(parser)
    parser.add_argument("-b", "--batch", default="", help="the logs of this batch's gates")
    parser.add_argument(
        "-n", "--lines", type=int, default=20, metavar="N", help="how many batches, or lines of each log"
    )
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show them."""
    from gastown_core.refinery.records import recent

    root = context.town()
    path = os.path.join(root, which_rig(root, args.rig))
    if args.batch:
        return _logs(os.path.join(path, ".runtime", "refinery", args.batch), args)
    records = recent(path, args.lines)
    if args.json:
        output.say_json([{**one._asdict(), "mrs": list(one.mrs), "merged": list(one.merged)} for one in records])
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            one.id,
            output.clean(one.target),
            f"{len(one.merged)}/{len(one.mrs)} merged",
            ", ".join(one.culprits) or "-",
            f"{one.probes} probes",
            f"{one.secs:.1f} s",
            format_age(now - one.at) if one.at else "",
        ]
        for one in records
    ]
    header = ("BATCH", "TARGET", "RESULT", "SENT BACK", "PROBES", "TOOK", "AGE")
    output.say(output.table(rows, header=header) if rows else "no batch was run yet")
    return 0


def _logs(folder: str, args: Namespace) -> int:
    from gastown_core.refinery.gate_run import tail

    if os.path.basename(args.batch) != args.batch or not os.path.isdir(folder):
        raise NotFoundError(f"no batch {args.batch}", "only the last ones keep their logs", "gt refinery log RIG")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    logs = {name: tail(os.path.join(folder, name), args.lines) for name in names}
    if args.json:
        output.say_json(logs)
        return 0
    for name, text in logs.items():
        output.say(output.style(name, "bold"))
        output.say("\n".join("  " + output.clean(line) for line in text.splitlines()))
    return 0
