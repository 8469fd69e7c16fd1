"""Benchmarks of beads on Dolt, on a server of this machine: a town of 5,000, ``bd`` beside that of the Go tools, and a commons of 10,000 items."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from bench import console
from bench.commands import BIN, row, timed
from bench.table import Row
from bench.town import Size, make_town, record
from gastown_core.beads import ledger_line
from gastown_core.beads.dolt import server
from gastown_core.beads.dolt.loading import load
from gastown_core.beads.dolt.schema import read_schema
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.bead import Bead
from gastown_core.wasteland.clone import Clone, literal
from tests.support.dolt import Server, free_port, program, serve
from tests.support.go_bd import GoProject, go_bds

ITEMS = 10_000
SIZE = Size(2, 12, 5_000, 200, 2_000)
COMMANDS = (
    ("ready", ("ready",), 0.1),
    ("list of all", ("list", "--all", "-n", "0"), 0.4),
    ("create", ("create", "from the bench"), 0.12),
    ("update", ("update", "xx-00002", "-p", "1"), 0.12),
)
"""Name, words of ``bd``, and the goal of ours."""


def measure(folder: str) -> Iterator[Row]:
    """Commands in a town on Dolt, the console on it, ``bd`` beside the Go tools', and the wanted board; nothing without dolt."""
    if not program():
        yield Row("a town on Dolt", "not measured: there is no dolt", "make dolt")
        return
    os.makedirs(folder)
    yield Row("load of the machine", " ".join(f"{load:.1f}" for load in os.getloadavg()), "")
    yield row("bare Python, for scale", ["python", "-c", "pass"], folder, 0.016)
    root = make_town(os.path.join(folder, "town"), SIZE)
    with mock.patch.dict(os.environ, {"GT_DOLT_PORT": str(free_port()), server.PROGRAM: program(), "HOME": folder}):
        try:
            subprocess.run([os.path.join(BIN, "gt"), "store", "migrate", "--to", "dolt"], cwd=root, check=True)
            yield row(f"Dolt: gt status, {SIZE.beads} beads", ["gt", "status"], root, 0.15)
            yield from console.starts(root, "Dolt")
            yield from wanted(folder, root)
        finally:
            server.stop(root)
    yield from beside_go(folder)


def beside_go(folder: str) -> Iterator[Row]:
    """``bd`` on one store of 5,000 beads, ours and the Go tools' on the same database; bd 1.0.0 reads only such as it made."""
    os.makedirs(os.path.join(folder, "server"))
    running = Server(os.path.join(folder, "server"))
    try:
        with mock.patch.dict(os.environ, {"HOME": folder, "BD_NON_INTERACTIVE": "1"}):
            programs = {os.path.basename(os.path.dirname(path)): path for path in go_bds()}
            old = programs.pop("v1.0.0", "")
            yield from compared(own_project(Path(folder, "own"), running), programs, is_own=True)
            if old:
                project = go_project(Path(folder, "old"), running, old)
                yield from compared(project, {"v1.0.0": old}, is_own=False)
            if not old and not programs:
                yield Row("the bd of the Go tools", "not measured: there is none", ".ci/go-bd [VERSION] builds it")
    finally:
        running.stop()


def compared(root: str, programs: dict[str, str], *, is_own: bool) -> Iterator[Row]:
    """Each command by our ``bd`` and by those of the Go tools, and how many times longer these take."""
    for name, words, goal in COMMANDS:
        ours = timed(["bd", *words], root)
        told = [f"{ours * 1e3:.0f} ms"]
        for version, path in programs.items():
            theirs = timed([path, *words], root, count=5)
            told.append(f"Go {version} {theirs * 1e3:.0f} ms, {theirs / ours:.1f} ×")
        where = "" if is_own else " (their database)"
        yield Row(f"Dolt: bd {name}{where}", "; ".join(told), f"≤ {goal * 1e3:.0f} ms" if is_own else "")


def beads() -> list[Bead]:
    """As many beads as the town has, for one store."""
    rng = random.Random(7)
    now = SYSTEM_CLOCK.now()
    return [
        Bead(record(f"xx-{number:05d}", number, now, rng, "xx", replace(SIZE, rigs=1))) for number in range(SIZE.beads)
    ]


def own_project(root: Path, running: Server) -> str:
    """A folder with a store in a database that was made here."""
    database = running.new_database()
    link = running.link(database)
    load(link, read_schema(link), beads(), {"issue_prefix": "xx"})
    link.close()
    serve(str(root / ".beads"), running, database)
    return str(root)


def go_project(root: Path, running: Server, path: str) -> str:
    """A folder with a store in a database that the given program of the Go tools made, with the same beads."""
    root.parent.mkdir(exist_ok=True)
    project = GoProject(root, running, "xx", path)
    source = root / "beads.jsonl"
    source.write_bytes(b"".join(ledger_line.encode(bead.raw) + b"\n" for bead in beads()))
    subprocess.run([os.path.join(BIN, "bd"), "import", "-i", str(source)], cwd=root, check=True, capture_output=True)
    project.bd("dolt", "commit")
    return str(root)


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
