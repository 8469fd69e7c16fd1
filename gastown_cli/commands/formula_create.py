"""``gt formula create``: a starter file for a formula of one's own."""

from __future__ import annotations

import os

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Its name and its kind."""
    parser.add_argument("name", help="what it is called")
    parser.add_argument("--type", default="task", metavar="TYPE", help="task|workflow|patrol|expansion|convoy")
    parser.add_argument("--user", action="store_true", help="for all your towns, in ~/.beads/formulas")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Write the file and say where it is."""
    from gastown_core.formulas.places import shown_path
    from gastown_core.formulas.resolve import places_at
    from gastown_core.formulas.starter import write_starter

    hidden = [shown_path(*pair) for pair in places_at(os.getcwd()).files(args.name)]
    path = write_starter(_folder(args.user), args.name, args.type)
    if args.json:
        output.say_json({"name": args.name, "type": args.type, "path": path})
        return 0
    output.say(f"{output.style('✓', 'green')} wrote {output.clean(path)}")
    if hidden:
        output.note(f"note: a formula of this name is there already, {output.clean(hidden[0])}; the nearer one counts")
    output.say(f"edit it, then: bd cook {args.name} --dry-run")
    return 0


def _folder(is_users: bool) -> str:
    """The formulas of the store around this folder, else the user's."""
    from gastown_core.beads.discovery import find_beads_dir

    beads = None if is_users else find_beads_dir(os.getcwd())
    return os.path.join(beads or os.path.expanduser(os.path.join("~", ".beads")), "formulas")
