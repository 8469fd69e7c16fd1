"""``gt log``, ``gt trail`` and ``gt audit``: what happened in the town."""

from __future__ import annotations

import os
import sys
import time

from gastown_cli import context, output, streams
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds
from gastown_core.errors import PartialError, StoreError, UsageError
from gastown_core.events.town_log import LogLine, newest_log_lines, parse_log_line, town_log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.history import HistoryEntry

POLL_S = 0.1


def _add_since(parser: ArgumentParser) -> None:
    parser.add_argument("--since", default="", metavar="WHEN", help="only since: a span such as 1h or 7d, or a date")


def _since(text: str) -> float:
    """Return the moment that a person means, 0 for none. Raises UsageError."""
    return context.moment_of(text) if text else 0.0


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def log_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt log``."""
    parser.add_argument("-n", "--tail", type=int, default=20, help="how many lines (default 20; 0: all)")
    parser.add_argument("-t", "--type", default="", help="only this kind, such as nudge or handoff")
    parser.add_argument("-a", "--agent", default="", help="only agents whose address begins so")
    _add_since(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="print new lines as they come")
    context.add_json(parser)


def run_log(args: Namespace) -> int:
    """Print the newest lines of the town log, oldest first."""
    root = context.town()
    since = _since(args.since)
    if args.tail < 0:
        raise UsageError(f"--tail {args.tail} is negative")
    path = town_log_path(root)
    follower = _Follower(path) if args.follow else None
    rows: list[LogLine] = []
    try:
        for line in newest_log_lines(root):
            if since and line.at < since:
                break
            if _matches(line, args):
                rows.append(line)
                if args.tail and len(rows) >= args.tail:
                    break
    except OSError as error:
        raise StoreError(f"cannot read {path}", error.strerror or str(error)) from error
    for line in reversed(rows):
        _print(line, as_json=args.json)
    if follower is None:
        if not rows and not args.json:
            output.note("no lines that match" if os.path.exists(path) else f"nothing was logged yet: {path}")
        return 0
    return follower.run(args)


def _matches(line: LogLine, args: Namespace) -> bool:
    return (not args.type or line.kind == args.type) and line.agent.startswith(args.agent)


def _print(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        output.say_json_line(
            {"timestamp": format_seconds(line.at), "type": line.kind, "agent": line.agent, "context": line.detail}
        )
    else:
        kind = output.style(f"[{output.clean(line.kind)}]", "bold")
        output.say(f"{_stamp(line.at)} {kind} {output.clean(line.agent)} {output.clean(line.detail)}".rstrip())


class _Follower:
    """The town log from its end at the time of making."""

    def __init__(self, path: str) -> None:
        from gastown_core.files.tail import Tailer

        self._tail = Tailer(path, offset=None)

    def run(self, args: Namespace) -> int:
        streams.end_with_reader()
        while not streams.reader_left():
            for _, line in self._tail.read().lines:
                found = parse_log_line(line)
                if found is not None and _matches(found, args):
                    _print(found, as_json=args.json)
            sys.stdout.flush()
            time.sleep(POLL_S)
        return 0


def trail_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt trail``."""
    kinds = ("commits", "beads", "hooks")
    parser.add_argument("what", nargs="?", default="commits", choices=kinds, help="commits (default), beads or hooks")
    _add_since(parser)
    parser.add_argument("-n", "--limit", type=int, default=20, help="how many (default 20; 0: all)")
    parser.add_argument("--all", action="store_true", help="commits: of every author, not only of agents")
    context.add_json(parser)


def run_trail(args: Namespace) -> int:
    """Show the newest commits of agents, changed beads, or work coming to and leaving hooks."""
    since = _since(args.since)
    if args.limit < 0:
        raise UsageError(f"--limit {args.limit} is negative")
    show = {"commits": _trail_commits, "beads": _trail_beads, "hooks": _trail_hooks}[args.what]
    return show(args, since)


def _ago(at: float) -> str:
    return f"{format_age(max(1.0, SYSTEM_CLOCK.now() - at))} ago"


