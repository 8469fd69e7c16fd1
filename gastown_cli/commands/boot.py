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
        action = {"action": now["last_action"], "target": now["target"], "why": now["why"]}
        output.say_json({"now": action, "last_status": last, "session_alive": _is_alive(root)})
        return 0
    output.say(f"now: {now['last_action']}; {output.clean(str(now['why']))}")
    if _is_alive(root):
        output.say("boot's session is running")
    moment = parse_moment(last.get("started_at"))
    if moment is not None:
        ago = format_ago(SYSTEM_CLOCK.now() - moment)
        output.say(f"last: {output.clean(str(last.get('last_action')))} {ago}; {output.clean(str(last.get('why')))}")
    return 0


def _is_alive(root: str) -> bool:
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town import sessions
    from gastown_core.town.inventory import boot_entry

    return has_tmux() and sessions.is_alive(sessions.find_session(root, boot_entry(root)))


def spawn_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt boot spawn``."""
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    context.add_json(parser)


def run_spawn(args: Namespace) -> int:
    """Start boot's session: an agent that looks at the deacon once; one that runs is left as it is."""
    from gastown_core.files.folders import private_folder
    from gastown_core.town import sessions, start_plan
    from gastown_core.town.inventory import boot_entry

    root = context.town()
    entry = boot_entry(root)
    pane = sessions.find_session(root, entry)
    is_new = not sessions.is_alive(pane)
    if is_new:
        private_folder(entry.work_dir)
        start = start_plan.plan_start(root, entry, agent=args.agent, topic="triage", sender=who.acting(root))
        pane = sessions.respawn_agent(root, start) if pane is not None else sessions.start_agent(root, start)
    told = {"running": True, "started": is_new, "session": entry.session, "pid": pane.pid if pane is not None else 0}
    words = f"boot {'is running' if is_new else 'runs already'}, session {entry.session}"
    output.say_json(told) if args.json else output.say(f"{output.style('✓', 'green')} {words}")
    return 0


def stop_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt boot stop``."""
    context.add_json(parser)


def run_stop(args: Namespace) -> int:
    """End boot's session."""
    from gastown_core.town import sessions
    from gastown_core.town.inventory import boot_entry

    root = context.town()
    entry = boot_entry(root)
    ended = sessions.stop_agent(root, entry, caller=who.acting(root), reason="boot stop")
    words = "boot's session stopped" if ended else "boot's session was not running"
    output.say_json({"stopped": ended, "session": entry.session}) if args.json else output.say(words)
    return 0


def triage_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt boot triage``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done; change nothing")
    context.add_json(parser)


def run_triage(args: Namespace) -> int:
    """Restart a daemon, or a deacon's agent in charge, that died or hangs; leave what was stopped. Returns 1 if that fails."""
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
