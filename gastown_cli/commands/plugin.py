"""``gt plugin``: the town's plugins, their gates, runs and history."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_ago, format_local, parse_moment
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.plugins.runs import Run

WORDS = 70


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt plugin list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the plugins with their gates and last runs; those that cannot be read are named on stderr."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.plugin import find_plugins
    from gastown_core.plugins.runs import last_run

    root = context.town()
    plugins, wrong = find_plugins(root)
    for path, why in wrong.items():
        output.note(output.clean(f"{os.path.relpath(path, root)} is left out: {why}"))
    if args.json:
        output.say_json([one.as_json() for one in plugins])
        return 3 if wrong else 0
    if not plugins:
        output.say(f"no plugins; a folder plugins/NAME with plugin.md in {root} is one (docs/plugins.md)")
        return 3 if wrong else 0
    ledger = TownLedger(root)
    rows = []
    for one in plugins:
        last = last_run(ledger, one)
        ran = f"{last.result} {format_ago(SYSTEM_CLOCK.now() - last.at)}" if last is not None else "-"
        rows.append([one.full_name, one.execution, output.clean(one.gate.words), ran, output.clean(one.description)])
    output.say(output.table(rows, header=("PLUGIN", "BY", "RUNS", "LAST", "WHAT IT DOES")))
    return 3 if wrong else 0


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt plugin show``."""
    parser.add_argument("name", help="plugin, or RIG/PLUGIN")
    context.add_json(parser)


def run_show(args: Namespace) -> int:
    """Show a plugin, whether its gate is open, and its instructions."""
    from gastown_core.plugins.plugin import BY_SCRIPT, get_plugin

    root = context.town()
    plugin = get_plugin(root, args.name)
    verdict = _verdict(root, plugin.full_name)
    if args.json:
        told = {"gate_open": verdict[0], "gate_says": verdict[1], "instructions": plugin.instructions}
        output.say_json({**plugin.as_json(), **told, "timeout_s": plugin.timeout_s, "labels": list(plugin.labels)})
        return 0
    by = f"runs {plugin.script}" if plugin.execution == BY_SCRIPT else "is handed to a dog"
    rows = [
        ["plugin", plugin.full_name + (f"  version {plugin.version}" if plugin.version else "")],
        ["does", plugin.description or "-"],
        ["how", f"{by}, for at most {plugin.timeout_s:g} s"],
        ["when", f"{plugin.gate.words}; now: {verdict[1]}"],
        ["folder", plugin.path],
    ]
    output.say(output.table([[name, output.clean(text)] for name, text in rows]))
    if plugin.instructions:
        output.say("")
        output.say("\n".join(output.clean_lines(plugin.instructions)))
    return 0


def _verdict(root: str, name: str) -> tuple[bool, str]:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.due import PluginWatch
    from gastown_core.plugins.plugin import get_plugin
    from gastown_core.town.daemon_note import read_note

    watch = PluginWatch(root, SYSTEM_CLOCK)
    note = read_note(root)
    watch.since = (parse_moment(note.started_at) if note is not None else None) or watch.since
    found = watch.verdict(TownLedger(root), get_plugin(root, name))
    return found.is_open, found.words


def run_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt plugin run``."""
    parser.add_argument("name", help="plugin, or RIG/PLUGIN")
    parser.add_argument("-f", "--force", action="store_true", help="run it although its gate is closed")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say whether it would run; run nothing")
    context.add_json(parser)


def run_run(args: Namespace) -> int:
    """Run a plugin now; a closed gate keeps it from running and says why, a manual one is open to you."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.plugin import MANUAL, get_plugin
    from gastown_core.plugins.run import run_plugin

    root = context.town()
    plugin = get_plugin(root, args.name)
    by_hand = args.force or plugin.gate.type == MANUAL
    is_open, why = (True, "by hand") if by_hand else _verdict(root, plugin.full_name)
    if args.dry_run or not is_open:
        would = "would run" if is_open else "does not run"
        if args.json:
            output.say_json({"plugin": plugin.full_name, "ran": False, "gate_open": is_open, "gate_says": why})
        else:
            hint = "" if is_open else f"; gt plugin run {plugin.full_name} --force runs it"
            output.say(f"{plugin.full_name} {would}: {output.clean(why)}{hint}")
        return 0
    actor = who.acting(root)
    done = run_plugin(root, TownLedger(root), plugin, trigger=why, actor=actor, clock=SYSTEM_CLOCK)
    if args.json:
        told = {"plugin": plugin.full_name, "ran": True, "success": done.is_success}
        output.say_json({**told, "run": done.run_id, "detail": done.detail})
    else:
        if done.detail.strip():
            output.say("\n".join(output.clean_lines(done.detail.rstrip())))
        mark = output.style("✓", "green") if done.is_success else output.style("✗", "red")
        output.say(f"{mark} {plugin.full_name} {'ran' if done.is_success else 'failed'} ({done.run_id})")
    return 0 if done.is_success else 1


def history_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt plugin history``."""
    parser.add_argument("name", help="plugin, or RIG/PLUGIN")
    parser.add_argument("-n", "--limit", type=int, default=10, help="newest runs to show (default: 10; 0: all)")
    context.add_json(parser)


def run_history(args: Namespace) -> int:
    """List the newest runs that are still kept."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.plugin import get_plugin
    from gastown_core.plugins.runs import runs_of

    if args.limit < 0:
        raise UsageError(f"--limit {args.limit} is negative")
    root = context.town()
    found = runs_of(TownLedger(root), get_plugin(root, args.name), args.limit)
    if args.json:
        output.say_json([one.as_json() for one in found])
        return 0
    if not found:
        output.say("it has not run, or its runs are no longer kept")
        return 0
    output.say(
        output.table([_row(one) for one in found], header=("WHEN", "RESULT", "TOOK", "WHY", "LAST WORDS", "BEAD"))
    )
    return 0


def _row(one: Run) -> list[str]:
    lines = [line for line in one.detail.splitlines() if line.strip()]
    words = output.shorten(output.clean(lines[-1] if lines else ""), WORDS)
    return [format_local(one.at), one.result, f"{one.secs:.1f} s", output.clean(one.trigger), words, one.id]


def sync_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt plugin sync``."""
    parser.add_argument("--source", required=True, metavar="FOLDER", help="a folder that holds plugin folders")
    parser.add_argument(
        "--clean", action="store_true", help="also move plugins that the folder lacks to plugins/.removed"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would change; change nothing")
    context.add_json(parser)


def run_sync(args: Namespace) -> int:
    """Copy new and changed plugins into the town; earlier versions go to plugins/.removed."""
    from gastown_core.plugins.sync import WRONG, sync_plugins

    root = context.town()
    found = sync_plugins(root, os.path.abspath(args.source), clean=args.clean, dry_run=args.dry_run)
    if args.json:
        output.say_json([one._asdict() for one in found])
    elif not found:
        output.say("the folder holds no plugins")
    else:
        would = "would be " if args.dry_run else ""
        for one in found:
            why = f": {output.clean(one.why)}" if one.why else ""
            output.say(f"{one.name:<24} {'' if one.what in ('same', WRONG) else would}{one.what}{why}")
    return 3 if any(one.what == WRONG for one in found) else 0
