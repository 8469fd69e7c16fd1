"""The tutorial word for word with Claude Code: its program checked and trusted by the doctor, three beads to a landed convoy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realagents.conftest import MakeWorld
from tests.realagents.homes import Seed
from tests.support.documents import FENCE, script_of

pytestmark = pytest.mark.realagents_nightly

PAGE = Path("docs/tutorial.md").resolve()
PLAY = "gt config default-agent scripted\n"
"""The line that a reader with a real program skips."""
FIX = "gt doctor agents --fix"


def test_the_tutorial_with_a_real_program_ends_with_a_landed_convoy(agent_world: MakeWorld) -> None:
    world = agent_world("claude", seed=Seed(trusted=False))
    script = script_of(PAGE)
    assert script.count(PLAY) == 1
    blocks = [body for kind, body in FENCE.findall(PAGE.read_text(encoding="utf-8")) if kind == "text"]
    assert f"gt doctor agents\n{FIX}\n" in blocks
    # what a person does instead: it names what is missing, and mends it when it is told to
    instead = f"gt doctor agents && exit 9\n{FIX} --yes\ngt doctor agents\n"
    script = script.replace(PLAY, instead).replace("seq 600", "seq 4000")
    done = world.run("bash", "-c", script, cwd=str(world.home), check=False)
    said = done.out[-4000:] + done.err[-3000:]
    try:
        assert done.code == 0, said
        main = str(world.home / "src/hello.git")
        landed = world.run("git", "-C", main, "log", "main", "--format=%B", cwd=str(world.home)).out
        assert landed.count("Bead: he-") == 3
        assert "Polite goodbyes" in done.out and "landed" in done.out
        served = [one for one in world.place.log(world.key) if one["kind"] == "answered" and one["is_main"]]
        assert len(served) > 6, "the work was done by the program"
    finally:
        world.run("gt", "down", "--all", cwd=str(world.home / "gt"), check=False)
