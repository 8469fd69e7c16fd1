"""Kill sweeps: an act is killed at a point, the daemon's duties run for 30 s of its clock, and nothing may be amiss.

The programme itself is run and killed (``GT_KILL_AT``, see ``gastown_core.files.points``) in a real town over real git;
before each kill the town is put back to how it stood, at the same path.  ``GT_DRILL=long`` sweeps every point, otherwise
a few that lie evenly apart.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Shift
from gastown_core.git.repo import Git
from gastown_core.git.worktree import list_worktrees
from gastown_core.model.address import POLECAT
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.work.convoys import tracking
from gastown_core.work.hook.hook import hooked_work
from tests.support.cli import Ran, gt
from tests.support.rigged import Rigged

LONG = os.environ.get("GT_DRILL") == "long"
SHORT_POINTS = 3
CONVERGES_S, STEP_S = 30, 10
WAITS_LOOKS = 300
"""No duty that gets on asks for the time so often."""
OUR_LOCKS = ("config.gastown.lock", "exclude.lock")
"""Beside git's own files; they are never removed, and held by nobody who is dead."""
POINT = re.compile(r"point (\d+): (.*)")


class DrillClock(FixedClock):
    """Stands still until it is moved, and runs on for a duty that looks at it again and again: it waits for company."""

    looks = 0

    def now(self) -> float:
        self.looks += 1
        if self.looks > WAITS_LOOKS:
            self.at += 1.0
        return self.at


class Drilled:
    """A rigged town that can be put back to where it stood."""

    def __init__(self, rigged: Rigged, kept: str) -> None:
        self.town = rigged
        self.root = rigged.root
        self.base = os.path.dirname(rigged.root)
        self.kept = kept
        self.end_sessions: Callable[[], None] = lambda: None

    def keep(self) -> None:
        """Remember the town as it stands; nothing runs in it."""
        shutil.copytree(self.base, self.kept, symlinks=True)

    def put_back(self) -> None:
        self.end_sessions()
        while os.path.exists(self.base):
            # an index that is let go just now takes its own files away
            with suppress(FileNotFoundError):
                shutil.rmtree(self.base)
        shutil.copytree(self.kept, self.base, symlinks=True)

    def converge(self) -> None:
        """Let the daemon's duties run for 30 s of its clock, woken at every turn."""
        clock = DrillClock(SYSTEM_CLOCK.now())
        for _ in range(0, CONVERGES_S + 1, STEP_S):
            for duty in duties_of(self.root):
                clock.looks = 0
                duty.work(Shift(self.root, clock, lambda: False))
            clock.advance(STEP_S)

    @property
    def polecats(self) -> list[RosterEntry]:
        return [one for one in read_inventory(self.root).agents if one.address.role == POLECAT]

    def amiss(self) -> list[str]:
        """What no town may have once it has come to rest."""
        return [*self._files_amiss(), *self._git_amiss(), *self._ledger_amiss(), *self._hooks_amiss()]

    def files(self) -> list[str]:
        return [os.path.join(place, name) for place, _, names in os.walk(self.base) for name in names]

    def _files_amiss(self) -> list[str]:
        found = []
        for path in self.files():
            place, name = os.path.split(path)
            is_left = ".tmp" in name or name.endswith(".pending") or name.startswith("intent-")
            is_lock = name.endswith(".lock") and ".git" in place and name not in OUR_LOCKS
            if is_left or is_lock:
                found.append(f"left over: {os.path.relpath(path, self.base)}")
        return found

    def _git_amiss(self) -> list[str]:
        bare = Git(os.path.join(self.root, "shop", ".repo.git"))
        trees = list_worktrees(bare)
        found = [f"worktree without its folder: {tree.path}" for tree in trees if not os.path.isdir(tree.path)]
        found += [f"probe left: {tree.path}" for tree in trees if "/trees/" in tree.path]
        stood_on = {tree.branch.removeprefix("refs/heads/") for tree in trees if tree.branch}
        rows = bare.run("for-each-ref", "--format=%(refname:short)", "refs/heads/polecat").split()
        # a branch of work handed in goes with its merge
        handed_in = {str(one.get("branch")) for one in self._requests()}
        found += [f"branch that nobody stands on: {row}" for row in rows if row not in stood_on | handed_in]
        for entry in self.polecats:
            if not os.path.exists(os.path.join(entry.work_dir, ".git")):
                found.append(f"polecat without a worktree: {entry.address.short}")
        return found

    def _requests(self) -> list[Mapping[str, object]]:
        query = BeadQuery(types=("merge-request",), exclude_statuses=("closed",), include_wisps=True)
        found = [bead.raw.get("metadata") for bead in self.town.ledger.store_for("sh-x").find(query)]
        return [one["mr"] for one in found if isinstance(one, dict) and isinstance(one.get("mr"), dict)]

    def _ledger_amiss(self) -> list[str]:
        found = []
        for name in (
            ".events.jsonl",
            ".beads/issues.jsonl",
            ".beads/wisps.jsonl",
            "shop/mayor/rig/.beads/issues.jsonl",
        ):
            path = os.path.join(self.root, name)
            for number, line in enumerate(open(path, encoding="utf-8") if os.path.exists(path) else (), 1):
                try:
                    json.loads(line)
                except ValueError:
                    found.append(f"{name}:{number} is no JSON: {line[:60]!r}")
        return found

    def _hooks_amiss(self) -> list[str]:
        found = []
        ledger = self.town.ledger
        for entry in self.polecats:
            held = hooked_work(ledger, entry.address, "sh")
            if len(held) > 1:
                found.append(f"{entry.address.short} has {len(held)} beads on the hook")
            record = ledger.get(entry.bead_id)
            named = record.fields.get("hook_bead", "") if record is not None else ""
            at_work = ledger.get(named) if named else None
            if at_work is not None and at_work.status not in (HOOKED, IN_PROGRESS):
                state = record.fields.get("hook_state") if record is not None else ""
                if state not in ("suspended", "completed"):
                    found.append(f"the record of {entry.address.short} names {named}, which is {at_work.status}")
        return found


