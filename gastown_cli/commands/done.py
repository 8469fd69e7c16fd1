"""``gt done``: hand the work in."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


CLEANUP = "clean lets a bead without changes be closed, as --no-changes does; the rest is found out"


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt done``."""
    parser.add_argument("--status", type=str.upper, default="COMPLETED", help="COMPLETED, ESCALATED or DEFERRED")
    parser.add_argument("--issue", default="", help="the bead (default: what is on the hook)")
    parser.add_argument("-m", "--message", default="", help="message of the saving commit, or why you stop")
    parser.add_argument("--target", default="", help="branch to merge into (default: the rig's)")
    parser.add_argument("-p", "--priority", type=int, default=None, help="of the merge request (default: the bead's)")
    parser.add_argument("--pre-verified", action="store_true", help="say that you ran the gates on the newest target")
    parser.add_argument(
        "--cleanup-status", default="", choices=("clean", "uncommitted", "unpushed", "stash", "unknown"), help=CLEANUP
    )
    parser.add_argument("--resume", action="store_true", help="go on where it stopped (it always does)")
    parser.add_argument("--no-changes", action="store_true", help="nothing had to be changed: close the bead")
    parser.add_argument("--end-session", action="store_true", help="end the session afterwards")
    context.add_json(parser)
    add_receipts(parser)


def run(args: Namespace) -> int:
    """Save, push, queue, and put the bead in review."""
    from gastown_core.town.settings import load_settings
    from gastown_core.work.done.done import Done

    root = context.town()
    entry = who.me(root)
    done = Done(
        root,
        entry,
        status=args.status,
        issue=args.issue,
        message=args.message,
        target=args.target,
        priority=args.priority,
        no_changes=args.no_changes,
        is_clean=args.cleanup_status == "clean",
        pre_verified=args.pre_verified,
    )
    code, _ = follow(done.run, as_lines=args.receipts, quiet=args.json)
    if args.json and not args.receipts:
        output.say_json(done.result.as_json())
    for warning in done.result.warnings if not args.json else ():
        output.note(f"note: {output.clean(warning)}")
    if code == 0 and (args.end_session or load_settings(root).lenient("operational.daemon.polecat_self_terminate")):
        import sys

        from gastown_core.town.sessions import stop_agent

        sys.stdout.flush()
        stop_agent(root, entry, caller=entry.address.path, reason="done", event="session_end")
    return code
