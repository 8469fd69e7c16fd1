"""A real Claude Code against the stand-in model: a nudge until its receipt is proved, and how soon a state is said.

Left out where its program is not in the cache of ``make test``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row
from tests.realagents.oracle import comes_to, look
from tests.realagents.place import Place
from tests.realagents.programs import PROGRAMS
from tests.realagents.records import BUSY, IDLE
from tests.realagents.world import World

NUDGES, TURNS = 9, 5


def measure(folder: str) -> Iterator[Row]:
    """Yield the rows."""
    if not PROGRAMS["claude"].folder.is_dir():
        yield Row("a real Claude Code", "not installed: make test fetches it", "")
        return
    base = Path(folder)
    (base / "world").mkdir(parents=True)
    place = Place(base)
    world = World(base / "world", place, ["claude"])
    try:
        mayor = world.mayor()
        world.answered("GAS TOWN", timeout_s=60)
        took, truth = [], []
        for number in range(NUDGES):
            comes_to(mayor, IDLE)
            began = time.perf_counter()
            (*_, last) = mayor.nudge(f"bench {number}", "--wait", "30")
            took.append(time.perf_counter() - began)
            assert last["stage"] == "turn started", last
            world.answered(f"bench {number}")
        for number in range(TURNS):
            comes_to(mayor, IDLE)
            mayor.say(f"SLOW 3 bench turn {number}")
            truth.append(look(mayor, BUSY).after_s)
        yield Row("a proved nudge to an idle Claude", f"{statistics.median(took) * 1e3:.0f} ms", "≤ 600 ms")
        shown = f"{statistics.median(truth) * 1e3:.0f} ms, gt agents included"
        yield Row("the truth, once Claude's record says it", shown, "≤ 300 ms")
    finally:
        world.close()
        place.close()
