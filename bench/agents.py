"""Benchmarks of acts on live agents: sling and nudge, in a town with real tmux and the scripted runtime."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.table import Row

BIN = os.path.dirname(sys.executable)


def gt(*words: str, cwd: str) -> float:
    """Seconds that one ``gt`` took; raises if it fails."""
    began = time.perf_counter()
    subprocess.run(
        [os.path.join(BIN, "gt"), *words], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def measure(root: str) -> Iterator[Row]:
    """Build a demo without workers, then sling three and nudge the mayor."""
    began = time.perf_counter()
    gt("demo", root, "--plain", "--for", "1s", "--agents", "0", cwd="/")
    yield Row("gt demo, built", f"{time.perf_counter() - began - 1:.1f} s", "")
    try:
        # straight slings: the demonstration's own scheduler would defer them
        gt("daemon", "stop", cwd=root)
        gt("config", "set", "scheduler.max_polecats", "-1", cwd=root)
        rig = os.path.join(root, "shop")
        slings = []
        for number in range(3):
            made = subprocess.run(
                [os.path.join(BIN, "bd"), "q", f"Bench {number}"], cwd=rig, check=True, capture_output=True, text=True
            )
            slings.append(gt("sling", made.stdout.strip(), "shop", cwd=root))
        yield Row("gt sling", f"{statistics.median(slings):.2f} s", "≤ 1 s")
        time.sleep(2)
        nudges = [gt("nudge", "mayor", f"hello {number}", cwd=root) for number in range(5)]
        yield Row("gt nudge with receipt", f"{statistics.median(nudges) * 1e3:.0f} ms", "≤ 400 ms")
    finally:
        gt("demo", root, "--stop", cwd="/")
