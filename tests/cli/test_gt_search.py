"""``gt search`` over the transcripts of a town's agents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from tests.core.usage.test_ledger import Town
from tests.support.cli import Ran, gt


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    now = SYSTEM_CLOCK.now()
    for folder, words in (("", "The \x1b[31mNeedle is here"), ("shop/polecats/opal/shop", "another needle")):
        path = town.transcript(folder) if folder else town.transcript()
        said = {"type": "assistant", "timestamp": "2026-11-27T10:00:00Z", "message": {"content": words}}
        used = town.line("a" + folder[:1], folder, at=now) if folder else town.line("a", at=now)
        path.write_text(used + json.dumps(said) + "\n")
    return town


def search(town: Town, *words: str) -> Ran:
    return gt("search", *words, cwd=town.root, HOME=str(town.home), CLAUDE_CONFIG_DIR="", CODEX_HOME="")


def test_hits_are_listed_with_agent_and_kind(town: Town) -> None:
    ran = search(town, "needle")
    assert ran.code == 0 and len(ran.out.splitlines()) == 2
    assert "mayor ●" in ran.out and "shop/opal ●" in ran.out and "\x1b" not in ran.out
    found = search(town, "needle", "--json").json
    assert {(one["agent"], one["kind"]) for one in found} == {("mayor", "agent"), ("shop/polecats/opal", "agent")}


def test_hits_can_be_narrowed_and_nothing_is_said_to_be_nothing(town: Town) -> None:
    assert len(search(town, "needle", "--agent", "opal").out.splitlines()) == 1
    assert len(search(town, "needle", "--rig", "shop").out.splitlines()) == 1
    few = search(town, "needle", "-n", "1")
    assert len(few.out.splitlines()) == 1 and "--limit 0" in few.err
    none = search(town, "haystack")
    assert none.code == 0 and not none.out and "nothing found" in none.err
    assert len(search(town, "Needle", "--case").out.splitlines()) == 1
    assert search(town, "needle", "-n", "-1").code == 2
