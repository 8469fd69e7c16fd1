"""``gt broadcast``, ``gt dnd`` and ``gt notify``: a message to many agents, and who may be disturbed."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import GastownError, PartialError, UsageError
from gastown_core.messaging.notification import LEVELS, MUTED, NORMAL, audience, level_of, set_level

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry


def broadcast_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt broadcast``."""
    parser.add_argument("text", help="text to send")
    parser.add_argument("--rig", default="", help="only agents of this rig")
    parser.add_argument("--all", action="store_true", help="every agent, not only crew and polecats")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show who would get it; send nothing")
    context.add_json(parser)


def run_broadcast(args: Namespace) -> int:
    """Nudge all running crew and polecats; each gets it when it is idle. Return 3 if some could not be reached."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.liveness import live_sessions

    root = context.town()
    if not args.text.strip():
        raise UsageError("no text to broadcast", "", "gt broadcast TEXT")
    sender = who.acting(root)
    live = live_sessions(root) or ()
    ledger = TownLedger(root)
    rows: list[dict[str, object]] = []
    for entry in audience(root, sender, rig=context.check_rig(root, args.rig), everyone=args.all):
        if entry.session not in live:
            continue
        row: dict[str, object] = {"agent": entry.address.path}
        if level_of(ledger, entry) == MUTED:
            row |= {"stage": "skipped", "detail": "it is muted", "ok": True}
        elif args.dry_run:
            row |= {"stage": "would be sent", "detail": "", "ok": True}
        else:
            row |= _send(root, entry, args.text, sender)
        rows.append(row)
    return _print(rows, as_json=args.json)


def _send(root: str, entry: RosterEntry, text: str, sender: str) -> dict[str, object]:
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.target import target_of
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.tmux.socket import socket_name

    try:
        server = TmuxServer(socket_name(root))
        *_, last = nudge(root, target_of(root, entry), text, sender, server=server, proof_s=0.0)
    except GastownError as error:
        return {"stage": "failed", "detail": str(error), "ok": False}
    return {"stage": last.stage, "detail": last.detail, "ok": last.ok}


def _print(rows: list[dict[str, object]], *, as_json: bool) -> int:
    failed = sum(not row["ok"] for row in rows)
    if as_json:
        output.say_json(rows)
    elif not rows:
        output.note("nobody is running who could get it")
    for row in () if as_json else rows:
        mark = output.style("✓", "green") if row["ok"] else output.style("✗", "red")
        detail = f": {row['detail']}" if row["detail"] else ""
        output.say(f"{mark} {output.clean(str(row['agent']))}  {row['stage']}{output.clean(detail)}")
    return 0 if not failed else PartialError.exit_code if failed < len(rows) else 1


def dnd_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dnd``."""
    parser.add_argument("state", nargs="?", default="", choices=("on", "off", "status", ""), help="default: toggle")
    parser.add_argument("--agent", default="", help="agent (default: you)")
    context.add_json(parser)


def run_dnd(args: Namespace) -> int:
    """Turn do-not-disturb on or off: a muted agent gets no nudges, its mail waits."""
    root, entry, level = _now(args.agent)
    wanted = {"on": MUTED, "off": NORMAL, "": NORMAL if level == MUTED else MUTED}.get(args.state, level)
    return _set(root, entry, level, wanted, as_json=args.json)


def notify_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt notify``."""
    parser.add_argument("level", nargs="?", default="", metavar="|".join(LEVELS), help="default: show it")
    parser.add_argument("--agent", default="", help="agent (default: you)")
    context.add_json(parser)


def run_notify(args: Namespace) -> int:
    """Show or set an agent's notification level."""
    root, entry, level = _now(args.agent)
    return _set(root, entry, level, args.level or level, as_json=args.json)


def _now(agent: str) -> tuple[str, RosterEntry, str]:
    from gastown_core.beads.ledger import TownLedger

    root = context.town()
    entry = who.find(root, agent)[1]
    return root, entry, level_of(TownLedger(root), entry)


def _set(root: str, entry: RosterEntry, level: str, wanted: str, *, as_json: bool) -> int:
    from gastown_core.beads.ledger import TownLedger

    if wanted != level:
        set_level(root, TownLedger(root), entry, wanted, actor=who.acting(root))
    if as_json:
        output.say_json({"agent": entry.address.path, "notification_level": wanted, "before": level})
    else:
        mark = f"{output.style('✓', 'green')} " if wanted != level else ""
        output.say(f"{mark}{output.clean(entry.address.short)} is {wanted}")
    return 0
