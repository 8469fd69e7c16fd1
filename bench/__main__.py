"""``python -m bench [S|L]``: build a town of that size, measure, print a table."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from bench import agents, commands, console, growth, pipeline, programs, reading, real_agents, refinery, watching
from bench.town import SIZES, make_town


def main() -> int:
    """Measure; parts may be named after the size: console, commands, agents, programs, reading, real, pipeline, refinery,
    growth, watching"""
    size = sys.argv[1] if len(sys.argv) > 1 else "S"
    parts = sys.argv[2:] or [
        "console",
        "commands",
        "agents",
        "programs",
        "reading",
        "real",
        "pipeline",
        "refinery",
        "growth",
        "watching",
    ]
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
        if "console" in parts:
            for row in console.measure(root, size):
                print(row, flush=True)
        if "commands" in parts:
            for row in commands.measure(root):
                print(row, flush=True)
        if "agents" in parts:
            for row in agents.measure(os.path.join(folder, "demo")):
                print(row, flush=True)
        if "programs" in parts:
            for row in programs.measure(os.path.join(folder, "programs")):
                print(row, flush=True)
        if "reading" in parts:
            for row in reading.measure(os.path.join(folder, "reading")):
                print(row, flush=True)
        if "real" in parts:
            for row in real_agents.measure(os.path.join(folder, "real")):
                print(row, flush=True)
        if "pipeline" in parts:
            for row in pipeline.measure(folder):
                print(row, flush=True)
        if "growth" in parts:
            for line in growth.measure(os.path.join(folder, "growth")):
                print(line, flush=True)
        if "watching" in parts:
            for row in watching.measure(os.path.join(folder, "watched")):
                print(row, flush=True)
        if "refinery" in parts:
            for row in refinery.measure(os.path.join(folder, "refinery")):
                print(row, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


raise SystemExit(main())