def _trail_commits(args: Namespace, since: float) -> int:
    from gastown_core.town.history import commits_from
    from gastown_core.town.settings import load_settings

    root = context.find_town()
    domain = load_settings(root).lenient("agent_email_domain") if root else "gastown.local"
    found = commits_from(os.getcwd(), root, since=since, limit=args.limit, mail_domain="" if args.all else domain)
    if args.json:
        output.say_json(
            [
                {
                    "hash": one.hash,
                    "short_hash": one.hash[:10],
                    "author": one.author,
                    "email": one.email,
                    "date": format_seconds(one.at),
                    "date_relative": _ago(one.at),
                    "subject": one.subject,
                    "is_agent": one.email.endswith(f"@{domain}"),
                }
                for one in found
            ]
        )
        return 0
    rows = [[one.hash[:10], output.clean(one.author), output.clean(one.subject), _ago(one.at)] for one in found]
    return _table(
        rows, ("COMMIT", "AUTHOR", "SUBJECT", "WHEN"), "no commits by agents here; --all shows those of everyone"
    )


def _trail_beads(args: Namespace, since: float) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.history import newest_beads

    ledger = TownLedger(context.town())
    found = newest_beads(ledger, since=since, limit=args.limit)
    code = context.tell_unread(ledger)
    if args.json:
        output.say_json(
            [
                {
                    "id": one.id,
                    "title": one.title,
                    "status": one.status,
                    **({"agent": one.assignee} if one.assignee else {}),
                    "updated_at": format_seconds(one.updated_at),
                    "updated_relative": _ago(one.updated_at),
                }
                for one in found
            ]
        )
        return code
    rows = [
        [
            one.id,
            one.status,
            output.shorten(output.clean(one.title), 60),
            output.clean(one.assignee),
            _ago(one.updated_at),
        ]
        for one in found
    ]
    return _table(rows, ("BEAD", "STATUS", "TITLE", "AGENT", "WHEN"), "no beads") or code


def _trail_hooks(args: Namespace, since: float) -> int:
    from gastown_core.model.event import describe
    from gastown_core.town.history import hook_events

    found = hook_events(context.town(), since=since, limit=args.limit)
    if args.json:
        output.say_json(
            [
                {
                    "type": one.type,
                    "actor": one.actor,
                    **({"bead": one.payload["bead"]} if one.payload.get("bead") else {}),
                    "timestamp": format_seconds(one.ts),
                    "time_relative": _ago(one.ts),
                }
                for one in found
            ]
        )
        return 0
    rows = [[_ago(one.ts), output.clean(one.actor), output.clean(describe(one))] for one in found]
    return _table(rows, ("WHEN", "ACTOR", "WHAT"), "no work came to a hook or left one")


def _table(rows: list[list[str]], header: tuple[str, ...], nothing: str) -> int:
    if rows:
        output.say(output.table(rows, header=header))
    else:
        output.note(nothing)
    return 0


def audit_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt audit``."""
    parser.add_argument("--actor", default="", help="only actors whose name contains this")
    _add_since(parser)
    parser.add_argument("-n", "--limit", type=int, default=50, help="how many (default 50; 0: all)")
    context.add_json(parser)


def run_audit(args: Namespace) -> int:
    """Show what happened in the town, from git, ledgers, event log and town log, newest first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.history import audit

    if args.limit < 0:
        raise UsageError(f"--limit {args.limit} is negative")
    root = context.town()
    found, failed = audit(root, TownLedger(root), actor=args.actor, since=_since(args.since), limit=args.limit)
    for name, why in failed.items():
        output.note(f"warning: cannot read {output.clean(name)}: {output.clean(why)}")
    if args.json:
        output.say_json([_entry_json(one) for one in found])
    else:
        _print_days(found)
    return PartialError.exit_code if failed else 0


def _entry_json(one: HistoryEntry) -> dict[str, object]:
    row: dict[str, object] = {"timestamp": format_seconds(one.at), "source": one.source, "type": one.kind}
    return {**row, "actor": one.actor, "summary": one.summary, **({"id": one.id} if one.id else {})}


def _print_days(found: list[HistoryEntry]) -> None:
    day = ""
    for one in found:
        date, clock = _stamp(one.at).split(" ")
        if date != day:
            output.say(output.style(date, "bold"))
            day = date
        about = f"{one.id}  " if one.id else ""
        text = output.shorten(output.clean(f"{about}{one.summary}"), 90)
        output.say(
            f"  {clock}  {one.source:<8} {output.clean(one.kind):<14} {output.clean(one.actor):<24} {text}".rstrip()
        )
    if not found:
        output.note("nothing that matches")
