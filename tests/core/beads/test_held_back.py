"""What is held back, counted in one pass: the same as THE ready rule says bead by bead."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gastown_core.beads.query import BeadQuery
from tests.support.stores import NOW, create, edge, make_store

STATUSES = "open open open open hooked in_progress deferred pinned closed".split()
KINDS = "blocks blocks blocks parent-child parent-child conditional-blocks waits-for merge-blocks related".split()
TYPES = "task task bug epic message".split()


def filled(place: Any, seed: int) -> Any:
    rng = random.Random(seed)
    store = make_store(place)
    ids = [create(store, f"n{number}", issue_type=rng.choice(TYPES)) for number in range(60)]
    with store.write("me") as batch:
        for bead_id in ids:
            targets = rng.sample([*ids, "gt-gone", "zz-foreign"], rng.choice((0, 0, 1, 1, 2)))
            fields: dict[str, Any] = {
                "status": rng.choice(STATUSES),
                "dependencies": [edge(bead_id, target, rng.choice(KINDS)) for target in targets if target != bead_id],
            }
            if rng.random() < 0.1:
                fields["defer_until"] = "2126-01-01T00:00:00Z"
            if rng.random() < 0.05:
                fields["pinned"] = True
            batch.update(bead_id, fields)
    return store


@pytest.mark.parametrize("seed", range(12))
def test_counts_and_lists_agree_with_the_rule(tmp_path: Any, seed: int) -> None:
    store = filled(tmp_path, seed)
    graph = store.graph(NOW)
    for query in (BeadQuery(), BeadQuery(types=("bug", "epic")), BeadQuery(include_wisps=True)):
        assert store.count_ready(query, NOW) == len(store.ready(query, NOW))
        open_beads = store.excerpts(query._replace(exclude_statuses=("closed", "pinned")))
        held = [bead.id for bead in open_beads if graph.blockers(bead.id)]
        assert [(bead.id, ids) for bead, ids in store.blocked(query, NOW)] == [(x, graph.blockers(x)) for x in held]
        assert store.count_blocked(query, NOW) == len(held)
        assert [bead.id for bead, _ in store.blocked(query._replace(limit=3), NOW)] == held[:3]
