"""``gt health``, ``gt info`` and ``gt stale``: figures of the ledgers, versions and places, and whether the daemon runs old code."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds, parse_moment
from gastown_core.errors import GastownError, words_of
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.store import BeadStore

STALE, FRESH = 0, 1
"""Exit codes of ``gt stale``, as the Go tools have them."""


def health_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt health``."""
    context.add_json(parser)


def run_health(args: Namespace) -> int:
    """Show each ledger with its size, its beads and its newest copy, the daemon, and processes that nobody owns."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.daemon_note import view
    from gastown_core.town.remains import orphans_of

    root, now = context.town(), SYSTEM_CLOCK.now()
    ledger = TownLedger(root)
    stores = [_store(root, name, store) for name, store in ledger.stores().items()]
    daemon = view(root, now)
    try:
        orphans, is_known = [one.pid for one in orphans_of(root)], True
    except GastownError:
        # tmux does not tell whose session lives
        orphans, is_known = [], False
    if args.json:
        told = {
            "timestamp": format_seconds(now),
            "stores": stores,
            "daemon": daemon.as_json(),
            "orphans": orphans,
            "orphans_known": is_known,
        }
        output.say_json({**told, "unreadable": [{"name": name, "why": why} for name, why in ledger.missing.items()]})
        return context.tell_unread(ledger)
    rows = [
        [str(one["name"]), str(one["open"]), str(one["closed"]), str(one["wisps"]), f"{one['bytes'] / 1024:.0f} KB", _copied(one, now), output.clean(str(one["error"]))]
        for one in stores
    ]  # fmt: skip
    output.say(
        output.table(
            rows, header=("LEDGER", "OPEN", "CLOSED", "WISPS", "SIZE", "LAST COPY", "ERROR"), right=(1, 2, 3, 4)
        )
    )
    output.say(output.clean(daemon.words(now)))
    count = (
        f"{len(orphans)}{'; gt orphans procs lists them' if orphans else ''}"
        if is_known
        else "unknown: tmux gave no answer"
    )
    output.say(f"orphaned processes: {count}")
    return context.tell_unread(ledger)


def _store(root: str, name: str, store: BeadStore) -> dict[str, Any]:
    from gastown_core.beads.query import BeadQuery
    from gastown_core.town.chores import backups_folder

    told: dict[str, Any] = {"name": name, "open": 0, "closed": 0, "wisps": 0, "bytes": 0, "copied_at": "", "error": ""}
    try:
        counts = store.count_by("status", BeadQuery())
        told |= {"closed": counts.get(CLOSED, 0), "open": sum(counts.values()) - counts.get(CLOSED, 0)}
        told |= {"wisps": store.count(BeadQuery(only_wisps=True))}
    except GastownError as error:
        told["error"] = words_of(error)
    if os.path.exists(store.path()):
        told["bytes"] = os.stat(store.path()).st_size
    folder = backups_folder(root)
    copies = [one for one in (os.listdir(folder) if os.path.isdir(folder) else []) if one.startswith(f"{name}-")]
    newest = max((os.stat(os.path.join(folder, one)).st_mtime for one in copies), default=0.0)
    return told | {"copied_at": format_seconds(newest) if newest else ""}


def _copied(one: dict[str, Any], now: float) -> str:
    moment = parse_moment(one["copied_at"])
    return format_ago(now - moment) if moment else "none; gt maintain backup"


def info_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt info``."""
    context.add_json(parser)


def run_info(args: Namespace) -> int:
    """Show the versions of the program and of what it runs on, and where the town and the program are."""
    import platform

    import gastown_core
    from gastown_core.process import run
    from gastown_core.tmux.socket import has_tmux, socket_name

    root = context.find_town()
    tools = {}
    for name, argv in {"git": ("git", "--version"), "tmux": ("tmux", "-V")}.items():
        told = run(argv, timeout_s=10.0).out.split() if name != "tmux" or has_tmux() else ["not installed"]
        tools[name] = told[-1] if told else "unknown"
    rows = {
        "gastown": gastown_core.__version__,
        "python": platform.python_version(),
        **tools,
        "system": platform.platform(),
    }
    rows |= {"program": os.path.dirname(os.path.abspath(gastown_core.__file__)), "interpreter": sys.executable}
    rows |= {"town": root or "", "tmux socket": socket_name(root) if root else ""}
    if args.json:
        output.say_json(rows)
    else:
        output.say(output.table([[name, output.clean(text) or "-"] for name, text in rows.items()]))
    return 0


def stale_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt stale``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing; the exit code tells")
    context.add_json(parser)


def run_stale(args: Namespace) -> int:
    """Return 0 if the daemon started before the program's newest file was written, 1 if it did not or none runs, 2 on error."""
    from gastown_core.town.daemon_note import read_note

    try:
        note = read_note(context.town())
    except GastownError as error:
        return output.report_error(error, as_json=args.json) and 2
    started = parse_moment(note.started_at) if note is not None else None
    newest = _newest_source()
    is_stale = started is not None and newest > started
    if args.json:
        began = format_seconds(started) if started else ""
        output.say_json({"stale": is_stale, "daemon_started_at": began, "code_written_at": format_seconds(newest)})
    elif not args.quiet:
        words = "the daemon runs code from before the last upgrade; gt daemon restart" if is_stale else "the daemon runs the code that is here" if started else "no daemon runs"  # fmt: skip
        output.say(words)
    return STALE if is_stale else FRESH


def _newest_source() -> float:
    import gastown_core

    newest = 0.0
    for folder, folders, names in os.walk(os.path.dirname(os.path.abspath(gastown_core.__file__))):
        folders[:] = [one for one in folders if one != "__pycache__"]
        newest = max(
            [newest, *(os.stat(os.path.join(folder, name)).st_mtime for name in names if name.endswith(".py"))]
        )
    return newest
