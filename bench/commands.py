"""Benchmarks of the commands: whole processes, medians."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.table import Row

BIN = os.path.dirname(sys.executable)


def timed(words: list[str], cwd: str, *, count: int = 9) -> float:
    """Median seconds of a command; raises if it fails."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        subprocess.run(
            [os.path.join(BIN, words[0]), *words[1:]],
            cwd=cwd,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def row(name: str, words: list[str], cwd: str, goal_s: float, *, count: int = 9) -> Row:
    """One command as one row."""
    return Row(name, f"{timed(words, cwd, count=count) * 1e3:.0f} ms", f"≤ {goal_s * 1e3:.0f} ms")


def measure(root: str) -> Iterator[Row]:
    """Commands in the given town."""
    rig = os.path.join(root, "shop")
    yield row("bare Python, for scale", ["python", "-c", "pass"], root, 0.016)
    yield row("gt status", ["gt", "status"], root, 0.10)
    yield row("gt convoy list", ["gt", "convoy", "list"], root, 0.06)
    yield row("gt convoy show", ["gt", "convoy", "show", "hq-cv-b0000"], root, 0.06)
    yield row("bd show", ["bd", "show", "sh-00002" if os.path.basename(root) else ""], rig, 0.06)
    yield row("bd ready", ["bd", "ready"], rig, 0.06)
    yield row("bd create", ["bd", "create", "from the bench"], rig, 0.06)
    yield row("bd list", ["bd", "list", "-n", "0"], rig, 0.2)
    yield row("completion of all open beads", ["bd", "__complete", "close", "."], rig, 0.06)
    yield row("completion of what to sling, and to whom", ["gt", "__complete", "sling", "."], rig, 0.06)
    bare = timed(["python", "-c", "import sqlite3, json"], root)
    yield row("gt mail inbox", ["gt", "mail", "inbox"], root, 2.2 * bare)
    yield row("gt mail check --inject", ["gt", "mail", "check", "--inject"], root, 2.2 * bare)
    yield row("gt mail send", ["gt", "mail", "send", "mayor", "-s", "from the bench"], root, 2.6 * bare)
    place = os.path.join(os.path.dirname(root), "fresh")

    def install() -> None:
        shutil.rmtree(place, ignore_errors=True)

    took = []
    for _ in range(3):
        install()
        took.append(timed(["gt", "install", place, "--git"], "/", count=1))
    install()
    yield Row("gt install", f"{statistics.median(took) * 1e3:.0f} ms", "≤ 600 ms")
    yield telemetry(root)
    yield from large_store(os.path.dirname(root))


def telemetry(root: str, count: int = 200) -> Row:
    """What telemetry adds to each command while it is on."""
    from gastown_cli.lazy import Ran
    from gastown_core.files.spool import close_spool, open_spool

    before = os.getcwd()
    open_spool(root)
    try:
        os.chdir(root)
        took = []
        for _ in range(count):
            ran = Ran("gt")
            ran.name, ran.words = "status", ["--json"]
            began = time.perf_counter()
            ran.tell(0)
            took.append(time.perf_counter() - began)
    finally:
        os.chdir(before)
        close_spool(root)
    return Row("telemetry adds to a command", f"{statistics.median(took) * 1e3:.2f} ms", "≤ 1 ms")


def large_store(folder: str) -> Iterator[Row]:
    """Import of 5 000, list of 5 000, and the flat three at 100 000."""
    for count in (5_000, 100_000):
        store = os.path.join(folder, f"store{count}")
        os.makedirs(store)
        subprocess.run([os.path.join(BIN, "bd"), "init", "-p", "xx"], cwd=store, check=True, stdout=subprocess.DEVNULL)
        source = os.path.join(folder, f"{count}.jsonl")
        with open(source, "w", encoding="utf-8") as handle:
            for number in range(count):
                handle.write(
                    json.dumps(
                        {
                            "id": f"xx-{number:06d}",
                            "title": f"Task {number}",
                            "description": "words " * 60,
                            "status": "closed" if number % 4 else "open",
                            "priority": number % 5,
                            "issue_type": "task",
                            "created_at": "2026-03-02T10:11:12Z",
                            "updated_at": "2026-03-02T10:11:12Z",
                        }
                    )
                    + "\n"
                )
        began = time.perf_counter()
        subprocess.run(
            [os.path.join(BIN, "bd"), "import", "-i", source],
            cwd=store,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        goal = "≤ 600 ms" if count == 5_000 else ""
        yield Row(f"bd import of {count}", f"{(time.perf_counter() - began) * 1e3:.0f} ms", goal)
        if count == 5_000:
            yield row("bd list of 5 000", ["bd", "list", "--all", "-n", "0"], store, 0.2)
        for words in (["bd", "show", "xx-000004"], ["bd", "ready"], ["bd", "create", "one more"]):
            yield row(f"bd {words[1]} at {count}", words, store, 0.06)
