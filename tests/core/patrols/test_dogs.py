"""Dogs under watch, and the town's chores: when each is due."""

from __future__ import annotations

import pytest

from gastown_core.model.address import Address
from gastown_core.model.agent import Health
from gastown_core.model.daemon import DIED, RUNS, DaemonView
from gastown_core.model.snapshot import AgentView
from gastown_core.patrols import dogs
from gastown_core.patrols.memory import Act, Memory
from gastown_core.patrols.patrol import Finding, Limits, Look
from tests.support.fake_town import NOW, agent, snapshot

HOUR = 3600.0
WORK = ("hq-a1", "Trim branches", 9000, "")


def dog(name: str, state: Health = Health.IDLE, **more: object) -> AgentView:
    """A dog; unlike other agents of the tests it has shown nothing lately."""
    made = agent("deacon/dogs", state, **{"last_output_at": None, **more})
    work = made.work._replace(updated_at=made.work.since) if made.work is not None else None
    return made._replace(address=Address("dog", "", name), work=work)


def seen(
    *pack: AgentView, memory: Memory | None = None, daemon: DaemonView | None = None, **limits: object
) -> list[Finding]:
    shot = snapshot(pack, (), daemon=daemon or DaemonView(DIED, 1, NOW))
    return list(dogs.look(Look(shot, memory or Memory(), Limits(**limits), NOW)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "kind", "order"),
    [
        (dog("rex", Health.ZOMBIE, since=60, work=WORK), dogs.DEAD, "dog.clear"),
        (dog("rex", Health.WORKING, since=8000, work=WORK, pane="%1"), dogs.SILENT, "dog.clear"),
        (dog("rex", Health.IDLE, since=4000, pane="%1"), dogs.IDLE, "agent.stop"),
    ],
)
def test_a_dog_that_died_hangs_or_idles_is_seen_with_what_to_do(one: AgentView, kind: str, order: str) -> None:
    found = seen(one)
    assert [(f.kind, f.subject, f.remedy.kind) for f in found if f.remedy] == [(kind, "deacon/dogs/rex", order)]
    # what was just done gets time to help
    memory = Memory()
    memory.add(Act(NOW - 60, "dogs", kind, "deacon/dogs/rex", order))
    assert seen(one, memory=memory) == []


@pytest.mark.parametrize(
    "one",
    [
        dog("rex"),
        dog("rex", Health.WORKING, since=600, work=WORK, pane="%1", last_output_at=NOW - 600),
        dog("rex", Health.IDLE, since=4000, pane="%1", last_output_at=NOW - 60),
        dog("rex", Health.IDLE, since=4000, pane="%1", attached=1),
        dog("rex", Health.WORKING, since=8000, work=WORK, pane="%1", attached=1),
    ],
)
def test_a_dog_that_works_rests_or_is_watched_by_a_person_is_left_alone(one: AgentView) -> None:
    assert seen(one) == []


def test_only_dogs_beyond_the_wanted_number_are_removed() -> None:
    pack = [dog(f"d{n}", Health.IDLE, since=5 * HOUR) for n in range(5)]
    assert {one.kind for one in seen(*pack)} == {dogs.SPARE}
    assert seen(*pack[:4]) == [] and seen(*pack, dog_pool=5) == []


def test_each_chore_is_due_by_what_the_log_says() -> None:
    up = DaemonView(RUNS, 1, NOW - HOUR)
    assert [one.remedy.kind for one in seen(daemon=up) if one.remedy] == ["town.backup", "town.tidy"]
    assert seen(daemon=DaemonView(RUNS, 1, NOW - 60)) == [] and all(one.is_chore for one in seen(daemon=up))

    def due(ago: float, ok: bool = True) -> list[str]:
        memory = Memory()
        for name in dogs.CHORES:
            memory.add(Act(NOW - ago, "dogs", dogs.CHORE, "town", name, ok=ok))
        return [one.remedy.kind.removeprefix("town.") for one in seen(memory=memory, daemon=up) if one.remedy]

    assert due(HOUR) == [] and due(7 * HOUR) == ["backup"] and due(25 * HOUR) == ["backup", "tidy"]
    # one that failed is tried again, but not at every look
    assert due(60, ok=False) == [] and due(2 * HOUR, ok=False) == ["backup", "tidy"]
