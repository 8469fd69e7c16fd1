"""A round: incidents open once and close when they are over, orders are given in the patrol's name, memory is the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.model.agent import Health
from gastown_core.model.order import Order, Receipt
from gastown_core.model.snapshot import AgentView, TownSnapshot
from gastown_core.model.source_status import SourceStatus
from gastown_core.patrols import round as rounds
from gastown_core.patrols import witness
from gastown_core.patrols.memory import Memory, read_memory
from gastown_core.patrols.patrol import Limits, Patrol
from gastown_core.patrols.round import RoundReport, Watch
from tests.support.fake_town import NOW, agent, snapshot
from tests.support.rigged import Rigged

OPAL = "shop/polecats/opal"
PATROL = Patrol("witness:shop", "witness", "workers of the rig", witness.look, "shop")


class Hand:
    """Stands in for the orders: notes who gave which, and answers as told."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str, str]] = []
        self.ok = True

    def __call__(self, root: str, order: Order, notify: object, *, clock: object, by: str) -> bool:
        self.given.append((order.kind, order.target, by))
        notify(Receipt(order.kind, order.target, "done", "as told", ok=self.ok, final=True))  # type: ignore[operator]
        return self.ok


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    made = Hand()
    monkeypatch.setattr(rounds, "perform", made)
    return made


def town(*agents: AgentView, **more: object) -> TownSnapshot:
    return snapshot(agents, **{"convoys": (), **more})


def stalled(path: str = OPAL, work_dir: str = "") -> AgentView:
    return agent(path, Health.STALLED, since=60, work=("gt-a1", "Fix", 900, ""), pane="%1", work_dir=work_dir)


