"""``gt install``, ``gt up``, ``gt down``, ``gt start`` and ``gt shutdown``: create a town, start and stop its sessions."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_core.errors import GastownError, PartialError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.lifecycle import Service


def install_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt install``."""
    parser.add_argument("path", nargs="?", default=".", help="folder of the town (default: the current one)")
    parser.add_argument("--git", action="store_true", help="make the town a git repository")
    parser.add_argument("-n", "--name", default="", help="name of the town (default: the folder's)")
    parser.add_argument("--owner", default="", help="e-mail address of the owner (default: git's)")
    parser.add_argument("--public-name", default="", help="name shown to other towns")
    parser.add_argument("--no-beads", action="store_true", help="create no ledger")
    parser.add_argument(
        "-f", "--force", action="store_true", help="add what is missing to an existing town; change nothing else"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_install(args: Namespace) -> int:
    """Create a town and print the next steps."""
    from gastown_core.town.install import install_town

    made = install_town(
        args.path,
        name=args.name,
        owner=args.owner,
        public_name=args.public_name,
        git=args.git,
        again=args.force,
        beads=not args.no_beads,
    )
    if args.json:
        output.say_json(made._asdict())
        return 0
    if not made.is_new:
        added = ", ".join(made.added) or "nothing was missing"
        output.say(f"{output.style('✓', 'green')} town {output.clean(made.name)} is complete ({added})")
        return 0
    output.say(f"{output.style('✓', 'green')} created town {output.clean(made.name)} in {made.root}")
    output.say()
    output.say("Next:")
    output.say(f"  cd {made.root}")
    output.say("  gt rig add NAME URL            add a repository as a rig")
    output.say("  gt crew add YOU --rig NAME     create a clone of your own")
    output.say("  gt mayor attach                talk to the mayor")
    return 0


def up_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt up``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    parser.add_argument("--agent", default="", help="runtime to start all agents with")
    parser.add_argument(
        "--restore", action="store_true", help="also start polecats with work in hand and crew by crew.startup; go on"
    )
    context.add_json(parser)


def run_up(args: Namespace) -> int:
    """Start what is not running, and leave running agents alone. Without tmux only the daemon starts."""
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.lifecycle import bring_up, hook_warnings
    from gastown_core.town.settings import load_settings

    root = context.town()
    rows: list[Service] = []
    stale: list[str] = []
    # first: agents and daemon ask it for their work
    served = _start_server(root)
    if has_tmux():
        from gastown_core.process import gt_argv
        from gastown_core.tmux.keys import town_keys

        keys = town_keys(gt_argv())
        rows = bring_up(root, sender=who.acting(root), agent=args.agent, keys=keys, restore=args.restore)
        stale = hook_warnings(root)
    elif not args.json:
        output.note("tmux is not installed: start agents by hand; gt sling shows how")
    if load_settings(root).lenient("up.daemon"):
        # last: it would release the work of agents that are only just being started
        rows.insert(0, _start_daemon(root))
    rows[:0] = served
    failed = [row for row in rows if not row.ok]
    if args.json:
        started = sum(1 for row in rows if row.ok and row.detail != "already running")
        summary = {"total": len(rows), "started": started, "failed": len(failed)}
        services = [row.as_json() for row in rows]
        output.say_json({"success": not failed, "services": services, "summary": summary, "warnings": stale})
    else:
        for row in rows:
            if row.ok and not args.quiet:
                output.say(f"{output.style('✓', 'green')} {row.name}  {row.detail}")
            elif not row.ok:
                output.say(f"{output.style('✗', 'red')} {row.name}  {output.clean(row.detail)}")
        # agents of one runtime lack the same
        for warning in dict.fromkeys([*(warning for row in rows for warning in row.warnings), *stale]):
            output.note(f"note: {output.clean(warning)}")
        if not failed and not args.quiet:
            output.say("next: gt feed watches the town; prefix+a opens it inside a session")
    return 0 if not failed else 3 if len(failed) < len(rows) else 1


def _start_server(root: str) -> list[Service]:
    """Start the Dolt server, if the town's beads are in databases of its own."""
    from gastown_core.beads.discovery import is_served

    if not is_served(os.path.join(root, ".beads")):
        return []
    from gastown_core.beads.dolt import server
    from gastown_core.town.lifecycle import RUNS_ALREADY, Service

    if not server.owns_server(root):
        return []
    try:
        found, is_new = server.start(root)
    except GastownError as error:
        return [Service("dolt", "dolt", "", False, str(error))]
    return [Service("dolt", "dolt", "", True, f"pid {found.pid}, port {found.port}" if is_new else RUNS_ALREADY)]


def _start_daemon(root: str) -> Service:
    from gastown_core.daemon.supervisor import begin
    from gastown_core.town.lifecycle import RUNS_ALREADY, Service

    try:
        pid, is_new = begin(root)
    except GastownError as error:
        return Service("daemon", "daemon", "", False, str(error))
    return Service("daemon", "daemon", "", True, f"pid {pid}, dispatches and merges" if is_new else RUNS_ALREADY)


def start_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt start``."""
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="only this agent")
    parser.add_argument(
        "-a", "--all", action="store_true", help="accepted for compatibility; witnesses and refineries start anyway"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    parser.add_argument("--agent", default="", help="runtime to start with")
    context.add_json(parser)


def run_start(args: Namespace) -> int:
    """Start the town as ``gt up`` does, or one agent as ``gt session start`` does."""
    if not args.target:
        args.restore = False
        return run_up(args)
    from gastown_cli.commands.session import run_session

    for name, value in {
        "action": "start",
        "topic": "",
        "about": "",
        "resume": False,
        "fresh": False,
        "account": "",
    }.items():
        setattr(args, name, value)
    args.receipts = args.when_orphaned = False
    return run_session(args)


def shutdown_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt shutdown``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be stopped; stop nothing")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument("--polecats-only", action="store_true", help="stop only the polecats; their work waits")
    for short, long in (("-g", "--graceful"), ("-f", "--force"), ("-y", "--yes"), ("-a", "--all")):
        parser.add_argument(short, long, action="store_true", help="accepted for compatibility; has no effect")
    context.add_json(parser)


def run_shutdown(args: Namespace) -> int:
    """Stop the town and what is left of it, as ``gt down --all`` does, or only the polecats' sessions."""
    if not args.polecats_only:
        args.all, args.keep_workers = True, False
        return run_down(args)
    from gastown_core.model.address import POLECAT
    from gastown_core.tmux.panes import list_panes
    from gastown_core.town import sessions
    from gastown_core.town.hook_record import record_pause
    from gastown_core.town.inventory import read_inventory

    root = context.town()
    panes = list_panes(sessions.server_of(root))
    found = [one for one in read_inventory(root).agents if one.address.role == POLECAT and one.session in panes]
    ended = [one.address.path for one in found] if args.dry_run else []
    for one in () if args.dry_run else found:
        # noted first: the daemon must not take the end for a death
        record_pause(root, one)
        if sessions.stop_agent(root, one, caller=who.acting(root), reason="shutdown of the polecats"):
            ended.append(one.address.path)
    if args.json:
        output.say_json({"stopped": ended, "dry_run": args.dry_run})
    elif not args.quiet:
        for path in ended:
            output.say(f"{'would stop' if args.dry_run else 'stopped'} {output.clean(path)}")
        if not ended:
            output.say("no polecat was running")
    return 0


def down_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt down``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be stopped; stop nothing")
    parser.add_argument("--keep-workers", action="store_true", help="keep polecats and crew running")
    parser.add_argument(
        "-a", "--all", action="store_true", help="also end leftover processes and the town's tmux server"
    )
    context.add_json(parser)


def run_down(args: Namespace) -> int:
    """Stop the daemon and the sessions; worktrees, hooks and the ledger stay."""
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.lifecycle import bring_down

    if args.all and args.keep_workers:
        raise UsageError("--all and --keep-workers contradict each other", "", "give one of them")
    root = context.town()
    ended = _stop_daemon(root, dry_run=args.dry_run)
    if has_tmux():
        ended += bring_down(root, caller=who.acting(root), workers=not args.keep_workers, dry_run=args.dry_run)
    left: tuple[str, ...] = ()
    if args.all:
        from gastown_core.town.remains import clear

        # a dry run would list the sessions above once more
        rest = clear(root, dry_run=args.dry_run)
        ended, left = [*ended, *(rest.ended if not args.dry_run else ())], rest.left
    elif has_tmux() and not args.keep_workers and not args.dry_run:
        from gastown_core.town.remains import end_empty_server

        end_empty_server(root)
    if args.json:
        output.say_json({"stopped": ended, "dry_run": args.dry_run, **({"left": list(left)} if args.all else {})})
    elif not args.quiet:
        for path in ended:
            output.say(f"{'would stop' if args.dry_run else 'stopped'} {output.clean(path)}")
        if not ended:
            output.say("nothing was running")
    for words in left:
        output.note(f"left: {output.clean(words)}")
    return PartialError.exit_code if left and not args.dry_run else 0


def _stop_daemon(root: str, *, dry_run: bool) -> list[str]:
    """Stop the daemon first; otherwise it would release the work of the sessions that are stopped next."""
    from gastown_core.daemon import starting
    from gastown_core.town import daemon_note as note

    if dry_run:
        return ["daemon"] if note.is_running(root) else []
    return ["daemon"] if starting.stop(root) else []
