"""``gt convoy``: stage, launch, check, refresh, close and land convoys, list stranded ones, and watch them."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.model.bead import is_convoy, priority_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.acts import Landed, Leftover, Subscription
    from gastown_core.work.convoy.launching import Launched, Staged
    from gastown_core.work.convoy.refresh import Refreshed


def stage_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy stage``."""
    parser.add_argument("what", nargs="+", help="an epic, tasks, or a staged convoy")
    parser.add_argument("--title", default="", help="name of the convoy")
    parser.add_argument("--launch", action="store_true", help="launch it if there are no warnings")
    parser.add_argument("-f", "--force", action="store_true", help="with --launch: ignore warnings")
    parser.add_argument("--no-validate", action="store_true", help="accepted for compatibility; has no effect")
    context.add_json(parser)


def run_stage(args: Namespace) -> int:
    """Stage a convoy; return 1 and create none if the plan has errors."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.launching import launch, stage

    root = context.town()
    ledger = TownLedger(root)
    me = who.acting(root)
    staged = stage(root, ledger, args.what, actor=me, title=args.title)
    launched = None
    if args.launch and staged.convoy and (args.force or not staged.plan.warnings):
        launched = launch(root, ledger, staged.convoy, actor=me, force=args.force)
    if args.json:
        output.say_json({**staged.as_json(), "launched": launched.as_json() if launched is not None else None})
    else:
        output.say("\n".join(lines_of(staged, launched)))
    if staged.plan.errors:
        return 1
    if args.launch and launched is None:
        return 3
    return 3 if launched is not None and any(not one.ok for one in launched.started) else 0


def lines_of(staged: Staged, launched: Launched | None) -> list[str]:
    """Return the lines of the plan and its outcome."""
    from gastown_cli.commands.convoy import plan_lines

    plan = staged.plan
    lines = plan_lines(plan)
    if plan.errors:
        return [*lines, f"nothing staged: {output.clean(staged.title)} has errors"]
    word = "restaged" if staged.restaged else "staged"
    name = f"{output.style(staged.convoy, 'bold')} {output.clean(staged.title)}"
    if launched is None:
        lines.append(f"{output.style('✓', 'green')} {name} is {word}")
        force = " --force" if plan.warnings else ""
        lines.append(f"  next: gt convoy launch {staged.convoy}{force}")
        return lines
    return [*lines, *launched_lines(launched)]


def launched_lines(launched: Launched) -> list[str]:
    """Return the lines of what was started and what is waiting."""
    from gastown_cli.commands.convoy import dispatch_lines

    lines = [f"{output.style('🚀', 'bold')} launched {launched.convoy} {output.clean(launched.title)}"]
    lines += dispatch_lines(launched.started)
    if launched.waiting:
        lines.append(
            f"  {launched.waiting} more ready, waiting for a free polecat; gt scheduler explain shows the order"
        )
    elif not launched.started:
        lines.append(f"  nothing is ready to start; gt convoy show {launched.convoy} shows why")
    return lines


def launch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy launch``."""
    parser.add_argument("what", nargs="+", help="a staged convoy; an epic or tasks are staged first")
    parser.add_argument("-f", "--force", action="store_true", help="ignore warnings and closed rigs")
    parser.add_argument("--title", default="", help="name of the convoy, if it is staged first")
    context.add_json(parser)


def run_launch(args: Namespace) -> int:
    """Launch a convoy and start its first wave; return 3 if some of it failed."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.launching import launch, stage

    root = context.town()
    ledger = TownLedger(root)
    me = who.acting(root)
    convoy = _convoy(ledger, args.what)
    if not convoy:
        staged = stage(root, ledger, args.what, actor=me, title=args.title)
        convoy = staged.convoy
        if not convoy or (staged.plan.warnings and not args.force):
            if args.json:
                output.say_json({**staged.as_json(), "launched": None})
            else:
                output.say("\n".join(lines_of(staged, None)))
            return 1
    launched = launch(root, ledger, convoy, actor=me, force=args.force)
    if args.json:
        output.say_json(launched.as_json())
    else:
        output.say("\n".join(launched_lines(launched)))
    return 3 if any(not one.ok for one in launched.started) else 0


def _convoy(ledger: TownLedger, words: list[str]) -> str:
    """Return the id of the convoy that the words name, or "" if they name work."""
    from gastown_cli.commands.convoy import find_convoy

    found = ledger.get(words[0]) if len(words) == 1 else None
    if found is not None and not is_convoy(found):
        return ""
    return find_convoy(ledger, words[0]).bead.id if len(words) == 1 else ""


def check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy check``."""
    parser.add_argument("convoy", nargs="?", default="", help="only this convoy (default: all open ones)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show complete convoys; close nothing")
    context.add_json(parser)


