"""``gt boot``: look at the daemon from outside, and start it again when it died or hangs."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_ago, parse_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt boot status``."""
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show what triage would do now, and what it did last."""
    from gastown_core.daemon.triage import last_triage, triage

    root = context.town()
    now, last = triage(root, actor="", dry_run=True), last_triage(root)
    if args.json:
        output.say_json({"now": {"action": now["last_action"], "why": now["why"]}, "last_status": last})
        return 0
    output.say(f"now: {now['last_action']}; {output.clean(str(now['why']))}")
    moment = parse_moment(last.get("started_at"))
    if moment is not None:
        ago = format_ago(SYSTEM_CLOCK.now() - moment)
        output.say(f"last: {output.clean(str(last.get('last_action')))} {ago}; {output.clean(str(last.get('why')))}")
    return 0


def triage_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt boot triage``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done; change nothing")
    context.add_json(parser)


def run_triage(args: Namespace) -> int:
    """Start a daemon that died, restart one that hangs; leave one that was stopped on purpose. Returns 1 if that fails."""
    from gastown_core.daemon.triage import ERROR, NOTHING, triage

    root = context.town()
    done = triage(root, actor=who.acting(root), dry_run=args.dry_run)
    code = 1 if done["last_action"] == ERROR else 0
    if args.json:
        output.say_json(done)
        return code
    if code:
        output.note(f"error: {output.clean(str(done['error']))}")
        return code
    action = str(done["last_action"])
    mark = output.style("✓", "green") if action != NOTHING else " "
    would = "would " if args.dry_run and action != NOTHING else ""
    output.say(f"{mark} {would}{action}: {output.clean(str(done['why']))}")
    return code
