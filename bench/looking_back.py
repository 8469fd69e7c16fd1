"""The time machine over 200,000 events: to its first picture, a step with an arrow key, and a jump to anywhere."""

from __future__ import annotations

import gc
import os
import random
import statistics
import time
from collections.abc import Iterator

from bench.table import Row
from bench.town import SIZES, make_town
from gastown_core.past.difference import difference
from gastown_core.past.town import Past

STEPS, JUMPS = 60, 30


def measure(folder: str) -> Iterator[Row]:
    """Yield the rows, for a town of size L whatever the others are measured on."""
    os.makedirs(folder)
    root = make_town(os.path.join(folder, "town"), SIZES["L"])
    start = time.perf_counter()
    past = Past(root)
    past.read()
    # as the console does
    gc.freeze()
    read = time.perf_counter() - start
    now = past.at(past.until).town
    moment, steps = past.until, []
    for _ in range(STEPS):
        start = time.perf_counter()
        moment = past.next(moment, -1)
        past.at(moment)
        steps.append(time.perf_counter() - start)
    chance, jumps, compared = random.Random(7), [], []
    for _ in range(JUMPS):
        moment = past.since + chance.random() * (past.until - past.since)
        start = time.perf_counter()
        then = past.at(moment).town
        jumps.append(time.perf_counter() - start)
        start = time.perf_counter()
        difference(then, now)
        compared.append(time.perf_counter() - start)
    past.close()
    events = f"{SIZES['L'].events} events"
    yield Row(f"time machine reads {events}", f"{read * 1e3:.0f} ms", "")
    yield Row(
        "time machine, a step", f"p50 {statistics.median(steps) * 1e3:.0f}, max {max(steps) * 1e3:.0f} ms", "≤ 100 ms"
    )
    yield Row(
        "time machine, anywhere", f"p50 {statistics.median(jumps) * 1e3:.0f}, max {max(jumps) * 1e3:.0f} ms", "≤ 100 ms"
    )
    yield Row("difference of two moments", f"{statistics.median(compared) * 1e3:.0f} ms", "")
