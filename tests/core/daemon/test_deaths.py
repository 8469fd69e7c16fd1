"""The end of an agent's program reaches the patrols without waiting for their period."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.daemon import deaths
from gastown_core.daemon.deaths import MOST_TRIES, DeathWatch
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import DEATHS, Duty, Shift
from gastown_core.model.agent import Health
from gastown_core.patrols import lookout
from gastown_core.town.restarts import noted, under_way
from gastown_core.town.sessions import find_session, start_agent
from gastown_core.town.start_plan import plan_start
from tests.core.daemon.test_daemon import Living
from tests.support.patience import comes, until
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux

Sleeper = subprocess.Popen[bytes]


@pytest.fixture
def sleepers() -> Iterator[list[Sleeper]]:
    """Three processes that run until they are ended."""
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(3)]
    yield children
    for child in children:
        end(child)


def end(child: Sleeper) -> int:
    child.kill()
    child.communicate()
    return child.pid


def test_ends_at_the_same_time_are_told_once(tmp_path: object, sleepers: list[Sleeper]) -> None:
    told: list[int] = []

    async def live() -> None:
        watch = DeathWatch(str(tmp_path), lambda: told.append(1), 0.01)
        watch.follow([os.getpid(), *(one.pid for one in sleepers)])
        end(sleepers[0]), end(sleepers[1])
        await comes(lambda: told, "two ends were not told")
        watch.follow([os.getpid(), sleepers[2].pid])
        end(sleepers[2])
        await comes(lambda: len(told) > 1, "a later end was not told")
        watch.close()

    asyncio.run(live())
    assert told == [1, 1]


def test_what_ended_before_it_was_followed_is_told_a_few_times(tmp_path: object, sleepers: list[Sleeper]) -> None:
    gone = end(sleepers[0])
    told: list[int] = []

    async def live() -> None:
        watch = DeathWatch(str(tmp_path), lambda: told.append(1), 0.0)
        for count in range(1, MOST_TRIES + 1):
            watch.follow([gone])
            await comes(lambda count=count: len(told) == count, "its end was not told")  # type: ignore[misc]
        watch.follow([gone, sleepers[1].pid])
        watch.follow([gone, end(sleepers[1])])
        await comes(lambda: len(told) > MOST_TRIES, "another end was not told")
        watch.close()

    asyncio.run(live())
    assert len(told) == MOST_TRIES + 1, "a pane that tmux lists for ever must not wake the patrols for ever"


def test_a_process_that_the_kernel_watches_is_not_asked_after(
    tmp_path: object, sleepers: list[Sleeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = deaths._is_gone
    monkeypatch.setattr(deaths, "_is_gone", lambda pid: asked.append(pid) or real(pid))

    async def live() -> None:
        watch = DeathWatch(str(tmp_path), lambda: None, 0.01)
        for _ in range(3):
            watch.follow([one.pid for one in sleepers])
        watch.close()

    asyncio.run(live())
    assert asked == []


def test_a_restart_under_way_is_no_death(
    tmp_path: object, sleepers: list[Sleeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    looks: list[list[str]] = []

    def noting(root: str) -> list[str]:
        looks.append(under_way(root))
        return looks[-1]

    monkeypatch.setattr(deaths, "under_way", noting)

    async def live() -> None:
        watch = DeathWatch(str(tmp_path), lambda: told.append(1), 0.01)
        watch.follow([sleepers[0].pid])
        with noted(str(tmp_path), "hq-mayor", "restart"):
            end(sleepers[0])
            await comes(lambda: len(looks) >= 3, "it did not wait for the restart")
            assert told == [] and looks[-1] == ["hq-mayor"]
        await comes(lambda: told, "the end was forgotten")
        watch.close()

    asyncio.run(live())


@needs_tmux
def test_a_killed_agent_wakes_a_duty_that_is_not_due_for_an_hour(sessions_too: Rigged) -> None:
    root = sessions_too.root
    mayor = sessions_too.entry("mayor")
    start_agent(root, plan_start(root, mayor, agent="scripted"))
    pane = find_session(root, mayor)
    assert pane is not None
    seen: list[Health] = []

    def look(shift: Shift) -> str:
        agent = lookout.lookout_of(root, SYSTEM_CLOCK).look().agent("mayor")
        seen.append(agent.health.state if agent is not None else Health.UNKNOWN)
        return ""

    try:
        with Living(root, Duty("patrol", look, (DEATHS,), 3600.0, 0.01)) as living:
            until(lambda: living.daemon.attendants["patrol"].told["runs"] >= 1, "it did not look at the start")
            assert Health.ZOMBIE not in seen
            os.kill(pane.pid, signal.SIGKILL)
            until(lambda: Health.ZOMBIE in seen, "the death reached nobody")
    finally:
        lookout.close_all()


def test_who_looks_after_agents_is_woken_by_a_death_and_still_counts_as_a_look(rigged: Rigged) -> None:
    duties = {one.name: one for one in duties_of(rigged.root)}
    for name in ("witness:shop", "deacon", "dogs", "workers"):
        assert DEATHS in duties[name].wakes and duties[name].is_look
    assert not duties["dispatch"].is_look
