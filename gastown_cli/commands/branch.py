"""A worker's branch: commit to it, hand it in, delete branches that have landed."""

from __future__ import annotations

import argparse
import os

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def commit_arguments(parser: ArgumentParser) -> None:
    """Everything is git's, options too."""
    parser.prefix_chars = "\0"
    parser.add_argument("git_arguments", nargs=argparse.REMAINDER, help="as for git commit")


def run_commit(args: Namespace) -> int:
    """Commit as the agent (a person commits as they always do); git's own exit code."""
    from gastown_core.git.repo import Git
    from gastown_core.model.address import OVERSEER
    from gastown_core.process import run_on_terminal
    from gastown_core.town.identity import own_entry, signature
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.settings import load_settings

    root = context.town()
    entry = own_entry(root, read_inventory(root))
    if entry is not None and entry.address.role != OVERSEER:
        domain = load_settings(root).lenient("agent_email_domain")
        os.environ.update(Git(".", identity=signature(entry.address, domain)).environment())
    return run_on_terminal(["git", "commit", *args.git_arguments])


CLEANUP = "clean lets a bead without changes be closed, as --no-changes does; the rest is found out"


def done_arguments(parser: ArgumentParser) -> None:
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


def run_done(args: Namespace) -> int:
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


def prune_branches_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt prune-branches``."""
    parser.add_argument("--pattern", default="polecat/*", help="which branches (default polecat/*)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run_prune_branches(args: Namespace) -> int:
    """Delete them in the repository one stands in."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import UsageError
    from gastown_core.git.repo import Git
    from gastown_core.town.discover import read_rigs, rig_of
    from gastown_core.town.rigs import default_branch
    from gastown_core.work.polecat.cleanup import merged_commits, prune_branches

    root = context.town()
    git = Git(os.getcwd())
    rig = rig_of(root, os.getcwd(), read_rigs(root))
    if not rig or not git.is_repository():
        raise UsageError("this is no repository of a rig", os.getcwd(), "go to one, or gt polecat prune RIG")
    landed = merged_commits(TownLedger(root), root, rig)
    done = prune_branches(git, default_branch(root, rig), args.pattern, landed, dry_run=args.dry_run)
    if args.json:
        output.say_json({**done.as_json(), "dry_run": args.dry_run})
        return 0
    if done.warning:
        output.note(f"note: {output.clean(done.warning)}")
    word = "would delete" if args.dry_run else "deleted"
    for one in done.branches:
        output.say(f"{word} {one.branch}  {one.why}")
    if not done.branches:
        output.say("no branch to delete")
    return 0
