"""``gt convoy create``: a named bundle of work."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy create``."""
    parser.add_argument("name", help="its name; if this is a bead's id, the bead's title is the name")
    parser.add_argument("beads", nargs="*", help="ids of the work; more can be added later")
    parser.add_argument("--owner", default="", help="whose convoy it is (default: you)")
    parser.add_argument("--notify", nargs="?", const="mayor/", default="", help="who is told when it lands (mayor/)")
    parser.add_argument("--human", action="store_true", help="tell the overseer when it lands or stalls")
    parser.add_argument("--owned", action="store_true", help="it closes only when its owner lands it")
    parser.add_argument("--merge", choices=("direct", "mr", "local"), default="", help="how its work is merged")
    parser.add_argument("--base-branch", default="", help="branch its work starts from")
    parser.add_argument("--molecule", default="", help="molecule it belongs to")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Make it; an unknown bead makes nothing."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import as_json, create_convoy, get_convoy

    root = context.town()
    ledger = TownLedger(root)
    title, beads = args.name, list(args.beads)
    first = ledger.get(args.name) if "-" in args.name and " " not in args.name else None
    if first is not None:
        title, beads = first.title, [first.id, *beads]
    me = who.acting(root)
    # a bare --notify swallows a bead's id that follows it
    notify = args.notify
    if notify and notify not in ("mayor/", "overseer") and ledger.get(notify) is not None:
        beads.append(notify)
        notify = "mayor/"
    made = create_convoy(
        root,
        ledger,
        title,
        beads,
        owner=args.owner or me,
        notify=notify,
        watchers=["overseer"] if args.human else [],
        merge=args.merge,
        base_branch=args.base_branch,
        molecule=args.molecule,
        owned=args.owned,
    )
    if args.json:
        output.say_json(as_json(get_convoy(ledger, made.id)))
        return 0
    count = len(beads)
    output.say(
        f"{output.style('✓', 'green')} {made.id} {output.clean(made.title)} ({count} bead{'' if count == 1 else 's'})"
    )
    return 0
