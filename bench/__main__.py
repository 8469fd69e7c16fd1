"""``python -m bench [S|L]``: build a town of that size, measure, print a table."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable

from bench import (
    agents,
    commands,
    console,
    dashboard,
    dolt,
    forecast_figures,
    growth,
    looking_back,
    pipeline,
    programs,
    queue_figures,
    reading,
    real_agents,
    refinery,
    watching,
)
from bench.town import SIZES, make_town

PARTS: dict[str, Callable[[str, str, str], Iterable[object]]] = {
    "console": lambda root, size, folder: console.measure(root, size),
    "dashboard": lambda root, size, folder: dashboard.measure(root),
    "commands": lambda root, size, folder: commands.measure(root),
    "agents": lambda root, size, folder: agents.measure(os.path.join(folder, "demo")),
    "programs": lambda root, size, folder: programs.measure(os.path.join(folder, "programs")),
    "reading": lambda root, size, folder: reading.measure(os.path.join(folder, "reading")),
    "past": lambda root, size, folder: looking_back.measure(os.path.join(folder, "past")),
    "real": lambda root, size, folder: real_agents.measure(os.path.join(folder, "real")),
    "pipeline": lambda root, size, folder: pipeline.measure(folder),
    "dolt": lambda root, size, folder: dolt.measure(os.path.join(folder, "dolt")),
    "growth": lambda root, size, folder: growth.measure(os.path.join(folder, "growth")),
    "watching": lambda root, size, folder: watching.measure(os.path.join(folder, "watched")),
    "queue": lambda root, size, folder: queue_figures.measure(),
    "forecast": lambda root, size, folder: forecast_figures.measure(),
    "refinery": lambda root, size, folder: refinery.measure(os.path.join(folder, "refinery")),
}
"""Part → its rows, for a town, the name of its size, and a folder for what it makes."""


def main() -> int:
    """Measure; parts may be named after the size: see ``PARTS``."""
    size = sys.argv[1] if len(sys.argv) > 1 else "S"
    parts = sys.argv[2:] or list(PARTS)
    unknown = [name for name in parts if name not in PARTS]
    if size not in SIZES or unknown:
        print(f"python -m bench {'|'.join(SIZES)} [{'|'.join(PARTS)}]: not known: {' '.join(unknown) or size}")
        return 2
    folder = tempfile.mkdtemp(prefix="gtb", dir="/tmp")
    os.environ.update(
        GIT_AUTHOR_NAME="op",
        GIT_AUTHOR_EMAIL="op@example.org",
        GIT_COMMITTER_NAME="op",
        GIT_COMMITTER_EMAIL="op@example.org",
        TMUX_TMPDIR=folder,
    )
    os.environ.pop("TMUX", None)
    try:
        root = make_town(os.path.join(folder, "town"), SIZES[size])
        print(f"town {size}: {SIZES[size]}")
        for name in parts:
            for row in PARTS[name](root, size, folder):
                print(row, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


raise SystemExit(main())
