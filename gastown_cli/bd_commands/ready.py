"""``bd ready`` and ``bd blocked``: list beads that are ready, and beads that are blocked."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import add_filters, add_order, limit_of, query_of
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import (
    issue_object,
    json_lines,
    note_cut,
    say_array,
    say_beads,
    say_json_texts,
    say_object,
)
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import say, style
from gastown_core.beads.graph import REASONS, STILL_OPEN, find_cycles
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.model.bead import BLOCKS, CONDITIONAL, PARENT_CHILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.graph import Graph
READY_LIMIT = 100


def ready_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd ready``."""
    add_filters(parser, status=False)
    add_order(parser, limit=READY_LIMIT)
    parser.add_argument("--mol", default="", metavar="ID", help="only steps of this molecule")
    parser.add_argument("--gated", action="store_true", help="molecules that a gate blocked and that can continue")
    parser.add_argument("--claim", action="store_true", help="claim the first ready bead")
    parser.add_argument("--explain", action="store_true", help="also show blocked beads and what blocks them")
    add_globals(parser)


def run_ready(args: Namespace) -> int:
    """List, claim or explain ready beads."""
    space = Workspace(args)
    if args.gated:
        from gastown_cli.bd_commands.mol import gated

        return gated(space)
    if args.mol:
        return _of_molecule(args, space)
    if args.claim:
        return _claim(args, space)
    if args.explain:
        return _explain(args, space)
    return show(args, space, limit_of(args, READY_LIMIT))


def _of_molecule(args: Namespace, space: Workspace) -> int:
    """List the ready steps of one molecule; steps without beads (of a root-only molecule) are listed as such."""
    from gastown_cli.bd_commands import mol
    from gastown_core.molecules.steps import progress_of

    store, args.parent = mol.molecule(space, args.mol)
    args.wisps = True
    seen = progress_of(store, args.parent)
    if seen.is_poured and store is space.store:
        if args.claim:
            return _claim(args, space)
        return _explain(args, space) if args.explain else show(args, space, limit_of(args, READY_LIMIT))
    from gastown_cli.molecule_lines import step_json, step_rows

    if space.as_json:
        say_array([step_json(view, seen.current) for view in seen.ready])
    else:
        for line in step_rows(seen.ready, seen.total, with_ids=True) or ["no steps are ready"]:
            say(line)
    return 0


def show(args: Namespace, space: Workspace, limit: int) -> int:
    """Print ready beads; if the limit cuts the list, JSON output notes the total, text only that there are more."""
    query, store, now = query_of(args, space)._replace(limit=limit), space.store, space.now()
    if space.as_json:
        lines = store.ready_lines(query, now)
        say_json_texts(json_lines(lines, store.tallies([bead_id for bead_id, _ in lines])))
        if limit and len(lines) == limit:
            note_cut(limit, store.count_ready(query, now))
        return 0
    found = store.ready_excerpts(query._replace(limit=limit + 1 if limit else 0), now)
    say_beads(found[:limit] if limit else found, empty="no beads are ready; bd blocked shows what blocks them")
    if limit and len(found) > limit:
        say(style(f"showing first {limit}, more are ready; -n 0 shows all", "dim"))
    return 0


def _claim(args: Namespace, space: Workspace) -> int:
    query = query_of(args, space)._replace(limit=20)
    for bead in space.store.ready(query, space.now()):
        if not bead.assignee or bead.assignee == space.actor:
            claimed = space.change(bead.id, lambda batch, bead_id: batch.claim(bead_id))
            if space.as_json:
                say_array([issue_object(claimed)])
            else:
                say(f"claimed {claimed.id} {claimed.title}")
            return 0
    if space.as_json:
        say_array([])
    else:
        say("no ready beads to claim")
    return 0


def _explain(args: Namespace, space: Workspace) -> int:
    now = space.now()
    query = query_of(args, space)._replace(limit=limit_of(args, READY_LIMIT))
    ready = space.store.ready_excerpts(query, now)
    graph = space.store.graph(now)
    blocked = space.store.blocked(query, now)
    targets: dict[str, list[str]] = {}
    for source, target, kind in space.store.all_edges():
        if kind in (BLOCKS, CONDITIONAL, PARENT_CHILD):
            targets.setdefault(source, []).append(target)
    cycles = find_cycles(targets)
    if space.as_json:
        held = [
            {**issue_object(bead), "blocked_by": list(ids), "reasons": {h.id: h.reason for h in graph.holds(bead.id)}}
            for bead, ids in blocked
        ]
        beads = space.store.get_many([bead.id for bead in ready])
        summary = {"ready": len(ready), "blocked": len(held), "cycles": len(cycles)}
        say_object(
            {"ready": [issue_object(b) for b in beads.values()], "blocked": held, "cycles": cycles, "summary": summary}
        )
        return 0
    say_beads(ready, empty="no beads are ready")
    for bead, _ in blocked:
        reasons = ", ".join(f"{hold.id} ({REASONS[hold.reason]})" for hold in graph.holds(bead.id))
        say(f"{style('⊘', 'red')} {bead.id}  blocked by {reasons}")
    for cycle in cycles:
        say(style("cycle: " + " → ".join(cycle), "red"))
    return 0


BLOCKED_LIMIT = 50


def blocked_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd blocked``."""
    add_filters(parser)
    add_order(parser, limit=BLOCKED_LIMIT)
    add_globals(parser)


def run_blocked(args: Namespace) -> int:
    """List blocked beads and what blocks them."""
    space = Workspace(args)
    limit = limit_of(args, BLOCKED_LIMIT)
    query = query_of(args, space)._replace(limit=limit)
    found = space.store.blocked(query, space.now())
    total = space.store.count_blocked(query, space.now()) if limit and len(found) == limit else len(found)
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
    say_beads([excerpt_of(bead) for bead, _ in found], empty="no beads are blocked", shown_of=total, notes=notes)
    return 0


def _circle(graph: Graph, bead_id: str) -> str:
    cycle = graph.cycle_behind(bead_id)
    return f"  cycle: {' → '.join(cycle)}" if cycle else ""


def _remark(reason: str) -> str:
    return "" if reason == STILL_OPEN else f" ({REASONS[reason]})"
