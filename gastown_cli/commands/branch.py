"""Commands on a worker's branch: commit to it, hand it in, delete landed branches."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_cli.plain_arguments import REST
from gastown_cli.receipts import add_receipts, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def commit_arguments(parser: ArgumentParser) -> None:
    """Pass every argument through to git."""
    parser.prefix_chars = "\0"
    parser.add_argument("git_arguments", nargs=REST, help="arguments of git commit")


def run_commit(args: Namespace) -> int:
    """Run ``git commit`` under the agent's identity (the overseer keeps their own); return git's exit code."""
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


CLEANUP = "accepted for compatibility; clean has the effect of --no-changes if nothing was changed"


def done_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt done``."""
    parser.add_argument("--status", type=str.upper, default="COMPLETED", help="COMPLETED, ESCALATED or DEFERRED")
    parser.add_argument("--issue", default="", help="bead to hand in (default: the one on your hook)")
    parser.add_argument(
        "-m", "--message", default="", help="commit message for uncommitted work, or the reason to stop"
    )
    parser.add_argument("--target", default="", help="branch to merge into (default: the rig's)")
    parser.add_argument(
        "-p", "--priority", type=int, default=None, help="priority of the merge request (default: the bead's)"
    )
    parser.add_argument(
        "--pre-verified", action="store_true", help="declare that the gates passed on the latest target"
    )
    parser.add_argument(
        "--cleanup-status", default="", choices=("clean", "uncommitted", "unpushed", "stash", "unknown"), help=CLEANUP
    )
    parser.add_argument(
        "--resume", action="store_true", help="accepted for compatibility; an interrupted run is always resumed"
    )
    parser.add_argument("--no-changes", action="store_true", help="close the bead: no change was needed")
    parser.add_argument("--end-session", action="store_true", help="end your session afterwards")
    context.add_json(parser)
    add_receipts(parser)


def run_done(args: Namespace) -> int:
    """Commit and push the branch, queue a merge request, and set the bead to in_review."""
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
    """Add the arguments of ``gt prune-branches``."""
    parser.add_argument("--pattern", default="polecat/*", help="branches to check (default polecat/*)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be deleted; delete nothing")
    context.add_json(parser)


def run_prune_branches(args: Namespace) -> int:
    """Delete landed branches in the current repository."""
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
        raise UsageError("not in a repository of a rig", os.getcwd(), "change to one, or use: gt polecat prune RIG")
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
        output.say("no branches to delete")
    return 0
