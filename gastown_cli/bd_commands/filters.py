"""Filter options shared by list, ready, blocked, search, count and export, and the query they describe."""

from __future__ import annotations

from gastown_cli.bd_commands.workspace import Workspace
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import local_moment, parse_duration, today
from gastown_core.errors import UsageError
from gastown_core.model.bead import TYPE_ALIASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_filters(parser: ArgumentParser, *, status: bool = True) -> None:
    """Add the filter options."""
    group = parser.add_argument_group("filters")
    if status:
        group.add_argument("-s", "--status", default="", metavar="A,B", help="only these statuses; all for any")
    group.add_argument("-t", "--type", default="", metavar="A,B", help="only these types")
    group.add_argument("-a", "--assignee", default="", metavar="WHO", help="only beads of these assignees")
    group.add_argument("-u", "--unassigned", action="store_true", help="only beads without an assignee")
    group.add_argument(
        "-l", "--label", action="append", default=[], metavar="L", help="only beads with all of these labels"
    )
    group.add_argument(
        "--label-any", action="append", default=[], metavar="L", help="only beads with any of these labels"
    )
    group.add_argument(
        "--exclude-label", action="append", default=[], metavar="L", help="only beads with none of these labels"
    )
    group.add_argument(
        "--label-pattern", default="", metavar="GLOB", help="only beads with a label that matches this pattern"
    )
    group.add_argument("-p", "--priority", default="", metavar="0-4", help="only these priorities; separate by commas")
    group.add_argument("--priority-min", default=None, metavar="P", help="only this priority number or higher")
    group.add_argument("--priority-max", default=None, metavar="P", help="only this priority number or lower")
    group.add_argument("--parent", default="", metavar="ID", help="only descendants of this bead")
    group.add_argument("--no-parent", action="store_true", help="only beads without a parent")
    group.add_argument(
        "--title-contains", default="", metavar="TEXT", help="only beads whose title or id contains this"
    )
    for name in ("created-after", "created-before", "updated-after", "updated-before", "closed-after"):
        group.add_argument(f"--{name}", default="", metavar="WHEN", help="a date, or an age such as 3d")
    group.add_argument("--overdue", action="store_true", help="only beads past their due date")
    group.add_argument("--ephemeral", "--include-wisps", action="store_true", dest="wisps", help="include wisps")


def add_order(parser: ArgumentParser, *, limit: int) -> None:
    """Add the options for order and limit; ``limit`` is the default."""
    parser.add_argument(
        "--sort", default="priority", help="sort by priority (default), created, updated, closed, oldest, id, title, …"
    )
    parser.add_argument("-r", "--reverse", action="store_true", help="reverse the order")
    parser.add_argument(
        "-n", "--limit", type=int, default=None, help=f"maximum number of beads (default {limit}, 0 for all)"
    )


def limit_of(args: Namespace, default: int) -> int:
    """Return ``--limit``, or ``default`` if it is not given; 0 means no limit."""
    return default if args.limit is None else max(0, int(args.limit))


def words(text: str | list[str]) -> tuple[str, ...]:
    """Return the parts of comma-separated lists."""
    joined = ",".join(text) if isinstance(text, list) else text
    return tuple(part.strip() for part in joined.split(",") if part.strip())


def query_of(args: Namespace, space: Workspace) -> BeadQuery:
    """Return the query that the filter options describe, without limit."""
    now, lowest, highest = space.now(), args.priority_min, args.priority_max
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
        priorities=tuple(_priority(word) for word in words(args.priority)),
        priority_min=None if lowest is None else _priority(lowest),
        priority_max=None if highest is None else _priority(highest),
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


def _priority(word: str) -> int:
    # the rules of records are for those who write; a list without a filter by priority needs none
    from gastown_core.beads.rules import read_priority

    return read_priority(word)


def past(text: str, now: float) -> float | None:
    """Return a date, or an age before now, as a timestamp; None for no text. Raises UsageError."""
    return _when(text, now, -1) if text else None


def future(text: str, now: float, *, ends_day: bool = False) -> float | None:
    """Return a date, or a span from now (``-1h`` is an hour ago), as a timestamp; None for no text. Raises UsageError.

    With ``ends_day``, a date without a time means the end of that day.
    """
    return _when(text, now, 1, ends_day=ends_day) if text else None


def _when(text: str, now: float, direction: int, *, ends_day: bool = False) -> float:
    span = parse_duration(text.lstrip("+-"))
    if span is not None:
        return now + {"+": 1, "-": -1}.get(text[:1], direction) * span
    days = {"today": 0, "tomorrow": 1, "yesterday": -1}.get(text.lower())
    moment = local_moment(text if days is None else today(now, days), ends_day=ends_day)
    if moment is None:
        raise UsageError(f"invalid date {text!r}", "", "for example 2026-03-02, 2026-03-02T10:00:00Z, 36h or 3d")
    return moment
