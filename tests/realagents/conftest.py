"""Fixtures of the tests with real agent programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gastown_core.tmux.socket import has_tmux
from tests.realagents.homes import READY, Seed
from tests.realagents.place import Place
from tests.realagents.programs import NoNpmError, installed
from tests.realagents.world import World

MakeWorld = Callable[..., World]

HERE = Path(__file__).parent
TEST_S = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is of the tier: ``realagents`` unless it says ``realagents_nightly``; each has three minutes."""
    for item in items:
        if HERE in item.path.parents:
            if item.get_closest_marker("realagents_nightly") is None:
                item.add_marker("realagents")
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The stand-in server, one for all worlds of this process."""
    place = Place(tmp_path_factory.mktemp("standin"))
    yield place
    place.close()


@pytest.fixture
def agent_world(tmp_path: Path, place: Place) -> Iterator[MakeWorld]:
    """``agent_world("claude", "codex", seed=...)`` makes a world with these programs; the first is the town's default."""
    if not has_tmux():
        pytest.skip("there is no tmux here")
    made: list[World] = []

    def make(*programs: str, seed: Seed = READY) -> World:
        for name in programs:
            try:
                installed(name)
            except NoNpmError as error:
                pytest.skip(str(error))
        base = tmp_path / f"world{len(made)}"
        base.mkdir()
        made.append(World(base, place, programs, seed))
        return made[-1]

    yield make
    for world in made:
        world.close()
