"""``gt sling``: give a bead to an agent and set it going."""

from __future__ import annotations

import signal

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt sling``."""
    parser.add_argument("bead", help="id of the work")
    parser.add_argument("target", nargs="?", default="", help="RIG, RIG/NAME, RIG/crew/NAME, mayor … (default: you)")
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    parser.add_argument("-a", "--args", default="", help="words for the worker")
    parser.add_argument("--base-branch", default="", help="branch to start from (default: the rig's)")
    parser.add_argument("--no-convoy", action="store_true", help="make no convoy for it")
    parser.add_argument("--no-session", action="store_true", help="hook it, start nothing")
    parser.add_argument("-f", "--force", action="store_true", help="take it even if it is deferred or held by another")
    parser.add_argument("-n", "--dry-run", action="store_true", help="check everything, change nothing")
    context.add_json(parser)
    add_receipts(parser)


def run(args: Namespace) -> int:
    """Sling it, showing each stage."""
    from gastown_core.town.identity import caller
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.sling import Sling

    root = context.town()
    request = SlingRequest(
        bead=args.bead,
        target=args.target,
        agent=args.agent,
        args=args.args,
        base_branch=args.base_branch,
        force=args.force,
        convoy=not args.no_convoy,
        session=not args.no_session,
    )
    sling = Sling(root, request, me=caller(), actor=who.acting(root))
    if args.dry_run:
        bead, target = sling.plan()
        whom = target.entry.address.short if target.entry else f"{target.rig}/{target.name or '(a free polecat)'}"
        if args.json:
            output.say_json({"bead": bead.id, "target": whom, "dry_run": True})
        else:
            output.say(f"would sling {bead.id} {output.clean(bead.title)} to {whom}")
        return 0
    # a polite end takes everything back, as an interrupt does
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code, _ = follow(sling.run, as_lines=args.receipts, quiet=args.json)
    if args.json and not args.receipts:
        output.say_json(sling.result.as_json())
    for warning in sling.result.warnings:
        output.note(f"note: {output.clean(warning)}")
    if sling.result.rescue and not args.receipts and not args.json:
        output.say(f"  work that lay in the worktree is kept at {sling.result.rescue}")
    return code
