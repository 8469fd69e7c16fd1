"""The deacon's rules, and a healthy day under all patrols."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_core.model.agent import Health
from gastown_core.model.daemon import DIED, RUNS, DaemonView
from gastown_core.model.incident import MASS
from gastown_core.model.snapshot import AgentView
from gastown_core.patrols import dam, deacon, witness
from gastown_core.patrols import round as rounds
from gastown_core.patrols.memory import Act, Memory
from gastown_core.patrols.patrol import Finding, Limits, Look, Patrol
from gastown_core.patrols.round import Watch
from tests.support.fake_town import NOW, agent, convoy, snapshot
from tests.support.world import NAMES, World


def seen(*agents: AgentView, memory: Memory | None = None, **town: object) -> list[Finding]:
    shot = snapshot(agents, **{"convoys": (), **town})
    return list(deacon.look(Look(shot, memory or Memory(), Limits(), NOW)))


def limited(number: int, why: str = "5-hour limit reached") -> AgentView:
    path = f"{'shop' if number % 2 else 'billing'}/polecats/p{number}"
    return agent(path, Health.LIMITED, since=60 + number, pane="%1", reasons=((why, "record", 60),))


def test_agents_of_all_rigs_that_suffer_from_one_limit_are_one_incident(tmp_path: Path) -> None:
    found = seen(*(limited(number) for number in range(8)), limited(9, "another account's limit"))
    assert len(found) == 8 and len({one.incident_key for one in found}) == 1
    assert found[0].cause == "limited: 5-hour limit reached"
    watch = Watch(str(tmp_path), World().clock)
    patrol = Patrol("deacon", "deacon", "", deacon.look)
    shot = snapshot([limited(number) for number in range(8)], ())
    first = watch.run(patrol, shot, Limits())
    assert len(first.opened) == 1 and len(first.opened[0].subjects) == 8
    assert watch.run(patrol, shot, Limits()).words() == ""
    over = watch.run(patrol, snapshot([limited(1)], ()), Limits())
    assert len(over.closed) == 1


def test_one_question_that_many_are_asked_is_put_to_a_person_once() -> None:
    def asked(number: int, since: float) -> AgentView:
        reason = ("trust this folder?", "screen", since)
        return agent(f"shop/polecats/p{number}", Health.WAITING, since=since, pane="%1", reasons=(reason,))

    found = seen(*(asked(number, 301) for number in range(5)))
    assert len({one.incident_key for one in found}) == 1
    assert found[0].held == "5 agents ask the same: trust this folder?"
    # two may ask the same by chance, and one that has just begun to ask may be answered soon
    assert [one.held for one in seen(asked(1, 301), asked(2, 301))] == ["", ""]
    assert {one.held for one in seen(asked(1, 301), asked(2, 301), asked(3, 9))} == {""}
    assert seen(asked(1, 301)) == []


@pytest.mark.parametrize(
    ("ages", "count"), [((10, 20, 30), 3), ((10, 20), 0), ((10, 60, 110), 0), ((5, 10, 200, 210, 220), 3)]
)
def test_deaths_within_half_a_minute_are_one_incident(ages: tuple[float, ...], count: int) -> None:
    dead = [agent(f"shop/polecats/p{n}", Health.ZOMBIE, since=age) for n, age in enumerate(ages)]
    found = [one for one in seen(*dead) if one.kind == MASS]
    assert len(found) == count and len({one.incident_key for one in found}) == min(count, 1)


def test_a_standing_agent_that_died_is_started_again_with_growing_pauses() -> None:
    dead = agent("shop/witness", Health.ZOMBIE, since=20, reasons=(("session is gone", "process", 20),))
    assert [one.remedy.kind for one in seen(dead) if one.remedy] == ["agent.restart"]
    memory = Memory()
    memory.add(Act(NOW - 10, "deacon", deacon.STANDS, "shop/witness", "agent.restart"))
    found = seen(dead, memory=memory)
    assert found and found[0].remedy is None


def test_a_stranded_convoy_is_refreshed_and_not_again_at_once() -> None:
    still = convoy("hq-cv-9", "Billing epic", 6, 0, 0, 41, stalled_since=NOW - 10)
    found = seen(convoys=(still,))
    assert [(one.kind, one.remedy.kind) for one in found if one.remedy] == [(deacon.STRANDED, "convoy.refresh")]
    memory = Memory()
    memory.add(Act(NOW - 590, "deacon", deacon.STRANDED, "hq-cv-9", "convoy.refresh"))
    assert [one.remedy for one in seen(convoys=(still,), memory=memory)] == [None]
    later = convoy("hq-cv-9", "Billing epic", 6, 0, 0, 41, stalled_since=NOW + 10)
    assert seen(convoys=(later,)) == []


PATROLS = (
    Patrol("dam", "dam", "", dam.look),
    Patrol("deacon", "deacon", "", deacon.look),
    Patrol("witness:shop", "witness", "", witness.look, "shop"),
)


class Day:
    """Four workers who take ready beads, work twenty minutes, hand in, and whose requests merge two minutes later."""

    def __init__(self, root: str) -> None:
        self.world = World(root, workers=4)
        self.doing: dict[str, tuple[str, float]] = {}
        self.merging: list[tuple[str, float]] = []
        self.filed = 0
        self.done = 0
        self.members: list[str] = []

    def minute(self) -> None:
        w = self.world
        w.clock.advance(60)
        now = w.now
        for name, (bead, since) in list(self.doing.items()):
            w.beat(f"shop/polecats/{name}")
            if now - since >= 1200:
                w.hand_in(bead)
                w.beat(f"shop/polecats/{name}", "idle")
                self.merging.append((bead, now))
                del self.doing[name]
        for bead, since in list(self.merging):
            if now - since >= 120:
                w.merge(bead)
                self.merging.remove((bead, since))
                self.done += 1
        while len(self.members) - self.filed < 8:
            self.members.append(f"gt-{len(self.members)}")
            w.put(self.members[-1])
            w.convoy(*self.members[-12:])
        for name in NAMES:
            if name not in self.doing:
                w.give(self.members[self.filed], name)
                self.doing[name] = (self.members[self.filed], now)
                self.filed += 1


def test_a_healthy_day_passes_without_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "perform", lambda *_, **__: pytest.fail("an order was given"))
    day = Day(str(tmp_path))
    watch = Watch(str(tmp_path), day.world.clock)
    for _ in range(24 * 60):
        day.minute()
        shot = day.world.town()
        for patrol in PATROLS:
            report = watch.run(patrol, shot, Limits())
            assert report.words() == "" and report.findings == ()
    assert day.done > 200 and not (tmp_path / ".events.jsonl").exists()


def test_a_dam_opens_is_escalated_when_it_stays_and_closes_with_its_cure(
    rigged: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = rigged.root  # type: ignore[attr-defined]
    w = World(root)
    w.put("gt-1", at=w.now - 200)
    w.convoy("gt-1")
    watch = Watch(root, w.clock)

    def turn(after: float) -> rounds.RoundReport:
        w.clock.advance(after)
        return watch.run(PATROLS[0], w.town(), Limits())

    w.facts.daemon = DaemonView(DIED, 0, w.now)
    assert [one.key for report in (turn(31), turn(15)) for one in report.opened] == []
    assert [one.key for one in turn(30).opened] == ["dam:daemon"]
    assert turn(300).words() == "" and turn(200).words() == ""
    assert [one.escalated for one in turn(60).opened] == [True]
    assert turn(600).words() == ""
    assert len(rigged.events("escalation_sent")) == 1  # type: ignore[attr-defined]
    w.facts.daemon = DaemonView(RUNS, 9, w.now)
    w.give("gt-1", "opal")
    assert [one.key for one in turn(15).closed] == ["dam:daemon"]
    assert len(rigged.events("escalation_closed")) == 1  # type: ignore[attr-defined]
