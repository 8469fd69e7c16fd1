"""``gt quota``: the limits of the accounts that agents run under."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds, format_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.state.quota import QuotaAccount, QuotaSession


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota status``."""
    context.add_json(parser)


scan_arguments = status_arguments


def run_status(args: Namespace) -> int:
    """Show each account with its sessions, whether it is limited, and until when."""
    from gastown_core.state.quota import by_account

    accounts = by_account(_sessions())
    now = SYSTEM_CLOCK.now()
    if args.json:
        output.say_json([_account_json(one) for one in accounts])
    elif not accounts:
        output.say("no agent is running, so no account is in use")
    else:
        rows = [
            [
                output.clean(one.name),
                output.style("limited", "blue") if one.limited else "available",
                f"{len(one.limited)} of {len(one.sessions)}" if one.limited else str(len(one.sessions)),
                _until(one.until, now) if one.limited else "",
                output.clean(one.words),
            ]
            for one in accounts
        ]
        output.say(output.table(rows, header=("ACCOUNT", "STATE", "SESSIONS", "RESETS", "SAID")))
    return 0


def run_scan(args: Namespace) -> int:
    """Show the sessions that are limited now; as JSON all sessions."""
    rows = _sessions()
    now = SYSTEM_CLOCK.now()
    if args.json:
        output.say_json([_session_json(one) for one in rows])
        return 0
    limited = [one for one in rows if one.is_limited]
    for one in limited:
        since = f", since {format_ago(now - one.since)}" if one.since else ""
        output.say(f"{output.clean(one.agent)}  {output.clean(one.account)}  {output.clean(one.words)}{since}")
    if not limited:
        output.say(f"none of {len(rows)} running agents is limited")
    return 0


def _sessions() -> list[QuotaSession]:
    from gastown_core.state.collect import collect
    from gastown_core.state.quota import read_names, sessions_of
    from gastown_core.tmux.panes import list_panes
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.sessions import server_of

    root = context.town()
    names = read_names(root)
    if not has_tmux():
        return []
    return sessions_of(collect(root), list_panes(server_of(root)), names)


def _until(until: float, now: float) -> str:
    return f"in {format_span(until - now)}" if until > now else "not told"


def _account_json(one: QuotaAccount) -> dict[str, object]:
    return {
        "account": one.name,
        "runtime": one.runtime,
        "config_dir": one.config_dir,
        "status": "limited" if one.limited else "available",
        "limited_at": format_seconds(one.since) if one.since else "",
        "resets_at": format_seconds(one.until) if one.until else "",
        "sessions": list(one.sessions),
        "limited_sessions": list(one.limited),
        "reason": one.words,
    }


def _session_json(one: QuotaSession) -> dict[str, object]:
    return {
        "session": one.session,
        "account_handle": one.account,
        "config_dir": one.config_dir,
        "rate_limited": one.is_limited,
        "matched_line": one.words,
        "resets_at": format_seconds(one.until) if one.until else "",
    }
