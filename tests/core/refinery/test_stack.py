from __future__ import annotations

import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.git.landed import landed, landed_requests
from gastown_core.refinery import stack as stack_room
from gastown_core.refinery.stack import Clash, Stacked, Stacker
from gastown_core.refinery.tips import find_tips, pieces, squash_message
from gastown_core.refinery.worktrees import Worktrees
from tests.support.queued import Queued


def stacker(queued: Queued, requests) -> Stacker:
    base, tips = find_tips(queued.bare, "main", requests)
    made = pieces(queued.bare, base, requests, tips, {})
    trees = Worktrees(queued.bare, os.path.join(queued.rig, ".runtime", "refinery", "trees", "main"))
    return Stacker(queued.bare, base, made, trees, clock=SYSTEM_CLOCK)


@pytest.fixture(params=["tree", "worktree"])
def either_way(request, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the git at hand, and as with one that merges only in a working tree."""
    if request.param == "worktree":
        monkeypatch.setattr(stack_room, "merges_without_worktree", lambda: False)


def test_a_stack_has_one_commit_a_request_and_shares_its_prefixes(queued: Queued, either_way: None) -> None:
    one, two = queued.hand_in({"one": "1"}), queued.hand_in({"two": "2"})
    builder = stacker(queued, [one, two])
    both, first = builder.stack((one.id, two.id)), builder.stack((one.id,))
    assert isinstance(both, Stacked) and isinstance(first, Stacked)
    assert queued.bare.commit_of(f"{both.commit}^") == first.commit
    assert queued.bare.commit_of(f"{first.commit}^") == queued.tip()
    assert queued.bare.run("ls-tree", "--name-only", both.commit).split() == ["README.md", "one", "two"]
    builder.worktrees.close()
    assert not queued.leftovers()


def test_a_conflict_names_request_and_files(queued: Queued, either_way: None) -> None:
    one, two = queued.hand_in({"f": "1\n", "g": "1\n"}), queued.hand_in({"f": "2\n"})
    clash = stacker(queued, [one, two]).stack((one.id, two.id))
    assert clash == Clash(two.id, (one.id,), ("f",))


def test_a_branch_of_another_history_is_a_conflict_and_no_fault(queued: Queued, either_way: None) -> None:
    one = queued.hand_in({"f": "1"})
    tree = queued.bare.run("rev-parse", f"{one.commit_sha}^{{tree}}")
    alien = queued.bare.run("commit-tree", tree, "-m", "From elsewhere")
    clash = stacker(queued, [one._replace(commit_sha=alien)]).stack((one.id,))
    assert isinstance(clash, Clash) and "nothing in common" in clash.files[0]


def test_what_landed_is_read_from_the_trailers_also_only_what_is_new(queued: Queued) -> None:
    one = queued.hand_in({"one": "1"})
    queued.process()
    middle = queued.tip()
    two = queued.hand_in({"two": "1"})
    queued.process()
    found = landed(queued.origin, "main")
    assert {bead: proof.mr for bead, proof in found.items()} == {one.source_issue: one.id, two.source_issue: two.id}
    assert found[two.source_issue].commit == queued.tip() and found[one.source_issue].at > 0
    assert set(landed(queued.origin, "main", middle)) == {two.source_issue}
    assert set(landed_requests(queued.origin, "main", "0" * 40)) == {one.id, two.id}


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("Add x\n\nWhy.", "Add x"),
        ("", "The title"),
        ("wip", "The title"),
        ("fixup! Add x", "The title"),
        ("gt-1: work in progress, saved by gt done", "The title"),
        ("Add \x1b[31mred\x1b[0m", "Add [31mred[0m"),
    ],
)
def test_the_subject_is_what_was_written_or_else_the_title(written: str, subject: str) -> None:
    made = squash_message(
        written, title="The title", issue="gt-1", subjects=[], carries=[("gt-1", "gt-2")], worker="opal"
    )
    assert made.partition("\n")[0] == subject
    assert made.endswith("\n\nBead: gt-1\nMerge-Request: gt-2\nWorker: opal\n")


def test_a_worktree_that_is_used_again_is_as_clean_as_a_fresh_one(queued: Queued) -> None:
    one = queued.hand_in({"one": "1", ".gitignore": "built\n"})
    trees = Worktrees(queued.bare, os.path.join(queued.rig, ".runtime", "refinery", "trees", "main"))
    with trees.open(one.commit_sha) as first:
        for name in ("built", "loose", "one"):
            with open(os.path.join(first.path, name), "w", encoding="utf-8") as handle:
                handle.write("left over")
    with trees.open(queued.tip()) as second:
        assert second.path == first.path
        assert sorted(os.listdir(second.path)) == [".git", "README.md"]
        with trees.open(one.commit_sha) as other:
            assert other.path != second.path and sorted(os.listdir(other.path))[2:] == ["README.md", "one"]
    trees.close()
    assert not queued.leftovers()
