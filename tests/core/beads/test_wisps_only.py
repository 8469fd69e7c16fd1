"""Asking for wisps alone."""

from __future__ import annotations

import pytest

from gastown_core.beads.query import BeadQuery
from tests.support.stores import both_kinds, create


@pytest.mark.parametrize("kind", ["jsonl", "memory"])
def test_wisps_can_be_asked_for_without_everything_else(tmp_path, kind):
    store = both_kinds(tmp_path)[kind]()
    create(store, "stays")
    wisp = create(store, "vanishes", kind="wisp")
    query = BeadQuery(only_wisps=True)
    assert [bead.id for bead in store.find(query)] == [wisp]
    assert store.count(query) == 1
