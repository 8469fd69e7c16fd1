"""Landings from real repositories and a real ledger."""

from __future__ import annotations

import os

import pytest

from gastown_core.git.repo import Git
from gastown_core.model.landing import CLOSED_NOT_LANDED, LANDED_NOT_CLOSED, LandingStrip
from gastown_core.model.merge_request import LABEL, MERGED, with_facts
from gastown_core.state.collect import Sources
from gastown_core.state.reduce import reduce_town
from gastown_core.state.sources.landings import LandingSource
from tests.support.repos import PERSON, commit_files
from tests.support.rigged import Rigged


class Strip:
    """A rigged town with one bead in a convoy, its worktree, and the strip as a fresh look sees it."""

    def __init__(self, town: Rigged) -> None:
        self.town = town
        self.bead = town.file("Fix it").id
        with town.ledger.stores()["town"].write("op") as batch:
            convoy = batch.create({"title": "Work", "issue_type": "convoy", "labels": ["gt:convoy"]})
            batch.add_edge(convoy.id, self.bead, "tracks")
        self.branch = f"polecat/opal/{self.bead}@mb1x"
        self.bare = Git(os.path.join(town.root, "shop", ".repo.git"), identity=PERSON)
        self.tree = Git(os.path.join(town.root, "wt"), identity=PERSON)
        self.bare.run("worktree", "add", "--quiet", "-b", self.branch, self.tree.path, "origin/main")
        self.source: LandingSource | None = None
        self.update({"status": "hooked", "assignee": "shop/polecats/opal"})

    def update(self, changes: dict[str, object]) -> None:
        with self.town.ledger.store_for("sh-x").write("op") as batch:
            batch.update(self.bead, changes)

    def look(self) -> LandingStrip:
        sources = Sources(self.town.root)
        sources.ledger.load(1.0)
        LandingSource(sources.facts).refresh(1.0)
        convoy = reduce_town(sources.facts, 1.0).convoys[0]
        sources.close()
        strip = convoy.members[0].landing
        assert strip is not None
        return strip

    def states(self) -> str:
        return " ".join(step.state for step in self.look().steps)

    def commit(self) -> str:
        return commit_files(self.tree, {"fix.txt": "fixed\n"}, "fix it")

    def push(self) -> None:
        self.tree.run("push", "--quiet", "origin", f"HEAD:refs/heads/{self.branch}")

    def hand_in(self) -> str:
        self.commit()
        self.push()
        facts = {"branch": self.branch, "target": "main", "source_issue": self.bead, "rig": "shop", "commit_sha": self.tree.commit_of("HEAD")}  # fmt: skip
        with self.town.ledger.store_for("sh-x").write("op") as batch:
            made = batch.create({"title": "Merge", "issue_type": "merge-request", "labels": [LABEL], "metadata": {"mr": facts}})  # fmt: skip
            batch.update(self.bead, {"status": "in_review"})
        return made.id

    def squash(self, request: str) -> None:
        """Land as the engine does: one commit with trailers, pushed to the target."""
        other = Git(os.path.join(self.town.root, "land"), identity=PERSON)
        self.bare.run("worktree", "add", "--quiet", "--detach", other.path, "origin/main")
        message = f"fix it\n\nBead: {self.bead}\nMerge-Request: {request}"
        commit_files(other, {"fix.txt": "fixed\n"}, message)
        store = self.town.ledger.store_for("sh-x")
        bead = store.get(request)
        assert bead is not None
        with store.write("op") as batch:
            batch.update(request, {"metadata": with_facts(bead, landing_commit=other.commit_of("HEAD"))})
        other.run("push", "--quiet", "origin", "HEAD:refs/heads/main")

    def close(self, request: str) -> None:
        store = self.town.ledger.store_for("sh-x")
        bead = store.get(request)
        assert bead is not None
        with store.write("op") as batch:
            batch.update(request, {"metadata": with_facts(bead, close_reason=MERGED)})
            batch.close(request, "merged", force=True)
            batch.close(self.bead, f"Merged in {request}", force=True)


@pytest.fixture
def strip(rigged: Rigged) -> Strip:
    return Strip(rigged)


