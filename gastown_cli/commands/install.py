"""``gt install``: make a town."""

from __future__ import annotations

from gastown_cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt install``."""
    parser.add_argument("path", nargs="?", default=".", help="the folder (default: this one)")
    parser.add_argument("--git", action="store_true", help="keep the town in git")
    parser.add_argument("-n", "--name", default="", help="name of the town (default: the folder's)")
    parser.add_argument("--owner", default="", help="e-mail of its owner (default: git's)")
    parser.add_argument("--public-name", default="", help="name shown to others")
    parser.add_argument("--no-beads", action="store_true", help="make no ledger")
    parser.add_argument("-f", "--force", action="store_true", help="complete a town that exists; changes nothing in it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: Namespace) -> int:
    """Make the town and tell what comes next."""
    from gastown_core.town.install import install_town

    made = install_town(
        args.path,
        name=args.name,
        owner=args.owner,
        public_name=args.public_name,
        git=args.git,
        again=args.force,
        beads=not args.no_beads,
    )
    if args.json:
        output.say_json(made._asdict())
        return 0
    if not made.is_new:
        added = ", ".join(made.added) or "nothing was missing"
        output.say(f"{output.style('✓', 'green')} the town {output.clean(made.name)} is complete ({added})")
        return 0
    output.say(f"{output.style('✓', 'green')} the town {output.clean(made.name)} stands at {made.root}")
    output.say()
    output.say("Next:")
    output.say(f"  cd {made.root}")
    output.say("  gt rig add NAME URL            take in a repository")
    output.say("  gt crew add YOU --rig NAME     a clone of your own in it")
    output.say("  gt mayor attach                talk to the mayor")
    return 0
