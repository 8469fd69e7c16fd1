"""Two rigs whose workers hand in at once, with four gate places for the town: all of it lands, watched in gt feed.

``make drill`` does it for ten minutes with eight polecats, everything else with a few beads.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.git.landed import landed_requests
from gastown_core.git.repo import Git
from gastown_core.model.bead import CLOSED
from gastown_core.model.merge_request import LABEL, read_request
from gastown_core.tmux.server import TmuxServer
from gastown_core.town import sessions
from gastown_core.town.rigs import add_rig
from tests.drills.drilled import LONG
from tests.drills.night import QUICK, _edit
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.repos import commit_files, make_repo
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux, screen, start_plain

MINUTES = float(os.environ.get("GT_DRILL_MINUTES", "10")) if LONG else 0.0
AGENTS = 8 if LONG else 4
PLACES = 4
BEADS = int(os.environ.get("GT_DRILL_BEADS", str(AGENTS * max(2, round(MINUTES * 1.5))))) if LONG else 6
GATE_S = 20.0 if LONG else 1.0
LEAST_USED = PLACES if LONG else 2
"""How many places must have been in use at once; in the short form the first gate waits for that of the other rig."""
MEETS = (
    ""
    if LONG
    else "tries=0; until test $(grep -c + {log}) -ge 2 -o $tries -ge 900; do sleep 0.1; tries=$((tries + 1)); done;"
)
pytestmark = [needs_tmux, pytest.mark.timeout(1800 + 120 * MINUTES if LONG else 900)]
RIGS = {"shop": "sh", "cart": "ct"}


class TwoRigs:
    """The town; ``log`` has a line for each gate that begins or ends."""

    def __init__(self, rigged: Rigged) -> None:
        self.rigged, self.root = rigged, rigged.root
        self.base = os.path.dirname(self.root)
        self.log = os.path.join(self.base, "gates.log")
        self.origins = {"shop": rigged.origin.path, "cart": os.path.join(self.base, "cart.git")}
        self.beads: dict[str, list[str]] = {name: [] for name in RIGS}

    def begin(self) -> None:
        """Add the second rig, set gates and places, start the town and file the work in a convoy for each rig."""
        Git(self.base).run(
            "clone", "-q", "--bare", make_repo(os.path.join(self.base, "cart-src")).path, self.origins["cart"]
        )
        add_rig(self.root, "cart", self.origins["cart"], prefix=RIGS["cart"])
        town: dict[str, object] = {**QUICK, "agents": {"scripted": {"env": {"GT_SCRIPT_PACE": "0.1"}}}}
        town |= {"scheduler": {"max_polecats": AGENTS, "batch_size": AGENTS}, "merge_queue": {"gate_slots": PLACES}}
        _edit(os.path.join(self.root, "settings", "config.json"), town)
        check = f"echo + >> {self.log}; {MEETS.format(log=self.log)} sleep {GATE_S}; echo - >> {self.log}; sh check.sh"
        for name in RIGS:
            work = make_repo(os.path.join(self.base, f"gate-{name}"))
            work.run("fetch", "-q", self.origins[name], "main")
            work.run("reset", "-q", "--hard", "FETCH_HEAD")
            commit_files(work, {"check.sh": "exit 0\n"}, "Check")
            work.run("push", "-q", self.origins[name], "HEAD:main")
            queue: dict[str, object] = {"gates": {"check": {"cmd": check}}, "max_concurrent": PLACES}
            queue["batch"] = {"max_batch_size": 2 if LONG else 3, "batch_wait_time": "1s"}
            _edit(os.path.join(self.root, name, "settings", "config.json"), {"merge_queue": queue})
        self.run("up")
        for name, prefix in RIGS.items():
            with self.rigged.ledger.store_for(f"{prefix}-x").write("overseer") as batch:
                for number in range(BEADS // 2):
                    fields = {"title": f"Work {number}", "labels": ["mood:steady"], "issue_type": "task"}
                    self.beads[name].append(batch.create({**fields, "description": "1. write it\n2. end it\n"}).id)
            self.run("convoy", "create", f"Part of {name}", *self.beads[name], "--human")

    def run(self, *words: str) -> None:
        done = gt(*words, cwd=self.root)
        assert done.code == 0, (words, done.out, done.err)

    def open_beads(self) -> dict[str, str]:
        status = self.rigged.ledger.statuses([one for beads in self.beads.values() for one in beads])
        return {bead: one for bead, one in status.items() if one != CLOSED}

    def places_used(self) -> tuple[int, int]:
        """The most gates that ran at once, and how many runs there were."""
        with open(self.log, encoding="utf-8") as handle:
            marks = handle.read().split()
        now = most = 0
        for mark in marks:
            now += 1 if mark == "+" else -1
            most = max(most, now)
        return most, marks.count("+")

    def faults(self) -> list[str]:
        """What is wrong when all of it is closed."""
        told: list[str] = []
        for name, prefix in RIGS.items():
            found = self.rigged.ledger.store_for(f"{prefix}-x").find(BeadQuery(labels_all=(LABEL,), include_wisps=True))
            merged = [one for one in map(read_request, found) if one.close_reason == "merged"]
            landed = Counter(one.source_issue for one in merged)
            told += [f"{bead} of {name} landed {landed[bead]} times" for bead in self.beads[name] if landed[bead] != 1]
            proof = landed_requests(Git(self.origins[name]), "refs/heads/main")
            told += [f"{one.id} is not on main of {name}" for one in merged if one.id not in proof]
        with open(os.path.join(self.root, "daemon", "daemon.log"), encoding="utf-8") as handle:
            told += [f"the daemon: {line.strip()}" for line in handle if "internal error" in line]
        return told


def test_two_rigs_share_the_gate_places_and_everything_lands_once(sessions_too: Rigged, server: TmuxServer) -> None:
    town = TwoRigs(sessions_too)
    town.begin()
    program = os.path.join(os.path.dirname(sys.executable), "gt")
    console = start_plain(server, "console", program, "feed", cwd=town.root)
    began = time.monotonic()
    seen: set[str] = set()

    def look() -> bool:
        shown = screen(server, console)
        seen.update(name for name in RIGS if name in shown)
        return not town.open_beads()

    try:
        until(look, "everything lands", timeout_s=60.0 * MINUTES + 900.0 if LONG else 500.0)
    finally:
        most, runs = town.places_used() if os.path.exists(town.log) else (0, 0)
        story = f"two rigs: {BEADS} beads, {runs} gate runs, {most} at once, {time.monotonic() - began:.0f} s"
        print(story, town.open_beads(), screen(server, console))
    gt("down", "--all", cwd=town.root)
    until(lambda: not sessions.server_of(town.root).is_running(), "the town's server ends")
    assert town.faults() == [] and LEAST_USED <= most <= PLACES and seen == set(RIGS)
    assert runs <= 1.2 * BEADS, "nothing is bad, so hardly more runs than requests are needed"
    if report := os.environ.get("GT_DRILL_REPORT"):
        with open(report, "a", encoding="utf-8") as handle:
            handle.write(story + "\n")
