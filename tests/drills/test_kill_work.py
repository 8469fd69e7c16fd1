"""kill -9 at every point of the way from a bead to the target branch: the town goes on, and nothing is left over."""

from __future__ import annotations

import os

import pytest

from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW
from gastown_core.town.settings import set_setting
from gastown_core.work.deferred import open_contexts
from gastown_core.work.merge_requests import requests_for
from tests.drills.drilled import LONG, Act, Drilled, as_worker, counted, open_convoys, sweep
from tests.support.cli import gt
from tests.support.repos import PERSON
from tests.support.rigged import write

pytestmark = [pytest.mark.timeout(3600 if LONG else 900), pytest.mark.usefixtures("by_hand")]


def test_a_killed_sling_goes_through_when_it_is_repeated(drilled: Drilled) -> None:
    town = drilled.town
    bead = town.file().id
    act = Act(("sling", bead, "shop", "--no-session"), town.root)

    def finish() -> list[str]:
        again = act.run()
        now = town.bead(bead)
        wrong = [f"a second sling fails: {again.err}"] if again.code else []
        wrong += [] if now.status == HOOKED else [f"the bead is {now.status}"]
        wrong += [] if len(open_convoys(town, bead)) == 1 else [f"convoys: {open_convoys(town, bead)}"]
        wrong += [] if len(drilled.polecats) == 1 else [f"polecats: {len(drilled.polecats)}"]
        return [*wrong, *drilled.amiss()]

    sweep(drilled, act, finish)


def at_work(drilled: Drilled) -> tuple[str, Act]:
    """A bead whose worker has a commit and a file that is none yet; what hands it in."""
    town = drilled.town
    bead = town.file().id
    town.sling(bead)
    entry = town.entry(town.bead(bead).assignee)
    write(os.path.join(entry.work_dir, "one"), "1\n")
    tree = Git(entry.work_dir, identity=PERSON)
    tree.run("add", "one")
    tree.run("commit", "--quiet", "-m", "One")
    write(os.path.join(entry.work_dir, "two"), "2\n")
    return bead, as_worker(entry, "done", "-m", "handed in")


def landed(drilled: Drilled, bead: str) -> list[str]:
    """What is wrong with a bead that should have landed, once."""
    town = drilled.town
    now = town.bead(bead)
    wrong = [] if now.status == CLOSED else [f"the bead is {now.status}"]
    subjects = town.origin.run("log", "--format=%s", "main").splitlines()
    wrong += [] if len(subjects) == 2 else [f"main holds {subjects}"]
    files = set(town.origin.run("ls-tree", "-r", "--name-only", "main").split())
    wrong += [] if {"one", "two"} <= files else [f"main has the files {files}"]
    told = counted(town, "done", "mr_queued", "merged")
    wrong += [] if told == {"done": 1, "mr_queued": 1, "merged": 1} else [f"told: {dict(told)}"]
    left = town.origin.run("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    wrong += [] if left == ["main"] else [f"branches at origin: {left}"]
    return [*wrong, *drilled.amiss()]


def test_a_killed_hand_in_is_repeated_and_lands_once(drilled: Drilled) -> None:
    town = drilled.town
    bead, act = at_work(drilled)

    def finish() -> list[str]:
        again = act.run()
        wrong = [f"a second gt done fails: {again.err}"] if again.code else []
        wrong += [] if len(requests_for(town.ledger.store_for(bead), bead)) == 1 else ["more than one request"]
        drilled.converge()
        return [*wrong, *landed(drilled, bead)]

    sweep(drilled, act, finish, daemon=False)


def test_after_a_killed_hand_in_the_daemon_neither_loses_nor_doubles_it(drilled: Drilled) -> None:
    town = drilled.town
    bead, act = at_work(drilled)

    def finish() -> list[str]:
        now = town.bead(bead)
        if now.status == CLOSED:
            return [one for one in landed(drilled, bead) if "told" not in one]
        wrong = [] if now.status in (HOOKED, IN_REVIEW) else [f"the bead is {now.status}"]
        return wrong + ([] if parse_address(now.assignee).is_agent else ["nobody has it"])

    sweep(drilled, act, finish, most=2)


def test_a_killed_merge_is_finished_by_the_daemon(drilled: Drilled) -> None:
    bead, done = at_work(drilled)
    assert done.run().code == 0
    act = Act(("refinery", "process", "shop"), drilled.root)
    sweep(drilled, act, lambda: landed(drilled, bead))


def settings(drilled: Drilled, **changes: str) -> None:
    for key, value in changes.items():
        set_setting(drilled.root, key.replace("__", "."), value)


def all_at_work(drilled: Drilled, beads: list[str]) -> list[str]:
    """What is wrong if each of these beads should be on the hook of a polecat of its own, in one convoy."""
    town = drilled.town
    held = {bead: (town.bead(bead).status, town.bead(bead).assignee) for bead in beads}
    wrong = [] if all(status == HOOKED for status, _ in held.values()) else [f"not given out: {held}"]
    wrong += [] if len({who for _, who in held.values()}) == len(beads) else [f"one for two: {held}"]
    wrong += [f"{bead} is in {open_convoys(town, bead)}" for bead in beads if len(open_convoys(town, bead)) != 1]
    wrong += [] if len(drilled.polecats) == len(beads) else [f"polecats: {len(drilled.polecats)}"]
    waiting = [one.bead.id for one in open_contexts(town.ledger)]
    return wrong + ([f"still in the queue: {waiting}"] if waiting else [])


def test_what_a_killed_convoy_create_made_is_given_out_and_the_rest_can_be_repeated(drilled: Drilled) -> None:
    town = drilled.town
    settings(drilled, convoy__feed_grace="0s")
    beads = [town.file("one").id, town.file("two").id]
    act = Act(("convoy", "create", "Both", *beads), town.root)

    def finish() -> list[str]:
        wrong = []
        if not open_convoys(town, beads[0]):
            wrong += [] if act.run().code == 0 else ["a second convoy create fails"]
            drilled.converge()
        return [*wrong, *all_at_work(drilled, beads), *drilled.amiss()]

    sweep(drilled, act, finish)


def test_a_killed_dispatch_is_finished_by_the_daemon(drilled: Drilled) -> None:
    town = drilled.town
    settings(drilled, scheduler__max_polecats="2", scheduler__batch_size="2", convoy__feed_grace="0s")
    beads = [town.file("one").id, town.file("two").id]
    for bead in beads:
        assert gt("sling", bead, "shop", cwd=town.root).code == 0
    assert len(open_contexts(town.ledger)) == 2
    act = Act(("scheduler", "run"), town.root)
    sweep(drilled, act, lambda: all_at_work(drilled, beads))


def test_the_daemon_of_a_drill_waits_for_company_and_then_merges(drilled: Drilled) -> None:
    """A batch of one waits while somebody is at work; a clock that stood still would let it wait for ever."""
    first, done = at_work(drilled)
    second = drilled.town.file("another").id
    drilled.town.sling(second)
    assert done.run().code == 0
    drilled.converge()
    assert drilled.town.bead(first).status == CLOSED
    assert drilled.town.bead(second).status == HOOKED
