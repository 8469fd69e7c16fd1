"""Benchmarks of a town on Dolt: 5 000 beads on a server of this machine, beside the bd of the Go tools, and a commons of 10 000 items."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from unittest import mock

from bench import console
from bench.commands import BIN, row, timed
from bench.table import Row
from bench.town import Size, make_town
from gastown_core.beads.dolt import server
from gastown_core.wasteland.clone import Clone, literal
from tests.support.dolt import free_port, program

ITEMS = 10_000


def measure(folder: str) -> Iterator[Row]:
    """Commands in a town on Dolt, the console on it, and the wanted board; nothing without the dolt program."""
    if not program():
        yield Row("a town on Dolt", "not measured: there is no dolt", "make dolt")
        return
    os.makedirs(folder)
    root = make_town(os.path.join(folder, "town"), Size(2, 12, 5_000, 200, 2_000))
    with mock.patch.dict(os.environ, {"GT_DOLT_PORT": str(free_port()), server.PROGRAM: program(), "HOME": folder}):
        try:
            subprocess.run([os.path.join(BIN, "gt"), "store", "migrate", "--to", "dolt"], cwd=root, check=True)
            yield from commands(root)
            yield from wanted(folder, root)
        finally:
            server.stop(root)


def commands(root: str) -> Iterator[Row]:
    """The store's commands, then those of the Go tools on the same database if they are here, then the console."""
    rig = os.path.join(root, "shop")
    yield row("Dolt: gt status", ["gt", "status"], root, 0.15)
    yield row("Dolt: bd ready", ["bd", "ready"], rig, 0.1)
    yield row("Dolt: bd list of all", ["bd", "list", "--all", "-n", "0"], rig, 0.4)
    yield row("Dolt: bd create", ["bd", "create", "from the bench"], rig, 0.12)
    yield row("Dolt: bd update", ["bd", "update", "sh-00002", "-p", "1"], rig, 0.12)
    yield from console.starts(root, "Dolt")


def wanted(folder: str, root: str) -> Iterator[Row]:
    """The wanted board of a commons with many items."""
    url = f"file://{folder}/commons"
    os.makedirs(os.path.join(folder, "commons"))
    gt = os.path.join(BIN, "gt")
    for words in (["create", url], ["join", url, "--handle", "bench"]):
        subprocess.run([gt, "wl", *words], cwd=root, check=True, stdout=subprocess.DEVNULL)
    clone = Clone(os.path.join(root, ".wasteland", os.path.basename(folder), "commons"))
    rows = [
        f"({literal(f'w-{n:05d}')}, {literal(f'Item {n}')}, {literal('Words about it. ' * 20)}, 'project{n % 7}', 'feature', "
        f"{n % 5}, 'mill', '{'open' if n % 4 else 'completed'}', '2026-03-02 10:11:12', '2026-03-02 10:11:12')"
        for n in range(ITEMS)
    ]
    names = "id, title, description, project, type, priority, posted_by, status, created_at, updated_at"
    clone.commit([f"INSERT INTO wanted ({names}) VALUES {', '.join(rows)}"], "many items")
    yield row(f"gt wl browse of {ITEMS}", ["gt", "wl", "browse"], root, 0.3)
    yield row(f"gt wl browse --limit 0 of {ITEMS}", ["gt", "wl", "browse", "--limit", "0"], root, 0.3)
    yield Row("  of it the dolt command", f"{timed_dolt(clone) * 1e3:.0f} ms", "")


def timed_dolt(clone: Clone) -> float:
    """Median seconds of the smallest question to the dolt command."""
    return timed([os.environ[server.PROGRAM], "sql", "-q", "SELECT 1"], clone.path)
