"""The town at an earlier moment: equal to the snapshot taken then, and honest about what is no longer known."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable

import pytest

from gastown_core.beads.sync import sync_store
from gastown_core.events.log import append_event
from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.model.agent import Health, Reason
from gastown_core.model.bead import HOOKED, IN_PROGRESS, IN_REVIEW, OPEN
from gastown_core.model.merge_request import LABEL
from gastown_core.model.snapshot import AgentView, TownSnapshot
from gastown_core.past.town import Moment, Past
from gastown_core.state.collect import Sources
from gastown_core.state.reduce import reduce_town
from gastown_core.state.sources.last_events import read_last_events
from gastown_core.town import rig_states
from gastown_core.work.scheduler import scheduler
from tests.support.paper import RIGS, Paper
from tests.support.repos import PERSON
from tests.support.world import pane

NAMES = ("opal", "ruby", "jade", "onyx")


class Drama:
    """A town on paper in which something happens at every step, by a fake clock; ``shots`` are its snapshots."""

    def __init__(self, paper: Paper, seed: int) -> None:
        self.paper = paper
        self.chance = random.Random(seed)
        self.running: dict[str, float] = {}
        self.work: dict[str, str] = {}
        self.beads: list[str] = []
        self.convoys: list[str] = []
        self.requests: dict[str, str] = {}
        self.shots: list[TownSnapshot] = []
        self.is_paused = False
        self.start("mayor")

    # acts

    def tell(self, kind: str, actor: str, **payload: object) -> None:
        append_event(self.paper.root, kind, actor, payload, clock=self.paper.clock)

    def session(self, path: str) -> str:
        address = parse_address(path)
        return address.session(RIGS.get(address.rig, ""))

    def start(self, path: str) -> None:
        self.running[self.session(path)] = self.paper.clock.now()
        self.tell("session_start", path, session_id=self.session(path), role=path)

    def end(self, path: str, kind: str) -> None:
        self.running.pop(self.session(path))
        if kind == "session_end":
            self.tell(kind, path, session_id=self.session(path), role=path)
        elif kind == "kill":
            self.tell(kind, "overseer", rig=path.partition("/")[0], target=path)
        else:
            self.tell(kind, "daemon", session=self.session(path), agent=path, reason="gone")

    def polecats(self) -> list[str]:
        root = self.paper.root
        return [
            f"{rig}/polecats/{name}"
            for rig in RIGS
            for name in NAMES
            if os.path.isdir(os.path.join(root, rig, "polecats", name))
        ]

    def spawn(self) -> None:
        rig, name = self.chance.choice(list(RIGS)), self.chance.choice(NAMES)
        folder = os.path.join(self.paper.root, rig, "polecats", name)
        if not os.path.isdir(folder):
            os.makedirs(folder)
            self.tell("spawn", "gt", rig=rig, polecat=name)

    def remove(self) -> None:
        for path in self.polecats():
            rig, _, name = path.split("/")
            if path not in self.work and self.session(path) not in self.running:
                shutil.rmtree(os.path.join(self.paper.root, rig, "polecats", name))
                self.tell("polecat_removed", "overseer", rig=rig, polecat=name, what="removed")
                return

    def file(self) -> None:
        self.beads.append(self.paper.file(f"Work {len(self.beads)}", rig=self.chance.choice([*RIGS, "town"])))

    def bundle(self) -> None:
        if len(self.beads) > 2:
            self.convoys.append(self.paper.convoy(f"Convoy {len(self.convoys)}", *self.chance.sample(self.beads, 3)))

    def sling(self) -> None:
        free = [path for path in self.polecats() if path not in self.work]
        ready = [one for one in self.beads if self.paper.bead(one).status == OPEN]
        if free and ready:
            path, bead_id = self.chance.choice(free), self.chance.choice(ready)
            rig, _, name = path.split("/")
            self.paper.change(bead_id, status=HOOKED, assignee=f"{rig}/{name}")
            self.work[path] = bead_id
            self.tell("sling", "mayor", bead=bead_id, target=path)
            if self.session(path) not in self.running:
                self.start(path)

    def move_on(self) -> None:
        for path, bead_id in list(self.work.items())[:1]:
            self.paper.change(bead_id, status=IN_PROGRESS)
            self.tell("step", path, bead=bead_id, message="going on")

    def hand_in(self) -> None:
        for path, bead_id in list(self.work.items())[:1]:
            del self.work[path]
            self.paper.change(bead_id, status=IN_REVIEW)
            rig = path.partition("/")[0]
            fields = f"branch: polecat/x/{bead_id}\ntarget: main\nsource_issue: {bead_id}\nrig: {rig}\nworker: {path}"
            request = self.paper.file("Merge", rig=rig, description=fields, labels=[LABEL], issue_type="merge-request")
            self.requests[request] = bead_id
            self.tell("done", path, bead=bead_id, branch=f"polecat/x/{bead_id}")
            self.tell("mr_queued", path, mr=request, bead=bead_id)

    def merge(self) -> None:
        for request, bead_id in list(self.requests.items())[:1]:
            del self.requests[request]
            self.paper.close(request)
            self.paper.close(bead_id)
            self.tell("merged", "shop/refinery", mr=request, bead=bead_id)

    def give_back(self) -> None:
        for path, bead_id in list(self.work.items())[-1:]:
            del self.work[path]
            self.paper.change(bead_id, status=OPEN, assignee="")
            self.tell("unhook", path, bead=bead_id)

    def stop(self) -> None:
        live = [path for path in self.polecats() if self.session(path) in self.running]
        if live:
            self.end(self.chance.choice(live), self.chance.choice(["session_end", "kill", "session_death"]))

    def escalate(self) -> None:
        bead_id = self.paper.file("Help", rig="town", labels=["gt:escalation"], priority=1)
        self.tell("escalation_sent", "mayor", escalation_id=bead_id, severity="high", reason="Help")
        if self.chance.random() < 0.5:
            self.paper.close(bead_id, "settled")
            self.tell("escalation_closed", "overseer", escalation_id=bead_id)

    def delete(self) -> None:
        if self.beads and self.paper.bead(self.beads[-1]).status == OPEN:
            self.paper.delete(self.beads.pop())

    def pause(self) -> None:
        self.is_paused = not self.is_paused
        turn = scheduler.pause if self.is_paused else scheduler.resume
        turn(self.paper.root, actor="overseer", clock=self.paper.clock)

    def park(self) -> None:
        turn = self.chance.choice([rig_states.park, rig_states.unpark])
        turn(self.paper.root, "billing", actor="overseer", clock=self.paper.clock)

    # time

    def acts(self) -> list[Callable[[], None]]:
        common = [self.file, self.sling, self.sling, self.move_on, self.hand_in, self.merge, self.spawn]
        return [
            *common,
            *common,
            self.bundle,
            self.give_back,
            self.stop,
            self.remove,
            self.escalate,
            self.delete,
            self.pause,
            self.park,
        ]

    def play(self, steps: int) -> None:
        acts = self.acts()
        for _ in range(steps):
            self.paper.clock.advance(self.chance.choice([2.0, 7.0, 61.5, 400.0, 5000.0]))
            self.chance.choice(acts)()
            self.paper.clock.advance(self.chance.choice([0.5, 1.0, 90.0, 900.0]))
            self.shots.append(self.look())

    def look(self) -> TownSnapshot:
        """The snapshot that the live sources give now; the sessions are those that the drama has started."""
        sources, now = Sources(self.paper.root), self.paper.clock.now()
        sources.look(now)
        sources.facts.panes = {session: pane(session, at) for session, at in self.running.items()}
        sources.facts.alive = dict.fromkeys(self.running, True)
        read_last_events(sources.facts, sources.roster, 10_000)
        town = reduce_town(sources.facts, now)
        sources.close()
        return town


def past_of(paper: Paper) -> Past:
    past = Past(paper.root, clock=paper.clock)
    past.read()
    return past


def recorded(agent: AgentView) -> list[Reason]:
    """The evidence that something keeps; when a session that runs had its last output, nothing does."""
    return [one for one in agent.health.reasons if not (agent.running and one.source == "process")]


def check_same(then: TownSnapshot, moment: Moment) -> int:
    """All that is recorded is as it was; the number of agents whose state is told."""
    now = moment.town
    for name in ("convoys", "requests", "orphans", "escalated", "gates", "letters", "rigs", "behind"):
        assert getattr(now, name) == getattr(then, name), name
    # its file keeps whole seconds
    paused_at = float(int(now.scheduler.paused_at))
    assert now.scheduler._replace(paused_at=paused_at) == then.scheduler
    assert [one.key for one in now.agents] == [one.key for one in then.agents]
    told = 0
    for old, new in zip(then.agents, now.agents, strict=True):
        for name in ("running", "work", "hook", "hook_since", "agent_state", "unread", "last_event", "session"):
            assert getattr(new, name) == getattr(old, name), (old.key, name)
        if new.health.state is not Health.UNKNOWN:
            told += 1
            assert (new.health.state, new.health.since) == (old.health.state, old.health.since), old.key
            assert recorded(new) == recorded(old), old.key
    return told


@pytest.mark.parametrize("seed", [1, 2])
def test_the_picture_at_200_random_moments_equals_the_snapshot_taken_then(paper: Paper, seed: int) -> None:
    drama = Drama(paper, seed)
    drama.play(100)
    past = past_of(paper)
    order = drama.chance.choices(drama.shots, k=100)
    told = sum(check_same(then, past.at(then.taken_at)) for then in order)
    agents = sum(len(then.agents) for then in order)
    assert any(then.convoys for then in order) and any(then.requests for then in order)
    assert told > agents * 0.7, "most states can be told"


def test_a_later_moment_can_be_left_for_an_earlier_one_and_back(paper: Paper) -> None:
    drama = Drama(paper, 3)
    drama.play(40)
    past = past_of(paper)
    first, middle, last = drama.shots[0], drama.shots[20], drama.shots[-1]
    for then in (last, first, middle, last, middle, first):
        check_same(then, past.at(then.taken_at))


def test_arrow_keys_go_from_change_to_change_and_stop_at_the_ends(paper: Paper) -> None:
    paper.file("First")
    made = paper.clock.now()
    paper.clock.advance(60)
    append_event(paper.root, "mail", "mayor", {"to": "shop/opal", "subject": "Hello"}, clock=paper.clock)
    written = paper.clock.now()
    paper.clock.advance(60)
    past = past_of(paper)
    assert past.since == made
    assert past.next(made, 1) == written
    assert past.next(written, -1) == made == past.next(made, -1) == past.next(made, -7)
    assert past.next(written, 1) == paper.clock.now()
    assert [row.type for row in past.events(written, 5)] == ["mail"]
    assert past.events(made, 5) == []
    assert past.kinds_between(made, written) == {"mail": 1}


def test_what_a_compaction_took_is_told_by_events_and_said_to_be_unsure(paper: Paper) -> None:
    bead_id = paper.file("Lost versions")
    os.makedirs(os.path.join(paper.root, "shop", "polecats", "opal"))
    paper.clock.advance(100)
    paper.change(bead_id, status=HOOKED, assignee="shop/opal")
    append_event(paper.root, "sling", "mayor", {"bead": bead_id, "target": "shop/polecats/opal"}, clock=paper.clock)
    slung = paper.clock.now()
    paper.clock.advance(100)
    paper.close(bead_id)
    paper.clock.advance(100)
    paper.ledger.store_for(bead_id).compact()
    past = past_of(paper)
    opal = past.at(slung + 1).town.agent("shop/polecats/opal")
    assert opal is not None and opal.work is not None and opal.work.bead_id == bead_id
    assert any("records of 1 beads" in one for one in past.at(slung + 1).unknown)
    free = past.at(slung - 1).town.agent("shop/polecats/opal")
    assert free is not None and free.work is None
    assert not any("records of" in one for one in past.at(paper.clock.now()).unknown)


def test_git_remembers_versions_that_a_compaction_took(paper: Paper) -> None:
    git = Git(paper.root, identity=PERSON)
    git.run("init", "--quiet")
    git.run("config", "user.name", "x")
    git.run("config", "user.email", "x@example.org")
    bead_id = paper.file("First title", rig="town")
    sync_store(paper.ledger.store_for(bead_id))
    paper.clock.advance(100)
    paper.change(bead_id, title="Second title", status=HOOKED, assignee="mayor/")
    between = paper.clock.now() + 1
    sync_store(paper.ledger.store_for(bead_id))
    paper.clock.advance(100)
    paper.change(bead_id, title="Third title")
    sync_store(paper.ledger.store_for(bead_id))
    mayor = past_of(paper).at(between).town.agent("mayor")
    assert mayor is not None and mayor.work is not None
    assert mayor.work.title == "Second title"
    assert not any("records of" in one for one in past_of(paper).at(between).unknown)


def test_before_the_log_begins_nobody_is_said_to_have_had_no_session(paper: Paper) -> None:
    paper.file("Old")
    then = paper.clock.now()
    paper.clock.advance(3600)
    append_event(paper.root, "mail", "mayor", {"to": "overseer", "subject": "x"}, clock=paper.clock)
    moment = past_of(paper).at(then)
    mayor = moment.town.agent("mayor")
    assert mayor is not None and mayor.running is None and mayor.health.state is Health.UNKNOWN
    assert any("event log begins only" in one for one in moment.unknown)


def test_an_agent_at_work_without_a_sign_is_unknown_not_stalled(paper: Paper) -> None:
    path = "shop/polecats/opal"
    os.makedirs(os.path.join(paper.root, path))
    bead_id = paper.file("Long work")
    paper.change(bead_id, status=HOOKED, assignee="shop/opal")
    append_event(paper.root, "session_start", path, {"session_id": "sh-opal", "role": path}, clock=paper.clock)
    began = paper.clock.now()
    paper.clock.advance(7200)
    past = past_of(paper)
    soon, late = past.at(began + 30).town.agent(path), past.at(began + 7000).town.agent(path)
    assert soon is not None and soon.health.state is Health.WORKING
    assert late is not None and late.health.state is Health.UNKNOWN
    assert "no sign of progress for 1h56m" in late.health.reason


def test_junk_and_clocks_that_are_ahead_do_no_harm(paper: Paper) -> None:
    bead_id = paper.file("Fine")
    with open(os.path.join(paper.root, ".events.jsonl"), "ab") as log:
        log.write(b'{"ts":"2099-01-01T00:00:00Z","type":"mail","actor":"mayor"}\n\xff\xfe junk\n[[[\n{"type":7}\n')
    with open(os.path.join(paper.root, "shop", ".beads", "issues.jsonl"), "ab") as ledger:
        ledger.write(b'<<<<<<< ours\n{"id":7}\n{"_type":"issue","id":"sh-odd","title":1,"updated_at":[]}\n\xff\n')
    paper.clock.advance(10)
    past = past_of(paper)
    assert past.at(paper.clock.now()).town.name == "paper"
    assert paper.bead(bead_id).title == "Fine"
