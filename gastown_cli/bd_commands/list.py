"""``bd list``, ``bd search`` and ``bd count``: find beads by filters."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, json_lines, note_cut, say_beads, say_json_texts, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style, table
from gastown_core.beads.graph import PARENT_CHILD, status_now
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.rules import read_priority
from gastown_core.clock import local_moment, parse_duration, today
from gastown_core.errors import UsageError
from gastown_core.model.bead import NO_PRIORITY, STATUS_CATEGORY, TYPE_ALIASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_cli.bd_commands.workspace import Workspace
    from gastown_core.beads.query import BeadQuery, Excerpt


def add_filters(parser: ArgumentParser, *, status: bool = True) -> None:
    """The filter options."""
    group = parser.add_argument_group("filters")
    if status:
        group.add_argument("-s", "--status", default="", metavar="A,B", help="statuses, or all")
    group.add_argument("-t", "--type", default="", metavar="A,B", help="types")
    group.add_argument("-a", "--assignee", default="", metavar="WHO", help="assignees, with commas")
    group.add_argument("-u", "--unassigned", action="store_true", help="only what nobody has")
    group.add_argument("-l", "--label", action="append", default=[], metavar="L", help="all of these labels")
    group.add_argument("--label-any", action="append", default=[], metavar="L", help="one of these labels")
    group.add_argument("--exclude-label", action="append", default=[], metavar="L", help="none of these labels")
    group.add_argument("--label-pattern", default="", metavar="GLOB", help="a label like this")
    group.add_argument("-p", "--priority", default="", metavar="0-4", help="priorities, with commas")
    group.add_argument("--priority-min", default=None, metavar="P", help="this number or higher")
    group.add_argument("--priority-max", default=None, metavar="P", help="this number or lower")
    group.add_argument("--parent", default="", metavar="ID", help="below this bead, at any depth")
    group.add_argument("--no-parent", action="store_true", help="only what has no parent")
    group.add_argument("--title-contains", default="", metavar="TEXT", help="title or id holds this")
    for name in ("created-after", "created-before", "updated-after", "updated-before", "closed-after"):
        group.add_argument(f"--{name}", default="", metavar="WHEN", help="a date, or an age such as 3d")
    group.add_argument("--overdue", action="store_true", help="only what is past its due date")
    group.add_argument("--ephemeral", "--include-wisps", action="store_true", dest="wisps", help="wisps too")


def add_order(parser: ArgumentParser, *, limit: int) -> None:
    """Order and limit; ``limit`` is the default, for JSON as for text."""
    parser.add_argument("--sort", default="priority", help="priority, created, updated, closed, oldest, id, title, …")
    parser.add_argument("-r", "--reverse", action="store_true", help="the other way round")
    parser.add_argument("-n", "--limit", type=int, default=None, help=f"at most so many; 0 for all (default {limit})")


def limit_of(args: Namespace, default: int) -> int:
    """The limit in force: what was given, else ``default``, for JSON as for text. 0 is none."""
    return default if args.limit is None else max(0, int(args.limit))


def words(text: str | list[str]) -> tuple[str, ...]:
    """The parts of comma lists."""
    joined = ",".join(text) if isinstance(text, list) else text
    return tuple(part.strip() for part in joined.split(",") if part.strip())


def query_of(args: Namespace, space: Workspace) -> BeadQuery:
    """The query that the filter options ask for, without limit."""
    now = space.now()
    statuses = words(getattr(args, "status", ""))
    return BeadQuery(
        statuses=() if statuses == ("all",) else tuple(space.store.words.status(word) for word in statuses),
        types=tuple(TYPE_ALIASES.get(word, word) for word in words(args.type)),
        labels_all=words(args.label),
        labels_any=words(args.label_any),
        labels_none=words(args.exclude_label),
        label_pattern=args.label_pattern,
        assignees=words(args.assignee),
        unassigned=args.unassigned,
        priorities=tuple(read_priority(word) for word in words(args.priority)),
        priority_min=None if args.priority_min is None else read_priority(args.priority_min),
        priority_max=None if args.priority_max is None else read_priority(args.priority_max),
        parent=space.full_id(args.parent) if args.parent else "",
        no_parent=args.no_parent,
        text=args.title_contains,
        include_wisps=args.wisps,
        created_since=past(args.created_after, now),
        created_before=past(args.created_before, now),
        updated_since=past(args.updated_after, now),
        updated_before=past(args.updated_before, now),
        closed_since=past(args.closed_after, now),
        due_before=now if args.overdue else None,
        sort=getattr(args, "sort", "priority"),
        reverse=getattr(args, "reverse", False),
        awake_at=now,
    )


def past(text: str, now: float) -> float | None:
    """A date, or an age before now; None for no text. Raises UsageError."""
    return _when(text, now, -1) if text else None


def future(text: str, now: float, *, ends_day: bool = False) -> float | None:
    """A date, or a span from now (``-1h`` is an hour ago); None for no text. Raises UsageError.

    With ``ends_day`` a bare date means the end of that day.
    """
    return _when(text, now, 1, ends_day=ends_day) if text else None


def _when(text: str, now: float, direction: int, *, ends_day: bool = False) -> float:
    span = parse_duration(text.lstrip("+-"))
    if span is not None:
        return now + {"+": 1, "-": -1}.get(text[:1], direction) * span
    days = {"today": 0, "tomorrow": 1, "yesterday": -1}.get(text.lower())
    moment = local_moment(text if days is None else today(now, days), ends_day=ends_day)
    if moment is None:
        raise UsageError(f"no date: {text!r}", "", "for example 2026-03-02, 2026-03-02T10:00:00Z, 36h or 3d")
    return moment


DEFAULT_LIMIT = 50


def list_arguments(parser: ArgumentParser) -> None:
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


def run_list(args: Namespace) -> int:
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


def search_arguments(parser: ArgumentParser) -> None:
    """The text, filters and order."""
    parser.add_argument("text", nargs="+", help="what title or id holds, in any case")
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    add_globals(parser)


def run_search(args: Namespace) -> int:
    """Show what was found."""
    space = Workspace(args)
    query = query_of(args, space)._replace(text=" ".join(args.text), limit=limit_of(args, DEFAULT_LIMIT))
    if space.as_json:
        lines = space.store.find_lines(query)
        say_json_texts(json_lines(lines, space.store.tallies([bead_id for bead_id, _ in lines])))
        note_cut(len(lines), _total(space, query, len(lines)))
        return 0
    found = space.store.excerpts(query)
    say_beads(found, empty=f"nothing holds {query.text!r}", shown_of=_total(space, query, len(found)))
    return 0


def _total(space: Workspace, query: BeadQuery, shown: int) -> int:
    """How many there are; every title is looked at a second time only where the limit cuts."""
    return space.store.count(query) if query.limit and shown == query.limit else shown


_COLUMNS = {"status": "status", "priority": "priority", "type": "issue_type", "assignee": "assignee", "label": "label"}


def count_arguments(parser: ArgumentParser) -> None:
    """Filters and the group."""
    add_filters(parser)
    group = parser.add_mutually_exclusive_group()
    for name in _COLUMNS:
        group.add_argument(f"--by-{name}", dest="by", action="store_const", const=name, help=f"per {name}")
    parser.set_defaults(by="")
    add_globals(parser)


def run_count(args: Namespace) -> int:
    """Count."""
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
