"""The cost of watching: daemon and console over a town of 50 agents in which nothing happens."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import psutil

from bench.agents import BIN, gt
from bench.screen import Screen
from bench.table import Row

CREW = 22
"""Crew of each of two rigs, beside the mayor, the deacon, two witnesses and two refineries: 50 agents."""
SETTLE_S, MEASURE_S = 75.0, 60.0
"""After a quiet minute the console looks less often."""


def measure(root: str) -> Iterator[Row]:
    """Start them all, let them come to rest, then watch the watchers for a minute."""
    source = f"{root}-source"
    subprocess.run(["git", "init", "-q", "-b", "main", source], check=True)
    subprocess.run(["git", "-C", source, "commit", "-q", "--allow-empty", "-m", "begin"], check=True)
    gt("install", root, "--git", "--name", "watched", cwd="/")
    try:
        agents = start_all(root, source)
        screen = Screen([os.path.join(BIN, "gt"), "feed"], root)
        screen.wait("live", 15)
        screen.rest(SETTLE_S)
        with open(os.path.join(root, "daemon", "state.json"), encoding="utf-8") as handle:
            daemon = psutil.Process(json.load(handle)["pid"])
        before, shown, began = cpu_s(daemon), screen.cpu_s(), time.perf_counter()
        screen.rest(MEASURE_S)
        passed = time.perf_counter() - began
        yield Row(
            f"daemon, {agents} idle agents", f"{100 * (cpu_s(daemon) - before) / passed:.2f} % of a core", "≤ 0.3 %"
        )
        share = 100 * (screen.cpu_s() - shown) / passed
        yield Row(f"console, {agents} idle agents", f"{share:.2f} % of a core", "≤ 0.5 %")
        screen.close()
    finally:
        gt("daemon", "stop", cwd=root)
        gt("down", cwd=root)


def start_all(root: str, source: str) -> int:
    """Two rigs with their crew; the number of agents that run."""
    gt("config", "default-agent", "scripted", cwd=root)
    for rig in ("shop", "billing"):
        gt("rig", "add", rig, source, "--prefix", rig[:2], cwd=root)
    gt("daemon", "start", cwd=root)
    agents = ["mayor", "deacon", *(f"{rig}/{role}" for rig in ("shop", "billing") for role in ("witness", "refinery"))]
    for rig in ("shop", "billing"):
        for number in range(CREW):
            gt("crew", "add", f"c{number}", "--rig", rig, cwd=root)
            agents.append(f"{rig}/crew/c{number}")
    for agent in agents:
        gt("session", "start", agent, cwd=root)
    return len(agents)


def cpu_s(process: psutil.Process) -> float:
    """Processor time of a process and of those that it has started and waited for."""
    return float(sum(process.cpu_times()[:4]))
