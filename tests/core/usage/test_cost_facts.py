"""Costs that programs tell of themselves: each request counts once, whether its transcript comes before, after or never."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gastown_core.runtimes.usage import Usage
from gastown_core.usage.cost_facts import KEPT_S, PATIENCE_S, CostFact, keep, settle
from gastown_core.usage.sums import Sum, sums, total
from gastown_core.usage.usage_file import UsageFile
from gastown_core.usage.usage_ledger import UsageLedger

NOW = 1_795_790_000.0
ONE = CostFact("s/1", NOW, "mayor", "claude", "m", 100, 10, 5, 7, 0.5)
SOURCE = UsageFile("/t.jsonl", "claude", "mayor")


def message(name: str = "msg_1", *, at: float = NOW - 1.0, output: int = 10) -> Usage:
    return Usage(name, at, "m", 100, output, 5, 7)


def figures(ledger: UsageLedger) -> tuple[int, int, float]:
    whole: Sum = total(sums(ledger, "agent", {}).values())
    messages, told = ledger.db.execute("SELECT sum(messages), sum(told) FROM total").fetchone()
    assert messages == ledger.db.execute("SELECT count(*) FROM message").fetchone()[0]
    assert told == ledger.db.execute("SELECT count(*) FROM message WHERE cost IS NOT NULL").fetchone()[0]
    return messages, whole.tokens, whole.cost or 0.0


def count(ledger: UsageLedger, *used: Usage) -> None:
    with ledger.transaction():
        ledger.count(SOURCE, used)


STEPS = ("transcript", "fact", "settle", "settle later")


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids=" ".join)
def test_one_request_counts_once_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        for step in order:
            if step == "transcript":
                count(ledger, message())
            elif step == "fact":
                keep(ledger, [ONE], NOW)
            else:
                settle(ledger, NOW + (PATIENCE_S if step == "settle later" else 0))
        settle(ledger, NOW + PATIENCE_S + 1)
        settle(ledger, NOW + PATIENCE_S + 2)
        assert figures(ledger) == (1, 122, 0.5)


def test_a_fact_that_is_sent_again_counts_once(tmp_path: Path) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        assert [keep(ledger, [ONE], NOW), keep(ledger, [ONE], NOW + 1)] == [1, 0]
        settle(ledger, NOW + PATIENCE_S)
        assert keep(ledger, [ONE], NOW + 500) == 0
        settle(ledger, NOW + 1000)
        assert figures(ledger) == (1, 122, 0.5)


def test_a_message_whose_figures_grow_is_still_the_facts(tmp_path: Path) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        count(ledger, message(output=1))
        keep(ledger, [ONE], NOW)
        assert settle(ledger, NOW) == 0
        count(ledger, message(output=10))
        assert settle(ledger, NOW + 1) == 1
        assert figures(ledger) == (1, 122, 0.5)


def test_equal_requests_are_given_to_one_message_each(tmp_path: Path) -> None:
    other = ONE._replace(key="s/2", at=NOW + 60, cost=0.25)
    with UsageLedger(str(tmp_path)) as ledger:
        keep(ledger, [ONE, other], NOW)
        count(ledger, message("msg_2", at=NOW + 59), message("msg_1"))
        settle(ledger, NOW)
        assert dict(ledger.db.execute("SELECT id, cost FROM message")) == {"claude:msg_1": 0.5, "claude:msg_2": 0.25}


@pytest.mark.parametrize(
    "change", [{"agent": "shop/witness"}, {"runtime": "codex"}, {"input": 101}, {"at": NOW - 5000}], ids=str
)
def test_a_fact_of_another_request_is_a_message_of_its_own(tmp_path: Path, change: dict[str, object]) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        count(ledger, message())
        keep(ledger, [ONE._replace(**change)], NOW)
        assert settle(ledger, NOW) == 0
        assert settle(ledger, NOW + PATIENCE_S) == 1
        assert figures(ledger)[0] == 2


def test_a_cost_that_the_transcript_tells_stays(tmp_path: Path) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        count(ledger, message()._replace(cost=0.75))
        keep(ledger, [ONE], NOW)
        settle(ledger, NOW)
        assert figures(ledger) == (1, 122, 0.75)


def test_old_keys_are_let_go(tmp_path: Path) -> None:
    with UsageLedger(str(tmp_path)) as ledger:
        keep(ledger, [ONE], NOW)
        settle(ledger, NOW + PATIENCE_S)
        settle(ledger, NOW + KEPT_S + 1)
        assert ledger.db.execute("SELECT count(*) FROM cost_fact").fetchone() == (0,)
        assert figures(ledger) == (1, 122, 0.5)
