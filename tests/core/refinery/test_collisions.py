"""Which work does not merge with one another, told before it is merged."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path

import pytest

from gastown_core.git.repo import Git
from gastown_core.model.snapshot import RequestView
from gastown_core.refinery import collisions as module
from gastown_core.refinery.collisions import clashes, collisions, strands
from gastown_core.refinery.place import Refinery
from gastown_core.refinery.requests import submit
from gastown_core.state.diffs import request_diff
from tests.support.queued import Queued
from tests.support.repos import PERSON, commit_files


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


def test_what_a_clone_hands_in_is_compared_and_shown_before_a_batch_needs_it(queued: Queued, tmp_path: Path) -> None:
    clone = Git(str(tmp_path / "mine"), identity=PERSON)
    Git(str(tmp_path)).run("clone", "--quiet", queued.origin.path, clone.path)
    made = []
    for number in (1, 2):
        clone.run("switch", "--quiet", "-C", f"anna/{number}", "origin/main")
        commit_files(clone, {"cart.py": f"total = {number}\n"}, "Count")
        with queued.ledger.store_for("sh-x").write("overseer") as batch:
            work = batch.create({"title": f"Count {number}"})
        made.append(submit(place_of(queued), clone, actor="overseer", issue=work.id)[0])
    [found] = collisions(place_of(queued), "main")
    assert {found.one.request, found.other.request} == set(made) and found.files == ("cart.py",)
    # the diff is of the commit handed in, whatever the branch has become
    clone.run("push", "--quiet", "--force", "origin", "origin/main:refs/heads/anna/2")
    queued.bare.run("fetch", "--quiet", "origin", "+refs/heads/anna/2:refs/remotes/origin/anna/2")
    one = queued.request(made[1])
    view = RequestView(one.id, "shop", one.branch, "", "queued", one.source_issue, 0.0, commit=one.commit_sha)
    shown = request_diff(queued.root, view)
    assert shown.branch == "anna/2" and [file.path for file in shown.files] == ["cart.py"]


BASE = "".join(f"line {number}\n" for number in range(30))


def on_target(queued: Queued, files: dict[str, str]) -> str:
    """A commit that somebody pushes to the target, as this clone then knows it."""
    pushed = queued.commit(files, "Pushed", parent=queued.tip(), git=queued.origin)
    queued.origin.run("update-ref", "refs/heads/main", pushed)
    queued.bare.run("fetch", "--quiet", "origin", "+refs/heads/main:refs/remotes/origin/main")
    return pushed


def work_on(queued: Queued, worker: str, parent: str, files: dict[str, str]) -> None:
    commit = queued.commit(files, "In work", parent=parent)
    queued.bare.run("update-ref", f"refs/heads/polecat/{worker}/sh-w{worker}@1", commit)


def test_what_only_one_of_them_and_the_target_changed_is_no_conflict_of_the_two(queued: Queued) -> None:
    old = on_target(queued, {"cart.py": BASE, "page.py": BASE})
    new = on_target(queued, {"cart.py": BASE.replace("line 2\n", "target\n")})
    work_on(queued, "opal", old, {"cart.py": BASE.replace("line 2\n", "opal\n")})
    work_on(queued, "jade", new, {"page.py": BASE.replace("line 2\n", "jade\n")})
    assert collisions(place_of(queued), "main") == []
    # both orders, and beside a file that both changed
    work_on(queued, "aged", old, {"page.py": BASE.replace("line 2\n", "aged\n"), "cart.py": "aged\n"})
    found = {(one.one.worker, one.other.worker): (one.files, one.hunks) for one in collisions(place_of(queued), "main")}
    assert found == {
        ("aged", "jade"): (("page.py",), 0),
        ("aged", "opal"): (("cart.py",), 1),
    }


def test_a_pair_that_also_conflicts_with_the_target_stays(queued: Queued) -> None:
    old = on_target(queued, {"cart.py": BASE, "page.py": BASE})
    new = on_target(queued, {"cart.py": BASE.replace("line 2\n", "target\n")})
    work_on(queued, "opal", old, {"cart.py": BASE.replace("line 2\n", "opal\n")})
    work_on(queued, "ruby", old, {"cart.py": BASE.replace("line 2\n", "ruby\n")})
    work_on(queued, "jade", new, {"cart.py": BASE.replace("line 2\n", "jade\n")})
    found = {frozenset((one.one.worker, one.other.worker)) for one in collisions(place_of(queued), "main")}
    assert found == {frozenset(pair) for pair in (("opal", "ruby"), ("opal", "jade"), ("ruby", "jade"))}


def test_a_renamed_file_that_the_other_changed_stays_though_only_one_has_it_by_that_name(queued: Queued) -> None:
    old = on_target(queued, {"cart.py": BASE, "page.py": BASE})
    new = on_target(queued, {"page.py": BASE.replace("line 9\n", "target\n")})
    blob = queued.bare.run("hash-object", "-w", "--stdin", stdin=BASE.replace("line 2\n", "opal\n").encode()).strip()
    page = queued.bare.run("rev-parse", f"{old}:page.py").strip()
    tree = queued.bare.run("mktree", stdin=f"100644 blob {blob}\tbasket.py\n100644 blob {page}\tpage.py\n".encode())
    moved = queued.bare.run("commit-tree", tree.strip(), "-p", old, "-m", "Move it").strip()
    queued.bare.run("update-ref", "refs/heads/polecat/opal/sh-wopal@1", moved)
    work_on(queued, "jade", new, {"cart.py": BASE.replace("line 2\n", "jade\n")})
    [found] = collisions(place_of(queued), "main")
    assert found.files == ("basket.py",)


def test_names_with_line_ends_stay_and_disturb_no_other(queued: Queued) -> None:
    odd = "a\nline\u2028 \x85.py"
    old = on_target(queued, {odd: BASE, "z.py": BASE})
    new = on_target(queued, {odd: BASE.replace("line 2\n", "target\n"), "z.py": BASE.replace("line 2\n", "target\n")})
    work_on(queued, "opal", old, {name: BASE.replace("line 2\n", "opal\n") for name in (odd, "z.py")})
    work_on(queued, "jade", new, {"mine.py": "1\n"})
    [found] = collisions(place_of(queued), "main")
    assert found.files == (odd,) and found.hunks == 0


def test_thirty_that_stand_on_thirty_commits_of_the_target_conflict_only_in_what_both_of_a_pair_changed(
    queued: Queued,
) -> None:
    at = on_target(queued, {f"file{number}": BASE for number in range(20)})
    for number in range(30):
        at = on_target(queued, {f"file{number % 20}": BASE.replace("line 2\n", f"target {number}\n")})
        work_on(queued, f"cat{number}", at, {f"file{(number + 7) % 20}": BASE.replace("line 2\n", f"cat {number}\n")})
    found = collisions(place_of(queued), "main")
    assert len(found) == 10 and all(one.files == (f"file{(int(one.one.worker[3:]) + 7) % 20}",) for one in found)
