"""``gt quota``: the limits of the accounts that agents run under, and agents moved to an account that is free."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_seconds, format_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.orders.rotation import Move
    from gastown_core.state.quota import QuotaAccount, QuotaSession


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota status``."""
    context.add_json(parser)


def scan_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota scan``."""
    parser.add_argument("--update", action="store_true", help="record the limits, so that no worker starts under them")
    context.add_json(parser)


def clear_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota clear``."""
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="accounts (default: all that are limited)")


def rotate_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota rotate``."""
    parser.add_argument("--from", dest="source", metavar="ACCOUNT", help="only agents of this account, limited or not")
    parser.add_argument("--idle", action="store_true", help="only agents with nothing on their hook")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be done")
    context.add_json(parser)


def watch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt quota watch``."""
    parser.add_argument("--interval", default="5m", metavar="TIME", help="time between two looks (default: 5m)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be done")


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
    rows = _sessions(update=args.update)
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


def run_clear(args: Namespace) -> int:
    """Count accounts as free again."""
    from gastown_core.errors import NotFoundError
    from gastown_core.town.accounts import put_limits, read_limits

    root = context.town()
    limited = read_limits(root, SYSTEM_CLOCK.now())
    for name in args.accounts:
        if name not in limited:
            known = f"limited: {', '.join(limited)}" if limited else "none is limited"
            raise NotFoundError(f"account {name} is not limited", known, "gt quota status")
    names = args.accounts or list(limited)
    if names:
        put_limits(root, (), names)
    output.say(f"free again: {', '.join(map(output.clean, names))}" if names else "no account is limited")
    return 0


def run_rotate(args: Namespace) -> int:
    """Restart limited agents under an account that is free; 3 if some could not be, 1 if none of them."""
    moves = _rotate(args.source or "", idle=args.idle, dry_run=args.dry_run)
    if args.json:
        output.say_json([_move_json(one) for one in moves])
    else:
        _say_moves(moves, dry_run=args.dry_run)
    failed = [one for one in moves if one.error]
    return 0 if not failed else 3 if len(failed) < len(moves) else 1


def run_watch(args: Namespace) -> int:
    """Rotate every few minutes, until it is interrupted."""
    import time

    from gastown_core.clock import parse_duration
    from gastown_core.errors import UsageError

    every_s = parse_duration(args.interval)
    if not every_s:
        raise UsageError(f"{args.interval!r} is no time between two looks", "", "--interval 5m")
    while True:
        _say_moves(_rotate("", idle=False, dry_run=args.dry_run), dry_run=args.dry_run)
        time.sleep(every_s)


def _rotate(source: str, *, idle: bool, dry_run: bool) -> list[Move]:
    from gastown_cli import who
    from gastown_core.orders.rotation import rotate

    root = context.town()
    return rotate(root, _sessions(update=not dry_run), by=who.acting(root), source=source, idle=idle, dry_run=dry_run)


def _say_moves(moves: list[Move], *, dry_run: bool) -> None:
    for one in moves:
        verb = "would go" if dry_run else "could not go" if one.error else "went"
        why = f": {one.error}" if one.error else ""
        output.say(output.clean(f"{one.agent} {verb} from {one.old} to {one.new or 'another account'}{why}"))
    if not moves:
        output.say("no agent has to change its account")


def _move_json(one: Move) -> dict[str, object]:
    told = {"session": one.session, "old_account": one.old, "new_account": one.new, "rotated": one.done}
    # a session is kept in its account's folder, and no key is touched
    return {**told, "resumed_session": "", "keychain_swap": False, "error": one.error}


def _sessions(*, update: bool = False) -> list[QuotaSession]:
    from gastown_core.state.collect import collect
    from gastown_core.state.quota import by_account, read_names, sessions_of, take_in
    from gastown_core.tmux.panes import list_panes
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.sessions import server_of

    root = context.town()
    names = read_names(root)
    if not has_tmux():
        return []
    town = collect(root)
    rows = sessions_of(town, list_panes(server_of(root)), names)
    if update:
        take_in(root, by_account(rows), town, SYSTEM_CLOCK.now())
    return rows


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
