"""``gt orphans`` and ``gt cleanup``: what agents left: work under rescue refs, and processes of sessions that are gone."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import GastownError, PartialError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RigEntry

DAY_S = 86400.0


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt orphans``."""
    parser.add_argument("--days", type=float, default=7.0, metavar="N", help="saved within so many days (default 7)")
    parser.add_argument("-a", "--all", action="store_true", help="however old")
    parser.add_argument("--rig", default="", help="only this rig")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List work that was saved under rescue refs before its worktree went."""
    from gastown_core.town.inventory import read_inventory

    root, now = context.town(), SYSTEM_CLOCK.now()
    context.check_rig(root, args.rig)
    rows, unread = [], 0
    for rig in read_inventory(root).rigs:
        if args.rig in ("", rig.name):
            try:
                rows += _rescued(rig, 0.0 if args.all else now - args.days * DAY_S)
            except GastownError as error:
                unread += 1
                output.note(f"note: {output.clean(rig.name)}: {output.clean(str(error))}")
    if args.json:
        output.say_json(rows)
    elif not rows:
        within = "" if args.all else f" within {args.days:g} days; --all shows older"
        output.say(f"nothing was rescued{within}")
    else:
        shown = [[output.clean(one[key]) for key in ("rig", "commit", "at", "ref", "subject")] for one in rows]
        output.say(output.table(shown, header=("RIG", "COMMIT", "SAVED", "REF", "WHAT")))
        output.note("git checkout COMMIT in a clone of the rig shows it; a merge of it brings it back")
    return PartialError.exit_code if unread else 0


def _rescued(rig: RigEntry, since: float) -> list[dict[str, str]]:
    """Return the rescue refs of a rig that were made since then, newest first. Raises GitError."""
    from gastown_core.git.repo import Git
    from gastown_core.git.worktree import RESCUE
    from gastown_core.town.rig_register import bare_folder

    form = "%(creatordate:unix)%09%(refname)%09%(objectname:short)%09%(contents:subject)"
    bare = Git(bare_folder(rig.path, rig.name))
    rows = []
    for line in bare.run("for-each-ref", f"--format={form}", "--sort=-creatordate", RESCUE).splitlines():
        at, ref, commit, subject = (line.split("\t", 3) + [""] * 4)[:4]
        moment = float(at) if at.isdigit() else 0.0
        if moment >= since:
            rows.append(
                {"rig": rig.name, "ref": ref, "commit": commit, "subject": subject, "at": format_seconds(moment)}
            )
    return rows


def procs_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt orphans procs``."""
    context.add_json(parser)


def run_procs(args: Namespace) -> int:
    """List processes of agents whose session is gone."""
    from gastown_core.process_table import environment_of
    from gastown_core.town.remains import orphans_of

    rows = orphans_of(context.town())
    told = [
        {"pid": one.pid, "name": one.name, "session": environment_of(one.pid).get("GT_SESSION", "")} for one in rows
    ]
    if args.json:
        output.say_json(told)
    else:
        shown = [[str(one["pid"]), output.clean(str(one["name"])), output.clean(str(one["session"]))] for one in told]
        output.say(output.table(shown, header=("PID", "PROGRAM", "OF")) if shown else "no orphaned process")
    return 0


def kill_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt orphans kill``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="list them; end nothing")
    parser.add_argument("-f", "--force", action="store_true", help="accepted for compatibility; has no effect")
    context.add_json(parser)


def run_kill(args: Namespace) -> int:
    """End processes of agents whose session is gone; those of agents at work stay. Returns 3 if one does not end."""
    if args.dry_run:
        return run_procs(args)
    from gastown_core.tmux.sessions import end_processes
    from gastown_core.town.remains import GRACE_S, orphans_of

    root = context.town()
    rows = orphans_of(root)
    end_processes(rows, GRACE_S, set())
    left = {one.pid for one in orphans_of(root)} if rows else set()
    if args.json:
        output.say_json({"ended": [one.pid for one in rows if one.pid not in left], "left": sorted(left)})
    else:
        for one in rows:
            output.say(f"{'does not end' if one.pid in left else 'ended'}: {one.pid} {output.clean(one.name)}")
        if not rows:
            output.say("no orphaned process")
    return PartialError.exit_code if left else 0
