"""What an operator reads beyond the live picture: the diff of a worktree, and hits in the transcripts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator

from bench.table import Row
from gastown_core.git.diff import worktree_diff
from gastown_core.transcripts.search import Place, search
from gastown_tui.widgets.diff_text import patch_rows
from gastown_tui.widgets.rows import pieces_of

LINES = 2_000
SCREEN = 45
TRANSCRIPT_LINES = 5_000


def measure(folder: str) -> Iterator[Row]:
    """Yield the rows."""
    os.makedirs(folder)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    for change in ("old", "new"):
        for number in range(20):
            with open(os.path.join(folder, f"module_{number}.py"), "w", encoding="utf-8") as handle:
                handle.writelines(f"value_{line} = {change}_function({line})\n" for line in range(LINES // 40))
        subprocess.run(["git", "-C", folder, "add", "-A"], check=True)
        subprocess.run(["git", "-C", folder, "commit", "-q", "-m", change], check=True)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        rows = patch_rows(worktree_diff(folder, "HEAD~1"))
        for row in rows[:SCREEN]:
            pieces_of(row)
        times.append(time.perf_counter() - start)
    yield from _search(folder)
    yield Row(f"diff of {LINES} lines, to its first screen", f"{statistics.median(times) * 1000:.0f} ms", "≤ 150 ms")


def _search(folder: str) -> Iterator[Row]:
    """Yield rows of a search in 100 MB of transcripts: to the first hit, and through all of them."""
    places = []
    for number in range(10):
        path = os.path.join(folder, f"{number}.jsonl")
        with open(path, "w", encoding="utf-8") as handle:
            for line in range(TRANSCRIPT_LINES):
                text = f"line {line} of a long answer " + "word " * 380
                part = {"type": "text", "text": text + ("the needle" if line % 500 == 0 else "")}
                message = {"type": "assistant", "timestamp": "2026-11-27T10:00:00Z", "message": {"content": [part]}}
                handle.write(json.dumps(message) + "\n")
        places.append(Place(path, "claude", "shop/polecats/opal", float(number)))
    size = sum(os.path.getsize(place.path) for place in places) / 1e6
    start = time.perf_counter()
    found = search(places, "The Needle")
    next(found)
    first = time.perf_counter() - start
    count = 1 + sum(1 for _ in found)
    whole = time.perf_counter() - start
    yield Row(f"search in {size:.0f} MB of transcripts, first hit", f"{first * 1000:.0f} ms", "≤ 300 ms")
    yield Row(f"the same to its end, {count} hits", f"{whole * 1000:.0f} ms", "")
