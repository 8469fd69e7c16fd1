"""``gt up``: start the town's standing agents."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.lifecycle import Service


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt up``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="tell only what failed")
    parser.add_argument("--agent", default="", help="runtime for all of them")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Start what does not run; running agents are left alone. Without tmux the daemon still runs."""
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.lifecycle import bring_up
    from gastown_core.town.settings import load_settings

    root = context.town()
    rows = [_start_daemon(root)] if load_settings(root).lenient("up.daemon") else []
    if has_tmux():
        feed = [sys.executable, "-P", "-m", "gastown_cli", "feed", "--window"]
        rows += bring_up(root, sender=who.acting(root), agent=args.agent, feed_argv=feed)
    elif not args.json:
        output.note("there is no tmux here: agents are started by hand; gt sling says how")
    failed = [row for row in rows if not row.ok]
    if args.json:
        started = sum(1 for row in rows if row.ok and row.detail != "runs already")
        summary = {"total": len(rows), "started": started, "failed": len(failed)}
        output.say_json({"success": not failed, "services": [row.as_json() for row in rows], "summary": summary})
    else:
        for row in rows:
            if row.ok and not args.quiet:
                output.say(f"{output.style('✓', 'green')} {row.name}  {row.detail}")
            elif not row.ok:
                output.say(f"{output.style('✗', 'red')} {row.name}  {output.clean(row.detail)}")
        if not failed and not args.quiet:
            output.say("gt feed watches the town; in a session, prefix+a opens it")
    return 0 if not failed else 3 if len(failed) < len(rows) else 1


def _start_daemon(root: str) -> Service:
    from gastown_core.daemon.starting import start
    from gastown_core.town.lifecycle import RUNS_ALREADY, Service

    try:
        pid, is_new = start(root)
    except GastownError as error:
        return Service("daemon", "daemon", "", False, str(error))
    return Service("daemon", "daemon", "", True, f"process {pid}, dispatches and merges" if is_new else RUNS_ALREADY)
