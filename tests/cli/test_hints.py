"""What a person meant: a mistyped option, an agent's name where a bead was expected, the events of one agent, new beads."""

from __future__ import annotations

import pytest

from gastown_core.events.log import append_event
from gastown_core.town.crew import add_crew
from tests.support.cli import gt


@pytest.fixture
def town(rigged, without_tmux):
    add_crew(rigged.root, "shop", "diesel")
    return rigged


def test_a_mistyped_option_is_answered_with_the_one_that_was_meant(town) -> None:
    failed = gt("agents", "--jsno", cwd=town.root)
    assert failed.code == 2 and "did you mean --json?" in failed.err
    assert "--help shows the usage" in gt("agents", "--qqqqq", cwd=town.root).err


def test_hook_with_an_agents_name_shows_its_hook_or_names_the_agent_that_was_meant(town) -> None:
    assert "diesel" in gt("hook", "diesel", cwd=town.root).out
    failed = gt("hook", "dieseel", cwd=town.root)
    assert failed.code == 1 and "did you mean shop/crew/diesel?" in failed.err


def test_the_feed_of_one_agent(town) -> None:
    for who in ("shop/crew/diesel", "mayor"):
        append_event(town.root, "mail", who, {"to": "x", "subject": f"from {who}"})
    out = gt("feed", "--plain", "--no-follow", "--agent", "diesel", cwd=town.root).out
    assert "from shop/crew/diesel" in out and "from mayor" not in out
    assert "did you mean shop/crew/diesel?" in gt("feed", "--plain", "--agent", "dieseel", cwd=town.root).err


def test_a_bead_is_created_in_a_rig_with_a_title_that_looks_like_an_option(town) -> None:
    made = gt("create", "--rig", "shop", "-p", "1", "--silent", "--", "--force it", cwd=town.root)
    assert made.code == 0
    bead = town.bead(made.out.strip())
    assert (bead.title, bead.priority) == ("--force it", 1)
    assert gt("create", "--rig", "nowhere", "x", cwd=town.root).code == 1
