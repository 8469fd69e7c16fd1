"""Which work does not merge with one another, told before it is merged."""

from __future__ import annotations

import itertools
import json
import os
import time

import pytest

from gastown_core.refinery import collisions as module
from gastown_core.refinery.collisions import clashes, collisions, strands
from gastown_core.refinery.place import Refinery
from tests.support.queued import Queued


def in_work(queued: Queued, worker: str, files: dict[str, str]) -> str:
    """A branch that no request names."""
    commit = queued.commit(files, "In work")
    queued.bare.run("update-ref", f"refs/heads/polecat/{worker}/sh-w{worker}@1", commit)
    return commit


def place_of(queued: Queued) -> Refinery:
    return Refinery(queued.root, "shop")


def test_two_that_change_the_same_lines_are_named_with_file_and_places_before_either_is_merged(queued: Queued) -> None:
    base = "".join(f"line {number}\n" for number in range(30))
    queued.hand_in({"cart.py": base.replace("line 2\n", "opal\n").replace("line 25\n", "opal\n")}, worker="opal")
    in_work(queued, "jade", {"cart.py": base.replace("line 2\n", "jade\n").replace("line 25\n", "jade\n")})
    in_work(queued, "ruby", {"other.py": "1\n"})
    [found] = collisions(place_of(queued), "main")
    assert {found.one.worker, found.other.worker} == {"opal", "jade"} and found.files == ("cart.py",)
    assert found.hunks >= 1 and found.one.request and not found.other.request


def test_pairs_that_are_known_are_not_merged_again_and_a_spoilt_file_costs_nothing(
    queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    tips = [in_work(queued, f"cat{number}", {"same": f"{number}\n"}) for number in range(4)]
    place, asked = place_of(queued), list[int]()
    real = module._merge_tree
    monkeypatch.setattr(module, "_merge_tree", lambda git, pairs: asked.append(len(pairs)) or real(git, pairs))
    pairs = list(itertools.combinations(tips, 2))
    first = clashes(place, pairs)
    assert asked == [6] and all(clash.files == ("same",) for clash in first.values())
    assert clashes(place, pairs) == first and asked == [6]
    newer = in_work(queued, "cat9", {"same": "9\n"})
    clashes(place, [*pairs, (tips[0], newer)])
    assert asked == [6, 1]
    path = place.file(module.FILE)
    assert os.stat(path).st_mode & 0o777 == 0o600
    for spoilt in ("{", json.dumps({"pairs": [["x", "y", [], 0], 5]})):
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(spoilt)
        assert clashes(place, pairs) == first


def test_branches_without_a_common_commit_conflict_and_hinder_no_other_pair(queued: Queued) -> None:
    one, other = in_work(queued, "one", {"a": "1\n"}), in_work(queued, "two", {"a": "2\n"})
    tree = queued.bare.run("rev-parse", f"{one}^{{tree}}")
    alien = queued.bare.run("commit-tree", tree, "-m", "From nowhere")
    found = clashes(place_of(queued), [(one, other), (one, alien)])
    assert found[one, other].files == ("a",) and found[one, alien].files == ("(no common history)",)


def test_names_of_files_with_line_ends_and_of_patterns_are_taken_as_they_are(queued: Queued) -> None:
    name = "new\nline *[x]"
    one, other = in_work(queued, "one", {name: "1\n"}), in_work(queued, "two", {name: "2\n"})
    assert clashes(place_of(queued), [(one, other)])[one, other] == (("new\nline *[x]",), 1)


def test_thirty_by_thirty_take_no_more_than_two_seconds_of_work(queued: Queued) -> None:
    tips = [in_work(queued, f"cat{number}", {f"file{number % 20}": f"{number}\n"}) for number in range(30)]
    before = time.process_time(), os.times().children_user + os.times().children_system
    found = collisions(place_of(queued), "main")
    spent = time.process_time() - before[0] + os.times().children_user + os.times().children_system - before[1]
    assert len(found) == 10 and len(tips) == len(strands(place_of(queued), "main")) and spent < 2.0
