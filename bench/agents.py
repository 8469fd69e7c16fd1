"""Benchmarks of acts on live agents: sling and nudge, in a town with real tmux and the scripted runtime."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.table import Row
from gastown_core.model.order import Order
from gastown_core.orders.perform import perform
from gastown_core.state.collect import collect
from gastown_core.tmux.server import TmuxServer

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
        yield answers(root, rig)
    finally:
        gt("demo", root, "--stop", cwd="/")


def answers(root: str, rig: str, count: int = 3) -> Row:
    """From the digit in the console, as an order, to the answer key in the pane of an agent that asks."""
    words = ["q", "Ask first", "-l", "mood:permission"]
    took = []
    for _ in range(count):
        made = subprocess.run([os.path.join(BIN, "bd"), *words], cwd=rig, check=True, capture_output=True, text=True)
        gt("sling", made.stdout.strip(), "shop", cwd=root)
    for agent, asked in _asking(root, count):
        pressed: list[float] = []
        with _watched(pressed):
            began = time.perf_counter()
            order = Order("agent.answer", agent, {"choice": f"{asked}:1"})
            if not perform(root, order, lambda _: None):
                return Row("digit to key", "not answered", "≤ 150 ms")
        took.append(pressed[-1] - began)
    if not took:
        return Row("digit to key", "nobody asked", "≤ 150 ms")
    return Row("digit to key", f"{statistics.median(took) * 1e3:.0f} ms", "≤ 150 ms")


def _asking(root: str, count: int, patience_s: float = 60.0) -> list[tuple[str, str]]:
    """Agents that ask and their questions, once ``count`` do so for longer than a question needs to settle."""
    end = time.monotonic() + patience_s
    found: list[tuple[str, str]] = []
    while len(found) < count and time.monotonic() < end:
        time.sleep(1)
        views = collect(root).agents
        found = [(view.address.short, view.asks.id) for view in views if view.asks is not None]
    time.sleep(2)
    return found


@contextmanager
def _watched(pressed: list[float]) -> Iterator[None]:
    """Note when tmux was told to press a key."""
    run = TmuxServer.run

    def noting(self: TmuxServer, *words: str, **options: Any) -> str:
        said = run(self, *words, **options)
        if words[0] == "send-keys":
            pressed.append(time.perf_counter())
        return said

    TmuxServer.run = noting  # type: ignore[method-assign]
    try:
        yield
    finally:
        TmuxServer.run = run  # type: ignore[method-assign]
