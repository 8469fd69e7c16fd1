"""Benchmarks of the refinery: one culprit among sixteen with gates of a fixed cost, a green batch, and the price of a stack."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator

from bench.table import Row
from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.git.repo import Git, Identity
from gastown_core.model.merge_request import LABEL
from gastown_core.model.refinery import CACHED
from gastown_core.refinery.engine import process
from gastown_core.refinery.merge_queue import survey
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import BatchResult
from gastown_core.refinery.stack import Stacker
from gastown_core.refinery.state_file import read_state
from gastown_core.refinery.tips import find_tips, pieces
from gastown_core.refinery.worktrees import Worktrees
from gastown_core.town.install import install_town
from gastown_core.town.rigs import add_rig

GATE_S = 0.2
COUNT = 16
GATE = f"sleep {GATE_S}; test ! -e bad"


def measure(folder: str) -> Iterator[Row]:
    """Build a rig with a queue, then merge it in several ways."""
    os.makedirs(folder)
    origin = Git(os.path.join(folder, "origin.git"), identity=Identity("op", "op@example.org"))
    os.makedirs(origin.path)
    origin.run("init", "--quiet", "--bare", "--initial-branch=main")
    commit(origin, "", {f"src/file{number}": "text\n" * 50 for number in range(500)}, branch="main")
    root = os.path.join(folder, "town")
    install_town(root, name="bench")
    add_rig(root, "shop", origin.path, prefix="sh")
    yield stacking(root)
    for width in (1, 2):
        places = (0, 7, 15)
        results = [with_culprit(root, place, width) for place in places]
        after = max(after for _, after in results)
        took = statistics.median(one.secs for one, _ in results)
        name = f"1 culprit in {COUNT}, {width} at a time"
        yield Row(
            name,
            f"{after} gate runs after the first red, {took:.1f} s",
            f"≤ 8 (+ base), gates of {GATE_S:g} s",
        )
    green = hand_in_and_merge(root, -1, 1)
    yield Row(f"{COUNT} green in one batch", f"{green.runs} gate run, {green.secs:.2f} s", "1 gate run")
    began = time.perf_counter()
    process(root, "shop")
    yield Row("an empty look at the queue", f"{(time.perf_counter() - began) * 1e3:.0f} ms", "≤ 20 ms")


def stacking(root: str) -> Row:
    """Sixteen branches on the target without a checkout."""
    hand_in(root, -1)
    place = Refinery(root, "shop")
    queue = survey(place.ledger, "sh", "shop", SYSTEM_CLOCK.now()).ready
    base, tips = find_tips(place.git, "main", queue)
    began = time.perf_counter()
    made = pieces(place.git, base, queue, tips, {})
    stacker = Stacker(place.git, base, made, Worktrees(place.git, place.file("trees")), clock=SYSTEM_CLOCK)
    stacker.stack([one.id for one in queue])
    took = time.perf_counter() - began
    settings(root, 1)
    process(root, "shop")
    return Row(f"stack of {COUNT}", f"{took * 1e3:.0f} ms", "≤ 500 ms")


def with_culprit(root: str, place: int, width: int) -> tuple[BatchResult, int]:
    """A batch whose ``place``-th request breaks the gate, and its gate runs after the first red one.

    A run of the bare target is counted apart.
    """
    result = hand_in_and_merge(root, place, width)
    assert len(result.merged) == COUNT - 1 and len(result.culprits) == 1, result
    state = read_state(os.path.join(root, "shop"))
    assert state is not None
    ran = [probe for probe in state.probes[1:] if probe.result != CACHED and probe.purpose != "base"]
    return result, len(ran)


def hand_in_and_merge(root: str, bad: int, width: int) -> BatchResult:
    """A fresh queue, merged as one batch."""
    settings(root, width)
    hand_in(root, bad)
    return process(root, "shop", once=True)[0]


def settings(root: str, width: int) -> None:
    """One gate of fixed cost; work that comes back is not handed out again."""
    queue = {
        "gates": {"check": {"cmd": GATE}},
        "batch": {"min_batch_size": COUNT, "max_batch_size": COUNT},
        "max_concurrent": width,
        "max_retry_count": 1,
    }
    with open(os.path.join(root, "shop", "settings", "config.json"), "w", encoding="utf-8") as handle:
        json.dump({"type": "rig-settings", "version": 1, "merge_queue": queue}, handle)


def hand_in(root: str, bad: int) -> None:
    """Sixteen requests, their ids in the order of their scores; the one at ``bad`` is a culprit."""
    git = Git(os.path.join(root, "shop", ".repo.git"), identity=Identity("op", "op@example.org"))
    base = git.run("ls-remote", "origin", "refs/heads/main").split()[0]
    git.run("fetch", "--quiet", "origin", "+refs/heads/main:refs/remotes/origin/main")
    stamp = time.time_ns()
    refs = []
    store = TownLedger(root).store_for("sh-x")
    with store.write("overseer") as batch:
        for number in range(COUNT):
            files = {"bad": "1"} if number == bad else {f"new{stamp}-{number}": "1"}
            made = commit(git, base, files)
            branch = f"polecat/cat{number}/b{stamp}-{number}"
            refs.append(f"{made}:refs/heads/{branch}")
            work = batch.create({"title": f"Work {number}", "status": "in_review"})
            mr = {"branch": branch, "target": "main", "source_issue": work.id, "rig": "shop", "commit_sha": made}
            fields = {"title": f"Merge: {work.id}", "issue_type": "merge-request", "labels": [LABEL]}
            created = SYSTEM_CLOCK.now() - 3600.0 * (COUNT - number)
            batch.create({**fields, "created_at": created, "metadata": {"mr": mr}})
    git.run("push", "--quiet", "origin", *refs)


def commit(git: Git, parent: str, files: dict[str, str], *, branch: str = "") -> str:
    """A commit made without a working tree."""
    env = {"GIT_INDEX_FILE": os.path.join(git.path, "bench-index")}
    git.run("read-tree", parent, env=env) if parent else git.run("read-tree", "--empty", env=env)
    for name, text in files.items():
        blob = git.run("hash-object", "-w", "--stdin", stdin=text.encode())
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", env=env)
    tree = git.run("write-tree", env=env)
    made = git.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-m", "work")
    if branch:
        git.run("update-ref", f"refs/heads/{branch}", made)
    return made
