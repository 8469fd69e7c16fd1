"""Reasons for work to be stalled until a person acts."""

from __future__ import annotations

import itertools

from gastown_core.beads.graph import Graph
from gastown_core.beads.query import Excerpt
from gastown_core.beads.stalls import RULES, stall_reason
from gastown_core.model.bead import Edge

STATUSES = ("open", "deferred", "blocked", "hooked", "pinned", "odd")
BLOCKERS = {"": (), "open": (Edge("t-2", "blocks", "", "", ""),), "itself": (Edge("t-1", "blocks", "", "", ""),)}


def bead(bead_id: str, status: str, edges: tuple[Edge, ...], defer_until: float, labels: tuple[str, ...]) -> Excerpt:
    return Excerpt(bead_id, "title", status, 2, "task", "", 1.0, 1.0, 0.0, defer_until, labels, edges, False, False)


def test_no_rule_is_left_out_for_a_bead_without_edges() -> None:
    """The shortcut for plain open beads gives what all rules together give."""
    rows = itertools.product(STATUSES, BLOCKERS.values(), (0.0, 50.0), ((), ("gt:rework-limit",)), (0, 3))
    found = []
    for status, edges, defer_until, labels, deaths in rows:
        beads = {"t-1": bead("t-1", status, edges, defer_until, labels), "t-2": bead("t-2", "open", (), 0.0, ())}
        graph = Graph(beads.get, lambda _: (), now=100.0)

        reason = stall_reason(beads["t-1"], graph, deaths)

        by_rules = next((one for rule in RULES if (one := rule(beads["t-1"], graph, deaths)) is not None), None)
        waits = status == "deferred" and defer_until
        assert reason == (None if waits else by_rules), (status, edges, defer_until, labels, deaths)
        found.append(reason)
    assert None in found
    assert len({one.text for one in found if one is not None}) >= 4
