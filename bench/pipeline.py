"""The work pipeline's figures: cooking a long formula, how soon a closed bead's dependent is on its way, and how soon
finished work is on the target."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.commands import row
from bench.table import Row

BIN = os.path.dirname(sys.executable)
ROUNDS = 5


def gt(*words: str, cwd: str) -> str:
    """What ``gt`` (or ``bd``) said; raises if it fails."""
    done = subprocess.run([os.path.join(BIN, words[0]), *words[1:]], cwd=cwd, check=True, capture_output=True)
    return done.stdout.decode()


def measure(folder: str) -> Iterator[Row]:
    """A fresh town with one rig and its daemon."""
    root = os.path.join(folder, "pipeline")
    make_town(root, folder)
    yield cook(root)
    gt("gt", "daemon", "start", cwd=root)
    try:
        # first, while nobody else is at work
        yield land(root, os.path.join(folder, "source"))
        yield from dispatch(root)
    finally:
        gt("gt", "down", cwd=root)


def make_town(root: str, folder: str) -> None:
    """A town of scripted agents with the rig ``shop``."""
    source = os.path.join(folder, "source")
    for words in (["init", "-q", "-b", "main", source], ["-C", source, "commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", *words], check=True)
    gt("gt", "install", root, cwd="/")
    gt("gt", "rig", "add", "shop", f"file://{source}", "--prefix", "sh", cwd=root)
    gt("gt", "config", "default-agent", "scripted", cwd=root)


def cook(root: str) -> Row:
    """``bd cook`` of a chain of a hundred steps, as a whole process."""
    folder = os.path.join(root, ".beads", "formulas")
    os.makedirs(folder, exist_ok=True)
    lines = ['formula = "long"', "[vars.name]", "required = true"]
    for number in range(100):
        lines += ["[[steps]]", f'id = "s{number}"', f'title = "Step {number} of {{{{name}}}}"', 'description = "do it"']
        lines += [f'needs = ["s{number - 1}"]'] if number else []
    with open(os.path.join(folder, "long.formula.toml"), "w", encoding="utf-8") as handle:
        handle.write("\n".join(lines) + "\n")
    return row("bd cook of 100 steps", ["bd", "cook", "long", "--var", "name=x"], root, 0.1)


def dispatch(root: str) -> Iterator[Row]:
    """From the end of ``bd close`` to the first trace of the dependent's sling, and to its hook."""
    rig = os.path.join(root, "shop")
    begun, hooked = [], []
    for number in range(ROUNDS):
        first = gt("bd", "q", f"First {number}", cwd=rig).strip()
        gt("bd", "update", first, "--status", "in_progress", "--assignee", "shop/crew/ana", cwd=rig)
        second = gt("bd", "q", f"Second {number}", cwd=rig).strip()
        gt("bd", "dep", "add", second, first, cwd=rig)
        gt("gt", "convoy", "create", f"Pair {number}", first, second, cwd=root)
        time.sleep(1.0)
        gt("bd", "close", first, cwd=rig)
        closed = time.perf_counter()
        lock = os.path.join(root, ".runtime", "locks", "sling", f"{second}.flock")
        wait(lambda lock=lock: os.path.exists(lock))
        begun.append(time.perf_counter() - closed)
        wait(lambda second=second: json.loads(gt("bd", "show", second, "--json", cwd=rig))[0]["status"] != "open")
        hooked.append(time.perf_counter() - closed)
    yield Row("close to dependent's sling", f"{statistics.median(begun):.2f} s, at most {max(begun):.2f}", "≤ 0.5 s")
    yield Row("close to dependent's hook", f"{statistics.median(hooked):.2f} s", "")


def land(root: str, source: str) -> Row:
    """From the start of ``gt done`` to the commit on the target: one request, two trivial gates, nobody else at work."""
    settings = os.path.join(root, "shop", "settings", "config.json")
    with open(settings, encoding="utf-8") as handle:
        value = json.load(handle)
    gates = {"unit": {"cmd": "true"}, "lint": {"cmd": "true"}}
    value.setdefault("merge_queue", {})["gates"] = gates
    with open(settings, "w", encoding="utf-8") as handle:
        json.dump(value, handle)
    # a repository with a checkout of its own takes no push to the branch that it stands on
    subprocess.run(["git", "-C", source, "checkout", "-q", "--detach"], check=True)
    took, done = [], []
    for number in range(ROUNDS):
        bead = gt("bd", "q", f"Land {number}", cwd=os.path.join(root, "shop")).strip()
        told = json.loads(gt("gt", "sling", bead, "shop", "--no-session", "--no-convoy", "--json", cwd=root))
        tree = told["worktree"]
        with open(os.path.join(tree, f"file{number}"), "w", encoding="utf-8") as handle:
            handle.write("text\n")
        subprocess.run(["git", "-C", tree, "add", "."], check=True)
        subprocess.run(["git", "-C", tree, "commit", "-q", "-m", f"Land {number}"], check=True)
        began = time.perf_counter()
        gt("gt", "done", cwd=tree)
        done.append(time.perf_counter() - began)
        wait(lambda number=number: on_main(source, f"file{number}"), 60.0)
        took.append(time.perf_counter() - began)
    return Row(
        "gt done to the commit on the target",
        f"{statistics.median(took):.2f} s, at most {max(took):.2f}; of that gt done {statistics.median(done):.2f}",
        "≤ 2 s",
    )


def on_main(source: str, name: str) -> bool:
    """Whether the branch has that file."""
    return subprocess.run(["git", "-C", source, "cat-file", "-e", f"main:{name}"], capture_output=True).returncode == 0


def wait(true, within_s: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    """Until ``true()``; raises TimeoutError."""
    deadline = time.perf_counter() + within_s
    while not true():
        if time.perf_counter() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.005)
