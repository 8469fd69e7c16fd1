"""``gt down``: end the town's own sessions, and no other."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt down``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would end")
    parser.add_argument("--keep-workers", action="store_true", help="let polecats and crew go on")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """End them side by side; worktrees, hooks and the ledger stay as they are."""
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.lifecycle import bring_down

    root = context.town()
    ended = _stop_daemon(root, dry_run=args.dry_run)
    if has_tmux():
        ended += bring_down(root, caller=who.acting(root), workers=not args.keep_workers, dry_run=args.dry_run)
    if args.json:
        output.say_json({"stopped": ended, "dry_run": args.dry_run})
    elif not args.quiet:
        for path in ended:
            output.say(f"{'would stop' if args.dry_run else 'stopped'} {path}")
        if not ended:
            output.say("nothing was running")
    return 0


def _stop_daemon(root: str, *, dry_run: bool) -> list[str]:
    """It goes first: otherwise it would set free what the ending sessions hold."""
    from gastown_core.daemon import starting
    from gastown_core.town import daemon_note as note

    if dry_run:
        return ["daemon"] if note.is_running(root) else []
    return ["daemon"] if starting.stop(root) else []
