"""What an operator reads in the console beyond the live picture: the diff of a worktree."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator

from bench.table import Row
from gastown_core.git.diff import worktree_diff
from gastown_tui.widgets.diff_text import patch_rows
from gastown_tui.widgets.rows import pieces_of

LINES = 2_000
SCREEN = 45


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
    yield Row(f"diff of {LINES} lines, to its first screen", f"{statistics.median(times) * 1000:.0f} ms", "≤ 150 ms")
