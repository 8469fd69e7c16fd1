"""``bd list``, ``bd search`` and ``bd count``: find beads by filters."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, json_lines, note_cut, say_beads, say_json_texts, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style, table
from gastown_core.beads.graph import status_now
from gastown_core.beads.query import BeadQuery
from gastown_core.model.bead import CLOSED, DEFERRED, NO_PRIORITY, PARENT_CHILD, STATUS_CATEGORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.query import Excerpt


DEFAULT_LIMIT = 50


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd list``."""
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    parser.add_argument("--all", action="store_true", help="include closed, pinned and deferred beads and templates")
    parser.add_argument("--deferred", action="store_true", help="only deferred beads")
    parser.add_argument("--ready", action="store_true", help="only ready beads (see bd ready)")
    parser.add_argument("--tree", action="store_true", help="show children below their parents")
    for name in ("--flat", "--include-infra", "--include-gates"):
        parser.add_argument(name, action="store_true", help="accepted for compatibility; has no effect")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List beads."""
    space = Workspace(args)
    if args.ready:
        from gastown_cli.bd_commands import ready

        return ready.show(args, space, limit_of(args, DEFAULT_LIMIT))
    query = _default_hidden(query_of(args, space), args, space)._replace(limit=limit_of(args, DEFAULT_LIMIT))
    if space.as_json:
        lines = space.store.find_lines(query)
        say_json_texts(json_lines(lines, space.store.tallies([bead_id for bead_id, _ in lines])))
        if query.limit and len(lines) == query.limit:
            note_cut(len(lines), space.store.count(query))
        _note_wisps(args, space, query)
        return 0
    found = [awake(bead, space.now()) for bead in space.store.excerpts(query)]
    total = space.store.count(query) if query.limit and len(found) == query.limit else len(found)
    if args.tree:
        _say_tree(found)
    else:
        odd = [bead.id for bead in found if bead.priority == NO_PRIORITY]
        notes = {bead.id: f"priority {bead.raw['priority']!r}" for bead in space.store.get_many(odd).values()}
        say_beads(found, empty=_empty_text(args), shown_of=total, notes=notes)
        _note_wisps(args, space, query)
        return 0
    _note_wisps(args, space, query)
    if total > len(found):
        say(style(f"showing first {len(found)} of {total}; -n 0 shows all", "dim"))
    return 0


def _default_hidden(query: BeadQuery, args: Namespace, space: Workspace) -> BeadQuery:
    if args.deferred:
        return query._replace(statuses=(DEFERRED,))
    if args.all or args.status:
        return query
    categories = {**space.store.words.statuses, **STATUS_CATEGORY}
    hidden = tuple(word for word, category in categories.items() if category in ("done", "frozen"))
    if args.closed_after:
        hidden = tuple(word for word in hidden if word != CLOSED)
    return query._replace(exclude_statuses=hidden, exclude_templates=True)


def _note_wisps(args: Namespace, space: Workspace, query: BeadQuery) -> None:
    """Print a note on the wisps that ``--all`` leaves out."""
    if not args.all or query.include_wisps:
        return
    count = space.store.count(query._replace(only_wisps=True, limit=0))
    if count:
        note(f"{count} wisp{'' if count == 1 else 's'} not shown; --ephemeral includes them")


def awake(bead: Excerpt, now: float) -> Excerpt:
    """Return the bead with its current status: open if its deferral has ended."""
    status = status_now(bead, now)
    return bead if status == bead.status else bead._replace(status=status)


def _empty_text(args: Namespace) -> str:
    return "no matching beads" if args.all or args.status else "no matching open beads; --all includes closed ones"


def _say_tree(found: list[Excerpt]) -> None:
    """Print children below their parents, where both are listed."""
    known = {bead.id for bead in found}
    children: dict[str, list[Excerpt]] = {}
    roots: list[Excerpt] = []
    for bead in found:
        above = [edge.target for edge in bead.edges if edge.type == PARENT_CHILD and edge.target in known]
        (children.setdefault(above[0], []) if above else roots).append(bead)
    order: list[Excerpt] = []
    indents: dict[str, str] = {}
    stack = [(bead, 0) for bead in reversed(roots)]
    while stack:
        bead, depth = stack.pop()
        if bead.id in indents:
            continue
        indents[bead.id] = "  " * depth
        order.append(bead)
        stack += [(child, depth + 1) for child in reversed(children.get(bead.id, []))]
    order += [bead for bead in found if bead.id not in indents]
    for line in bead_lines(order, indents=indents):
        say(line)


def search_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd search``."""
    parser.add_argument("text", nargs="+", help="text in title or id, in upper or lower case")
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    add_globals(parser)


def run_search(args: Namespace) -> int:
    """Search titles and ids."""
    space = Workspace(args)
    query = query_of(args, space)._replace(text=" ".join(args.text), limit=limit_of(args, DEFAULT_LIMIT))
    if space.as_json:
        lines = space.store.find_lines(query)
        say_json_texts(json_lines(lines, space.store.tallies([bead_id for bead_id, _ in lines])))
        note_cut(len(lines), _total(space, query, len(lines)))
        return 0
    found = space.store.excerpts(query)
    say_beads(found, empty=f"no beads match {query.text!r}", shown_of=_total(space, query, len(found)))
    return 0


def _total(space: Workspace, query: BeadQuery, shown: int) -> int:
    """Return the number of matches; count them only if the limit may have cut some off."""
    return space.store.count(query) if query.limit and shown == query.limit else shown


_COLUMNS = {"status": "status", "priority": "priority", "type": "issue_type", "assignee": "assignee", "label": "label"}


def count_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd count``."""
    add_filters(parser)
    group = parser.add_mutually_exclusive_group()
    for name in _COLUMNS:
        group.add_argument(f"--by-{name}", dest="by", action="store_const", const=name, help=f"count per {name}")
    parser.set_defaults(by="")
    add_globals(parser)


def run_count(args: Namespace) -> int:
    """Count beads, optionally by group."""
    space = Workspace(args)
    query = query_of(args, space)
    total = space.store.count(query)
    if not args.by:
        if space.as_json:
            say_object({"count": total})
        else:
            say(str(total))
        return 0
    groups = space.store.count_by(_COLUMNS[args.by], query)
    if args.by == "priority":
        groups = {"none" if group == str(NO_PRIORITY) else group: number for group, number in groups.items()}
    if space.as_json:
        rows = [{"group": group, "count": number} for group, number in groups.items()]
        say_object({"total": total, "groups": rows})
        return 0
    lines = [(clean(group) or "(none)", str(number)) for group, number in groups.items()]
    say(table([*lines, ("total", str(total))], right=(1,)))
    return 0