class Act(NamedTuple):
    """What is killed: the words of ``gt`` (or ``bd``), and where and as whom it runs."""

    words: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = {}
    program: Callable[..., Ran] = gt

    def run(self, point: str = "") -> Ran:
        more = {"GT_KILL_AT": point} if point else {}
        return self.program(*self.words, cwd=self.cwd, **self.env, **more)


def as_worker(entry: RosterEntry, *words: str) -> Act:
    """What the agent itself does, in its worktree."""
    address = entry.address
    env = {"GT_ROLE": address.path, "GT_RIG": address.rig, "GT_POLECAT": address.name, "GT_SESSION": entry.session}
    return Act(words, entry.work_dir, {**env, "BD_ACTOR": address.path})


def spread(count: int, most: int) -> list[int]:
    """``most`` of the numbers 1 to ``count``, evenly apart, the last one among them."""
    if LONG or count <= most:
        return list(range(1, count + 1))
    return sorted({round((number + 1) * count / most) for number in range(most)})


def sweep(
    drilled: Drilled,
    act: Act,
    finish: Callable[[], list[str]],
    *,
    most: int = SHORT_POINTS,
    daemon: bool = True,
    begin: Callable[[], object] = lambda: None,
    always: str = "",
) -> None:
    """Kill the act at its points; after each the daemon's 30 s pass, and ``finish`` goes on and tells what is wrong.

    ``begin`` sets going what a copy of the files cannot hold; a point named ``always`` is among the few of the short form.
    """
    drilled.keep()
    begin()
    listed = act.run("list")
    assert listed.code == 0, listed.err
    points = {int(number): name for number, name in POINT.findall(listed.err)}
    assert points, "the act passes no point"
    wrong, kills = [], 0
    for number in sorted({*spread(len(points), most), *(at for at, name in points.items() if name == always)}):
        drilled.put_back()
        begin()
        ran = act.run(str(number))
        # side by side the parts of an act pass a point more or less
        assert ran.code in (0, -signal.SIGKILL), (number, points[number], ran)
        kills += ran.code != 0
        if daemon:
            drilled.converge()
        found = [*(drilled.amiss() if daemon else []), *finish()]
        wrong += [f"killed at {number}, {points[number]}: {one}" for one in found]
    note(act, len(points), kills, wrong)
    assert kills, "nothing was killed"
    assert not wrong, "\n".join(wrong)


def note(act: Act, points: int, kills: int, wrong: list[str]) -> None:
    """The line of a sweep of an act."""
    note_sweep(act.words[0], points, kills, wrong)


def note_sweep(what: str, points: int, kills: int, wrong: list[str]) -> None:
    """A line for the report of ``make drill``."""
    path = os.environ.get("GT_DRILL_REPORT", "")
    if path:
        with open(path, "a", encoding="utf-8") as handle:
            handle.write(f"{what}: {kills} kills at {points} points, {len(wrong)} faults\n")
            handle.writelines(f"  {line}\n" for line in wrong)


def open_convoys(town: Rigged, bead: str) -> list[str]:
    return [one.id for one in tracking(town.ledger, bead) if one.status != "closed"]


def counted(town: Rigged, *kinds: str) -> Counter[str]:
    return Counter(str(event["type"]) for event in town.events(*kinds))
