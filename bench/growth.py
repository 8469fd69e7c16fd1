"""How the cost of commands grows with beads and agents: CPU of whole processes as multiples of a bare Python, in one run."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator

from bench.commands import BIN
from bench.town import SIZES, Size, make_town

BEADS = (1_000, 10_000, 100_000)
AGENTS = (10, 100, 400)
AT = 10
"""Agents of the towns that grow in beads; those that grow in agents have BEADS[0] beads."""

COMMANDS: dict[str, tuple[list[str], str, float]] = {
    "gt status": (["gt", "status"], "", 8.0),
    "gt agents": (["gt", "agents"], "", 8.0),
    "gt convoy list": (["gt", "convoy", "list"], "", 3.0),
    "gt ready": (["gt", "ready"], "", 5.0),
    "gt scheduler explain": (["gt", "scheduler", "explain"], "", 0.0),
    "bd ready": (["bd", "ready"], "shop", 3.0),
    "bd ready --json": (["bd", "ready", "--json"], "shop", 5.0),
    "bd blocked": (["bd", "blocked"], "shop", 5.0),
    "bd stats": (["bd", "stats"], "shop", 5.0),
    "bd list": (["bd", "list"], "shop", 5.0),
    "bd show": (["bd", "show", "sh-00002"], "shop", 3.0),
    "bd create": (["bd", "create", "from the bench"], "shop", 3.0),
    "bd update": (["bd", "update", "sh-00002", "-p", "1"], "shop", 3.0),
}
"""Command → words, folder in the town, how many bare Pythons it may cost at any size (0: no goal)."""


def cpu_of(words: list[str], cwd: str) -> float:
    """CPU seconds of one run; raises if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def multiple_of(words: list[str], cwd: str, count: int) -> float:
    """Median of the ratios to a bare Python that ran just before."""
    argv = [os.path.join(BIN, words[0]), *words[1:]]
    cpu_of(argv, cwd)
    return statistics.median(cpu_of(argv, cwd) / cpu_of([sys.executable, "-c", "pass"], cwd) for _ in range(count))


GLANCES = ("gt status", "gt agents")
GLANCE_GOALS = {"S": 4.5, "L": 6.0}
"""How many bare Pythons a glance may cost in the towns by name; at 100 000 beads see COMMANDS."""


def named_towns(folder: str, count: int) -> Iterator[str]:
    """The glances in the towns S and L, each beside its goal; also the list of convoys, of which L has 50 open ones of 20 beads."""
    heads = [f"{size} (goal {goal})" for size, goal in GLANCE_GOALS.items()]
    yield f"{'CPU, in bare Pythons':<24}" + "".join(f"{head:>15}" for head in heads)
    roots = [make_town(os.path.join(folder, f"town{size}", "town"), SIZES[size]) for size in GLANCE_GOALS]
    for name in (*GLANCES, "gt convoy list"):
        words, place, goal = COMMANDS[name]
        seen = [multiple_of(words, os.path.join(root, place), count) for root in roots]
        label = name if name in GLANCES else f"{name} (goal {goal:.0f})"
        yield f"{label:<24}" + "".join(f"{ratio:>15.1f}" for ratio in seen)
    yield ""


def measure(folder: str, *, count: int = 9) -> Iterator[str]:
    """Lines of the tables: the glances in the towns by name, then every command with a column for each size."""
    towns = {f"{beads} beads": Size(1, AT, beads, 20, 1_000) for beads in BEADS}
    towns |= {f"{agents} agents": Size(1, agents, BEADS[0], 20, 1_000) for agents in AGENTS[1:]}
    roots = {name: make_town(os.path.join(folder, name.replace(" ", "")), size) for name, size in towns.items()}
    yield from named_towns(folder, count)
    yield f"{'CPU, in bare Pythons':<22}" + "".join(f"{name:>15}" for name in roots) + f"{'goal':>8}"
    for name, (words, place, goal) in COMMANDS.items():
        seen = [multiple_of(words, os.path.join(root, place), count) for root in roots.values()]
        yield f"{name:<22}" + "".join(f"{ratio:>15.1f}" for ratio in seen) + (f"{goal:>8.1f}" if goal else "")
