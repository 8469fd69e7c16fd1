"""Planted faults: each broken link of the chain is named within a minute by the right words, and retired within one.

The town of the first table lies on disk and is read by the sources that the daemon reads by; that of the second is in
memory, since its agents would have to live.  Both are under the patrols that the daemon runs, with a clock of ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gastown_core.attention.look import attention
from gastown_core.clock import SYSTEM_CLOCK, FixedClock, format_seconds
from gastown_core.daemon import duties
from gastown_core.daemon.duties import duties_of
from gastown_core.daemon.duty import Shift
from gastown_core.files.atomic import write_json
from gastown_core.files.locks import FileLock
from gastown_core.messaging.escalation import escalate, open_escalations
from gastown_core.model.bead import CLOSED, IN_PROGRESS
from gastown_core.model.merge_request import LABEL
from gastown_core.model.order import Order, Receipt
from gastown_core.model.refinery import HELD, IDLE, TESTING, RefineryState
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.patrols import lookout
from gastown_core.patrols import round as rounds
from gastown_core.patrols.table import patrols_of
from gastown_core.state.facts import RefineryFacts
from gastown_core.tmux.socket import socket_name, socket_path
from gastown_core.town import daemon_note, host_load, sessions
from gastown_core.town.settings import keep_last_good, set_setting, settings_path
from gastown_core.town.start_plan import plan_start
from gastown_core.work import death_count, retry_delay
from gastown_core.work.convoys import create_convoy
from gastown_core.work.scheduler import scheduler
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux
from tests.support.watched import Watched
from tests.support.world import World

MINUTE = 60.0


def everything_told(town: TownSnapshot, watched: Watched) -> str:
    """What a person reads who looks at the town: incidents, what needs attention, the header's word on the daemon."""
    rows = [item.question for item in attention(town)]
    return "\n".join([watched.words(), *rows, town.daemon.short(town.taken_at)])


def is_told(watched: Watched, words: str) -> bool:
    return words in everything_told(watched.look(), watched)


def check(watched: Watched, plant: Callable[[], object], cure: Callable[[], object], words: str, most: int = 1) -> None:
    """The fault is not told before, told within a minute of its beginning, and not told a minute after its end."""
    for _ in range(4):
        watched.pass_time()
    assert not is_told(watched, words)
    plant()
    took = watched.takes(lambda: is_told(watched, words), MINUTE)
    assert took is not None, everything_told(watched.look(), watched)
    for _ in range(6):
        watched.pass_time()
    opened = [str(one["payload"]["incident"]) for one in watched.told("incident_opened")]
    assert len(set(opened)) == len(opened) <= most, "one cause is told once"
    cure()
    took = watched.takes(lambda: not is_told(watched, words), MINUTE)
    assert took is not None, everything_told(watched.look(), watched)
    assert watched.takes(lambda: not watched.open(), MINUTE) is not None, watched.words()


# -- a town on disk ------------------------------------------------------------------------------------------


