"""``bd mol ready``: steps of a molecule that can be begun, or molecules that a gate has let go."""

from __future__ import annotations

from gastown_cli import molecule_lines
from gastown_cli.bd_commands.mol_current import molecules
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """What to look for."""
    parser.add_argument("molecule", nargs="?", default="", help="its id (default: those you are at)")
    parser.add_argument("--gated", action="store_true", help="molecules that can go on since a gate opened")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them."""
    space = Workspace(args)
    if args.gated:
        return gated(space)
    found = molecules(space, args.molecule)
    if space.as_json:
        say_object(
            {
                "molecules": [
                    {
                        "molecule_id": seen.id,
                        "molecule_title": seen.title,
                        "ready": [molecule_lines.step_json(view, seen.current) for view in seen.ready],
                    }
                    for seen in found
                ],
                "count": sum(len(seen.ready) for seen in found),
            }
        )
        return 0
    if not any(seen.ready for seen in found):
        say("no step is ready; bd mol current shows what they wait for" if found else "you are at no molecule")
    for seen in found:
        for line in molecule_lines.step_rows(seen.ready, seen.total, with_ids=True):
            say(line)
    return 0


def gated(space: Workspace) -> int:
    """Molecules with a step that an opened gate has made ready, and that nobody has on a hook."""
    from gastown_core.molecules.gates import let_go

    found = let_go(space.store)
    if space.as_json:
        say_object({"molecules": [one.as_json() for one in found], "count": len(found)})
        return 0
    rows = [
        [
            clean(one.molecule.id),
            clean(one.step.id),
            f"since {clean(one.gate.id)}",
            molecule_lines.one_line(one.molecule.title),
        ]
        for one in found
    ]
    say(table(rows) if rows else "no molecule waits to be taken up again")
    return 0
