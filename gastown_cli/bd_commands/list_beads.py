"""``bd list``: beads by filters, what is open unless other statuses are asked for."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, json_lines, note_cut, say_beads, say_json_texts
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import note, say, style
from gastown_core.beads.query import PARENT_CHILD, status_now
from gastown_core.model.bead import NO_PRIORITY, STATUS_CATEGORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.store import BeadQuery, Excerpt

DEFAULT_LIMIT = 50


def add_arguments(parser: ArgumentParser) -> None:
    """Filters, order and form."""
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    parser.add_argument("--all", action="store_true", help="closed, pinned, deferred ones and templates too")
    parser.add_argument("--deferred", action="store_true", help="only what is deferred")
    parser.add_argument("--ready", action="store_true", help="only what is ready (see bd ready)")
    parser.add_argument("--tree", action="store_true", help="children under their parents")
    for name in ("--flat", "--include-infra", "--include-gates"):
        parser.add_argument(name, action="store_true", help="so it is always; taken for compatibility")
    add_globals(parser)


def run(args: Namespace) -> int:
    """List them."""
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
        return query._replace(statuses=("deferred",))
    if args.all or args.status:
        return query
    categories = {**space.store.words.statuses, **STATUS_CATEGORY}
    hidden = tuple(word for word, category in categories.items() if category in ("done", "frozen"))
    if args.closed_after:
        hidden = tuple(word for word in hidden if word != "closed")
    return query._replace(exclude_statuses=hidden, exclude_templates=True)


def _note_wisps(args: Namespace, space: Workspace, query: BeadQuery) -> None:
    """``--all`` leaves ephemeral beads out, and says so."""
    if not args.all or query.include_wisps:
        return
    count = space.store.count(query._replace(only_wisps=True, limit=0))
    if count:
        note(f"{count} ephemeral {'one is' if count == 1 else 'ones are'} left out; --ephemeral shows them too")


def awake(bead: Excerpt, now: float) -> Excerpt:
    """The bead as it stands now: open, if its deferral has passed."""
    status = status_now(bead, now)
    return bead if status == bead.status else bead._replace(status=status)


def _empty_text(args: Namespace) -> str:
    return "no bead fits" if args.all or args.status else "no open bead fits; --all looks at closed ones too"


def _say_tree(found: list[Excerpt]) -> None:
    """Children under their parents, as far as both are listed."""
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
