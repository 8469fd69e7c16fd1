"""A queue of several batches in flight that can be killed, put back, and asked what is wrong once it has come to rest.

Everything good has landed once then, nothing bad ever has, and nothing is left over.  What the target ever was is read
from the origin's reflog.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gastown_core.model.bead import OPEN
from gastown_core.model.merge_request import MERGED, MergeRequest
from gastown_core.refinery import planner
from gastown_core.refinery.engine import process
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.records import recent
from gastown_core.refinery.untested import read_untested
from tests.drills import flying
from tests.support.queued import Queued

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECK = """\
sleep 0.1
case "$(ls -R | grep -v :)" in *bad*) echo "found a bad one"; exit 1;; *pair-a*pair-b*) echo "not together"; exit 1;; esac
"""
LANES = {"web": ["web/"], "core": ["core/"]}


class Formation(NamedTuple):
    """How batches fly: what settings make of them, what they hand in, best first, and what their flight says of itself."""

    name: str
    settings: dict[str, Any]
    files: tuple[str, ...]
    says: str
    is_chain: bool = False


BESIDE = Formation(
    "beside",
    {"max_concurrent": 2, "batch": {"max_batch_size": 2}},
    ("file0", "file1", "pair-a", "pair-b", "bad"),
    r"in flight: 2, chained: [01]\b",
)
CHAIN = Formation(
    "chain",
    {"max_concurrent": 3, "batch": {"max_batch_size": 2}},
    ("file0", "pair-a", "file1", "file2", "bad", "pair-b"),
    r"in flight: 3, chained: 3\b",
    is_chain=True,
)
"""The first lands, the second lands after it without another run, the third is red."""
TOPPLED = CHAIN._replace(name="toppled", files=("file0", "bad", "pair-a", "file1", "pair-b", "file2"))
"""The first is red, and what stands on it is cut off."""
APART = Formation(
    "lanes",
    {
        "max_concurrent": 3,
        "batch": {"max_batch_size": 2},
        "lanes": LANES,
        "gates": {
            "web": {"cmd": CHECK, "paths": ["web/"]},
            "core": {"cmd": CHECK, "paths": ["core/"]},
            "whole": {"cmd": CHECK},
        },
    },
    ("web/pair-a", "core/file0", "web/file1", "core/file2", "web/pair-b", "core/bad"),
    r"lands apart",
)
FORMATIONS = (BESIDE, CHAIN, TOPPLED, APART)


class Flown:
    """The queue of a formation: it has one bad request, and a pair of which each is good without the other."""

    def __init__(self, queued: Queued, kept: str, formation: Formation) -> None:
        self.queued = queued
        self.formation = formation
        self.base = os.path.dirname(queued.root)
        self.kept = kept
        queued.settings(**{"gates": {"check": {"cmd": CHECK}}, **formation.settings})
        queued.origin.run("config", "core.logAllRefUpdates", "always")
        self.requests = {
            os.path.basename(name): queued.hand_in({name: "1"}, priority=place // 2)
            for place, name in enumerate(formation.files)
        }
        self.theirs = 0
        shutil.copytree(self.base, kept, symlinks=True)

    def plan(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let engines of this process, too, fly in the formation."""
        if self.formation.is_chain:
            monkeypatch.setattr(planner, "begins", flying.begins_alone)
            monkeypatch.setattr(planner, "chains", flying.chains_always)

    def put_back(self) -> None:
        shutil.rmtree(self.base)
        shutil.copytree(self.kept, self.base, symlinks=True)
        self.theirs = 0

    def fly(self, kill_at: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the engine until it ends, or is killed at this point."""
        words = [sys.executable, "-m", "tests.drills.flying", self.queued.root]
        words += ["chain"] if self.formation.is_chain else []
        more = {**os.environ, "PYTHONPATH": HERE, "GT_KILL_AT": kill_at, **env}
        ran = subprocess.run(words, env=more, capture_output=True, text=True, timeout=120)
        assert ran.returncode in (0, -signal.SIGKILL), (kill_at, ran.stderr)
        return ran

    def fly_with(self, folder: Path, fatal: int) -> int:
        """Fly until the given call of git, which outlives the engine; how many calls there were."""
        counted = folder / "counted"
        counted.unlink(missing_ok=True)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        self.fly("", PATH=path, GT_COUNTED=str(counted), GT_FATAL=str(fatal))
        return len(counted.read_text().splitlines())

    def is_formed(self, said: str) -> bool:
        """Whether a flight has flown as its formation should."""
        return re.search(self.formation.says, said) is not None

    def push_from_outside(self) -> None:
        """Somebody pushes a commit onto the target, whatever it is now."""
        self.theirs += 1
        origin = self.queued.origin
        while True:
            before = self.queued.tip()
            made = self.queued.commit({f"theirs{self.theirs}": "1"}, "Theirs", parent=before, git=origin)
            if origin.attempt("update-ref", "-m", "push", "refs/heads/main", made, before).code == 0:
                return

    def amiss(self) -> list[str]:
        """What is wrong once the queue has come to rest."""
        for _ in range(4):
            if not process(self.queued.root, "shop"):
                break
        return [*self._content(), *self._ledger(), *self._history(), *self._records()]

    def _content(self) -> list[str]:
        merged = sorted(self.queued.merged())
        ids = {name: one.id for name, one in self.requests.items()}
        one_of_pair = [ids[name] for name in ("pair-a", "pair-b") if ids[name] in merged]
        wanted = sorted([*(one for name, one in ids.items() if name.startswith("file")), *one_of_pair])
        wrong = [] if merged == wanted else [f"on main: {merged}, wanted {wanted}"]
        wrong += [] if len(one_of_pair) == 1 else [f"of the pair landed {one_of_pair}"]
        count = self.queued.subjects().count("Theirs")
        wrong += [] if count == self.theirs else [f"{count} of {self.theirs} pushes from outside are there"]
        owed = read_untested(Refinery(self.queued.root, "shop"), "main")
        wrong += [f"never tested together: {owed.batches}"] if owed is not None else []
        return wrong + [f"left over: {one}" for one in self.queued.leftovers()]

    def _ledger(self) -> list[str]:
        merged = self.queued.merged()
        told = sorted(str(event["payload"]["mr"]) for event in self.queued.events("merged"))
        wrong = [] if told == sorted(merged) else [f"told: {told}, merged {sorted(merged)}"]
        for one in self.requests.values():
            wrong += self._of_request(one, is_in=one.id in merged)
        return wrong

    def _of_request(self, one: MergeRequest, *, is_in: bool) -> list[str]:
        now, work = self.queued.request(one.id), self.queued.bead(one.source_issue)
        if is_in:
            return [] if now.close_reason == MERGED and work.is_closed else [f"{one.id} landed, and is {now.status}"]
        is_back = not now.is_claimed and work.status == OPEN
        return [] if is_back else [f"{one.id} did not land; it is {now.status}, its work {work.status}"]

    def _history(self) -> list[str]:
        """Every commit that the target ever was at must be green."""
        log = Path(self.queued.origin.path, "logs", "refs", "heads", "main")
        ever = [line.split()[1] for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        wrong = []
        for commit in ever:
            listed = self.queued.origin.run("ls-tree", "-r", "--name-only", commit).splitlines()
            files = {os.path.basename(name) for name in listed}
            if "bad" in files or {"pair-a", "pair-b"} <= files:
                wrong.append(f"main was red at {commit[:8]}: {sorted(files)}")
        return wrong if ever else ["main never moved, or the origin kept no reflog"]

    def _records(self) -> list[str]:
        """What landed is in one record, whoever was killed after the push."""
        told = sorted(name for batch in recent(self.queued.rig, 1000) for name in batch.merged)
        merged = sorted(self.queued.merged())
        return [] if told == merged else [f"recorded: {told}, merged {merged}"]
