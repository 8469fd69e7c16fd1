"""After any sequence of acts the file store equals the one in memory, even if its files are changed in between."""

from __future__ import annotations

import json
import os
import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gastown_core.beads.index import INDEX_NAME
from gastown_core.beads.memory_store import MemoryStore
from gastown_core.beads.opening import open_store
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import FixedClock
from gastown_core.errors import GastownError
from tests.support.stores import NOW, make_store

ALL = BeadQuery(sort="id", include_wisps=True)
picks = st.integers(0, 9)


class Stores(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.place = tempfile.mkdtemp()
        self.clock = FixedClock(NOW)
        self.file = make_store(self.place, clock=self.clock)
        self.memory = MemoryStore("gt", clock=self.clock)
        self.ids: list[str] = []

    def teardown(self):
        self.file.close()
        shutil.rmtree(self.place)

    def both(self, act):
        """Do the same in both; what one refuses, the other refuses too."""
        self.clock.advance(1)
        outcomes = []
        for store in (self.file, self.memory):
            try:
                with store.write("me") as batch:
                    act(batch)
                outcomes.append("")
            except GastownError as error:
                outcomes.append(type(error).__name__)
        assert outcomes[0] == outcomes[1]

    def pick(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    @rule(wisp=st.booleans(), kind=st.sampled_from(["task", "epic", "molecule"]))
    def create(self, wisp, kind):
        bead_id = f"gt-n{len(self.ids)}"
        self.ids.append(bead_id)
        self.both(
            lambda batch: batch.create({"title": bead_id, "ephemeral": wisp, "issue_type": kind}, bead_id=bead_id)
        )

    @precondition(lambda self: self.ids)
    @rule(
        a=picks,
        changes=st.sampled_from(
            [
                {"status": "open"},
                {"status": "in_progress"},
                {"status": "hooked", "assignee": "shop/ada"},
                {"status": "hooked", "assignee": "shop/bob", "labels": ["gt:agent"]},
                {"status": "pinned"},
                {"ephemeral": None},
                {"ephemeral": True},
                {"labels": ["x"]},
                {"labels": None},
                {"defer_until": NOW + 20},
            ]
        ),
    )
    def update(self, a, changes):
        self.both(lambda batch: batch.update(self.pick(a), changes))

    @precondition(lambda self: self.ids)
    @rule(
        a=picks, b=picks, kind=st.sampled_from(["blocks", "parent-child", "waits-for", "related", "conditional-blocks"])
    )
    def link(self, a, b, kind):
        self.both(lambda batch: batch.add_edge(self.pick(a), self.pick(b), kind))

    @precondition(lambda self: self.ids)
    @rule(a=picks, force=st.booleans(), reason=st.sampled_from(["done", "failed"]))
    def close(self, a, force, reason):
        self.both(lambda batch: batch.close(self.pick(a), reason, force=force))

    @precondition(lambda self: self.ids)
    @rule(a=picks)
    def delete(self, a):
        self.both(lambda batch: batch.delete(self.pick(a)))

    @rule()
    def compact(self):
        self.file.compact()

    @rule(index=st.booleans())
    def reopen(self, index):
        self.file.close()
        if index:
            for suffix in ("", "-wal", "-shm"):
                path = os.path.join(self.file.beads_dir, INDEX_NAME + suffix)
                if os.path.exists(path):
                    os.unlink(path)
        self.file = open_store(self.file.beads_dir, clock=self.clock)

    @invariant()
    def they_agree(self):
        now = self.clock.now()
        assert [bead.raw for bead in self.file.find(ALL)] == [{**bead.raw} for bead in self.memory.find(ALL)]
        assert self.file.excerpts(ALL) == self.memory.excerpts(ALL)
        for wisps in (False, True):
            query = BeadQuery(include_wisps=wisps)
            assert [bead.id for bead in self.file.ready(query, now)] == [
                bead.id for bead in self.memory.ready(query, now)
            ]
            blocked = [
                [(bead.id, ids) for bead, ids in store.blocked(query, now)] for store in (self.file, self.memory)
            ]
            assert blocked[0] == blocked[1]
            assert_same(self.file, self.memory, query, now)
        everything = sorted(self.file.noteworthy()), sorted(self.memory.noteworthy())
        assert everything[0] == everything[1]
        assert self.file.tallies(self.ids[:3]) == {
            **self.file.tallies(self.ids[:3]),
            **self.memory.tallies(self.ids[:3]),
        }


def assert_same(one, other, query, now):
    """Both engines give the same answers to what is asked of the index alone."""
    answers = []
    for store in (one, other):
        some = [bead.id for bead in store.excerpts(query)]
        kinds = ("status", "priority", "issue_type", "assignee", "label")
        answers.append(
            {
                "held": store.held_work(),
                "epics": store.epic_progress(),
                "labelled": [store.labelled(label) for label in ("x", "gt:agent")],
                "ready": store.count_ready(query, now),
                "blocked": store.count_blocked(query, now),
                "lead": round(store.lead_time(query), 3),
                "by": [list(store.count_by(kind, query).items()) for kind in kinds],
                "edges": store.all_edges(),
                "children": sorted(store.children_of(some)),
                "headlines": store.headlines(query),
                "outlines": store.outlines(some),
                "statuses": store.statuses(some),
                "excerpts": sorted(store.excerpts_of(some)),
                "ready_excerpts": store.ready_excerpts(query, now),
                "own": [store.own_excerpt(bead_id) for bead_id in some],
                "lines": [(bead_id, json.loads(line)) for bead_id, line in store.find_lines(query)],
                "ready_lines": [(bead_id, json.loads(line)) for bead_id, line in store.ready_lines(query, now)],
                "new_ids": store.new_ids(),
            }
        )
    assert answers[0] == answers[1]


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
