"""``gt polecat nuke``: session, worktree, branch and work in hand of a polecat go; its name and history stay."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.polecat.removal import Removed


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat nuke``."""
    parser.add_argument("polecats", nargs="+", metavar="RIG/NAME", help="which ones; a rig with --all")
    parser.add_argument("--all", action="store_true", help="all of the rig")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be lost, change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="also those with unsaved work, which is saved first")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Nuke them, each for itself."""
    return take_away(args, nuke=True)


def take_away(args: Namespace, *, nuke: bool) -> int:
    """Remove the worktrees of those named, with ``nuke`` all of them but their names."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.polecat.removal import remove_all

    root = context.town()
    entries = _named(root, args)
    ledger = TownLedger(root)
    if args.dry_run:
        return _preview(root, ledger, entries, args)
    done, failed = remove_all(root, ledger, entries, actor=who.acting(root), nuke=nuke, force=args.force)
    if args.json:
        refused = [{"polecat": entry.address.short, **error.as_json()} for entry, error in failed]
        output.say_json({"removed": [_as_json(one) for one in done], "failed": refused})
    else:
        _say(done, "nuked" if nuke else "removed")
        for _, error in failed:
            output.report_error(error, as_json=False)
    return 0 if not failed else 3 if done else 1


def _named(root: str, args: Namespace) -> list[RosterEntry]:
    from gastown_core.model.address import POLECAT
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.view import find_polecat

    inventory = read_inventory(root)
    if not args.all:
        return [find_polecat(root, text, inventory.rigs) for text in dict.fromkeys(args.polecats)]
    for rig in args.polecats:
        require_rig(root, rig)
    return [one for one in inventory.agents if one.address.role == POLECAT and one.address.rig in args.polecats]


def _preview(root: str, ledger: object, entries: list[RosterEntry], args: Namespace) -> int:
    from gastown_core.work.polecat.removal import look_at_stakes

    seen = [(entry, look_at_stakes(root, ledger, entry)) for entry in entries]  # type: ignore[arg-type]
    if args.json:
        output.say_json([{"polecat": entry.address.short, **stakes.as_json()} for entry, stakes in seen])
        return 0
    for entry, stakes in seen:
        words = stakes.words()
        output.say(f"{entry.address.short}: {'nothing would be lost' if not words else ''}".rstrip())
        for line in words:
            output.say(f"  at stake: {output.clean(line)}")
    return 0


def _as_json(one: Removed) -> dict[str, object]:
    return {"polecat": f"{one.rig}/{one.name}", "kept": one.kept, "branch_deleted": one.branch_deleted}


def _say(done: list[Removed], word: str) -> None:
    for one in done:
        output.say(f"{output.style('✓', 'green')} {word} {one.rig}/{one.name}")
        if one.kept:
            output.say(f"  what it held is kept at {one.kept}")
