"""Four real programs in one town, left alone for minutes with the console open: three tellers say the same of each.

The program's own record, ``gt agents`` and the console's row are compared again and again while the programs stream,
run tools, rest and are refused.  A record that has just changed is not compared yet: what is said follows within seconds.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from gastown_core.model.address import parse_address
from gastown_core.model.agent import HEALTH_SYMBOLS, Health
from tests.realagents.conftest import MakeWorld
from tests.realagents.oracle import SAYS, TRUTH_S
from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, IDLE, own_record
from tests.realagents.world import PREFIX, RIG, Agent, World

pytestmark = pytest.mark.realagents_nightly

MINUTES = float(os.environ.get("GT_MINUTES") or (10 if os.environ.get("GT_DRILL") == "long" else 1.5))
LOOK_S = 3.0
SLACK_S = 2 * TRUTH_S
"""A record that is younger is not compared: four programs start up and answer on the same processors."""
SYMBOLS = {row[0] for row in HEALTH_SYMBOLS.values()}
DOINGS = ("SLOW 8 a story", "TOOLWAIT 6", "SLOW 2 a line", "PASS429 2")
"""What a person asks for, one after another; the last is refused twice before it is answered."""


class Said(NamedTuple):
    """What the three tellers said of one agent at one moment."""

    program: str
    own: str
    told: str
    shown: str
    why: str = ""


class Console:
    """``gt feed`` in a window of a tmux server of its own, inside the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tmux("new-session", "-d", "-x", "160", "-y", "45", "-c", world.root, "gt", "feed")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", "console", *words], env=self._world.env, capture_output=True, text=True, timeout=20
        )
        return done.stdout

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def symbol(self, agent: Agent) -> str:
        """The symbol in the agent's row, empty if it has none."""
        name = parse_address(agent.address).name or agent.address
        for line in self.screen().splitlines():
            words = line.strip("│▌ ").split()
            if name in words[:2]:
                return next((word for word in words if word in SYMBOLS), "")
        return ""

    def close(self) -> None:
        self._tmux("kill-server")


def test_gt_agents_and_the_console_say_what_four_programs_record(agent_world: MakeWorld) -> None:
    world = agent_world("claude", "codex", "gemini", "opencode")
    agents = [world.mayor(), *crew_of(world, ("codex", "gemini", "opencode"))]
    console = Console(world)
    try:
        for agent in agents:
            comes_true(lambda agent=agent: own_record(agent).state == IDLE, f"{agent.address} rests", 40.0)
        wrong, looks = compare(agents, console, random.Random(7))
    finally:
        print(console.screen())
        console.close()
    assert looks > 5 * MINUTES and not wrong, f"{len(wrong)} of {looks} looks: {wrong[:10]}"
    for agent in agents:
        assert world.delivered(f"for {agent.program}"), agent.program


def crew_of(world: World, programs: Sequence[str]) -> list[Agent]:
    """A crew member on each program; their folders are trusted together, so that none is forgotten for the next."""
    for program in programs:
        world.gt("crew", "add", f"on{program}", "--rig", RIG)
    world.seed_homes(*(os.path.join(world.root, RIG, "crew", f"on{program}") for program in programs))
    for program in programs:
        world.gt("session", "start", f"{RIG}/crew/on{program}", "--agent", program)
    return [Agent(world, f"{RIG}/crew/on{one}", f"{PREFIX}-crew-on{one}", one) for one in programs]


def compare(agents: list[Agent], console: Console, chance: random.Random) -> tuple[list[Said], int]:
    """Give them things to do and look at them until the time is over: what did not agree, and how often was looked."""
    wrong, looks, asked = [], 0, Counter[str]()
    since: dict[str, tuple[str, float]] = {}
    ends = time.monotonic() + 60 * MINUTES
    while time.monotonic() < ends:
        resting = [one for one in agents if own_record(one).state == IDLE]
        if resting and chance.random() < 0.6:
            one = min(resting, key=lambda agent: asked[agent.program])
            asked[one.program] += 1
            one.say(f"{chance.choice(DOINGS)} for {one.program}")
        for agent in agents:
            said = settled_words(agent, console, since)
            if said is not None:
                looks += 1
                wrong += [said] if not agree(said) else []
        time.sleep(LOOK_S)
    return wrong, looks


def settled_words(agent: Agent, console: Console, since: dict[str, tuple[str, float]]) -> Said | None:
    """What the three say, None while its record is new or changes under the look."""
    own, now = own_record(agent).state, time.monotonic()
    state, at = since.get(agent.address, ("", now))
    if own != state:
        since[agent.address] = (own, now)
        return None
    if now - at < SLACK_S:
        return None
    row = agent.told()
    said = Said(agent.program, own, str(row["health"]), console.symbol(agent), str(row["reason"]))
    return said if own_record(agent).state == own else None


def agree(said: Said) -> bool:
    """Whether the three agree.

    A program that tries again after a refusal calls itself busy, and Gas Town calls it limited.  Gemini's title says Ready
    while it asks whether to go on, which its screen shows.
    """
    if said.program == "gemini" and said.own == IDLE and said.told == "waiting" and said.why.endswith("?"):
        return said.shown in (HEALTH_SYMBOLS[Health.WAITING][0], HEALTH_SYMBOLS[Health.IDLE][0])
    wanted = {SAYS[said.own]} | ({"limited"} if said.own == BUSY else set())
    return said.told in wanted and said.shown == HEALTH_SYMBOLS[Health(said.told)][0]
