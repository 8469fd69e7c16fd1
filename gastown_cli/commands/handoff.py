"""``gt handoff`` and ``gt resume``: a note for the next session, which begins fresh, goes on, or waits for a compaction."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow
from gastown_core.errors import GastownError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def handoff_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt handoff``."""
    parser.add_argument(
        "target",
        nargs="?",
        default="",
        metavar="agent|bead",
        help="agent (default: you), or a bead to put on your hook for your successor",
    )
    parser.add_argument("-s", "--subject", default="", help="subject of the note")
    parser.add_argument("-m", "--message", default="", help="note for the next session")
    parser.add_argument("--stdin", action="store_true", help="read the note from stdin")
    parser.add_argument(
        "-c", "--collect", action="store_true", help="add worktree, work, mail and ready work to the note"
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--cycle",
        action="store_true",
        help="restart the program and go on with its conversation where it can; collects",
    )
    modes.add_argument(
        "--auto", action="store_true", help="store the note and restart nothing (before a compaction); collects"
    )
    parser.add_argument("--reason", default="", help="why, for the successor (default: handoff, cycle or compaction)")
    parser.add_argument(
        "--no-git-check", action="store_true", help="do not warn of uncommitted files and unpushed commits"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    context.add_json(parser)
    add_receipts(parser)


def run_handoff(args: Namespace) -> int:
    """Store a note, then restart the agent in a session that reads it; --auto stores the note alone."""
    from gastown_core.messaging.handoff import AUTO, CYCLE, FRESH, SUBJECTS, handoff

    root = context.town()
    entry, bead_id = _target(root, args.target)
    mode = CYCLE if args.cycle else AUTO if args.auto else FRESH
    subject = args.subject or (f"continue {bead_id}" if bead_id else SUBJECTS[mode])
    message = sys.stdin.read() if args.stdin else args.message
    if args.collect or mode != FRESH:
        from gastown_core.work.handoff_state import collect_state

        message = "\n\n".join(part for part in (message.strip(), collect_state(root, entry)) if part)
    if args.dry_run:
        return _say_plan(entry, mode, subject, message, as_json=args.json)
    if mode != AUTO and not args.no_git_check:
        _warn_of_loose_work(entry)
    if not (args.yes or args.receipts or args.stdin or mode == AUTO or _is_confirmed(entry)):
        return 1
    if bead_id:
        _hook(root, bead_id, entry)
    code, last = follow(
        lambda: handoff(
            root,
            entry,
            subject=subject,
            message=message,
            sender=who.acting(root),
            mode=mode,
            reason=args.reason,
        ),
        as_lines=args.receipts,
        quiet=args.json,
    )
    if args.json and not args.receipts and last is not None:
        output.say_json(last.as_json())
    return code


def _target(root: str, text: str) -> tuple[RosterEntry, str]:
    """Return the agent, and the bead to hook first: a word that names no agent names a bead for the caller."""
    from gastown_core.errors import NotFoundError

    try:
        return who.find(root, text)[1], ""
    except (NotFoundError, UsageError):
        prefix, dash, rest = text.partition("-")
        if not (dash and rest and prefix.isalpha() and prefix.islower()):
            raise
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.sling.sling import find_bead

    return who.me(root), find_bead(TownLedger(root), text).id


def _hook(root: str, bead_id: str, entry: RosterEntry) -> None:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import caller
    from gastown_core.work.hook.unsling import put_on_hook
    from gastown_core.work.sling.sling import find_bead

    ledger = TownLedger(root)
    put_on_hook(root, ledger, find_bead(ledger, bead_id), entry, actor=who.acting(root), me=caller(), words={})


def _say_plan(entry: RosterEntry, mode: str, subject: str, message: str, *, as_json: bool) -> int:
    if as_json:
        plan = {"agent": entry.address.path, "session": entry.session, "subject": subject, "note": message}
        output.say_json({"dry_run": True, "mode": mode, **plan})
        return 0
    from gastown_core.messaging.handoff import AUTO

    then = "restart nothing" if mode == AUTO else f"restart session {entry.session}"
    output.say(f"would store a note for {entry.address.short} and {then}")
    for line in message.splitlines():
        output.say(output.clean(f"  {line}".rstrip()))
    return 0


def _warn_of_loose_work(entry: RosterEntry) -> None:
    """Say on stderr what of the worktree is neither committed nor pushed; the successor finds it there."""
    import os

    from gastown_core.git.repo import Git
    from gastown_core.git.worktree import status, unpushed

    if not os.path.exists(os.path.join(entry.work_dir, ".git")):
        return
    git = Git(entry.work_dir)
    try:
        tree, ahead = status(git), unpushed(git)
    except GastownError as error:
        output.note(f"note: the worktree cannot be read: {output.clean(str(error))}")
        return
    files = len(tree.changed) + len(tree.untracked)
    loose = [f"{files} uncommitted file{'' if files == 1 else 's'}"] if files else []
    loose += [f"{len(ahead)} commit{'' if len(ahead) == 1 else 's'} on no remote"] if ahead else []
    if loose:
        output.note(f"note: {' and '.join(loose)} in {output.clean(entry.work_dir)}; the next session finds them there")


def _is_confirmed(entry: RosterEntry) -> bool:
    """Whether the person at the terminal agrees; without a terminal nobody is asked."""
    if not sys.stdin.isatty():
        return True
    sys.stderr.write(f"End the current session of {entry.address.short} and start the next? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    output.say("cancelled")
    return False


def resume_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt resume``."""
    parser.add_argument("agent", nargs="?", default="", help="agent (default: you)")
    context.add_json(parser)


def run_resume(args: Namespace) -> int:
    """Show the handoff notes that wait for an agent, without taking them."""
    from gastown_core.clock import format_seconds
    from gastown_core.messaging.handoff import waiting_notes

    root = context.town()
    entry = who.find(root, args.agent)[1]
    notes = waiting_notes(root, entry)
    if args.json:
        output.say_json(
            [
                {
                    "id": note.id,
                    "subject": note.title,
                    "from": note.sender,
                    "date": format_seconds(note.at),
                    "body": note.body,
                }
                for note in notes
            ]
        )
        return 0
    for note in notes:
        output.say(output.style(output.clean(f"{note.id}  {note.title}"), "bold"))
        output.say(output.clean(f"from {note.sender}, {format_seconds(note.at)}"))
        for line in note.body.splitlines():
            output.say(output.clean(f"  {line}".rstrip()))
    if not notes:
        output.note(f"no handoff notes wait for {entry.address.short}")
    return 0
