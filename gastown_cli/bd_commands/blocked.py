"""``bd blocked``: what cannot be worked on, and what holds it."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import issue_object, note_cut, say_array, say_beads
from gastown_cli.bd_commands.workspace import Workspace
from gastown_core.beads.held_back import count_held
from gastown_core.beads.query import REASONS
from gastown_core.beads.record import excerpt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.query import Graph

DEFAULT_LIMIT = 50


def add_arguments(parser: ArgumentParser) -> None:
    """Filters and order."""
    add_filters(parser)
    add_order(parser, limit=DEFAULT_LIMIT)
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them with their blockers."""
    space = Workspace(args)
    limit = limit_of(args, DEFAULT_LIMIT)
    query = query_of(args, space)._replace(limit=limit)
    found = space.store.blocked(query, space.now())
    total = count_held(space.store, query, space.now()) if limit and len(found) == limit else len(found)
    graph = space.store.graph(space.now())
    reasons = {bead.id: graph.holds(bead.id) for bead, _ in found}
    if space.as_json:
        tallies = space.store.tallies([bead.id for bead, _ in found])
        say_array(
            issue_object(
                bead,
                tallies.get(bead.id),
                blocked_by=list(ids),
                blocked_by_count=len(ids),
                blocked_reasons={hold.id: hold.reason for hold in reasons[bead.id]},
                **({"cycle": cycle} if (cycle := graph.cycle_behind(bead.id)) else {}),
            )
            for bead, ids in found
        )
        note_cut(len(found), total)
        return 0
    notes = {
        bead_id: "← " + ", ".join(f"{hold.id}{_remark(hold.reason)}" for hold in holds) + _circle(graph, bead_id)
        for bead_id, holds in reasons.items()
    }
    say_beads([excerpt_of(bead) for bead, _ in found], empty="nothing is blocked", shown_of=total, notes=notes)
    return 0


def _circle(graph: Graph, bead_id: str) -> str:
    cycle = graph.cycle_behind(bead_id)
    return f"  cycle: {' → '.join(cycle)}" if cycle else ""


def _remark(reason: str) -> str:
    return "" if reason == "open" else f" ({REASONS[reason]})"
