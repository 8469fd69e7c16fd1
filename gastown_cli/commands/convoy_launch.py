"""``gt convoy launch``: a staged convoy goes to work."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy launch``."""
    parser.add_argument("what", nargs="+", help="a staged convoy; an epic or tasks are staged first")
    parser.add_argument("-f", "--force", action="store_true", help="despite warnings and closed rigs")
    parser.add_argument("--title", default="", help="name of the convoy, if it is staged first")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Open it and start its first wave; 3 if some of that failed."""
    from gastown_cli.commands.convoy_stage import launched_lines, lines_of
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
    """The convoy that is named, empty if it is work that is named."""
    from gastown_cli.commands.convoy_show import find_convoy

    found = ledger.get(words[0]) if len(words) == 1 else None
    if found is not None and found.issue_type != "convoy":
        return ""
    return find_convoy(ledger, words[0]).bead.id if len(words) == 1 else ""
