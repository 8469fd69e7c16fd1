"""``gt daemon``: run, start, stop and inspect the process that dispatches ready work and runs the refineries."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_span
from gastown_core.files.plain import open_plain
from gastown_core.town import daemon_note as note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.daemon_note import DutyNote

ACTIONS = ("run", "start", "stop", "restart", "status", "logs", "enable-supervisor", "disable-supervisor")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt daemon``."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="status", metavar="|".join(ACTIONS))
    parser.add_argument(
        "--dry-run", action="store_true", help="enable-supervisor: show what would be written; write nothing"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="run: write only to the log")
    parser.add_argument("-n", "--lines", type=int, default=40, metavar="N", help="logs: number of lines (default 40)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Run the action; the default is to show the daemon's status."""
    from gastown_core.daemon import starting, supervisor

    root = context.town()
    if args.action == "run":
        from gastown_core.daemon.main import run as live

        live(root, echo=None if args.quiet else output.note)
        return 0
    if args.action.endswith("-supervisor"):
        return _supervise(root, args)
    if args.action == "status":
        return _status(root, as_json=args.json)
    if args.action == "logs":
        return _logs(root, args.lines, as_json=args.json)
    pid = starting.stop(root) if args.action in ("stop", "restart") else 0
    if args.action == "stop":
        said = f"stopped daemon {pid}" if pid else "the daemon is not running"
        output.say_json({"stopped": bool(pid), "pid": pid}) if args.json else output.say(said)
        return 0
    pid, is_new = supervisor.begin(root)
    said = f"{output.style('✓', 'green')} daemon {pid} {'started' if is_new else 'is already running'}"
    if not is_new and not args.json:
        said += _but(root)
    output.say_json({"pid": pid, "started": is_new}) if args.json else output.say(said)
    return 0


def _supervise(root: str, args: Namespace) -> int:
    """Put the daemon under the system's supervisor, or undo that; what is written is shown."""
    from gastown_core.daemon import supervisor

    plan = supervisor.plan_of(root)
    undo = "gt daemon disable-supervisor"
    if args.action == "disable-supervisor":
        undone = supervisor.disable(plan)
        said = f"removed {plan.path}" if undone else "no supervisor was set up for this town's daemon"
        output.say_json({"removed": undone, "path": plan.path}) if args.json else output.say(output.clean(said))
        return 0
    if not args.dry_run:
        supervisor.enable(root, plan)
    if args.json:
        commands = [list(argv) for argv in plan.begin]
        output.say_json({**plan._asdict(), "begin": commands, "undo": undo, "written": not args.dry_run})
        return 0
    output.say(f"# {output.clean(plan.path)}{' (not written)' if args.dry_run else ''}")
    output.say(plan.text.rstrip("\n"))
    output.note(f"note: {'it would run' if args.dry_run else 'ran'} {'; '.join(' '.join(one) for one in plan.begin)}")
    output.note(f"note: {undo} takes it back")
    return 0


def _but(root: str) -> str:
    """Return what is wrong with a running daemon, or ""."""
    from gastown_core.model.daemon import RUNS
    from gastown_core.town.daemon_note import view

    now = SYSTEM_CLOCK.now()
    found = view(root, now)
    return "" if found.state == RUNS else f"; {output.clean(found.words(now))}"


def _status(root: str, *, as_json: bool) -> int:
    from gastown_core.model.daemon import DIED, LATE, RUNS
    from gastown_core.town.daemon_note import read_note, read_state, view

    state = read_state(root)
    found = read_note(root)
    now = view(root, SYSTEM_CLOCK.now(), state)
    if as_json:
        told = found._asdict() if found is not None else {}
        lately: dict[str, object] = (
            {key: state[key] for key in ("load", "slower", "sources") if key in state} if found is not None else {}
        )
        output.say_json({"running": found is not None, **now.as_json(), **lately, **told})
        return 0
    if found is None:
        output.say(output.style(now.words(SYSTEM_CLOCK.now()), "red" if now.state == DIED else "yellow"))
        return 0
    dot = output.style("●", "green" if now.state == RUNS else "yellow")
    output.say(f"{dot} daemon {found.pid or 'of unknown pid'}, started {found.started_at or 'just now'}")
    if not now.is_at_work or now.state == LATE or now.paused:
        output.say(output.style(now.words(SYSTEM_CLOCK.now()), "red"))
    share = state.get("load")
    if isinstance(share, int | float) and share:
        slower = state.get("slower")
        rarely = f"; over its budget, so it looks {slower:g} times as rarely" if _is_slower(slower) else ""
        output.say(f"  uses {share:.1%} of a core{rarely}")
    _tables(root, SYSTEM_CLOCK.now())
    return 0


def _tables(root: str, now: float) -> None:
    """Print the duties, and the sources that the patrols look at, each with its age."""
    told = note.watch_note(root, now)
    if told is None:
        return
    rows = [_duty_row(duty, now) for duty in told.duties]
    if rows:
        output.say(output.table(rows, header=("DUTY", "RUNS", "LAST", "TOOK", "NEXT", "DID")))
    rows = [[name, format_ago(now - at) if at else "-", output.clean(error)] for name, at, error in told.sources]
    if rows:
        output.say(output.table(rows, header=("SOURCE", "ANSWERED", "ERROR")))


def _is_slower(slower: object) -> bool:
    return isinstance(slower, int | float) and slower > 1


def _duty_row(duty: DutyNote, now: float) -> list[str]:
    """Return a duty's columns: runs, last run, how long it took, the next one at the latest, what it did or why it fails."""
    times = f" ({duty.failures} times in a row)" if duty.failures > 1 else ""
    did = f"failed{times}: {duty.error}" if duty.error else duty.did or "nothing to do"
    if duty.busy_since:
        did = f"busy for {format_span(max(0.0, now - duty.busy_since))}"
    if duty.paused:
        did = duty.paused
    if duty.late:
        did = f"LATE: {duty.late}; {did}"
    ago = format_ago(now - duty.last_run) if duty.last_run else "-"
    next_ = f"in {format_span(max(0.0, duty.next_at - now))}" if duty.next_at else "-"
    return [duty.name, str(duty.runs), ago, f"{duty.took_s:.2f} s", next_, output.clean(did)]


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
