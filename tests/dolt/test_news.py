"""A town that wants it gets what is new in its commons by itself; offline it says so, rests longer each time, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.wasteland import clone as clones
from gastown_core.wasteland.board import commons_of
from gastown_core.wasteland.news import bring_news, why_resting
from tests.support.commons import Commons, new_commons
from tests.support.dolt import needs_dolt

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
EVERY_S = 600.0
LATER = 9e9
"""A time after everything that the commands of the tests have noted."""


@pytest.fixture
def commons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commons:
    return new_commons(tmp_path, monkeypatch)


def test_what_was_handed_in_is_attention_without_a_sync(commons):
    mill, fern = commons.town("mill"), commons.town("fern")
    item = mill.ask("wl", "post", "--title", "Mend the roof")["id"]
    assert commons_of(str(mill.root)).to_judge == ()
    fern.gt("wl", "sync")
    fern.gt("wl", "claim", item)
    fern.gt("wl", "done", item, "--evidence", "https://example.org/1")
    told = bring_news(str(mill.root), EVERY_S, "daemon", FixedClock(LATER))
    assert "commits came" in told
    assert [one.item.id for one in commons_of(str(mill.root), is_patient=False).to_judge] == [item]
    assert bring_news(str(mill.root), EVERY_S, "daemon", FixedClock(LATER + EVERY_S)) == ""
    assert mill.ask("wl", "status")["to_judge"] == [item]


def test_a_lost_claim_rests_and_what_waits_here_is_not_sent(commons):
    mill, fern, oak = (commons.town(name) for name in ("mill", "fern", "oak"))
    oak.gt("rig", "add", "shop", _repo(commons), "--prefix", "sh")
    item = mill.ask("wl", "post", "--title", "Mend the roof")["id"]
    for town in (fern, oak):
        town.gt("wl", "sync")
    late = oak.ask("wl", "claim", item, "--rig", "shop", "--offline")
    fern.gt("wl", "claim", item)
    oak.gt("wl", "post", "--title", "later", "--offline")
    assert f"others claimed {item} first" in bring_news(str(oak.root), EVERY_S, "daemon", FixedClock(LATER))
    assert oak.run("wl", "show", item).stdout.count("fern")
    from gastown_core.beads.ledger import TownLedger

    assert TownLedger(str(oak.root)).get(late["bead"]).status == "deferred"
    assert len(oak.ask("wl", "status")["to_send"]) >= 1


def test_offline_it_says_so_rests_longer_each_time_and_starts_nothing_meanwhile(commons, monkeypatch):
    mill = commons.town("mill")
    away = commons.base / "commons"
    away.rename(commons.base / "moved")
    started = []
    whole = clones.Clone._run
    monkeypatch.setattr(
        clones.Clone, "_run", lambda self, words, *more: (started.append(words), whole(self, words, *more))
    )
    now, root = LATER, str(mill.root)
    for pause in (600, 1200, 2400):
        count = len(started)
        assert bring_news(root, EVERY_S, "daemon", FixedClock(now)) == "" and len(started) > count
        count = len(started)
        assert bring_news(root, EVERY_S, "daemon", FixedClock(now + pause - 1)) == "" and len(started) == count
        assert "cannot reach upstream" in why_resting(root, EVERY_S, FixedClock(now + pause - 1))
        now += pause
    assert mill.ask("wl", "status")["contact"]["failures"] == 3
    assert "cannot reach upstream" in mill.gt("wl", "status")
    assert mill.run("wl", "post", "--title", "works all the same", "--offline").returncode == 0
    (commons.base / "moved").rename(away)
    assert bring_news(root, EVERY_S, "daemon", FixedClock(now)) == "" and not why_resting(
        root, EVERY_S, FixedClock(now)
    )
    assert mill.ask("wl", "status")["contact"]["error"] == ""


def _repo(commons: Commons) -> str:
    from gastown_core.git.repo import Git
    from tests.support.repos import make_repo

    repo = make_repo(str(commons.base / "src"))
    Git(str(commons.base)).run("clone", "--quiet", "--bare", repo.path, str(commons.base / "shop.git"))
    return f"file://{commons.base}/shop.git"
