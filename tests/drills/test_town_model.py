"""Any sequence of sling, work, done, unsling, merge and closing, killed anywhere: no work is lost, none lands twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gastown_core.git.repo import Git
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW, OPEN
from tests.drills.drilled import LONG, Act, Drilled, as_worker
from tests.support.repos import PERSON
from tests.support.rigged import write

EXAMPLES, STEPS = (60, 25) if LONG else (6, 16)
picks = st.integers(0, 9)
SAID = ("sling", "done", "unhook", "merged")
kills = st.one_of(st.none(), st.none(), st.integers(1, 45))
"""At which point the act is killed; one that passes fewer runs through."""


class Works(RuleBasedStateMachine):
    """What the town should hold, and the town; ``drilled`` is set by the test."""

    drilled: Drilled

    def __init__(self) -> None:
        super().__init__()
        self.drilled.put_back()
        self.town = self.drilled.town
        self.status: dict[str, str] = {}
        self.new_files: dict[str, set[str]] = {}
        self.commits: dict[str, str] = {}
        self.withdrawn: set[str] = set()
        self.kills = 0
        for _ in range(3):
            self.file()
        # a start from which few steps lead to a hand-in and a merge
        self.sling(0, None)
        self.work(0)

    def perform(self, act: Act, kill: int | None) -> None:
        """Let the program do it; it may be killed at a point."""
        ran = act.run(str(kill or ""))
        assert ran.code == 0 or (kill and ran.code == -signal.SIGKILL), (act.words, kill, ran)
        self.kills += ran.code != 0

    def one(self, number: int, *wanted: str) -> str:
        found = [bead for bead, status in self.status.items() if status in wanted]
        return found[number % len(found)] if found else ""

    def look(self, **allowed: tuple[str, ...]) -> None:
        """Read how the beads are now; each may have gone from one status to those named only."""
        for bead, before in self.status.items():
            now = self.town.bead(bead).status
            assert now == before or now in allowed.get(before, ()), f"{bead} went from {before} to {now}"
            if before == OPEN and now == HOOKED:
                self.new_files[bead] = set()
            self.status[bead] = now

    def file(self) -> None:
        self.status[self.town.file(f"bead {len(self.status)}").id] = OPEN

    @rule(turn=st.integers(0, 99), number=picks, kill=kills)
    def act(self, turn: int, number: int, kill: int | None) -> None:
        """One of the acts that can be done now; work goes on more often than it is taken back."""
        has = set(self.status.values())
        acts: list[Callable[[], None]] = [self.compact, self.daemon, lambda: self.merge(kill)]
        acts += [self.file] if len(self.status) < 6 else []
        acts += [lambda: self.sling(number, kill)] * 2 if OPEN in has else []
        acts += [lambda: self.work(number), lambda: self.unsling(number, kill)] if HOOKED in has else []
        acts += [lambda: self.done(number, kill)] * 3 if self.worked_on() else []
        acts += [lambda: self.withdraw(number)] if IN_REVIEW in has else []
        acts[turn % len(acts)]()

    def worked_on(self) -> list[str]:
        return [bead for bead, status in self.status.items() if status == HOOKED and self.new_files[bead]]

    def sling(self, number: int, kill: int | None) -> None:
        bead = self.one(number, OPEN)
        if bead:
            self.perform(Act(("sling", bead, "shop", "--no-session"), self.town.root), kill)
            self.look(open=(HOOKED,))
            assert kill or self.status[bead] == HOOKED

    def work(self, number: int) -> None:
        bead = self.one(number, HOOKED)
        if bead:
            entry = self.town.entry(self.town.bead(bead).assignee)
            name = f"{bead}-{len(self.commits)}"
            write(os.path.join(entry.work_dir, name), name)
            tree = Git(entry.work_dir, identity=PERSON)
            tree.run("add", name)
            tree.run("commit", "--quiet", "-m", name)
            self.commits[name] = tree.commit_of("HEAD")
            self.new_files[bead].add(name)

    def done(self, number: int, kill: int | None) -> None:
        bead = self.worked_on()[number % len(self.worked_on())]
        if bead:
            entry = self.town.entry(self.town.bead(bead).assignee)
            self.perform(as_worker(entry, "done"), kill)
            self.look(hooked=(IN_REVIEW,))
            assert kill or self.status[bead] == IN_REVIEW

    def unsling(self, number: int, kill: int | None) -> None:
        bead = self.one(number, HOOKED)
        if bead:
            self.perform(Act(("unsling", bead), self.town.root), kill)
            self.look(hooked=(OPEN,))

    def merge(self, kill: int | None) -> None:
        self.perform(Act(("refinery", "process", "shop"), self.town.root), kill)
        self.look(in_review=(CLOSED,))
        assert kill or IN_REVIEW not in self.status.values()

    def withdraw(self, number: int) -> None:
        bead = self.one(number, IN_REVIEW)
        # what is on the target already has only its close left to come
        if bead and bead not in self.landed():
            with self.town.ledger.store_for(bead).write("overseer") as batch:
                batch.close(bead, "not wanted", force=True)
            self.withdrawn.add(bead)
            self.status[bead] = CLOSED

    def compact(self) -> None:
        self.town.ledger.store_for("sh-x").compact()

    def daemon(self) -> None:
        self.drilled.converge()
        self.look(open=(HOOKED,), in_review=(CLOSED,))
        # the branch of work that was taken off a hook stays, whoever the worktree is given to
        assert not [one for one in self.drilled.amiss() if not one.startswith("branch that nobody")]

    def teardown(self) -> None:
        note_example(self.town.events(), self.kills)

    def landed(self) -> Counter[str]:
        """How often each bead has landed on the target."""
        told = self.town.origin.run("log", "main", "--format=%(trailers:key=Bead,valueonly)").split()
        return Counter(told)

    @invariant()
    def each_bead_lands_once_if_it_is_wanted(self) -> None:
        landed = self.landed()
        assert all(count == 1 for count in landed.values()), landed
        closed = {bead for bead, status in self.status.items() if status == CLOSED}
        assert closed - self.withdrawn <= set(landed), "closed and not landed"
        assert not self.withdrawn & set(landed), "withdrawn and landed"
        files = set(self.town.origin.run("ls-tree", "-r", "--name-only", "main").split())
        for bead in closed - self.withdrawn:
            assert self.new_files[bead] <= files, f"{bead} landed without {self.new_files[bead] - files}"

    @invariant()
    def no_commit_is_lost(self) -> None:
        files = set(self.town.origin.run("ls-tree", "-r", "--name-only", "main").split())
        bare = Git(os.path.join(self.town.root, "shop", ".repo.git"))
        for name, commit in self.commits.items():
            kept = name in files or bare.attempt("for-each-ref", "--count=1", "--contains", commit).out
            assert kept, f"{name} is nowhere"

    @invariant()
    def each_hook_holds_one_bead_in_a_worktree(self) -> None:
        held = [self.town.bead(bead).assignee for bead, status in self.status.items() if status == HOOKED]
        assert len(held) == len(set(held)), held
        for who in held:
            assert Git(self.town.entry(who).work_dir).branch().startswith("polecat/")


def note_example(events: list[dict[str, object]], kills: int) -> None:
    """A line for the report of ``make drill``: what happened in one sequence."""
    path = os.environ.get("GT_DRILL_REPORT", "")
    if path:
        told = Counter(str(event["type"]) for event in events)
        with open(path, "a", encoding="utf-8") as handle:
            handle.write("sequence: " + ", ".join(f"{told[kind]} {kind}" for kind in SAID) + f", {kills} kills\n")


@pytest.mark.timeout(7200 if LONG else 900)
@pytest.mark.usefixtures("by_hand")
def test_no_sequence_of_acts_and_kills_loses_work_or_lands_it_twice(drilled: Drilled) -> None:
    drilled.keep()
    machine = type("Works", (Works,), {"drilled": drilled})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not LONG,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            # a found sequence is short enough to be read, and each try costs seconds
            phases=(Phase.generate,),
        ),
    )
