"""``gt convoy land``: an owner closes an owned convoy and clears its idle worktrees away."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.convoy.landing_by_hand import Landed, Leftover


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy land``."""
    parser.add_argument("convoy", help="its id")
    parser.add_argument("-f", "--force", action="store_true", help="even with open members, which stay open")
    parser.add_argument("--keep-worktrees", action="store_true", help="leave the polecats' worktrees")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would go and what would be saved")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Land it, or show what landing would do."""
    from gastown_cli.commands.convoy_show import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.landing_by_hand import land

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
        output.say("\n".join(_lines(done, args.dry_run)))
    return 0


def _lines(done: Landed, dry_run: bool) -> list[str]:
    head = f"{done.convoy} {output.clean(done.title)}"
    lines = [f"would land {head}" if dry_run else f"{output.style('✓', 'green')} {head} has landed"]
    if done.still_open:
        lines.append(f"  {len(done.still_open)} open: {', '.join(done.still_open[:8])}")
        if dry_run:
            lines.append("  that needs --force")
    return lines + [_leftover(one, dry_run) for one in done.worktrees]


def _leftover(one: Leftover, dry_run: bool) -> str:
    who_ = f"  {one.agent}, {output.clean(one.branch)}: "
    if one.kept:
        return f"{who_}its worktree stays, {one.kept}"
    lost = [f"{one.files} file{'' if one.files == 1 else 's'} not committed"] if one.files else []
    lost += [f"{one.commits} commit{'' if one.commits == 1 else 's'} on no remote"] if one.commits else []
    if dry_run:
        return who_ + (
            f"its worktree would go, {' and '.join(lost)} saved to a rescue ref"
            if lost
            else "its worktree would go, nothing is in it"
        )
    return who_ + (f"worktree removed, {' and '.join(lost)} kept at {one.rescue}" if one.rescue else "worktree removed")
