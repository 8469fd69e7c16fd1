"""``gt daemon run|start|stop|restart|status|logs``: the process that dispatches ready work and runs the refineries."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

ACTIONS = ("run", "start", "stop", "restart", "status", "logs")


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt daemon``."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status", metavar="|".join(ACTIONS))
    parser.add_argument("-q", "--quiet", action="store_true", help="run: write to the log only")
    parser.add_argument("-n", "--lines", type=int, default=40, metavar="N", help="logs: how many (40)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Do what the first word says; without one, tell how it is."""
    from gastown_core.daemon import starting

    root = context.town()
    if args.action == "run":
        from gastown_core.daemon.main import run as live

        live(root, echo=None if args.quiet else output.note)
        return 0
    if args.action == "status":
        return _status(root, as_json=args.json)
    if args.action == "logs":
        return _logs(root, args.lines)
    pid = starting.stop(root) if args.action in ("stop", "restart") else 0
    if args.action == "stop":
        said = f"daemon {pid} ended" if pid else "the daemon was not running"
        output.say_json({"stopped": bool(pid), "pid": pid}) if args.json else output.say(said)
        return 0
    pid, is_new = starting.start(root)
    said = f"{output.style('✓', 'green')} daemon {pid} {'started' if is_new else 'runs already'}"
    output.say_json({"pid": pid, "started": is_new}) if args.json else output.say(said)
    return 0


def _status(root: str, *, as_json: bool) -> int:
    from gastown_core.daemon.note import read_note

    found = read_note(root)
    if as_json:
        output.say_json({"running": found is not None, **(found._asdict() if found is not None else {})})
        return 0
    if found is None:
        output.say("the daemon does not run; gt daemon start, or gt up, starts it")
        return 0
    output.say(f"{output.style('●', 'green')} daemon {found.pid} since {found.started_at}")
    rows = []
    for name, told in found.duties.items():
        last = output.clean(
            str((told.get("error") and f"failed: {told['error']}") or told.get("did") or "nothing to do")
        )
        rows.append([name, f"{told.get('runs', 0)} runs", f"{told.get('took_s', 0):.2f} s", last])
    if rows:
        output.say(output.table(rows))
    return 0


def _logs(root: str, lines: int) -> int:
    from collections import deque

    from gastown_core.daemon.note import log_path
    from gastown_core.errors import NotFoundError

    try:
        with open(log_path(root), encoding="utf-8", errors="replace") as handle:
            for line in deque(handle, maxlen=max(1, lines)):
                output.say(output.clean(line.rstrip("\n")))
    except FileNotFoundError as error:
        raise NotFoundError("there is no log", "the daemon has not run in this town", "gt daemon start") from error
    return 0
