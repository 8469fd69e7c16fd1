"""``gt mountain``: run an epic as a convoy with stall detection; status, pause, resume, cancel, retry."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.mountain.status import View

ACTS = ("status", "pause", "resume", "cancel", "retry")
_MARKS = {"completed": "✓", "active": "●", "ready": "○", "skipped": "⤼", "blocked": "⊘"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mountain``."""
    parser.add_argument("what", help="epic to start, or status, pause, resume, cancel or retry")
    parser.add_argument(
        "which", nargs="?", default="", help="mountain, if there are several; with retry, the skipped bead"
    )
    parser.add_argument("-f", "--force", action="store_true", help="launch despite warnings")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Run the action; any other word is an epic to start."""
    from gastown_core.beads.ledger import TownLedger

    root = context.town()
    ledger = TownLedger(root)
    if args.what not in ACTS:
        return _start(root, ledger, args)
    return {"status": _status, "pause": _pause, "resume": _resume, "cancel": _cancel, "retry": _retry}[args.what](
        root, ledger, args
    )


def _start(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_cli.commands.convoy_lifecycle import lines_of
    from gastown_core.work.mountain.mountain import start

    if args.which:
        raise UsageError(
            f"unexpected argument {args.which}",
            f"{args.what} is not an action, so it was read as an epic",
            f"actions: {', '.join(ACTS)}",
        )
    staged, launched = start(root, ledger, args.what, actor=who.acting(root), force=args.force)
    if args.json:
        output.say_json({**staged.as_json(), "launched": launched.as_json() if launched is not None else None})
    else:
        output.say("\n".join(lines_of(staged, launched)))
    if launched is None:
        return 1
    return 3 if any(not one.ok for one in launched.started) else 0


def _status(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_core.work.mountain.mountain import list_mountains, look, mountain_of

    found = [mountain_of(ledger, args.which).id] if args.which else [one.id for one in list_mountains(ledger)]
    views = [look(root, ledger, one) for one in found]
    if args.json:
        told = [view.as_json() for view in views]
        output.say_json(told[0] if len(told) == 1 else told)
    elif not views:
        output.say("no mountains; next: gt mountain EPIC")
    else:
        output.say("\n\n".join("\n".join(_lines(view)) for view in views))
    return 0


def _lines(view: View) -> list[str]:
    counts = view.counts()
    done = counts["completed"] * 20 // max(1, view.total)
    paused = output.style(" ⏸ paused", "yellow") if view.is_paused else ""
    lines = [f"{output.style(view.convoy.id, 'bold')} {output.clean(view.convoy.title)} [{view.convoy.status}]{paused}"]
    lines.append(f"  {'█' * done}{'·' * (20 - done)} {counts['completed']} of {view.total}")
    for group, mark in _MARKS.items():
        members = view.of(group)
        if not members:
            continue
        lines.append(f"  {output.style(group, 'bold')} ({len(members)})")
        for one in members if group != "completed" else members[-5:]:
            why = f"  {output.style(output.clean(one.why), 'dim')}" if one.why else ""
            wave = f" wave {one.wave}" if one.wave else ""
            failed = f", failed {one.failures}×" if one.failures else ""
            lines.append(f"    {mark} {one.id} {output.clean(one.title)}{output.style(wave + failed, 'dim')}{why}")
    return lines


def _pause(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_core.work.mountain.mountain import mountain_of, pause

    bead = mountain_of(ledger, args.which)
    changed = pause(root, ledger, bead.id, actor=who.acting(root))
    words = "is paused: no new work starts, no alarms are raised" if changed else "is already paused"
    return _tell(args, bead.id, bead.title, words, paused=True, changed=changed)


def _resume(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_cli.commands.convoy import dispatch_lines
    from gastown_core.work.mountain.mountain import mountain_of, resume

    bead = mountain_of(ledger, args.which)
    changed, landed, launched = resume(root, ledger, bead.id, actor=who.acting(root))
    words = "is complete and has landed" if landed else "is resumed" if changed else "was not paused"
    started = launched.started if launched is not None else ()
    told = [one.as_json() for one in started]
    code = _tell(args, bead.id, bead.title, words, paused=False, changed=changed, landed=landed, dispatched=told)
    for line in () if args.json else dispatch_lines(started):
        output.say(line)
    return 3 if any(not one.ok for one in started) else code


def _cancel(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_core.work.mountain.mountain import cancel, mountain_of

    bead = mountain_of(ledger, args.which)
    cancel(root, ledger, bead.id, actor=who.acting(root))
    return _tell(args, bead.id, bead.title, "is a plain convoy again; its work continues", cancelled=True)


def _retry(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_core.work import death_count
    from gastown_core.work.mountain.mountain import retry

    if not args.which:
        raise UsageError("retry needs a bead", "", "use gt mountain retry BEAD; gt mountain status lists skipped beads")
    if ledger.excerpt(args.which) is None:
        raise ledger.store_for(args.which).near(args.which)
    done = retry(ledger, args.which, actor=who.acting(root))
    death_count.reset(root, args.which)
    return _tell(args, args.which, "", "will be retried" if done else "was not skipped", changed=done)


def _tell(args: Namespace, bead_id: str, title: str, words: str, **facts: object) -> int:
    if args.json:
        output.say_json({"id": bead_id, "title": title, **facts})
    else:
        output.say(f"{output.style(bead_id, 'bold')} {output.clean(title)}{' ' if title else ''}{words}")
    return 0
