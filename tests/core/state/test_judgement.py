"""Whatever the judgement of an agent is, the scheduler's account of its work says the same."""

from __future__ import annotations

import os

import pytest

from gastown_core.model.address import parse_address
from gastown_core.model.agent import Health, HealthReport, Reason
from gastown_core.model.snapshot import AgentView, HookedWork, TownSnapshot
from gastown_core.state.collect import accounts_of, judge_by
from gastown_core.work.board import Board
from tests.support.paper import Paper


def town_with(paper: Paper, state: Health, reason: str, bead: str) -> TownSnapshot:
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal"), exist_ok=True)
    report = HealthReport(state, None, (Reason(reason, "ledger"),))
    work = HookedWork(bead, "Fix it", "hooked", 2, 0.0, 0.0)
    view = AgentView(parse_address("shop/polecats/opal"), "sh-opal", "scripted", report, None, work=work)
    return TownSnapshot("paper", paper.root, 1, paper.clock.now(), agents=(view,))


@pytest.mark.parametrize("live", [frozenset(["sh-opal"]), frozenset()], ids=["session", "no session"])
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (Health.WORKING, "committed 3s ago"),
        (Health.STALLED, "no progress for 17m"),
        (Health.GUPP, "no progress for 31m"),
        (Health.WAITING, "asks: allow Bash?"),
        (Health.LIMITED, "limit until 17:00"),
        (Health.IDLE, "stopped by overseer"),
    ],
)
def test_the_account_of_work_says_of_its_worker_what_every_face_shows(
    paper: Paper, state: Health, reason: str, live: frozenset[str]
) -> None:
    bead = paper.file(status="hooked", assignee="shop/polecats/opal")
    judge = judge_by(town_with(paper, state, reason, bead).agents)
    hold = Board(paper.root, paper.ledger, paper.clock.now(), live=live, judge=judge).hold(bead)
    assert hold is not None and hold.code == "held" and reason in hold.text


def test_of_a_dead_worker_the_account_says_that_its_session_is_gone(paper: Paper) -> None:
    bead = paper.file(status="hooked", assignee="shop/polecats/opal")
    judge = judge_by(town_with(paper, Health.ZOMBIE, "session is gone", bead).agents)
    hold = Board(paper.root, paper.ledger, paper.clock.now(), live=frozenset(), judge=judge).hold(bead)
    assert hold is not None and (hold.code, "session is gone" in hold.text) == ("gone", True)


def test_a_second_bead_on_a_hook_waits_for_the_first(paper: Paper) -> None:
    first, second = (paper.file(status="hooked", assignee="shop/polecats/opal") for _ in range(2))
    judge = judge_by(town_with(paper, Health.WORKING, "committed 3s ago", first).agents)
    hold = Board(paper.root, paper.ledger, paper.clock.now(), live=frozenset(["sh-opal"]), judge=judge).hold(second)
    assert hold is not None and f"works on {first} first" in hold.text


def test_the_why_of_a_convoy_is_the_schedulers_answer_for_each_member(paper: Paper) -> None:
    done, ready, blocked = paper.file("done"), paper.file("ready"), ""
    blocked = paper.file("blocked", after=(ready,))
    paper.close(done)
    paper.convoy("C", done, ready, blocked)
    told = accounts_of(paper.root, TownSnapshot("paper", paper.root, 1, 0.0), [done, ready, blocked])
    assert [(one.bead_id, one.state) for one in told] == [(ready, "next"), (blocked, "held")]
    assert f"waits for {ready}" in told[1].text
