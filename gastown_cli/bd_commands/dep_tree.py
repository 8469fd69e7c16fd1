"""``bd dep tree ID``: the tree of dependencies of a bead."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import glyph, one_line, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.model.bead import known_priority
from gastown_core.model.record import record_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import NamedTuple

    from gastown_core.beads.store import Excerpt

    class Node(NamedTuple):
        """A place in the tree; ``again`` if the bead was shown before, so its own branches are left out."""

        bead_id: str
        bead: Excerpt | None
        depth: int
        parent: str
        edge: str
        again: bool
        truncated: bool
else:
    Node = record_type("Node", "bead_id bead depth parent edge again truncated")


def add_arguments(parser: ArgumentParser) -> None:
    """The id, the direction and the depth."""
    parser.add_argument("id", help="the bead")
    parser.add_argument("--direction", choices=("down", "up", "both"), default="down", help="down: what it depends on")
    parser.add_argument("-d", "--max-depth", "--depth", type=int, default=50, help="levels at most (default 50)")
    parser.add_argument("--format", choices=("text", "mermaid"), default="text", help="text or a mermaid graph")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show it."""
    space = Workspace(args)
    store, bead_id = space.locate(args.id)
    space.get(bead_id)
    space.store = store
    nodes: list[Node] = []
    for direction in ("down", "up") if args.direction == "both" else (args.direction,):
        nodes += _walk(space, bead_id, direction, args.max_depth)
    if space.as_json:
        say_array([_as_json(node) for node in nodes])
    elif args.format == "mermaid":
        _say_mermaid(nodes, up=args.direction == "up")
    else:
        for node in nodes:
            _say_node(node)
    return 0


def _walk(space: Workspace, root: str, direction: str, depth_limit: int) -> list[Node]:
    nodes: list[Node] = []
    seen: set[str] = set()
    stack = [(root, 0, "", "")]
    while stack:
        bead_id, depth, parent, edge = stack.pop()
        bead = space.store.excerpt(bead_id)
        again = bead_id in seen
        seen.add(bead_id)
        if direction == "up":
            further = space.store.dependents(bead_id)
        else:
            further = [(e.target, e.type) for e in bead.edges] if bead is not None else []
        cut = depth >= depth_limit and bool(further)
        nodes.append(Node(bead_id, bead, depth, parent, edge, again, cut))
        if not again and not cut:
            stack += [(other, depth + 1, bead_id, kind) for other, kind in reversed(further)]
    return nodes


def _as_json(node: Node) -> dict[str, object]:
    bead = node.bead
    known = (
        {
            "title": bead.title,
            "status": bead.status,
            "priority": known_priority(bead.priority),
            "issue_type": bead.issue_type,
        }
        if bead
        else {}
    )
    return {
        "id": node.bead_id,
        **known,
        "depth": node.depth,
        "parent_id": node.parent,
        "edge_from_parent": node.edge,
        "truncated": node.truncated,
    }


def _say_node(node: Node) -> None:
    sign = glyph(node.bead.status) if node.bead else style("?", "red")
    title = one_line(node.bead.title) if node.bead else style("unknown bead", "red")
    edge = f"{style(clean(node.edge), 'dim')}  " if node.edge else ""
    remark = (
        style("  (above)", "dim") if node.again else style("  (deeper ones left out)", "dim") if node.truncated else ""
    )
    say(f"{'   ' * node.depth}{sign} {clean(node.bead_id)}  {edge}{title}{remark}")


def _say_mermaid(nodes: list[Node], *, up: bool) -> None:
    names = {bead_id: f"n{number}" for number, bead_id in enumerate(dict.fromkeys(node.bead_id for node in nodes))}
    say("graph TD")
    for node in nodes:
        if not node.again:
            title = clean(node.bead.title if node.bead else "unknown").replace('"', "'")
            say(f'  {names[node.bead_id]}["{clean(node.bead_id)}: {title}"]')
    for node in nodes:
        if node.parent:
            ends = (node.bead_id, node.parent) if up else (node.parent, node.bead_id)
            say(f"  {names[ends[0]]} -->|{clean(node.edge)}| {names[ends[1]]}")
