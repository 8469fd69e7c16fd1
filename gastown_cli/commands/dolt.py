"""``gt dolt``: start, stop and inspect the Dolt server that the town owns, back up its databases, tidy them."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.dolt.server import ServerStatus

ACTIONS = ("start", "stop", "status", "logs", "backup", "cleanup")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dolt``."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status", metavar="|".join(ACTIONS))
    parser.add_argument("-n", "--lines", type=int, default=40, metavar="N", help="logs: number of lines (default 40)")
    parser.add_argument(
        "--to", default="", metavar="FOLDER", help="backup: where the copies go (default .dolt-backup in the town)"
    )
    parser.add_argument("--dry-run", action="store_true", help="backup, cleanup: show what would be done; do nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Run the action; the default is to show the server's status."""
    from gastown_core.beads.dolt import server

    root = context.town()
    if args.action == "status":
        return _status(server.status_of(root), as_json=args.json)
    if args.action == "logs":
        lines = server.log_lines(root, args.lines)
        output.say_json({"lines": lines}) if args.json else output.say("\n".join(map(output.clean, lines)))
        return 0
    if args.action in ("backup", "cleanup"):
        return _upkeep(root, args)
    if args.action == "stop":
        pid = server.stop(root)
        said = f"stopped the Dolt server {pid}" if pid else "this town's Dolt server is not running"
        output.say_json({"stopped": bool(pid), "pid": pid}) if args.json else output.say(said)
        return 0
    found, is_new = server.start(root)
    if args.json:
        output.say_json({**_as_json(found), "started": is_new})
    else:
        state = "started" if is_new else "is already running"
        output.say(f"{output.style('✓', 'green')} Dolt server {found.pid} {state} on port {found.port}")
    return 0


def _status(found: ServerStatus, *, as_json: bool) -> int:
    """Show the server; returns 1 if it does not answer."""
    if as_json:
        output.say_json(_as_json(found))
        return 0 if found.answers else 1
    if found.pid:
        since = f", started {format_ago(SYSTEM_CLOCK.now() - found.started_at)}" if found.started_at else ""
        state = "answers" if found.answers else "does not answer"
        output.say(f"Dolt server {found.pid} {state} on port {found.port}{since}")
    elif found.answers:
        output.say(f"a server answers on port {found.port}; this town did not start it")
    else:
        output.say(f"no Dolt server on port {found.port}")
    output.say(f"databases  {', '.join(map(output.clean, found.databases)) or 'none'}")
    output.say(f"data       {output.clean(found.data)}, {found.disk_bytes / 1e6:.1f} MB")
    output.say(f"log        {output.clean(found.log)}")
    if not found.answers:
        output.note("next: gt dolt start")
    return 0 if found.answers else 1


def _as_json(found: ServerStatus) -> dict[str, object]:
    return {**found._asdict(), "running": bool(found.pid), "databases": list(found.databases)}


def _upkeep(root: str, args: Namespace) -> int:
    from gastown_core.beads.dolt import upkeep

    if args.action == "backup":
        done = upkeep.back_up(root, args.to, dry_run=args.dry_run)
    else:
        done = upkeep.clean_up(root, dry_run=args.dry_run)
    if args.json:
        output.say_json({"dry_run": args.dry_run, "databases": [one._asdict() for one in done]})
        return 0 if all(one.is_ok for one in done) else 3
    for one in done:
        mark = output.style("✓", "green") if one.is_ok else output.style("✗", "red")
        output.say(f"{mark} {output.clean(one.database)}  {output.clean(one.said)}")
    if not done:
        output.note("this town has no databases of its own")
    return 0 if all(one.is_ok for one in done) else 3
