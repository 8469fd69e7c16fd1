"""``bd stats``: show statistics of the store."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, style, table
from gastown_core.beads.query import BeadQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_NAMES = {
    "total_issues": "beads",
    "open_issues": "open",
    "in_progress_issues": "in progress",
    "hooked_issues": "hooked",
    "in_review_issues": "in review",
    "ready_issues": "ready",
    "blocked_issues": "blocked",
    "deferred_issues": "deferred",
    "pinned_issues": "pinned",
    "closed_issues": "closed",
    "ephemeral_issues": "wisps, not counted above (bd list --ephemeral shows them)",
    "epics_eligible_for_closure": "epics that can be closed",
    "average_lead_time_hours": "hours from creation to closing, on average",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd stats``."""
    parser.add_argument("--assigned", action="store_true", help="only beads of the actor")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show the statistics."""
    space = Workspace(args)
    query = BeadQuery(assignees=(space.actor,)) if args.assigned else BeadQuery()
    summary = _summary(space, query)
    if space.as_json:
        say_object({"summary": summary})
        return 0
    rows = [(style(str(summary[key]), "bold"), name) for key, name in _NAMES.items() if key in summary]
    say(table(rows, right=(0,)))
    return 0


def _summary(space: Workspace, query: BeadQuery) -> dict[str, float]:
    store, now = space.store, space.now()
    by_status = store.count_by("status", query)
    return {
        "total_issues": sum(by_status.values()),
        **{
            f"{word}_issues": by_status.get(word, 0)
            for word in ("open", "in_progress", "hooked", "in_review", "closed")
        },
        "blocked_issues": store.count_blocked(query, now),
        "deferred_issues": by_status.get("deferred", 0),
        "ready_issues": store.count_ready(query, now),
        "pinned_issues": by_status.get("pinned", 0),
        "ephemeral_issues": store.count(query._replace(only_wisps=True)),
        "epics_eligible_for_closure": _eligible(space),
        "average_lead_time_hours": _lead_time(space, query),
    }


def _eligible(space: Workspace) -> int:

    return sum(progress.is_eligible for progress in space.store.epic_progress())


def _lead_time(space: Workspace, query: BeadQuery) -> float:
    return round(space.store.lead_time(query) / 3600, 2)
