"""``gt at``: the town as it was, as text and JSON, and what has changed since."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from tests.support.cli import gt
from tests.support.paper import Paper

PATH = "shop/polecats/opal"


@pytest.fixture
def slung(paper: Paper) -> Paper:
    """An hour and a half ago opal was given a bead; half an hour ago it handed it in, and its session ended."""
    now = SYSTEM_CLOCK.now()
    paper.clock = FixedClock(now - 7200)
    bead_id = paper.file("Cart\x1b[31m total")
    os.makedirs(os.path.join(paper.root, PATH))
    paper.clock.at = now - 5400
    paper.change(bead_id, status="hooked", assignee="shop/opal")
    append_event(paper.root, "sling", "mayor", {"bead": bead_id, "target": PATH}, clock=paper.clock)
    append_event(paper.root, "session_start", PATH, {"session_id": "sh-opal"}, clock=paper.clock)
    paper.clock.at = now - 1800
    paper.change(bead_id, status="in_review")
    append_event(paper.root, "done", PATH, {"bead": bead_id}, clock=paper.clock)
    append_event(paper.root, "session_end", PATH, {"session_id": "sh-opal"}, clock=paper.clock)
    return paper


def test_the_town_of_an_hour_ago_and_of_two_hours_ago(slung: Paper) -> None:
    an_hour = gt("at", "1h", "status", cwd=slung.root)
    assert an_hour.code == 0 and "Cart" in an_hour.out and "\x1b[31m" not in an_hour.out
    assert "(1h ago)" in an_hour.out and "not known of then:" in an_hour.out
    before = gt("at", "100m", cwd=slung.root)
    assert before.code == 0 and "Cart" not in before.out


def test_json_names_the_moment_and_what_is_unknown(slung: Paper) -> None:
    value = json.loads(gt("at", "1h", "--json", cwd=slung.root).out)
    assert value["at"].endswith("Z") and any("screens" in one for one in value["unknown"])
    opal = next(one for rig in value["rigs"] for one in rig["agents"] if one["name"] == "opal")
    assert opal["running"] is True and opal["has_work"] is True


def test_the_difference_of_two_moments(slung: Paper) -> None:
    told = gt("at", "1h", "diff", cwd=slung.root)
    assert told.code == 0 and "session ended, no longer on" in told.out and "1 handed in" in told.out
    same = gt("at", "80m", "diff", "--to", "70m", cwd=slung.root)
    assert "0 events" in same.out and "nothing that is recorded differs" in same.out
    value = json.loads(gt("at", "2h", "diff", "--to", "1h", "--json", cwd=slung.root).out)
    assert value["events"] == {"session_start": 1, "sling": 1}
    assert any(one["kind"] == "agent" and "works on" in one["words"] for one in value["changes"])


def test_wrong_times_are_named(slung: Paper) -> None:
    assert gt("at", "soon", cwd=slung.root).code == 2
    ahead = gt("at", "2999-01-01", cwd=slung.root)
    assert ahead.code == 2 and "still to come" in ahead.err
    assert gt("at", "1h", "--to", "30m", cwd=slung.root).code == 2


def test_a_town_without_a_log_says_so(paper: Paper) -> None:
    told = gt("at", "1h", cwd=paper.root)
    assert told.code == 0 and "there is no event log" in told.out