def run_check(args: Namespace) -> int:
    """Close complete convoys that the town manages, and notify their owners."""
    from gastown_cli.commands.convoy import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.landing import check_convoys

    root = context.town()
    ledger = TownLedger(root)
    only = (find_convoy(ledger, args.convoy).bead.id,) if args.convoy else ()
    landed = check_convoys(root, ledger, actor=who.acting(root), only=only, dry_run=args.dry_run)
    if args.json:
        output.say_json({"complete": landed, "closed": [] if args.dry_run else landed, "dry_run": args.dry_run})
    elif not landed:
        output.say("not complete yet; gt convoy show shows what is missing" if only else "no complete convoys")
    for one in () if args.json else landed:
        output.say(f"would close {one}" if args.dry_run else f"{output.style('✓', 'green')} landed {one}")
    return context.tell_unread(ledger)


def refresh_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy refresh``."""
    parser.add_argument(
        "convoy", nargs="?", default="", help="id of the convoy (default: the most recently updated one)"
    )
    context.add_json(parser)


def run_refresh(args: Namespace) -> int:
    """Repair a convoy and dispatch its ready work; return 3 if some of it could not start."""
    from gastown_cli.commands.convoy import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.refresh import refresh

    root = context.town()
    ledger = TownLedger(root)
    convoy = find_convoy(ledger, args.convoy)
    done = refresh(root, ledger, convoy.bead.id, actor=who.acting(root))
    if args.json:
        output.say_json(done.as_json())
    else:
        output.say("\n".join(_lines(done)))
    return 3 if any(not one.ok for one in done.fed) else 0


def _lines(done: Refreshed) -> list[str]:
    from gastown_cli.commands.convoy import bar, dispatch_lines, progress_words

    before, after = done.before.progress, done.after.progress
    bead = done.after.bead
    lines = [f"{output.style(bead.id, 'bold')} {output.clean(bead.title)} [{bead.status}]"]
    lines.append(f"  before  {bar(before)} {progress_words(before)}")
    lines.append(f"  after   {bar(after)} {progress_words(after)}")
    lines += [f"  {output.style('✓', 'green')} repaired the link to {one}" for one in done.repaired]
    lines += [f"  {output.style('✓', 'green')} released {one}: its worker is gone" for one in done.released]
    lines += dispatch_lines(done.fed)
    if done.landed:
        lines.append(f"  {output.style('🚚', 'bold')} complete; landed")
    if done.waiting:
        why = done.full or "gt scheduler explain shows the order"
        lines.append(f"  ○ {done.waiting} ready, not started: {why}")
    lines += [f"  · {bead_id} {output.clean(hold.text)}" for bead_id, hold in done.held]
    if len(lines) == 3 and not done.after.members:
        lines.append(f"  no members; next: gt convoy add {bead.id} BEAD…")
    elif len(lines) == 3:
        lines.append("  nothing to repair")
    return lines


def stranded_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy stranded``."""
    context.add_json(parser)