class Staged:
    """A town on disk, two beads of which wait in a convoy, and the part of its daemon that others see: lock and state file."""

    def __init__(self, rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rigged, self.root, self.patch = rigged, rigged.root, monkeypatch
        self.beads = [rigged.file(f"Part {number}").id for number in (1, 2)]
        create_convoy(self.root, rigged.ledger, "Both", self.beads, owner="overseer")
        self.clock = FixedClock(SYSTEM_CLOCK.now() + 100.0)
        self.lock: FileLock | None = None
        self.duties = {duty.name: duty for duty in duties_of(self.root)}
        self.stuck: dict[str, dict[str, object]] = {}
        self.beats = 0
        self.ran: dict[str, float] = {}
        self.start_daemon()
        self.lookout = lookout.Lookout(self.root, self.clock)
        self.watched = Watched(self.root, self.clock, self.look, patrols_of(self.root))

    def start_daemon(self) -> None:
        os.makedirs(daemon_note.folder(self.root), exist_ok=True)
        self.lock = FileLock(daemon_note.lock_path(self.root), name_holder=True)
        self.lock.__enter__()

    def kill_daemon(self) -> None:
        assert self.lock is not None
        self.lock.__exit__(None, None, None)
        self.lock = None

    def look(self) -> TownSnapshot:
        if self.lock is not None:
            self._beat()
        return self.lookout.look()

    def _beat(self) -> None:
        """Write what a daemon writes whose duties all run on time, but for those that are stuck."""
        now = self.clock.now()
        self.beats = int((now - SYSTEM_CLOCK.now()) / daemon_note.HEARTBEAT_S) + 1000
        told = {}
        for name, duty in self.duties.items():
            if name not in self.stuck:
                self.ran[name] = now
            told[name] = {"last_run": format_seconds(self.ran[name]), "every_s": duty.every_s}
            told[name] |= {"longest_s": duty.longest_s, "beat": 0, "error": "", **self.stuck.get(name, {})}
        state = {"running": True, "pid": os.getpid(), "started_at": format_seconds(now - 9000)}
        state |= {"last_heartbeat": format_seconds(now), "heartbeat_count": self.beats, "duties": told}
        write_json(daemon_note.state_path(self.root), state)

    def stick(self, duty: str, **told: object) -> None:
        self.stuck[duty] = told

    def close(self) -> None:
        self.lookout.close()
        if self.lock is not None:
            self.kill_daemon()


@pytest.fixture
def staged(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staged]:
    set_setting(rigged.root, "dam.unexplained", "1h")
    set_setting(rigged.root, "scheduler.max_polecats", "5")
    keep_last_good(lambda _: None)
    monkeypatch.setattr(lookout, "has_tmux", lambda: False)
    made = Staged(rigged, monkeypatch)
    try:
        yield made
    finally:
        made.close()
        keep_last_good(None)


def spoil(path: str) -> Callable[[], object]:
    """Put a folder where a file was; the act that puts it back."""
    os.rename(path, f"{path}.aside")
    os.mkdir(path)
    return lambda: (os.rmdir(path), os.rename(f"{path}.aside", path))


def overwrite(path: str, text: str) -> Callable[[], object]:
    """Replace a file's text; the act that puts it back."""
    before = Path(path).read_bytes()
    Path(path).write_text(text)
    return lambda: Path(path).write_bytes(before)


def full_disk(staged: Staged) -> Callable[[], object]:
    full = host_load.HostLoad(0.1, 8.0, 0.04)
    real = host_load.read_load
    staged.patch.setattr(host_load, "read_load", lambda _: full)
    return lambda: staged.patch.setattr(host_load, "read_load", real)


def orphan(staged: Staged) -> Callable[[], object]:
    store = staged.rigged.ledger.store_for("sh-x")
    bead = staged.rigged.file("Left alone").id
    with store.write("overseer") as batch:
        batch.update(bead, {"status": "hooked", "assignee": "shop/polecats/ghost"})
    # its cure is the witness's own, two minutes later
    return lambda: [staged.watched.pass_time() for _ in range(30)]


def storm(staged: Staged) -> Callable[[], object]:
    death_count.note(staged.root, staged.beads[0], by=3, clock=staged.clock)
    return lambda: death_count.reset(staged.root, staged.beads[0], clock=staged.clock)


def no_start(staged: Staged) -> Callable[[], object]:
    for bead in staged.beads:
        retry_delay.note(staged.root, bead, "claude is not installed", staged.clock.now())
    return lambda: [retry_delay.forget(staged.root, bead) for bead in staged.beads]


def slow_clock(staged: Staged) -> Callable[[], object]:
    staged.clock.advance(-7200)
    return lambda: staged.clock.advance(7200)


def paused(staged: Staged) -> Callable[[], object]:
    scheduler.pause(staged.root, actor="alice", clock=staged.clock)
    return lambda: scheduler.resume(staged.root, actor="alice", clock=staged.clock)


def stuck(duty: str, **told: object) -> Callable[[Staged], Callable[[], object]]:
    def plant(staged: Staged) -> Callable[[], object]:
        moments = {key: format_seconds(staged.clock.now()) for key, value in told.items() if value == "now"}
        staged.stick(duty, **{**told, **moments})
        return lambda: staged.stuck.clear()

    return plant


def killed(staged: Staged) -> Callable[[], object]:
    staged.kill_daemon()
    return staged.start_daemon


def beads_of(staged: Staged) -> str:
    return os.path.join(staged.rigged.ledger.store_for("sh-x").beads_dir, "issues.jsonl")


ON_DISK: list[tuple[str, Callable[[Staged], Callable[[], object]], str]] = [
    ("the dispatcher is paused", paused, "dispatch is paused by alice"),
    ("no worker can start", no_start, "no worker can start: the last try failed: claude is not installed"),
    ("the ledger cannot be read", lambda s: spoil(beads_of(s)), "the ledger shop cannot be read"),
    ("the clock is wrong", slow_clock, "the clock is wrong: a record of"),
    ("the daemon was killed", killed, "the daemon died"),
    ("dispatch does not run", stuck("dispatch"), "the daemon's duty dispatch has not run for"),
    ("the witness is stuck", stuck("witness:shop"), "the daemon's duty witness:shop has not run"),
    ("a chore fails", stuck("usage", error="permission denied", failing_since="now"), "duty usage fails: permission denied"),
    ("the disk is full", full_disk, "only 0.0 GB of the disk are free"),
    ("settings are junk", lambda s: overwrite(settings_path(s.root), "{"), "settings cannot be read"),
    ("a setting is wrong", lambda s: overwrite(settings_path(s.root), '{"dam": {"after": "soon"}}'), "dam.after: allowed"),
    ("the rigs' register is junk", lambda s: overwrite(os.path.join(s.root, "mayor", "rigs.json"), "["), "roster cannot be read"),
    ("a hook is orphaned", orphan, "on the hook of shop/polecats/ghost, which does not exist"),
    ("workers die on a bead", storm, "3 workers died"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "words"), [row[1:] for row in ON_DISK], ids=[row[0] for row in ON_DISK])
def test_a_fault_on_disk_is_named_within_a_minute_and_retired_within_one(
    plant: Callable[[Staged], Callable[[], object]], words: str, staged: Staged
) -> None:
    cures: list[Callable[[], object]] = []
    check(staged.watched, lambda: cures.append(plant(staged)), lambda: cures[0](), words)


# -- a town in memory ----------------------------------------------------------------------------------------


class Hand:
    """Stands in for the orders of patrols: notes them, and says that they were done."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []

    def __call__(self, root: str, order: Order, notify: Callable[[Receipt], None], *, clock: object, by: str) -> bool:
        self.given.append((order.kind, order.target))
        notify(Receipt(order.kind, order.target, "done", "as told", ok=True, final=True))
        return True


class Living:
    """The town of ``World`` whose two workers live and beat as told at every look, and a hand that does nothing."""

    def __init__(self, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(root, unexplained_s=3600.0)
        self.hand = Hand()
        monkeypatch.setattr(rounds, "perform", self.hand)
        self.states = {"opal": ("working", ""), "ruby": ("working", "")}
        for number in (1, 2, 3):
            self.world.put(f"gt-{number}", at=self.world.now - 100)
        self.world.convoy("gt-1", "gt-2", "gt-3")
        self.world.give("gt-1", "opal")
        self.world.give("gt-2", "ruby")
        self.watched = Watched(root, self.world.clock, self.look, patrols_of(root))

    def look(self) -> TownSnapshot:
        for name, (state, words) in self.states.items():
            if f"shop/polecats/{name}" in self.alive() and state != "idle":
                self.world.beat(f"shop/polecats/{name}", state, words)
        return self.world.town()

    def alive(self) -> set[str]:
        panes = self.world.facts.panes or {}
        return {path for path in ("shop/polecats/opal", "shop/polecats/ruby") if f"gt-{path[14:]}" in panes}

    def say(self, state: str, words: str = "") -> None:
        self.states = dict.fromkeys(self.states, (state, words))
        for name in self.states:
            self.world.beat(f"shop/polecats/{name}", state, words)


@pytest.fixture
def living(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> Living:
    return Living(rigged.root, monkeypatch)


def engine(living: Living, phase: str, reason: str = "", *, is_alive: bool = True) -> None:
    world = living.world
    since = world.now if reason else 0.0
    state = RefineryState("shop", phase, pid=77, hold_reason=reason, updated_at=world.now)
    world.facts.refineries["shop"] = RefineryFacts("shop", "/t/shop", state, is_alive=is_alive, hold_since=since)
    world.facts.landing_version += 1


def in_review(living: Living, status: str = "open") -> None:
    """Both beads handed in, and their requests in the queue, or claimed by an engine (``in_progress``)."""
    for number in (1, 2):
        living.world.hand_in(f"gt-{number}")
        living.world.put(f"gt-{number}-mr", status, kind="merge-request", labels=(LABEL,))
    living.world.put("gt-3", CLOSED)


def merged(living: Living) -> None:
    engine(living, IDLE)
    for number in (1, 2):
        living.world.merge(f"gt-{number}")


def held(reason: str) -> tuple[Callable[[Living], object], Callable[[Living], object]]:
    return lambda w: (in_review(w), engine(w, HELD, reason)), merged


def all_say(state: str, words: str) -> tuple[Callable[[Living], object], Callable[[Living], object]]:
    return lambda w: w.say(state, words), lambda w: w.say("working")


def silent_source(name: str, error: str) -> tuple[Callable[[Living], object], Callable[[Living], object]]:
    return (lambda w: w.world.facts.failed(name, error)), (lambda w: w.world.facts.good(name, w.world.now))


def ends(path: str) -> tuple[Callable[[Living], object], Callable[[Living], object]]:
    def plant(living: Living) -> None:
        living.world.end(path)
        living.world.beat(path, "idle")

    return plant, lambda living: living.world.start(path)


def impatient(living: Living) -> None:
    """What has no known reason is told after half a minute here, and not after five."""
    living.world.facts.thresholds = living.world.facts.thresholds._replace(unexplained_s=30.0)


def mail_to_the_mayor(living: Living) -> None:
    labels = ("gt:message", "from:shop/witness")
    living.world.put("hq-m1", assignee="mayor/", kind="message", labels=labels, at=living.world.now - 900)


Act = Callable[[Living], object]
LIVING: list[tuple[str, Act, Act, str]] = [
    ("all at a limit", *all_say("limited", "resets at 17:00"), "all 2 workers at a rate limit: resets at 17:00"),
    ("all wait on a person", *all_say("waiting", "allow Bash?"), "all 2 workers waiting on a person: allow Bash?"),
    ("all stopped short", *all_say("idle", ""), "stopped short on gt-1"),
    ("gates are red", *held("the target is red: gate test fails"), "the gates hold shop: the target is red"),
    ("the queue is held", *held("origin refuses the push"), "the merge queue holds shop: origin refuses the push"),
    ("an engine died with its claim", lambda w: (in_review(w, IN_PROGRESS), engine(w, TESTING, is_alive=False)), merged, "the engine is gone"),
    ("nobody merges", lambda w: (in_review(w), impatient(w)), merged, "nobody merges in shop, and nothing has moved for"),
    ("tmux does not answer", *silent_source("tmux", "timed out"), "tmux"),
    ("heartbeats cannot be read", *silent_source("heartbeats", "input/output error"), "heartbeats cannot be read: input/output error"),
    ("a worker died", *ends("shop/polecats/opal"), "session is gone"),
    ("the mayor's session died", *ends("mayor"), "session is gone"),
    ("mail lies unread", mail_to_the_mayor, lambda w: w.world.put("hq-m1", CLOSED, assignee="mayor/", kind="message", labels=("gt:message",)), "1 message unread, some of which it was never told of"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "cure", "words"), [row[1:] for row in LIVING], ids=[row[0] for row in LIVING])
def test_a_fault_of_a_living_town_is_named_within_a_minute_and_retired_within_one(
    plant: Act, cure: Act, words: str, living: Living
) -> None:
    # two workers that each stopped short are two matters beside the dam that this is
    most = 3 if words.startswith("stopped short") else 1
    check(living.watched, lambda: plant(living), lambda: cure(living), words, most)


# -- what is held, and what is solved --------------------------------------------------------------------------


def test_a_crash_loop_is_held_told_once_and_retired_when_the_agent_lives(living: Living) -> None:
    living.world.end("shop/polecats/opal")
    living.world.facts.ledger["town"].clear()
    took = living.watched.takes(lambda: "crash loop: restarted 5 times" in living.watched.words(), 1200)
    assert took is not None and living.hand.given.count(("agent.restart", "shop/polecats/opal")) == 5
    for _ in range(60):
        living.watched.pass_time()
    assert len(living.watched.told("escalation_sent")) == 1
    living.world.start("shop/polecats/opal")
    assert living.watched.takes(lambda: not living.watched.open(), MINUTE) is not None
    assert len(living.watched.told("escalation_closed")) == 1


SOLVED: list[tuple[str, Callable[[Rigged, str], object], Callable[[Rigged, str], object], str]] = [
    ("respawns", lambda r, b: death_count.note(r.root, b, by=3), lambda r, b: death_count.reset(r.root, b), "dispatched again"),
    ("merge", lambda r, b: put(r, b, status="blocked"), lambda r, b: put(r, b, status="open"), "no longer blocked"),
    ("dispatch", lambda r, b: None, lambda r, b: put(r, b, status="hooked", assignee="shop/polecats/opal"), "worked on"),
    ("stuck", lambda r, b: put(r, b, status="hooked", assignee="shop/polecats/opal"), lambda r, b: put(r, b, status="open", assignee=""), "left its worker"),
    ("no-verdict", lambda r, b: None, lambda r, b: put(r, b, status="closed"), "is closed"),
]  # fmt: skip


def put(rigged: Rigged, bead_id: str, **changes: str) -> None:
    with rigged.ledger.store_for(bead_id).write("overseer") as batch:
        if changes.get("status") == "closed":
            batch.close(bead_id, "done", force=True)
        else:
            batch.update(bead_id, changes)


@pytest.mark.parametrize(("cause", "plant", "cure", "words"), SOLVED, ids=[row[0] for row in SOLVED])
def test_an_escalation_ends_with_its_cause_and_not_before(
    cause: str,
    plant: Callable[[Rigged, str], object],
    cure: Callable[[Rigged, str], object],
    words: str,
    rigged: Rigged,
) -> None:
    bead = rigged.file().id
    plant(rigged, bead)
    escalate(rigged.root, rigged.ledger, "medium", "A matter", sender="daemon", about=bead, key=f"{cause}:{bead}")
    other = escalate(rigged.root, rigged.ledger, "medium", "A person's own", sender="overseer")
    shift = Shift(rigged.root, FixedClock(SYSTEM_CLOCK.now()), lambda: False)
    assert duties.raise_unanswered(shift) == "" and rigged.events("escalation_closed") == []
    cure(rigged, bead)
    assert "solved" in duties.raise_unanswered(shift)
    closed = rigged.events("escalation_closed")
    assert len(closed) == 1 and words in str(closed[0]["payload"])
    assert [one.id for one in open_escalations(rigged.ledger)] == [other.id]
    assert duties.raise_unanswered(shift) == ""


@needs_tmux
def test_a_lost_socket_of_tmux_is_called_back_by_the_next_look(sessions_too: Rigged) -> None:
    rigged = sessions_too
    set_setting(rigged.root, "default_agent", "scripted")
    sessions.start_agent(rigged.root, plan_start(rigged.root, rigged.entry("mayor")))
    path = socket_path(socket_name(rigged.root))
    watcher = lookout.Lookout(rigged.root, SYSTEM_CLOCK)
    try:
        os.unlink(path)
        # a daemon that starts now has no link to the server yet
        town = watcher.look()
        mayor = town.agent("mayor")
        assert os.path.exists(path) and mayor is not None and mayor.running and not town.source_error("tmux")
    finally:
        watcher.close()


def test_a_machine_that_slept_is_noticed_and_its_agents_get_time_to_go_on(living: Living, rigged: Rigged) -> None:
    slept = 0.0
    watcher = lookout.Lookout(rigged.root, living.world.clock, lambda: living.world.now - slept)
    try:
        assert watcher.look().woke_at == 0.0
        living.world.clock.advance(40 * 60.0)
        assert watcher.look().woke_at == 0.0
        slept = 3600.0
        living.world.clock.advance(slept)
        assert watcher.look().woke_at == living.world.now
    finally:
        watcher.close()
    living.world.facts.woke_at = living.world.now
    for _ in range(24):
        living.watched.pass_time()
    assert living.watched.told("incident_opened") == []


def test_an_agent_that_nothing_helps_is_tried_less_and_less_often_and_told_of_once(living: Living) -> None:
    living.states.pop("opal")
    living.watched.rows = [row for row in living.watched.rows if row.patrol.role == "witness"]
    for _ in range(24 * 60):
        living.watched.pass_time(60.0)
    done = [kind for kind, target in living.hand.given if target == "shop/polecats/opal"]
    # the ladder once, then tries after half an hour, one, two, four, eight and eight hours
    assert done[:3] == ["agent.nudge", "agent.handoff", "agent.restart"] and done[3:] == ["agent.restart"] * 6
    assert len(living.watched.told("escalation_sent")) == 1
