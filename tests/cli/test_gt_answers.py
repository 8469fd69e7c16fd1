"""``gt answers``: what an agent may not do, what is refused with words, and what is listed."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError
from gastown_core.messaging.standing_answers import Rule, add_rule, rules_of
from tests.support.cli import gt
from tests.support.rigged import Rigged


def kept(rigged: Rigged, name: str, **more: object) -> None:
    rule = Rule(name, "claude", "Bash command npm test Do you want to proceed?", "Yes", "permission", True)
    add_rule(rigged.root, rule._replace(**more), actor="overseer", clock=SYSTEM_CLOCK)


def test_standing_answers_are_listed_with_their_rig_and_end_and_revoked(rigged: Rigged) -> None:
    assert "no standing answers" in gt("answers", cwd=rigged.root).err
    kept(rigged, "tests", rig="shop", until=SYSTEM_CLOCK.now() + 3600)
    kept(rigged, "old", until=1000.0)
    rows = {row["name"]: row for row in gt("answers", "list", "--json", cwd=rigged.root).json}
    assert (rows["tests"]["rig"], rows["tests"]["ended"], rows["old"]["ended"]) == ("shop", False, True)
    told = gt("answers", cwd=rigged.root).out
    assert "in rig shop" in told and "in the town  ended" in told
    assert "It would have answered 0 past questions." in gt("answers", "test", "tests", cwd=rigged.root).out
    assert gt("answers", "revoke", "tests", cwd=rigged.root).out == "revoked tests of shop\n"
    assert [row["name"] for row in gt("answers", "--json", cwd=rigged.root).json] == ["old"]
    assert gt("answers", "revoke", "tests", cwd=rigged.root).code == 1
    assert gt("answers", "test", "tests", cwd=rigged.root).code == 1


def test_of_two_who_add_a_name_at_once_one_is_told_that_it_is_taken(rigged: Rigged) -> None:
    def add(number: int) -> bool:
        try:
            kept(rigged, "tests", answer=f"Yes, {number}")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, done in enumerate(pool.map(add, range(8))) if done]
    assert len(won) == 1
    (rule,) = rules_of(rigged.root)
    assert rule.answer == f"Yes, {won[0]}"


@pytest.mark.parametrize("words", [("add", "mayor", "1"), ("revoke", "tests")])
def test_an_agent_makes_and_revokes_none(rigged: Rigged, words: tuple[str, ...]) -> None:
    kept(rigged, "tests")
    refused = gt("answers", *words, cwd=rigged.root, GT_ROLE="shop/witness")
    assert refused.code == 1 and "is an agent" in refused.err
    with open(os.path.join(rigged.root, "settings", "config.json"), encoding="utf-8") as file:
        assert list(json.load(file)["standing_answers"]) == ["tests"]


@pytest.mark.parametrize("span", ["0s", "31d", "soon"])
def test_a_standing_answer_ends(rigged: Rigged, span: str) -> None:
    refused = gt("answers", "add", "mayor", "1", "--for", span, cwd=rigged.root)
    assert refused.code == 2 and "30d" in refused.err
