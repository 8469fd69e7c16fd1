"""``gt polecat add``: polecats ahead of any work."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat add``."""
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("name", nargs="?", default="", help="its name (default: the pool's next free one)")
    parser.add_argument("--size", type=int, default=1, help="make as many as the rig lacks to have so many")
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Make them; each has a worktree and rests."""
    from gastown_core.errors import UsageError
    from gastown_core.town.polecat_making import add_polecat
    from gastown_core.town.polecat_pool import known_names
    from gastown_core.town.rigs import require_rig

    root = context.town()
    require_rig(root, args.rig)
    if args.name and args.size != 1:
        raise UsageError("a name is for one polecat, --size for several")
    count = 1 if args.size == 1 else max(0, args.size - len(known_names(root, args.rig)))
    if args.dry_run:
        output.say(f"would make {count} polecat{'' if count == 1 else 's'} in {args.rig}")
        return 0
    made = [add_polecat(root, args.rig, args.name) for _ in range(count)]
    if args.json:
        output.say_json(
            [{"name": one.entry.address.name, "rig": args.rig, "clone_path": one.entry.work_dir} for one in made]
        )
    elif not made:
        output.say(f"{args.rig} has {args.size} polecats or more")
    for one in made if not args.json else ():
        output.say(f"{output.style('✓', 'green')} {one.entry.address.short} rests in {one.entry.work_dir}")
    return 0