def test_every_step_of_the_way_is_proved(strip: Strip) -> None:
    assert strip.states() == "no no no no no"
    strip.commit()
    assert strip.states() == "yes no no no no"
    assert strip.look().steps[0].how == f"1 commit on {strip.branch}"
    request = strip.hand_in()
    assert strip.states() == "yes yes yes no no"
    strip.squash(request)
    found = strip.look()
    assert (found.state("landed"), found.fault) == ("yes", LANDED_NOT_CLOSED)
    strip.close(request)
    found = strip.look()
    assert (found.state("landed"), found.fault) == ("yes", "")


def test_a_bead_closed_as_merged_that_no_commit_proves_is_a_fault(strip: Strip) -> None:
    strip.close(strip.hand_in())
    found = strip.look()
    assert found.fault == CLOSED_NOT_LANDED
    assert "origin/main has no commit of it" in found.why


def test_a_commit_that_names_a_bead_and_a_request_by_hand_proves_nothing(strip: Strip) -> None:
    request = strip.hand_in()
    forged = strip.bare.run("commit-tree", "origin/main^{tree}", "-p", "origin/main", "-m",
                            f"Forged\n\nBead: {strip.bead}\nMerge-Request: {request}")  # fmt: skip
    strip.bare.run("push", "--quiet", "origin", f"{forged}:refs/heads/main")
    found = strip.look()
    assert (found.state("landed"), found.fault) == ("no", "")


def test_a_plain_merge_is_proved_by_its_own_commit(strip: Strip) -> None:
    request = strip.hand_in()
    strip.tree.run("push", "--quiet", "origin", "HEAD:refs/heads/main")
    strip.close(request)
    found = strip.look()
    assert (found.fault, found.state("landed")) == ("", "yes")
    assert "is on origin/main" in found.steps[4].how


def test_a_repository_that_does_not_answer_is_unknown_and_no_fault(strip: Strip) -> None:
    strip.close(strip.hand_in())
    os.rename(os.path.join(strip.bare.path, "HEAD"), os.path.join(strip.bare.path, "HEAD.gone"))
    found = strip.look()
    assert (found.fault, found.state("landed"), found.state("written")) == ("", "unknown", "unknown")


def test_a_second_look_asks_git_only_where_something_moved(strip: Strip) -> None:
    strip.hand_in()
    sources = Sources(strip.town.root)
    sources.ledger.load(1.0)
    source = LandingSource(sources.facts)
    source.refresh(1.0)
    before = sources.facts.landing_version
    calls: list[str] = []
    git = source._rigs["shop"]._git
    attempt = git.attempt

    def counted(*args: str, **more: object) -> object:
        calls.append(args[0])
        return attempt(*args, **more)  # type: ignore[arg-type]

    git.attempt = counted  # type: ignore[method-assign,assignment]
    source.refresh(2.0)
    assert calls == ["for-each-ref"]
    assert sources.facts.landing_version == before
    commit_files(strip.tree, {"more.txt": "x"}, "more")
    source.refresh(3.0)
    assert sources.facts.proofs[strip.bead].unpushed == 1
    sources.close()


def test_a_rewritten_target_takes_its_proofs_back(strip: Strip) -> None:
    request = strip.hand_in()
    first = strip.bare.commit_of("origin/main")
    strip.squash(request)
    strip.close(request)
    sources = Sources(strip.town.root)
    sources.ledger.load(1.0)
    source = LandingSource(sources.facts)
    source.refresh(1.0)
    assert sources.facts.proofs[strip.bead].landed
    strip.tree.run("push", "--quiet", "--force", "origin", f"{first}:refs/heads/main")
    source.refresh(2.0)
    assert not sources.facts.proofs[strip.bead].landed
    sources.close()


def test_what_landed_with_a_branch_that_is_gone_is_looked_for_on_the_default_branch(strip: Strip) -> None:
    request = strip.hand_in()
    store = strip.town.ledger.store_for("sh-x")
    bead = store.get(request)
    assert bead is not None
    with store.write("op") as batch:
        batch.update(request, {"metadata": with_facts(bead, target="integration/epic")})
    strip.squash(request)
    strip.close(request)
    found = strip.look()
    assert (found.target, found.state("landed"), found.fault) == ("main", "yes", "")
