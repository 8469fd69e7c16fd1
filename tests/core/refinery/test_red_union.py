"""A red union: which landings do not go together, found with few runs of the gate that failed, and said where people look."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.errors import GitError
from gastown_core.messaging.escalation import open_escalations
from gastown_core.model.refinery import ERROR, FAIL, PASS, RED_TARGET
from gastown_core.refinery.hold import read_hold
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.prober import Verdict
from gastown_core.refinery.records import recent
from gastown_core.refinery.union_search import Meeting, UnionSearch
from gastown_core.refinery.untested import Untested, note_untested, read_untested
from gastown_core.refinery.worktrees import Worktrees
from tests.support.cli import gt
from tests.support.queued import Queued


class Landings:
    """Commits that landed one on the other, each with a file of its number; what is red is that two files are there."""

    def __init__(self, queued: Queued, tmp_path: Path, count: int, red: set[int]) -> None:
        self.queued = queued
        self.red = {f"f{one}" for one in red}
        self.worktrees = Worktrees(queued.bare, str(tmp_path / "trees"))
        self.commits = [queued.first]
        for number in range(1, count + 1):
            self.commits.append(queued.commit({f"f{number}": "1"}, f"Work {number}", parent=self.commits[-1]))
        self.names = [one[:8] for one in self.commits]
        self.runs: list[int] = []

    def search(self, tested: dict[int, int], *, width: int = 1, result: str = FAIL) -> Meeting | None:
        """The search, with the commit on which each landing was tested."""
        noted = {f"b{number}": self.commits[at] for number, at in tested.items()}
        owed = Untested("main", self.commits[0], tuple(noted), noted)
        batches = {self.names[number]: f"b{number}" for number in range(1, len(self.commits))}
        search = UnionSearch(self.queued.bare, self.worktrees, owed, self.commits[-1], batches, width=lambda: width)
        assert search.is_possible
        rounds, said = search.find(), None
        try:
            while True:
                asks = rounds.send(said)
                assert isinstance(asks, list) and len(asks) <= width
                self.runs.append(len(asks))
                said = [self._verdict(search.stack(ask.requests).commit, result) for ask in asks]
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _verdict(self, commit: str, result: str) -> Verdict:
        files = set(self.queued.bare.run("ls-tree", "--name-only", commit).split())
        return Verdict(result if self.red <= files else PASS)


@pytest.mark.parametrize(
    ("width", "count", "pairs"), [(1, 6, [(1, 2), (1, 6), (3, 4), (2, 5)]), (3, 9, [(1, 2), (1, 9), (4, 5), (8, 9)])]
)
def test_of_landings_in_a_row_the_two_that_do_not_go_together_are_found(
    queued: Queued, tmp_path: Path, width: int, count: int, pairs: list[tuple[int, int]]
) -> None:
    landings = Landings(queued, tmp_path, count, set())
    for earlier, later in pairs:
        landings.red, landings.runs = {f"f{earlier}", f"f{later}"}, []
        found = landings.search(dict.fromkeys(range(1, count + 1), 0), width=width)
        assert found == Meeting(landings.names[later], (landings.names[earlier],))
        assert len(landings.runs) <= 2 * math.ceil(math.log2(count)) and sum(landings.runs) <= 4 * math.log2(count)


def test_what_landed_before_a_landing_was_tested_is_not_tried_with_it(queued: Queued, tmp_path: Path) -> None:
    landings = Landings(queued, tmp_path, 4, {3, 4})
    assert landings.search({4: 2, 3: 0}) == Meeting(landings.names[4], (landings.names[3],))
    assert sum(landings.runs) == 2, "between its test and its landing there is only one"
    unknown = Landings(queued, tmp_path / "b", 4, {3, 4})
    assert unknown.search({3: 0}) == Meeting(unknown.names[4]), "a note that lacks where it was tested"


def test_what_was_red_before_they_landed_and_what_gives_no_verdict_names_nobody(queued: Queued, tmp_path: Path) -> None:
    assert Landings(queued, tmp_path, 5, set()).search({1: 0}) is None
    assert Landings(queued, tmp_path / "b", 5, {1, 2}).search({1: 0, 2: 0}, result=ERROR) is None


def test_a_landing_that_cannot_be_put_on_what_was_there_before_names_all_that_it_may_be(
    queued: Queued, tmp_path: Path
) -> None:
    landings = Landings(queued, tmp_path, 3, {2, 3})
    last = queued.commit({"f1": "other", "f3": "1"}, "Work 3", parent=landings.commits[2])
    landings.commits[3], landings.names[3] = last, last[:8]
    found = landings.search({3: 0})
    assert found == Meeting(last[:8], (landings.names[1], landings.names[2])) and "one of" in found.words()


def test_a_red_union_says_who_does_not_go_together_in_hold_history_and_event(queued: Queued, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.touch()
    whole = f"echo whole >> {runs}; ! {{ test -e web/pair && test -e core/pair; }}"
    begun = f"echo lane >> {runs}; n=0; until test $(grep -c lane {runs}) -ge 3; do sleep 0.05; n=$((n+1)); test $n -lt 1200 || exit 1; done"
    gates = {"whole": {"cmd": whole}} | {
        name: {"cmd": begun, "paths": [f"{name}/"]} for name in ("web", "core", "docs")
    }
    lanes = {name: [f"{name}/"] for name in ("web", "core", "docs")}
    queued.settings(lanes=lanes, gates=gates, max_concurrent=6)
    paths = ("web/pair", "core/pair", "docs/a", "docs/b")
    web, core, *docs = (queued.hand_in({path: "1"}) for path in paths)
    results = queued.process()
    assert sorted(one for result in results for one in result.merged) == sorted(
        [web.id, core.id, *(one.id for one in docs)]
    )
    assert not any(result.culprits for result in results)
    place = Refinery(queued.root, "shop")
    hold = read_hold(place, "main")
    assert hold is not None and "does not go together with" in hold.reason
    assert web.id in hold.reason and core.id in hold.reason and not any(one.id in hold.reason for one in docs)
    newest = recent(place.path)[0]
    later, earlier = newest.pair
    assert {later, earlier} == {web.id, core.id} and newest.outcome == f"union of 2 red: {later} with {earlier}"
    listed = gt("mq", "list", "shop", cwd=queued.root).out
    assert "nothing is merged" in listed and f"{later} landed; that does not go together with {earlier}" in listed
    [event] = queued.events("union_tested")
    assert event["payload"]["result"] == FAIL and sorted(event["payload"]["requests"]) == sorted([web.id, core.id])
    [held] = queued.events("queue_held")
    assert "does not go together" not in held["payload"]["reason"], "the queue is held before it is known"
    assert read_untested(place, "main") is not None and not queued.leftovers()


def test_a_note_with_junk_for_where_it_was_tested_counts_as_unknown(queued: Queued) -> None:
    place = Refinery(queued.root, "shop")
    note_untested(place, "main", queued.tip(), "b-1", tested="abc")
    noted = read_untested(place, "main")
    assert noted is not None and noted.tested == {"b-1": "abc"}
    [path] = [os.path.join(place.folder, name) for name in os.listdir(place.folder) if name.startswith("union-")]
    for junk in ('{"target": "main", "batches": ["b-1"], "tested": [1]}', '{"target": "main", "tested": {"b-1": 3}}'):
        Path(path).write_text(junk)
        read = read_untested(place, "main")
        assert read is not None and read.tested in ({}, {"b-1": "3"})


TOGETHER = "test -e web/pair && test -e core/pair"


def red_union(queued: Queued, whole: str) -> None:
    """Requests of three lanes that land apart, on which the gate ``whole`` then runs."""
    marks = os.path.join(os.path.dirname(queued.root), "marks")
    meet = f"echo >> {marks}; for n in $(seq 1200); do test $(wc -l < {marks}) -ge 3 && break; sleep 0.05; done"
    gates = {"whole": {"cmd": whole}} | {name: {"cmd": meet, "paths": [f"{name}/"]} for name in ("web", "core", "docs")}
    queued.settings(lanes={name: [f"{name}/"] for name in ("web", "core", "docs")}, gates=gates, max_concurrent=6)
    for path in ("web/pair", "core/pair", "docs/a", "docs/b"):
        queued.hand_in({path: "1"})


def test_a_union_that_was_green_meanwhile_is_not_held_for_what_a_run_found_before(queued: Queued) -> None:
    note = os.path.join(queued.rig, ".runtime", "refinery", "union-main.json")
    # a batch that mends the target lands beside the run, and takes the note away
    red_union(queued, f"{TOGETHER} || exit 0; rm -f {note}; exit 1")
    results = queued.process()
    assert sum(len(one.merged) for one in results) == 4 and not any(one.hold for one in results)
    assert read_hold(Refinery(queued.root, "shop"), "main") is None
    assert not queued.events("queue_held") and not open_escalations(queued.ledger)


def test_a_union_that_is_mended_while_its_landings_are_searched_stays_released(queued: Queued) -> None:
    folder = os.path.join(queued.rig, ".runtime", "refinery")
    # the run of the union is red twice; the search then finds what stood there, and the hold and its note are gone
    # whether the search runs what is red depends on who landed first: any run of it takes them away
    whole = f"test -e {folder}/hold-main.json && rm -f {folder}/hold-main.json {folder}/union-main.json; ! {{ {TOGETHER}; }}"
    red_union(queued, whole)
    queued.process()
    assert len(queued.events("queue_held")) == 1
    assert read_hold(Refinery(queued.root, "shop"), "main") is None


def test_a_search_that_git_fails_leaves_the_target_held_as_red(queued: Queued, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_search: UnionSearch) -> None:
        raise GitError("git merge-tree failed", "No space left on device")

    monkeypatch.setattr(UnionSearch, "find", fails)
    red_union(queued, f"! {{ {TOGETHER}; }}")
    queued.process()
    hold = read_hold(Refinery(queued.root, "shop"), "main")
    assert hold is not None and hold.kind == RED_TARGET and "No space left on device" in hold.reason
    assert len(open_escalations(queued.ledger)) == 1


def test_a_target_that_is_known_to_be_red_is_not_tested_again_beside_what_may_mend_it(queued: Queued) -> None:
    runs = os.path.join(os.path.dirname(queued.root), "runs")
    red_union(queued, f"echo >> {runs}; test -e mended || ! {{ {TOGETHER}; }}")
    queued.process()
    before = Path(runs).read_text().count("\n")
    mends = queued.hand_in({"mended": "1"})
    queued.settings(max_concurrent=2)
    # an hour later the target itself is looked at again
    results = queued.process(clock=FixedClock(SYSTEM_CLOCK.now() + 3600.0))
    assert [one.merged for one in results if one.merged] == [(mends.id,)] and not any(one.union for one in results)
    assert Path(runs).read_text().count("\n") - before <= 2, "the target and the cure"
    assert read_hold(Refinery(queued.root, "shop"), "main") is None and not open_escalations(queued.ledger)
