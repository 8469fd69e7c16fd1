"""Background tasks are restarted and reported, and never end silently."""

from __future__ import annotations

import asyncio

import pytest

from gastown_core import background
from gastown_core.background import Background
from gastown_core.errors import GastownError, words_of
from tests.support.patience import comes as until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_REST_S", 0.001)
    monkeypatch.setattr(background, "LASTED_S", 0.05)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(28, "No space left on device", "/town/x"), "No space left on device: /town/x"),
        (GastownError("the ledger is torn", "line 3"), "the ledger is torn: line 3"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (SystemExit(2), "SystemExit: 2"),
    ],
)
async def test_a_task_that_fails_is_told_and_begun_anew_until_it_lasts(problem: BaseException, words: str) -> None:
    told: list[tuple[str, str]] = []
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        if len(begun) < 4:
            raise problem
        await asyncio.Event().wait()

    kept = Background(lambda name, why: told.append((name, why)))
    kept.start("link", work)
    await until(lambda: ("link", "") in told)
    assert told == [("link", words)] * 3 + [("link", "")] and kept.is_alive("link")
    assert words_of(problem) == words
    await kept.close()
    assert not kept.is_alive("link")


async def test_a_listener_that_fails_itself_ends_nothing_and_a_task_may_come_to_its_end() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        if len(begun) < 3:
            raise OSError(5, "Input/output error")

    def deaf(name: str, why: str) -> None:
        raise ValueError

    kept = Background(deaf)
    kept.start("index", work)
    await until(lambda: not kept.is_alive("index"))
    assert len(begun) == 3
    await kept.close()
