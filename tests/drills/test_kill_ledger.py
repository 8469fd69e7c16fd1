"""kill -9 at every point of a sync and of a compaction: no bead is lost, and the next one finishes it."""

from __future__ import annotations

import os

import pytest

from gastown_core.beads.query import BeadQuery
from gastown_core.git.repo import Git
from tests.drills.drilled import LONG, Act, Drilled, sweep
from tests.support.cli import bd
from tests.support.repos import PERSON

pytestmark = [pytest.mark.timeout(3600 if LONG else 900), pytest.mark.usefixtures("by_hand")]
ALL = BeadQuery(include_wisps=True)


def outdated(drilled: Drilled) -> dict[str, dict[str, object]]:
    """The town's own ledger with lines that later ones replace; every bead as it is."""
    store = drilled.town.ledger.store_for("hq-x")
    for number in range(12):
        with store.write("overseer") as batch:
            made = batch.create({"title": f"bead {number}", "ephemeral": number % 3 == 0})
        for word in ("first", "second"):
            with store.write("overseer") as batch:
                batch.update(made.id, {"description": word})
        if number % 4 == 1:
            with store.write("overseer") as batch:
                batch.delete(made.id)
    return all_beads(drilled)


def all_beads(drilled: Drilled) -> dict[str, dict[str, object]]:
    return {bead.id: dict(bead.raw) for bead in drilled.town.ledger.store_for("hq-x").find(ALL)}


@pytest.mark.parametrize("words", [("sync", "-m", "keep"), ("sync", "--flush-only")], ids=["sync", "compaction"])
def test_a_killed_sync_loses_nothing_and_is_finished_by_the_next(drilled: Drilled, words: tuple[str, ...]) -> None:
    town = Git(drilled.root, identity=PERSON)
    town.run("config", "user.name", "Ana")
    town.run("config", "user.email", "ana@example.org")
    before = outdated(drilled)
    act = Act(words, drilled.root, program=bd)

    def finish() -> list[str]:
        wrong = [] if all_beads(drilled) == before else ["the killed one changed a bead"]
        again = act.run()
        wrong += [f"the second one fails: {again.err}"] if again.code else []
        wrong += [] if all_beads(drilled) == before else ["the second one changed a bead"]
        lines = open(os.path.join(drilled.root, ".beads", "issues.jsonl"), encoding="utf-8").read().splitlines()
        wrong += (
            [] if len(lines) == len({line.split('"id":"')[1].split('"')[0] for line in lines}) else ["outdated lines"]
        )
        dirt = town.run("status", "--porcelain", "--", ".beads") if "-m" in words else ""
        return [*wrong, *([f"not committed: {dirt}"] if dirt else []), *drilled.amiss()]

    sweep(drilled, act, finish)
