"""``bd dep list ID...``: what beads depend on, or what depends on them."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import glyph, issue_object, one_line, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The ids and the direction."""
    parser.add_argument("ids", nargs="+", metavar="id", help="beads")
    parser.add_argument("--direction", choices=("down", "up"), default="down", help="down: what it depends on")
    parser.add_argument("-t", "--type", default="", help="only edges of this type")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them: for one bead as beads, for many as edges."""
    space = Workspace(args)
    edges: list[tuple[str, str, str]] = []
    for partial in args.ids:
        store, bead_id = space.locate(partial)
        if args.direction == "up":
            edges += [(source, bead_id, kind) for source, kind in store.dependents(bead_id)]
        else:
            edges += [(bead_id, edge.target, edge.type) for edge in space.get(bead_id).edges]
    if args.type:
        edges = [edge for edge in edges if edge[2] == args.type]
    if space.as_json:
        _say_json(space, edges, up=args.direction == "up", single=len(args.ids) == 1)
        return 0
    for source, target, kind in edges:
        other = source if args.direction == "up" else target
        found = space.store.excerpt(other)
        title = one_line(found.title) if found is not None else style("unknown bead", "red")
        sign = glyph(found.status) if found is not None else "?"
        lead = f"{clean(target if args.direction == 'up' else source)}  " if len(args.ids) > 1 else ""
        say(f"{lead}{sign} {clean(other)}  {style(clean(kind), 'dim')}  {title}")
    if not edges:
        say("nothing depends on it" if args.direction == "up" else "it depends on nothing")
    return 0


def _say_json(space: Workspace, edges: list[tuple[str, str, str]], *, up: bool, single: bool) -> None:
    if not single:
        say_array([{"issue_id": source, "depends_on_id": target, "type": kind} for source, target, kind in edges])
        return
    others = [source if up else target for source, target, _ in edges]
    found = space.store.get_many(others)
    if space.ledger is not None:
        found.update(space.ledger.get_many([other for other in others if other not in found]))
    out = []
    for other, (_, _, kind) in zip(others, edges):  # noqa: B905
        bead = found.get(other)
        record = issue_object(bead) if bead is not None else {"id": other, "unresolved": True}
        out.append({**record, "dependency_type": kind})
    say_array(out)
