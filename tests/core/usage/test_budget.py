"""Budgets: when they warn, when they hold dispatch, and when that ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock, today
from gastown_core.errors import SettingsError
from gastown_core.model.usage import AgentUsage, BudgetNotice, Limits, Spent, UsageToday, short_tokens, spent_words
from gastown_core.town.settings import load_settings, set_setting
from gastown_core.usage import budget
from gastown_core.usage.budget import judge
from gastown_core.usage.today import read_today, today_path, write_today
from gastown_core.work.board import Board
from gastown_core.work.explain import explain
from tests.core.usage.test_ledger import NOW, Town
from tests.support.paper import Paper

DAY = "2026-11-27"


def told(tokens: int = 0, cost: float | None = None, **beads: int) -> UsageToday:
    return UsageToday(
        DAY, Spent(tokens, cost), {}, {name.replace("_", "-"): Spent(used) for name, used in beads.items()}
    )


@pytest.mark.parametrize(
    ("used", "wanted"), [(0, None), (799, None), (800, False), (999, False), (1000, True), (10**11, True)]
)
def test_a_days_budget_warns_and_ends(used: int, wanted: bool | None) -> None:
    found = judge(told(used), Limits(day={"tokens": 1000}), DAY)

    assert [one.is_over for one in found] == ([] if wanted is None else [wanted])
    assert not any(one.holds for one in found)


def test_a_day_that_is_over_is_forgotten() -> None:
    assert judge(told(5000), Limits(day={"tokens": 1000}, holds=True), "2026-11-28") == ()


def test_a_beads_budget_is_its_own_and_outlasts_the_day() -> None:
    found = judge(told(sh_1=500, sh_2=999, sh_3=1500), Limits(bead={"tokens": 1000}, holds=True), "2026-11-30")

    assert [(one.bead, one.is_over, one.holds) for one in found] == [("sh-2", False, False), ("sh-3", True, True)]


def test_a_cost_that_is_unknown_uses_no_budget() -> None:
    limits = Limits(day={"cost": 2.0})

    assert judge(told(10**9), limits, DAY) == ()
    assert [one.words() for one in judge(told(1, 2.5), limits, DAY)] == ["the day's budget is used up: $2.50 of $2.00"]


def test_words() -> None:
    one = BudgetNotice("sh-1", "tokens", 1_830_000, 2_000_000, False)

    assert one.words() == "the budget of sh-1 is used to 91 %: 1.8M of 2M tokens"
    assert one.setting == "budget.bead_tokens"
    assert [
        short_tokens(count) for count in (0, 999, 1000, 12_345, 999_960, 99_960, 10**9)
    ] == "0 999 1k 12.3k 1M 100k 1G".split()
    assert spent_words(Spent()) == "-"
    assert AgentUsage(context=50, window=200).share == 0.25
    assert AgentUsage(context=50).share is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("budget.day_cost", "-1"),
        ("budget.day_cost", "inf"),
        ("budget.day_cost", "nan"),
        ("budget.day_tokens", "1.5"),
        ("budget.action", "stop"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(tmp_path: Path, key: str, text: str) -> None:
    with pytest.raises(SettingsError):
        set_setting(str(tmp_path), key, text)


def test_limits_come_from_the_settings(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert not budget.limits_of(load_settings(root)).are_set
    for key, text in {"day_tokens": "1000", "bead_cost": "2.5", "warn_percent": "50", "action": "hold"}.items():
        set_setting(root, f"budget.{key}", text)

    assert budget.limits_of(load_settings(root)) == Limits({"tokens": 1000}, {"cost": 2.5}, 0.5, True)


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"day": 1}',
        '{"day": "x", "spent": [1], "agents": {}, "beads": {}}',
        '{"day": "x", "spent": "abcd", "agents": [], "beads": {}}',
        "\x00",
    ],
)
def test_sums_that_are_junk_are_none(tmp_path: Path, junk: str) -> None:
    os.makedirs(os.path.dirname(today_path(str(tmp_path))))
    Path(today_path(str(tmp_path))).write_text(junk)

    assert read_today(str(tmp_path)) == UsageToday()


def test_sums_are_read_as_written(tmp_path: Path) -> None:
    root = str(tmp_path)
    os.makedirs(os.path.dirname(today_path(root)))
    value = UsageToday(DAY, Spent(5, 1.5, True, True), {"mayor": AgentUsage(Spent(5), 10, 100)}, {"sh-1": Spent(7)})

    assert write_today(root, value)
    assert not write_today(root, value)
    assert read_today(root) == value
    assert oct(os.stat(today_path(root)).st_mode & 0o777) == "0o600"


def test_a_pass_tells_each_budget_once_and_again_when_the_limit_is_raised(tmp_path: Path) -> None:
    town = Town(tmp_path)
    set_setting(town.root, "budget.day_tokens", "1000")
    lines = [town.line(f"m{number}") for number in range(30)]
    path = town.transcript()
    path.write_text("".join(lines[:8]))
    assert town.collect().said == ("the day's budget is used to 88 %: 880 of 1k tokens",)
    path.write_text("".join(lines[:9]))
    assert town.collect().said == ()
    path.write_text("".join(lines[:10]))
    assert town.collect().said == ("the day's budget is used up: 1.1k of 1k tokens",)
    path.write_text("".join(lines[:11]))
    assert town.collect().said == ()
    set_setting(town.root, "budget.day_tokens", "1200")
    assert town.collect().said == ("the day's budget is used up: 1.2k of 1.2k tokens",)

    rows = [json.loads(line) for line in Path(town.root, ".events.jsonl").read_text().splitlines()]
    assert [row["type"] for row in rows] == ["budget_warning", "budget_exceeded", "budget_exceeded"]


def test_a_pass_tells_what_each_agent_used_today_and_how_full_it_is(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.transcript().write_text(town.line("a", at=NOW - 2 * 86400, output_tokens=0) + town.line("b", at=NOW - 5))
    town.collect()
    shown = read_today(town.root)

    assert (shown.day, shown.spent.tokens) == (today(NOW), 110)
    assert shown.agents["mayor"] == AgentUsage(Spent(110, None, True), 110, 0)

    from gastown_core.events.log import append_event

    append_event(town.root, "session_start", "mayor", {"runtime": "claude"}, clock=FixedClock(NOW - 1))
    town.collect()
    assert read_today(town.root).agents["mayor"].context == 0


def over(paper: Paper, **spent: int) -> None:
    day = today(paper.clock.now())
    os.makedirs(os.path.dirname(today_path(paper.root)), exist_ok=True)
    beads = {name: Spent(tokens) for name, tokens in spent.items() if name != "day"}
    write_today(paper.root, UsageToday(day, Spent(spent.get("day", 0)), {}, beads))


def test_a_days_budget_holds_dispatch_until_it_is_raised(paper: Paper) -> None:
    bead = paper.file()
    paper.set("budget.day_tokens", "1000")
    over(paper, day=1500)
    assert hold_of(paper, bead) is None

    paper.set("budget.action", "hold")
    answer = explain(paper.root, paper.ledger, bead, clock=paper.clock).answers[0]
    assert (answer.state, answer.code) == ("held", "budget")
    assert answer.text == "the day's budget is used up: 1.5k of 1k tokens"
    assert "gt config set budget.day_tokens" in answer.hint

    paper.set("budget.day_tokens", "2000")
    assert hold_of(paper, bead) is None


def test_a_days_budget_ends_with_the_day(paper: Paper) -> None:
    bead = paper.file()
    paper.set("budget.day_tokens", "1000")
    paper.set("budget.action", "hold")
    over(paper, day=1500)
    assert hold_of(paper, bead) == "budget"
    paper.clock.advance(86400)

    assert hold_of(paper, bead) is None


def test_a_beads_budget_holds_that_bead_alone(paper: Paper) -> None:
    one, other = paper.file(), paper.file("Other")
    paper.set("budget.bead_tokens", "1000")
    paper.set("budget.action", "hold")
    over(paper, **{one: 1500, other: 999})

    assert (hold_of(paper, one), hold_of(paper, other)) == ("budget", None)


def hold_of(paper: Paper, bead: str) -> str | None:
    hold = Board(paper.root, paper.ledger, paper.clock.now(), live=frozenset()).hold(bead)
    return hold.code if hold is not None else None
