"""A polecat that died says so, and what became of its work."""

from __future__ import annotations

import os
from typing import Any

import pytest

from gastown_core.events.log import append_event
from gastown_core.state.collect import collect
from gastown_core.work import death_count

OPAL = "shop/polecats/opal"


@pytest.fixture
def work(paper: Any) -> str:
    """The bead that opal held when its session died; it is ready again."""
    os.makedirs(os.path.join(paper.root, *OPAL.split("/")))
    bead = paper.file("work")
    record = {"title": "opal", "issue_type": "agent", "labels": ["gt:agent"]}
    said = f"role_type: polecat\nrig: shop\nagent_state: paused\nhook_bead: {bead}"
    with paper.ledger.store_for("hq-x").write("op") as batch:
        batch.create({**record, "description": said}, bead_id="sh-shop-polecat-opal")
    payload = {"session": "sh-opal", "agent": OPAL, "reason": "ended by a signal"}
    append_event(paper.root, "session_death", "daemon", payload, clock=paper.clock)
    return str(bead)


def said_of_opal(paper: Any) -> str:
    view = collect(paper.root, clock=paper.clock).agent(OPAL)
    assert view is not None
    return view.activity


def test_work_that_waits_for_another_or_has_one_is_requeued(paper: Any, work: str) -> None:
    assert said_of_opal(paper) == "dead, work requeued"
    paper.change(work, status="hooked", assignee="shop/polecats/ruby")
    assert said_of_opal(paper) == "dead, work requeued"


def test_work_that_is_over_is_not_spoken_of(paper: Any, work: str) -> None:
    paper.close(work)
    assert said_of_opal(paper) == "dead"


def test_work_that_too_many_died_on_is_held_back(paper: Any, work: str) -> None:
    for _ in range(3):
        death_count.note(paper.root, work)
    assert said_of_opal(paper) == f"dead, {work} held back"


def test_a_later_session_or_new_work_ends_it(paper: Any, work: str) -> None:
    paper.change(work, status="hooked", assignee=OPAL)
    assert said_of_opal(paper) == ""
    paper.change(work, status="open", assignee="")
    append_event(paper.root, "session_start", OPAL, {"session_id": "sh-opal", "role": OPAL}, clock=paper.clock)
    assert said_of_opal(paper) == ""
