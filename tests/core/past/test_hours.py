"""Figures over hours for the graphs, and bars that show them."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from gastown_core.events.log import append_event
from gastown_core.past.hours import BLOCKS, bars, hours
from gastown_core.past.town import Past
from tests.support.paper import Paper


def past_of(paper: Paper) -> Past:
    past = Past(paper.root, clock=paper.clock)
    past.read()
    return past


def test_each_slice_has_its_landings_events_queue_and_busy_agents(paper: Paper) -> None:
    path = "shop/polecats/opal"
    os.makedirs(os.path.join(paper.root, path))
    bead = paper.file("Cart")
    begin = paper.clock.now()
    paper.change(bead, status="hooked", assignee="shop/opal")
    append_event(paper.root, "session_start", path, {"session_id": "sh-opal"}, clock=paper.clock)
    paper.clock.at = begin + 1500
    paper.change(bead, status="in_review")
    request = paper.file("Merge", labels=["gt:merge-request"], issue_type="merge-request")
    paper.clock.at = begin + 2900
    paper.close(request)
    append_event(paper.root, "merged", "shop/refinery", {"bead": bead, "mr": request}, clock=paper.clock)
    paper.clock.at = begin + 4000
    found = hours(past_of(paper), 4000, 4)
    assert found is not None
    assert found.landings == (0, 0, 1, 0)
    assert found.queue == (0, 1, 0, 0)
    assert found.busy == (1, 0, 0, 0)
    assert sum(found.events) == 1 and found.rigs["shop"][1] == (0, 0, 1, 0)
    assert found.tokens == (0, 0, 0, 0) and found.known_from == begin
    assert hours(past_of(paper), 4000, 4, lambda: False) is None


@given(st.lists(st.integers(0, 10**6), max_size=200), st.integers(0, 90), st.integers(0, 6))
def test_bars_have_the_size_asked_for_and_hide_nothing(values: list[int], width: int, height: int) -> None:
    lines = bars(values, width, height)
    assert len(lines) == height
    if values and width and height:
        assert {len(line) for line in lines} == {width}
        assert set("".join(lines)) <= set(BLOCKS)
        assert (lines[-1].strip() == "") == (max(values) == 0)
        assert max(values) == 0 or BLOCKS[-1] in lines[0]