class Rounds:
    """Rounds of one watch under a clock that moves as told."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.clock = FixedClock(NOW)
        self.watch = Watch(root, self.clock)

    def run(self, shot: TownSnapshot, after: float = 15.0, mode: str = "code") -> RoundReport:
        self.clock.advance(after)
        return self.watch.run(PATROL, shot._replace(taken_at=self.clock.now()), Limits(), mode=mode)


def test_a_stall_opens_once_is_nudged_once_and_closes_when_it_is_over(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    first = rounds_.run(town(stalled()))
    assert [one.kind for one in first.opened] == ["stuck"] and "agent.nudge shop/polecats/opal done" in first.words()
    for _ in range(4):
        again = rounds_.run(town(stalled()))
        assert again.opened == () and again.words() == ""
    over = rounds_.run(town(agent(OPAL, Health.WORKING, work=("gt-a1", "Fix", 900, ""), pane="%1")))
    assert [one.key for one in over.closed] == ["stuck:shop/polecats/opal"]
    assert hand.given == [("agent.nudge", OPAL, "patrol:witness:shop")]
    assert rounds_.watch.memory.open == {}


def test_what_a_watch_did_is_known_to_the_next_one_from_the_log_alone(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    rounds_.run(town(stalled()))
    known = rounds_.watch.memory
    read = read_memory(str(tmp_path), rounds_.clock.now())
    assert read.open == known.open
    assert [act._replace(at=round(act.at, 3)) for act in read.acts] == [
        a._replace(at=round(a.at, 3)) for a in known.acts
    ]
    # a daemon that was killed does not nudge again, and does not open the incident a second time
    rounds_.watch = Watch(str(tmp_path), rounds_.clock)
    assert rounds_.run(town(stalled())).words() == ""


def test_a_blind_patrol_closes_nothing_and_does_nothing(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    rounds_.run(town(stalled()))
    failed = (SourceStatus("tmux", NOW, "timed out"),)
    blind = rounds_.run(town(agent(OPAL, Health.UNKNOWN, pane="%1"), sources=failed))
    assert blind.closed == () and blind.blind == "tmux: timed out" and len(rounds_.watch.memory.open) == 1
    seen = rounds_.run(town(stalled(), sources=failed), after=400)
    assert seen.acted == () and len(hand.given) == 1


def test_a_town_that_fell_over_is_set_up_a_few_at_a_time(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    dead = [agent(f"shop/polecats/p{n}", Health.ZOMBIE, since=5, work=(f"gt-{n}", "x", 900, "")) for n in range(7)]
    rounds_.run(town(*dead))
    assert len(hand.given) == rounds.MOST_ACTS
    rounds_.run(town(*dead))
    rounds_.run(town(*dead), after=1)
    assert len({target for _, target, _ in hand.given}) == 7


def test_a_held_agent_is_escalated_once_and_the_escalation_closes_by_itself(rigged: Rigged, hand: Hand) -> None:
    rounds_ = Rounds(rigged.root)
    shot = town(stalled())
    for _ in range(5):
        rounds_.run(shot, after=301)
    assert [kind for kind, _, _ in hand.given] == ["agent.nudge", "agent.handoff", "agent.restart"]
    rounds_.run(shot)
    raised = rigged.events("escalation_sent")
    assert len(raised) == 1 and "still does not get on" in str(raised[0]["payload"])
    rounds_.run(town(agent(OPAL, Health.WORKING, work=("gt-a1", "Fix", 900, ""), pane="%1")))
    assert len(rigged.events("escalation_closed")) == 1


def test_the_worktree_is_saved_before_its_agent_is_ended(rigged: Rigged, hand: Hand) -> None:
    from gastown_core.git.checkpoints import saved_states
    from gastown_core.git.repo import Git

    bead = rigged.file()
    rigged.sling(bead.id)
    entry = rigged.entry(str(rigged.bead(bead.id).assignee))
    with open(os.path.join(entry.work_dir, "unsaved.txt"), "w") as handle:
        handle.write("not committed")
    rounds_ = Rounds(rigged.root)
    dead = agent(entry.address.path, Health.ZOMBIE, since=5, work=(bead.id, "x", 900, ""), work_dir=entry.work_dir)
    rounds_.run(town(dead))
    assert hand.given[0][0] == "agent.restart"
    ref = str(rigged.events("patrol_acted")[0]["payload"]["saved"])  # type: ignore[index]
    assert ref in [one.ref for one in saved_states(Git(entry.work_dir), entry.address.name)]
    assert "unsaved.txt" in Git(entry.work_dir).run("ls-tree", "--name-only", ref)


def test_work_that_cannot_be_saved_is_not_risked(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text("gitdir: /nowhere\n")
    rounds_ = Rounds(str(tmp_path))
    dead = agent(OPAL, Health.ZOMBIE, since=5, work=("gt-1", "x", 900, ""), work_dir=str(tmp_path / "broken"))
    report = rounds_.run(town(dead))
    assert hand.given == [] and report.acted[0][1] is False and "git" in report.acted[0][2]


def test_an_agent_in_charge_is_told_instead_and_the_code_acts_when_it_is_not_there(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    boss = agent("shop/witness", Health.IDLE, pane="%2")
    rounds_.run(town(stalled(), boss), mode="agent")
    rounds_.run(town(stalled(), boss), mode="agent")
    assert hand.given == [("agent.nudge", "shop/witness", "patrol:witness:shop")]
    gone = agent("shop/witness", Health.ZOMBIE)
    rounds_.run(town(stalled(), gone), mode="agent")
    assert hand.given[1:] == [("agent.nudge", OPAL, "patrol:witness:shop")]


def test_where_both_have_the_role_the_code_acts_and_the_agent_hears_of_it_once(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    boss = agent("shop/witness", Health.IDLE, pane="%2")
    rounds_.run(town(stalled(), boss), mode="both")
    rounds_.run(town(stalled(), boss), mode="both")
    assert hand.given == [
        ("agent.nudge", OPAL, "patrol:witness:shop"),
        ("agent.nudge", "shop/witness", "patrol:witness:shop"),
    ]


def test_what_the_code_does_is_no_sign_of_life_of_the_roles_agent(rigged: Rigged, hand: Hand) -> None:
    from gastown_core.state.collect import Sources, make_roster
    from gastown_core.state.sources.last_events import read_last_events
    from gastown_core.town.inventory import survey

    rounds_ = Rounds(rigged.root)
    rounds_.run(town(stalled()))
    facts = Sources(rigged.root).facts
    read_last_events(facts, make_roster(survey(rigged.root)))
    assert "shop/witness" not in facts.last_events and rigged.events("patrol_acted")


def test_an_escalation_that_cannot_be_kept_is_tried_again(
    rigged: Rigged, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gastown_core.errors import StoreError

    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write", "no space left")

    rounds_ = Rounds(rigged.root)
    shot = town(stalled())
    for _ in range(3):
        rounds_.run(shot, after=301)
    real, settle = rounds.escalate, rounds.settle
    monkeypatch.setattr(rounds, "escalate", full)
    with pytest.raises(StoreError):
        rounds_.run(shot, after=301)
    monkeypatch.setattr(rounds, "escalate", real)
    rounds_.run(shot)
    rounds_.run(shot)
    assert len(rigged.events("escalation_sent")) == 1
    # the same at its end: what could not be settled stays open
    well = town(agent(OPAL, Health.WORKING, work=("gt-a1", "Fix", 900, ""), pane="%1"))
    monkeypatch.setattr(rounds, "settle", full)
    with pytest.raises(StoreError):
        rounds_.run(well)
    monkeypatch.setattr(rounds, "settle", settle)
    rounds_.run(well)
    assert len(rigged.events("escalation_closed")) == 1


def test_what_the_roles_agent_leaves_undone_the_code_does_after_a_while(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    hung = agent("shop/witness", Health.STALLED, pane="%2")
    for _ in range(10):
        rounds_.run(town(stalled(), hung), after=60, mode="agent")
    # told at the start, and again after five minutes; the worker itself is nudged then
    assert hand.given[0] == ("agent.nudge", "shop/witness", "patrol:witness:shop")
    assert ("agent.nudge", OPAL, "patrol:witness:shop") in hand.given


def test_the_roles_agent_hears_of_each_stop_and_the_code_acts_on_the_last(tmp_path: Path, hand: Hand) -> None:
    rounds_ = Rounds(str(tmp_path))
    hung = agent("shop/witness", Health.STALLED, pane="%2")
    work = ("gt-a1", "Fix", 900, "")
    again = agent(OPAL, Health.STALLED, since=-20, work=work, pane="%1")
    told, nudged = (("agent.nudge", name, "patrol:witness:shop") for name in ("shop/witness", OPAL))
    rounds_.run(town(stalled(), hung), mode="agent")
    # no other stop, and one that began a moment after it was told
    rounds_.run(town(stalled(), hung), mode="agent")
    rounds_.run(town(again, hung), mode="agent")
    assert hand.given == [told]
    rounds_.run(town(again, hung), after=45, mode="agent")
    assert hand.given == [told, told]
    rounds_.run(town(again, hung), after=Limits().patience_s - 1, mode="agent")
    assert hand.given == [told, told]
    # then it is told once more, and the worker itself is nudged
    rounds_.run(town(again, hung), after=2, mode="agent")
    assert hand.given == [told, told, told, nudged]


def test_a_busy_memory_answers_about_one_agent_without_asking_about_all() -> None:
    class Counted:
        """An act that counts how often it is looked at."""

        looks, bead = 0, ""

        def __init__(self, at: float, subject: str) -> None:
            self.at, self.subject = at, subject

        @property
        def order(self) -> str:
            Counted.looks += 1
            return "agent.nudge"

    memory = Memory()
    for number in range(2000):
        memory.add(Counted(float(number), f"shop/polecats/p{number % 100}"))
    found = memory.acts_on("shop/polecats/p7", 1500.0, orders=("agent.nudge",))
    assert [act.at for act in found] == [1507.0, 1607.0, 1707.0, 1807.0, 1907.0] and Counted.looks == 5
    memory.forget_before(1700.0)
    assert [act.at for act in memory.acts_on("shop/polecats/p7", 0.0)] == [1707.0, 1807.0, 1907.0]
