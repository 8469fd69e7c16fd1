"""``gt warrant``: requests to end an agent's session, executed by triage (``gt boot triage``) or at once."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def file_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt warrant file``."""
    parser.add_argument("target", metavar="agent", help="agent whose session is to end")
    parser.add_argument("-r", "--reason", default="", help="why (required, or --stdin)")
    parser.add_argument("--stdin", action="store_true", help="read the reason from standard input")
    context.add_json(parser)


def run_file(args: Namespace) -> int:
    """File a warrant; one agent has at most one that is pending."""
    from gastown_core.town.warrants import file_warrant

    root = context.town()
    reason = " ".join((sys.stdin.read() if args.stdin else args.reason).split())
    if not reason:
        raise UsageError("a warrant needs a reason", "", 'gt warrant file AGENT -r "why"')
    target = who.find(root, args.target)[1].address.path
    made = file_warrant(root, target, reason, actor=who.acting(root))
    if args.json:
        output.say_json(made._asdict())
    else:
        output.say(
            f"{made.id} against {output.clean(target)}; gt boot triage executes it, or gt warrant execute {target}"
        )
    return 0


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt warrant list``."""
    parser.add_argument("-a", "--all", action="store_true", help="executed ones too")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the warrants that are pending."""
    from gastown_core.town.warrants import all_warrants

    found = [one for one in all_warrants(context.town()) if args.all or not one.executed]
    if args.json:
        output.say_json([one._asdict() for one in found])
        return 0
    rows = [[one.target, one.executed_at or "pending", one.filed_by, one.reason] for one in found]
    cleaned = [[output.clean(text) for text in row] for row in rows]
    output.say(output.table(cleaned, header=("AGENT", "EXECUTED", "BY", "REASON")) if rows else "no warrant is pending")
    return 0


def execute_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt warrant execute``."""
    parser.add_argument("target", metavar="agent", help="agent that the warrant names")
    parser.add_argument("-f", "--force", action="store_true", help="accepted for compatibility; has no effect")
    context.add_json(parser)


def run_execute(args: Namespace) -> int:
    """End the session that the warrant names; its work stays on its hook."""
    from gastown_core.town.warrants import execute

    root = context.town()
    target = who.find(root, args.target)[1].address.path
    ended = execute(root, target, actor=who.acting(root))
    words = (
        f"the session of {output.clean(target)} {'ended' if ended else 'was not running'}; its work stays on its hook"
    )
    output.say_json({"target": target, "ended": ended}) if args.json else output.say(words)
    return 0