def run_stranded(args: Namespace) -> int:
    """List stranded convoys and their ready members."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.refresh import stranded

    root = context.town()
    ledger = TownLedger(root)
    found = stranded(root, ledger)
    if args.json:
        output.say_json([one.as_json() for one in found])
        return context.tell_unread(ledger)
    if not found:
        output.say("no stranded convoys")
        return context.tell_unread(ledger)
    for one in found:
        output.say(
            f"{output.style(one.convoy.id, 'bold')} {output.clean(one.convoy.title)}: {len(one.ready)} of {one.tracked} ready"
        )
        for ready in one.ready:
            output.say(f"  ○ {ready.bead} {priority_word(ready.priority)} {output.clean(ready.title)} ({ready.rig})")
    output.say("next: gt convoy refresh CONVOY dispatches one; gt scheduler explain shows the order")
    return context.tell_unread(ledger)


def close_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy close``."""
    parser.add_argument("convoy", help="id of the convoy")
    parser.add_argument("-r", "--reason", default="", help="reason to record")
    parser.add_argument(
        "--notify", nargs="?", const="mayor/", default="", help="also notify this address (default mayor/)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="close it even if members are open; they stay open")
    context.add_json(parser)


def run_close(args: Namespace) -> int:
    """Close a convoy; one that is already closed is not an error."""
    from gastown_cli.commands.convoy import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.acts import close_convoy

    root = context.town()
    ledger = TownLedger(root)
    bead = find_convoy(ledger, args.convoy).bead
    done = close_convoy(
        root, ledger, bead.id, actor=who.acting(root), reason=args.reason, notify=args.notify, force=args.force
    )
    if args.json:
        output.say_json({"id": bead.id, "title": bead.title, "closed": done, "reason": args.reason})
    elif done:
        output.say(f"{output.style('✓', 'green')} closed {bead.id} {output.clean(bead.title)}")
    else:
        output.say(f"{bead.id} is already closed")
    return 0


def land_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy land``."""
    parser.add_argument("convoy", help="id of the convoy")
    parser.add_argument("-f", "--force", action="store_true", help="close it even if members are open; they stay open")
    parser.add_argument("--keep-worktrees", action="store_true", help="keep the polecats' worktrees")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show what would be removed and saved; change nothing"
    )
    context.add_json(parser)


def run_land(args: Namespace) -> int:
    """Land an owned convoy, or show what landing would do."""
    from gastown_cli.commands.convoy import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.acts import land

    root = context.town()
    ledger = TownLedger(root)
    done = land(
        root,
        ledger,
        find_convoy(ledger, args.convoy).bead.id,
        actor=who.acting(root),
        force=args.force,
        keep_worktrees=args.keep_worktrees,
        dry_run=args.dry_run,
    )
    if args.json:
        output.say_json({**done.as_json(), "dry_run": args.dry_run})
    else:
        output.say("\n".join(_landing_lines(done, args.dry_run)))
    return 0


def _landing_lines(done: Landed, dry_run: bool) -> list[str]:
    head = f"{done.convoy} {output.clean(done.title)}"
    lines = [f"would land {head}" if dry_run else f"{output.style('✓', 'green')} landed {head}"]
    if done.still_open:
        lines.append(f"  {len(done.still_open)} open: {', '.join(done.still_open[:8])}")
        if dry_run:
            lines.append("  landing it needs --force")
    return lines + [_leftover(one, dry_run) for one in done.worktrees]


def _leftover(one: Leftover, dry_run: bool) -> str:
    who_ = f"  {one.agent}, {output.clean(one.branch)}: "
    if one.kept:
        return f"{who_}worktree kept, {one.kept}"
    lost = [f"{one.files} uncommitted file{'' if one.files == 1 else 's'}"] if one.files else []
    lost += [f"{one.commits} unpushed commit{'' if one.commits == 1 else 's'}"] if one.commits else []
    if dry_run:
        return who_ + (
            f"worktree would be removed, {' and '.join(lost)} saved to a rescue ref"
            if lost
            else "worktree would be removed, nothing to save"
        )
    return who_ + (
        f"worktree removed, {' and '.join(lost)} saved as {one.rescue}" if one.rescue else "worktree removed"
    )


_WORDS = {
    "subscribed": "now watches",
    "already_watching": "already watches",
    "removed": "no longer watches",
    "not_watching": "was not watching",
}


def watch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy watch`` and ``unwatch``."""
    parser.add_argument("convoy", help="id of the convoy")
    parser.add_argument("--nudge", action="store_true", help="notify by nudge instead of by mail")
    parser.add_argument("--addr", default="", help="address to subscribe (default: you)")
    context.add_json(parser)


def run_watch(args: Namespace) -> int:
    """Subscribe an address; subscribing twice has no further effect."""
    return change(args, on=True)


def change(args: Namespace, *, on: bool) -> int:
    """Subscribe or unsubscribe an address and print the result."""
    from gastown_cli.commands.convoy import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import TOWN_ROLES
    from gastown_core.work.convoy.acts import MAIL, NUDGE, unwatch, watch

    root = context.town()
    ledger = TownLedger(root)
    me = who.acting(root)
    convoy = find_convoy(ledger, args.convoy).bead.id
    head, slash, _ = args.addr.partition("/")
    if on and slash and head not in TOWN_ROLES:
        # a mailbox may be there before its owner, but in no rig that is not there
        context.check_rig(root, head)
    act = watch if on else unwatch
    done: Subscription = act(ledger, convoy, args.addr or me, way=NUDGE if args.nudge else MAIL, actor=me)
    if args.json:
        output.say_json(done._asdict())
    else:
        output.say(f"{output.clean(done.address)} {_WORDS[done.status]} {done.convoy_id} ({done.watch_type})")
    return 0


def unwatch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy unwatch``: those of ``gt convoy watch``."""
    watch_arguments(parser)


def run_unwatch(args: Namespace) -> int:
    """Unsubscribe an address; one that was not watching is not an error."""
    return change(args, on=False)
