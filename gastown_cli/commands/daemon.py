"""``gt daemon``: run, start, stop and inspect the process that dispatches ready work and runs the refineries."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.files.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

ACTIONS = ("run", "start", "stop", "restart", "status", "logs")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt daemon``."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status", metavar="|".join(ACTIONS))
    parser.add_argument("-q", "--quiet", action="store_true", help="run: write only to the log")
    parser.add_argument("-n", "--lines", type=int, default=40, metavar="N", help="logs: number of lines (default 40)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Run the action; the default is to show the daemon's status."""
    from gastown_core.daemon import starting

    root = context.town()
    if args.action == "run":
        from gastown_core.daemon.main import run as live

        live(root, echo=None if args.quiet else output.note)
        return 0
    if args.action == "status":
        return _status(root, as_json=args.json)
    if args.action == "logs":
        return _logs(root, args.lines, as_json=args.json)
    pid = starting.stop(root) if args.action in ("stop", "restart") else 0
    if args.action == "stop":
        said = f"stopped daemon {pid}" if pid else "the daemon is not running"
        output.say_json({"stopped": bool(pid), "pid": pid}) if args.json else output.say(said)
        return 0
    pid, is_new = starting.start(root)
    said = f"{output.style('✓', 'green')} daemon {pid} {'started' if is_new else 'is already running'}"
    if not is_new and not args.json:
        said += _but(root)
    output.say_json({"pid": pid, "started": is_new}) if args.json else output.say(said)
    return 0


def _seconds(took: object) -> str:
    return f"{took:.2f} s" if isinstance(took, int | float) else ""


def _but(root: str) -> str:
    """Return what is wrong with a running daemon, or ""."""
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.model.daemon import RUNS
    from gastown_core.town.daemon_note import view

    now = SYSTEM_CLOCK.now()
    found = view(root, now)
    return "" if found.state == RUNS else f"; {output.clean(found.words(now))}"


def _status(root: str, *, as_json: bool) -> int:
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.model.daemon import DIED, RUNS
    from gastown_core.town.daemon_note import read_note, view

    found = read_note(root)
    now = view(root, SYSTEM_CLOCK.now())
    if as_json:
        told = found._asdict() if found is not None else {}
        output.say_json({"running": found is not None, **now.as_json(), **told})
        return 0
    if found is None:
        output.say(output.style(now.words(SYSTEM_CLOCK.now()), "red" if now.state == DIED else "yellow"))
        return 0
    dot = output.style("●", "green" if now.state == RUNS else "yellow")
    output.say(f"{dot} daemon {found.pid or 'of unknown pid'}, started {found.started_at or 'just now'}")
    if not now.is_at_work:
        output.say(output.style(now.words(SYSTEM_CLOCK.now()), "red"))
    rows = []
    for name, duty in found.duties.items():
        did = str((duty.get("error") and f"failed: {duty['error']}") or duty.get("did") or "nothing to do")
        if duty.get("busy_since"):
            did = f"busy since {duty['busy_since']}"
        rows.append([name, f"{duty.get('runs', 0)} runs", f"{_seconds(duty.get('took_s'))}", output.clean(did)])
    if rows:
        output.say(output.table(rows))
    return 0


def _logs(root: str, lines: int, *, as_json: bool) -> int:
    from collections import deque

    from gastown_core.errors import NotFoundError
    from gastown_core.town.daemon_note import log_path

    try:
        with open(open_plain(log_path(root)), encoding="utf-8", errors="replace") as handle:
            last = [line.rstrip("\n") for line in deque(handle, maxlen=max(1, lines))]
    except FileNotFoundError as error:
        raise NotFoundError("no daemon log", "the daemon has not run in this town", "gt daemon start") from error
    if as_json:
        output.say_json(last)
        return 0
    for line in last:
        output.say(output.clean(line))
    return 0
