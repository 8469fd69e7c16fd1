"""``bd dep``: add, remove and show dependencies."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import glyph, issue_object, one_line, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.beads.graph import ORDERING_TYPES, find_cycles
from gastown_core.beads.rules import entries_of
from gastown_core.errors import GastownError, NotFoundError, UsageError
from gastown_core.model.bead import BLOCKS, known_priority, target_of
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd dep add``."""
    parser.add_argument("id", nargs="?", default="", help="bead that depends on the target")
    parser.add_argument("target", nargs="?", default="", help="bead it depends on")
    parser.add_argument(
        "-t", "--type", default=BLOCKS, help="type: blocks, parent-child, waits-for, related, … (default blocks)"
    )
    parser.add_argument("--blocked-by", "--depends-on", default="", metavar="ID", help="same as target")
    parser.add_argument("--metadata", default="", metavar="JSON", help="metadata of the dependency")
    parser.add_argument("--file", default="", metavar="JSONL", help="add many: JSON lines with from, to and type")
    parser.add_argument("-f", "--force", action="store_true", help="even if the target does not exist")
    add_globals(parser)


def run_add(args: Namespace) -> int:
    """Add a dependency, or those of ``--file``."""
    space = Workspace(args)
    if args.file:
        return _from_file(space, args)
    target = args.target or args.blocked_by
    if not args.id or not target:
        raise UsageError("bd dep add needs two beads", "", "bd dep add gt-abc12 gt-x7k2m")
    bead, to = _add(space, args, args.id, target, args.type)
    if space.as_json:
        say_object({"status": "added", "issue_id": bead.id, "depends_on_id": to, "type": args.type})
    elif not space.quiet:
        say(f"{clean(bead.id)} depends on {clean(to)} {style(clean(args.type), 'dim')}")
    return 0


def _add(space: Workspace, args: Namespace, partial: str, target: str, kind: str) -> tuple[Bead, str]:
    to = space.target_id(target, force=args.force)
    return space.change(partial, lambda batch, bead_id: batch.add_edge(bead_id, to, kind, args.metadata)), to


def _from_file(space: Workspace, args: Namespace) -> int:
    path = args.file
    try:
        with open(path, encoding="utf-8") as handle:
            lines = [line for line in handle if line.strip()]
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error
    added = []
    for number, line in enumerate(lines, 1):
        try:
            value = decode_json(line)
            source = str(value.get("issue_id") or value["from"])
            target = str(value.get("depends_on_id") or value["to"])
            kind = str(value.get("type") or BLOCKS)
        except (ValueError, KeyError, AttributeError) as error:
            space.failed.append(UsageError(f"{path}:{number} is not a dependency", str(error)))
            continue
        try:
            bead, to = _add(space, args, source, target, kind)
            added.append({"status": "added", "issue_id": bead.id, "depends_on_id": to, "type": kind})
        except GastownError as error:
            space.failed.append(error)
    if space.as_json:
        say_array(added)
    else:
        say(f"added {len(added)} of {len(lines)}")
    return space.exit_code()


def remove_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd dep remove``."""
    parser.add_argument("id", help="bead that depends on the target")
    parser.add_argument("target", help="bead it depends on")
    parser.add_argument("-t", "--type", default="", help="accepted for compatibility; has no effect")
    add_globals(parser)


def run_remove(args: Namespace) -> int:
    """Remove a dependency."""
    space = Workspace(args)
    bead = space.get(args.id)
    written = {str(entry["depends_on_id"]) for entry in entries_of(bead.raw, "dependencies") if target_of(entry)}
    known = {edge.target for edge in bead.edges} | written
    target = args.target
    if target not in known and not target.startswith("external:"):
        try:
            target = space.full_id(target)
        except NotFoundError:
            target = args.target
    bead = space.change(args.id, lambda batch, bead_id: batch.remove_edge(bead_id, target))
    if space.as_json:
        say_object({"status": "removed", "issue_id": bead.id, "depends_on_id": target})
    elif not space.quiet:
        say(f"{clean(bead.id)} no longer depends on {clean(target)}")
    return 0


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd dep list``."""
    parser.add_argument("ids", nargs="+", metavar="id", help="beads")
    parser.add_argument(
        "--direction",
        choices=("down", "up"),
        default="down",
        help="down: what they depend on (default); up: what depends on them",
    )
    parser.add_argument("-t", "--type", default="", help="only dependencies of this type")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List dependencies; in JSON as beads for one id, as pairs for several."""
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
        say("no dependents" if args.direction == "up" else "no dependencies")
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


class Node(Record):
    """A bead's place in the tree; ``again`` if it was shown before, so that its own branches are left out."""

    bead_id: str
    bead: Excerpt | None
    depth: int
    parent: str
    edge: str
    again: bool
    truncated: bool


def tree_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd dep tree``."""
    parser.add_argument("id", help="bead at the root of the tree")
    parser.add_argument(
        "--direction",
        choices=("down", "up", "both"),
        default="down",
        help="down: what it depends on (default); up: what depends on it",
    )
    parser.add_argument("-d", "--max-depth", "--depth", type=int, default=50, help="maximum depth (default 50)")
    parser.add_argument(
        "--format", choices=("text", "mermaid"), default="text", help="output as text or as a mermaid graph"
    )
    add_globals(parser)


def run_tree(args: Namespace) -> int:
    """Show a bead's dependency tree."""
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
        style("  (above)", "dim") if node.again else style("  (deeper levels omitted)", "dim") if node.truncated else ""
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


def cycles_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd dep cycles``."""
    add_globals(parser)


def run_cycles(args: Namespace) -> int:
    """List dependency cycles, each as a path."""
    space = Workspace(args)
    targets: dict[str, list[str]] = {}
    for source, target, kind in space.store.all_edges():
        if kind in ORDERING_TYPES:
            targets.setdefault(source, []).append(target)
    cycles = find_cycles(targets)
    if space.as_json:
        say_array(cycles)
        return 0
    for cycle in cycles:
        say(clean(" → ".join(cycle)))
    if not cycles:
        say("no cycles")
    return 0
