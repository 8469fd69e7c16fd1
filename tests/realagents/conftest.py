"""Fixtures of the tests with real agent programs."""

from __future__ import annotations

import os
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
TEST_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is of the tier: ``realagents`` unless it says ``realagents_nightly``; each has a quarter of an hour."""
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of moments, where GT_AGENTS_TABLE asks for it: what the program said, what we said, after how long."""
    if not os.environ.get("GT_AGENTS_TABLE"):
        return
    reports = [one for name in ("passed", "failed", "xfailed") for one in terminalreporter.stats.get(name, [])]
    rows = [value for one in reports for name, value in one.user_properties if name == "moment"]
    terminalreporter.section("moments")
    for program, moment, own, says, why, after_s in sorted(map(tuple, rows)):
        after = f"{after_s:.1f} s" if after_s >= 0 else "never"
        terminalreporter.line(f"{program:15} {moment:12} own {own:9} gt {says:14} after {after:6} {why}")


def _maker(made: list[World], place: Place, folder: Callable[[], Path]) -> MakeWorld:
    def make(*programs: str, seed: Seed = READY) -> World:
        if not has_tmux():
            pytest.skip("there is no tmux here")
        for name in programs:
            try:
                installed(name)
            except NoNpmError as error:
                pytest.skip(str(error))
        made.append(World(folder(), place, programs, seed))
        return made[-1]

    return make


@pytest.fixture
def agent_world(tmp_path: Path, place: Place) -> Iterator[MakeWorld]:
    """``agent_world("claude", "codex", seed=...)`` makes a world with these programs; the first is the town's default."""
    made: list[World] = []

    def folder() -> Path:
        base = tmp_path / f"world{len(made)}"
        base.mkdir()
        return base

    yield _maker(made, place, folder)
    for world in made:
        world.close()


@pytest.fixture(scope="session")
def agent_worlds(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Iterator[MakeWorld]:
    """As ``agent_world``, for worlds that live as long as the test run."""
    made: list[World] = []
    yield _maker(made, place, lambda: tmp_path_factory.mktemp("world"))
    for world in made:
        world.close()
