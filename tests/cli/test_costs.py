"""``gt costs`` as an operator runs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.daemon.duties import count_usage
from gastown_core.daemon.duty import Shift
from gastown_core.events.log import append_event
from gastown_core.state.collect import Sources
from gastown_core.town.settings import set_setting
from gastown_core.usage.usage_ledger import ledger_path
from tests.core.usage.test_ledger import Town
from tests.support.cli import Ran, gt


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    now = SYSTEM_CLOCK.now()
    opal = "shop/polecats/opal/shop"
    town.transcript().write_text(town.line("a", at=now - 10) + town.line("old", at=now - 40 * 86400))
    town.transcript(opal).write_text(town.line("b", opal, at=now - 10, cache_read_input_tokens=5000))
    payload = {"agent": "shop/polecats/opal", "from": "", "to": "active", "bead": "sh-1"}
    append_event(town.root, "hook_state", "gt", payload, clock=FixedClock(now - 60))
    append_event(town.root, "session_start", "shop/witness", {"runtime": "amp"}, clock=FixedClock(now - 60))
    return town


def costs(town: Town, *words: str) -> Ran:
    return gt("costs", *words, cwd=town.root, HOME=str(town.home), CLAUDE_CONFIG_DIR="", CODEX_HOME="")


def test_a_table_with_totals(town: Town) -> None:
    ran = costs(town)

    assert ran.code == 0, ran.err
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == "agent input cache write cache read output tokens cost".split()
    assert lines[1:] == [
        "shop/opal 100 0 5,000 10 5,110 unknown".split(),
        "mayor 200 0 0 20 220 unknown".split(),
        "shop/witness unknown unknown".split(),
        "total 300 0 5,000 30 5,330 unknown".split(),
    ]
    assert len({len(line) for line in ran.out.splitlines()}) == 1


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("rig", {"shop": 5110, "town": 220}),
        ("bead", {"sh-1": 5110, "-": 220}),
        ("convoy", {"-": 5330}),
    ],
)
def test_rows_by(town: Town, by: str, rows: dict[str, int]) -> None:
    told = costs(town, "--by", by, "--json").json

    assert {row[by]: row["tokens"] for row in told["rows"]} == rows
    assert told["total"]["tokens"] == 5330
    assert told["total"]["cost"] is None


def test_since(town: Town) -> None:
    assert costs(town, "--since", "7d", "--json").json["total"]["tokens"] == 5220
    assert costs(town, "--since", "2020-01-01", "--json").json["total"]["tokens"] == 5330
    wrong = costs(town, "--since", "yesteryear")
    assert wrong.code == 2
    assert "7d" in wrong.err


def test_an_estimate_needs_a_price_in_the_settings(town: Town) -> None:
    prices = {"prices": {"m": {"input": 10, "output": 100, "cache_read": 1}}}
    Path(town.root, "settings", "config.json").write_text(json.dumps(prices))

    assert "≈ $0.01" in costs(town).out
    assert costs(town, "--json").json["total"]["cost_estimated"] is True


def test_an_agent_whose_program_tells_nothing_is_unknown(town: Town) -> None:
    row = costs(town, "--json").json["rows"][-1]

    assert row == {"agent": "shop/witness", "tokens": None, "cost": None, "runtime": "amp"}


def test_a_town_without_usage_says_so(tmp_path: Path) -> None:
    ran = costs(Town(tmp_path))

    assert (ran.code, ran.out) == (0, "no usage recorded yet\n")


def test_junk_is_told(town: Town) -> None:
    town.transcript().write_text(town.line("z", output_tokens=-1))

    assert "1 lines of transcripts were left out" in costs(town).err


def test_a_ledger_that_is_damaged_is_an_error(town: Town) -> None:
    os.makedirs(os.path.dirname(ledger_path(town.root)))
    Path(ledger_path(town.root)).write_bytes(b"junk" * 1000)
    ran = costs(town)

    assert ran.code == 1
    assert "move it away" in ran.err


def test_status_tells_a_budget_that_ends(town: Town) -> None:
    settings = {"budget": {"day_tokens": 5000, "action": "hold"}}
    Path(town.root, "settings", "config.json").write_text(json.dumps(settings))
    assert "the day's budget" not in gt("status", cwd=town.root).out
    costs(town)

    assert "! the day's budget is used up: 5.2k of 5k tokens; dispatch waits" in gt("status", cwd=town.root).out
    told = gt("status", "--json", cwd=town.root).json
    assert [one["text"] for one in told["budgets"]] == ["the day's budget is used up: 5.2k of 5k tokens"]
    assert told["usage"]["tokens"] == 5220


def test_a_budget_is_named_where_work_is_given_out(town: Town) -> None:
    settings = {"budget": {"day_tokens": 5000, "action": "hold"}, "scheduler": {"max_polecats": 1}}
    Path(town.root, "settings", "config.json").write_text(json.dumps(settings))
    costs(town)

    for words in (("scheduler", "status"), ("scheduler", "run")):
        ran = gt(*words, cwd=town.root)
        assert "the day's budget is used up: 5.2k of 5k tokens; dispatch waits" in ran.err, ran
        assert "next: gt config set budget.day_tokens LIMIT" in ran.err


def test_the_daemons_duty_counts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(town.home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("CODEX_HOME", raising=False)
    set_setting(town.root, "budget.day_tokens", "5000")

    assert (
        count_usage(Shift(town.root, SYSTEM_CLOCK, lambda: False)) == "the day's budget is used up: 5.2k of 5k tokens"
    )
    assert count_usage(Shift(town.root, SYSTEM_CLOCK, lambda: False)) == ""


def test_the_console_learns_of_new_sums(town: Town) -> None:
    sources = Sources(town.root, is_glance=True)
    now = SYSTEM_CLOCK.now()
    assert not sources.usage.poll(now)
    costs(town)

    assert sources.usage.poll(now)
    assert sources.facts.usage.agents["shop/polecats/opal"].spent.tokens == 5110
    assert not sources.usage.poll(now)
    sources.close()
