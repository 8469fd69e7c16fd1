"""Costs beside what landed: per landed bead, with rework apart, by agent, rig, convoy and day."""

from __future__ import annotations

import pytest

from gastown_core.clock import today
from gastown_core.events.log import append_event
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.runtimes.usage import Usage
from gastown_core.state.spending import Spent, spending
from gastown_core.usage.usage_file import UsageFile
from gastown_core.usage.usage_ledger import UsageLedger
from tests.support.paper import Paper
from tests.support.refineries import history, refinery_view
from tests.support.refineries import judged as judged_state

OPAL = "shop/polecats/opal"


@pytest.fixture
def spent(paper: Paper) -> Paper:
    """Opal used 1,000 tokens on a bead, was sent back, used 500 more, and landed it; ruby's program tells no cost."""
    bead = paper.file("Cart total")
    paper.convoy("Shop", bead)
    now = paper.clock.now()
    with UsageLedger(paper.root) as ledger:
        ledger.note_hook(OPAL, now, bead)
        ledger.count(
            UsageFile("/t/opal", "claude", OPAL),
            [
                Usage("a", now + 10, "m", 900, 100, cost=2.0),
                Usage("b", now + 200, "m", 400, 100, cost=1.0),
            ],
        )
        ledger.count(UsageFile("/t/ruby", "codex", "billing/polecats/ruby"), [Usage("c", now + 20, "n", 50, 50)])
    for at, kind in ((100, "merge_failed"), (300, "merged")):
        paper.clock.at = now + at
        append_event(paper.root, kind, "shop/refinery", {"bead": bead, "worker": "opal", "mr": "m"}, clock=paper.clock)
    return paper


def table(paper: Paper, by: str, since: float = 0.0, **more: object) -> dict[str, Spent]:
    town = TownSnapshot("paper", paper.root, 1, paper.clock.now(), **more)  # type: ignore[arg-type]
    found = spending(paper.root, by, since, town)
    return {one.name: one for one in (*found.rows, found.total)}


def test_a_landed_bead_has_its_cost_and_its_rework(spent: Paper) -> None:
    rows = table(spent, "agent")
    opal = rows["shop/opal"]
    assert (opal.tokens, opal.cost, opal.landed, opal.per_landed, opal.rework) == (
        1500,
        "$3.00",
        1,
        "$3.00",
        "500 $1.00",
    )
    ruby = rows["billing/ruby"]
    assert (ruby.tokens, ruby.cost, ruby.landed, ruby.per_landed, ruby.rework) == (100, "unknown", 0, "", "")
    assert rows["total"].per_landed == "≥ $3.00"


def test_the_same_by_rig_convoy_and_day(spent: Paper) -> None:
    assert table(spent, "rig")["shop"].rework == "500 $1.00"
    convoy = next(one for name, one in table(spent, "convoy").items() if name.startswith("hq-cv"))
    assert (convoy.tokens, convoy.landed) == (1500, 1)
    day = table(spent, "day")[today(spent.clock.now())]
    assert (day.tokens, day.landed, day.rework) == (1600, 1, "500 $1.00")


def test_only_what_came_since_then_counts(spent: Paper) -> None:
    late = table(spent, "agent", since=spent.clock.now() - 150)
    assert late["shop/opal"].tokens == 500 and late["shop/opal"].landed == 1
    assert "billing/ruby" not in late


def test_flaky_gates_are_told_apart_and_charged_to_nobody(spent: Paper) -> None:
    now = spent.clock.now()
    flaky = tuple(one._replace(flaky=number == 0, secs=60.0, at=now) for number, one in enumerate(history(now)))
    view = refinery_view(judged_state(now), now)._replace(history=flaky)
    town = TownSnapshot("paper", spent.root, 1, now, refineries=(view,))
    found = spending(spent.root, "agent", 0.0, town)
    assert (found.flaky, found.batches, found.flaky_s) == (1, len(flaky), 60.0)


def test_a_town_that_counted_nothing_has_an_empty_table(paper: Paper) -> None:
    assert list(table(paper, "agent")) == ["total"]
