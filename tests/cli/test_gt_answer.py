"""``gt answer``: who may answer, and what is said where there is nothing to answer."""

from __future__ import annotations

import pytest

from tests.support.cli import gt
from tests.support.rigged import Rigged


@pytest.mark.parametrize("role", ["mayor", "shop/polecats/opal"])
def test_an_agent_answers_no_question(rigged: Rigged, role: str) -> None:
    told = gt("answer", "mayor", "1", cwd=rigged.root, GT_ROLE=role)
    assert told.code == 1
    assert "agents do not answer" in told.err


def test_an_agent_without_a_session_asks_nothing(rigged: Rigged, server: object) -> None:
    told = gt("answer", "mayor", "--json", cwd=rigged.root)
    assert told.code == 1
    assert "no running session" in told.json["error"]
