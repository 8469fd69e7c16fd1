"""A town in memory for the console's tests: snapshots, a stream and a live model of the real one's shape.

Everything is fixed: the same agents, convoys and events at the same moment, so that pictures can be compared.
"""

from __future__ import annotations

import asyncio

from gastown_core.clock import FixedClock
from gastown_core.errors import GastownError
from gastown_core.messaging.nudge_listing import QueueView
from gastown_core.model.address import Address
from gastown_core.model.agent import Forecast, Health, HealthReport, Reason
from gastown_core.model.convoy import ConvoyView, MemberView
from gastown_core.model.event import TownEvent
from gastown_core.model.order import Receipt
from gastown_core.model.snapshot import AgentView, HookedWork, LastEvent, RequestView, RigView, TownSnapshot
from gastown_core.model.source_status import SourceStatus
from gastown_core.model.usage import AgentUsage, BudgetNotice, Spent, UsageToday
from gastown_core.orders.act_log import CommandLogEntry
from gastown_core.orders.perform import Attachment, Choice
from gastown_core.state.facts import Roster
from gastown_core.state.live import Update
from gastown_core.state.rows import EventRow, event_row

NOW = 1_795_262_671.0  # 2026-11-21 12:04:31 UTC
ROOT = "/town"
RIGS = {"shop": "gt", "billing": "bl"}


def address(path: str) -> Address:
    parts = path.split("/")
    if len(parts) == 3:
        return Address("polecat" if parts[1] == "polecats" else "crew", parts[0], parts[2])
    if len(parts) == 2:
        return Address(parts[1], parts[0], "")
    return Address(path, "", "")


def agent(path, state=Health.IDLE, *, since=0.0, reasons=(), work=None, forecast=None, pane="", **more) -> AgentView:
    who = address(path)
    prefix = RIGS.get(who.rig, "hq")
    reasons = tuple(Reason(text, source, NOW - ago if ago is not None else None) for text, source, ago in reasons)
    hooked = None
    if work:
        bead, title, ago, step = work
        hooked = HookedWork(bead, title, "hooked", 1, NOW - ago, NOW - 30, step)
    report = HealthReport(state, NOW - since if since else None, reasons, forecast)
    running = state not in (Health.ZOMBIE, Health.UNKNOWN) and bool(pane)
    return AgentView(
        who,
        who.session(prefix),
        "scripted",
        report,
        running,
        pane_id=pane,
        work=hooked,
        **{"last_output_at": NOW - 3, **more},
    )


def standard_agents() -> tuple[AgentView, ...]:
    w, said = Health.WORKING, LastEvent
    return (
        agent("mayor", w, since=240, pane="%1", activity="reading gt-k3x9p", last_event=said("slung gt-p9n4q to shop/opal", NOW - 4, "sling")),
        agent("deacon", w, since=600, pane="%2", activity="patrol", last_event=said("patrol complete", NOW - 60, "patrol_complete")),
        agent("shop/witness", w, since=900, pane="%3", last_event=said("checked opal", NOW - 20, "polecat_checked"), unread=2),
        agent("shop/refinery", w, since=120, pane="%4", activity="gates 2/3", last_event=said("merging polecat/opal", NOW - 2, "merge_started")),
        agent("shop/crew/alice", Health.IDLE, since=7200, pane="%5"),
        agent("shop/polecats/jade", Health.STALLED, since=120, pane="%6", work=("gt-x7k2m", "Login redirect loses the query", 3000, "2/8"),
              reasons=(("no progress for 17m", "git", 1020), ("heartbeat 16m old", "heartbeat", 960), ("last output 16m ago", "process", 960)),
              forecast=Forecast(Health.GUPP, NOW + 780), last_event=said("hooked gt-x7k2m", NOW - 3000, "hook"), last_output_at=NOW - 960),
        agent("shop/polecats/opal", w, since=600, pane="%7", work=("gt-k3x9p", "Retry push on network failure", 600, "5/8 tests"),
              reasons=(("committed 3s ago", "git", 3), ("last output 1m ago", "process", 3)), forecast=Forecast(Health.STALLED, NOW + 897),
              last_event=said("step 5/8", NOW - 3, "step")),
        agent("shop/polecats/ruby", Health.WAITING, since=130, pane="%8", work=("gt-p2w8d", "Cart total is off by one cent", 2400, "3/8 implement"),
              reasons=(("asks: allow Bash(npm install left-pad)?", "screen", 130), ("committed 6m ago", "git", 360)),
              last_event=said("waits for a person", NOW - 130, "waiting")),
        agent("shop/polecats/pearl", Health.LIMITED, since=300, pane="%9", work=("gt-m4r7k", "Export as CSV", 900, ""),
              reasons=(("limit until 17:00 (account a)", "heartbeat", 300),), forecast=Forecast(w, NOW + 17700)),
        agent("billing/witness", w, since=60, pane="%10", last_event=said("patrol complete", NOW - 45, "patrol_complete")),
        agent("billing/refinery", Health.IDLE, since=1200, pane="%11"),
        agent("billing/polecats/amber", w, since=60, pane="%12", work=("bl-77aa1", "Invoice numbers per country", 700, "1/4"),
              reasons=(("committed 20s ago", "git", 20),), last_event=said("step 1/4", NOW - 20, "step"), forecast=Forecast(Health.STALLED, NOW + 880)),
        agent("billing/polecats/onyx", Health.ZOMBIE, since=240, work=("bl-w5t2x", "Export the ledger", 4000, ""),
              reasons=(("agent process ended with status 1", "process", 240), ("bl-w5t2x is on its hook", "ledger", 4000)),
              last_event=said("session died", NOW - 240, "session_death"), last_output_at=NOW - 240),
    )  # fmt: skip


def member(number: int, stage: str, rig: str = "shop", assignee: str = "") -> MemberView:
    status = {"done": "closed", "review": "in_review", "running": "hooked"}.get(stage, "open")
    return MemberView(f"gt-m{number:04d}", f"Part {number} of the work", status, assignee, rig, stage)


def convoy(convoy_id, title, done, review, running, total, *, age=2460.0, **more) -> ConvoyView:
    stages = ["done"] * done + ["review"] * review + ["running"] * running
    stages += ["ready"] * (total - len(stages))
    members = tuple(
        member(i, stage, "billing" if i % 2 else "shop", "shop/polecats/opal" if stage == "running" else "")
        for i, stage in enumerate(stages)
    )
    return ConvoyView(
        convoy_id, title, more.pop("status", "open"), "mayor", members, done, review, running, NOW - age, **more
    )


def standard_convoys() -> tuple[ConvoyView, ...]:
    return (
        convoy("hq-cv-7q2ma", "Auth system", 10, 3, 2, 20),
        convoy("hq-cv-9zz0e", "Billing epic", 6, 0, 0, 41, age=90000, stalled_since=NOW - 1080, is_mountain=True),
        convoy("hq-cv-1b8xw", "Bug fixes", 5, 0, 0, 5, age=9000, closed_at=NOW - 720, status="closed"),
    )


def standard_requests() -> tuple[RequestView, ...]:
    return (
        RequestView(
            "gt-mr001", "shop", "polecat/jade/gt-w5t2x", "shop/polecats/jade", "merging", "gt-w5t2x", NOW - 120
        ),
        RequestView("gt-mr002", "shop", "polecat/opal/gt-m9z2t", "shop/polecats/opal", "queued", "gt-m9z2t", NOW - 60),
        RequestView("gt-mr003", "shop", "polecat/ruby/gt-m4r7k", "shop/polecats/ruby", "queued", "gt-m4r7k", NOW - 30),
    )


def snapshot(agents=None, convoys=None, **more) -> TownSnapshot:
    agents = standard_agents() if agents is None else tuple(agents)
    counts = dict.fromkeys(Health, 0)
    for view in agents:
        counts[view.health.state] += 1
    base = TownSnapshot(
        "demo",
        ROOT,
        1,
        NOW,
        agents,
        (RigView("shop", "gt", "/town/shop"), RigView("billing", "bl", "/town/billing")),
        standard_convoys() if convoys is None else tuple(convoys),
        standard_requests(),
        tuple(SourceStatus(name, NOW) for name in ("events", "tmux", "heartbeats", "beads:town", "beads:shop")),
        0,
        True,
        counts,
    )
    return base._replace(**more)


def with_usage(shot: TownSnapshot) -> TownSnapshot:
    """The snapshot of a town that counts: some agents' programs tell their window, one's tells nothing, a budget ends."""
    used = {
        "mayor": AgentUsage(Spent(1_240_000, 3.2), 96_000, 200_000),
        "shop/polecats/jade": AgentUsage(Spent(), 12_345),
        "shop/polecats/opal": AgentUsage(Spent(845_300, None, True), 190_000, 200_000),
        "billing/polecats/amber": AgentUsage(Spent(99_900, 0.4, True, True), 45_300, 258_400),
    }
    agents = tuple(view._replace(usage=used.get(view.address.path, AgentUsage())) for view in shot.agents)
    budgets = (
        BudgetNotice("", "tokens", 2_185_200, 2_500_000, False),
        BudgetNotice("gt-k3x9p", "cost", 5.5, 5.0, True, True),
    )
    return shot._replace(agents=agents, usage=UsageToday("2026-11-21", Spent(2_185_200), used), budgets=budgets)


def empty_snapshot() -> TownSnapshot:
    return snapshot((), (), requests=(), rigs=())


def with_state(shot: TownSnapshot, path: str, state: Health, **report) -> TownSnapshot:
    """The snapshot with one agent in another state."""
    agents = []
    for view in shot.agents:
        if view.address.path == path:
            health = view.health._replace(state=state, **{"since": shot.taken_at, **report})
            view = view._replace(
                health=health,
                running=state is not Health.ZOMBIE,
                pane_id="" if state is Health.ZOMBIE else view.pane_id or "%99",
            )
        agents.append(view)
    counts = {state: sum(view.health.state is state for view in agents) for state in Health}
    return shot._replace(agents=tuple(agents), counts=counts, version=shot.version + 1)


class FakeStream:
    """Rows in memory with the stream's serials."""

    def __init__(self, events: list[tuple[float, str, str, dict[str, object]]] = ()) -> None:
        self.generation = 1
        self.events: list[TownEvent] = []
        self.older: list[TownEvent] = []
        self.at_beginning = True
        agents = {view.address.mail: view.address for view in standard_agents()}
        self.roster = Roster(RIGS, agents)
        self.front = 0
        for event in events:
            self.add(*event)

    @property
    def first(self) -> int:
        return -self.front

    @property
    def end(self) -> int:
        return len(self.events) - self.front

    def add(self, at: float, kind: str, actor: str, payload: dict[str, object] | None = None) -> None:
        self.events.append(TownEvent(at, kind, actor, payload or {}, "feed", len(self.events)))

    def row(self, serial: int) -> EventRow:
        index = serial + self.front
        if not 0 <= index < len(self.events):
            raise IndexError(serial)
        return event_row(self.events[index], self.roster)

    def raw(self, serial: int) -> dict[str, object]:
        event = self.events[serial + self.front]
        return {
            "ts": event.ts,
            "type": event.type,
            "actor": event.actor,
            "payload": dict(event.payload),
            "source": "gt",
        }

    def load_older(self, byte_count: int = 0) -> int:
        count = len(self.older)
        self.events[:0] = self.older
        self.front += count
        self.older = []
        self.at_beginning = True
        return count


STANDARD_EVENTS = (
    (4, "sling", "mayor", {"bead": "gt-p9n4q", "target": "shop/opal"}),
    (13, "done", "shop/jade", {"bead": "gt-w5t2x", "branch": "polecat/jade/gt-w5t2x"}),
    (20, "polecat_checked", "shop/witness", {"rig": "shop", "polecat": "opal", "status": "working"}),
    (33, "mail", "shop/witness", {"to": "mayor/", "subject": "merge ready"}),
    (51, "create", "shop", {"bead": "gt-m4r7k", "title": "Export as CSV", "rig": "shop"}),
    (70, "nudge", "overseer", {"rig": "shop", "target": "shop/opal", "reason": "continue"}),
    (88, "merge_failed", "shop/refinery", {"mr": "gt-mr009", "branch": "polecat/ruby/gt-p2w8d", "reason": "conflict in cart.py"}),
    (130, "waiting", "shop/polecats/ruby", {"bead": "gt-p2w8d", "message": "allow Bash(npm install left-pad)?"}),
    (240, "session_death", "billing/polecats/onyx", {"session": "bl-onyx", "agent": "billing/polecats/onyx", "reason": "exit 1", "caller": "daemon"}),
    (300, "limited", "shop/polecats/pearl", {"until": "17:00"}),
    (360, "convoy_created", "mayor", {"convoy": "hq-cv-7q2ma", "title": "Auth system"}),
    (420, "spawn", "gt", {"rig": "shop", "polecat": "opal"}),
    (421, "hook", "shop/polecats/opal", {"bead": "gt-k3x9p"}),
    (480, "escalation_sent", "shop/witness", {"rig": "gt-e1", "target": "shop/jade", "to": "mayor,overseer", "reason": "no commit for 15m", "severity": "high"}),
    (560, "merged", "shop/refinery", {"mr": "gt-mr003", "branch": "polecat/opal/gt-aa1"}),
    (600, "boot", "gt", {"rig": "town", "agents": ["mayor", "deacon"]}),
)  # fmt: skip


def standard_stream(count: int = 0) -> FakeStream:
    """The standard events, after ``count`` filler ones an hour and more before."""
    stream = FakeStream()
    for number in range(count):
        at = NOW - 3600 - (count - number) * 7
        who = ("shop/polecats/opal", "shop/polecats/ruby", "billing/polecats/amber", "shop/witness", "mayor")[
            number % 5
        ]
        kind = ("step", "update", "mail", "patrol_complete", "sling")[number % 5]
        payload = {
            "bead": f"gt-f{number:05d}",
            "message": f"step {number}",
            "to": "mayor/",
            "subject": f"note {number}",
            "target": "shop/opal",
            "title": f"Filler {number}",
        }
        stream.add(at, kind, who, payload)
    for ago, kind, actor, payload in reversed(STANDARD_EVENTS):
        stream.add(NOW - ago, kind, actor, payload)
    return stream


PANE = [
    "\x1b[1m Claude asks:\x1b[0m run \x1b[36mnpm install left-pad\x1b[0m?",
    "",
    " \x1b[32m⏺\x1b[0m Bash(npm install left-pad)",
    "   ⎿  Running…",
    "",
    " \x1b[33m❯ 1. Yes\x1b[0m",
    "   2. Yes, and don't ask again",
    "   3. No, and tell the agent what to do",
]


class FakeLive:
    """The live model's shape over given snapshots; ``put`` hands the console an update."""

    def __init__(
        self, shot: TownSnapshot | None = None, stream: FakeStream | None = None, clock: FixedClock | None = None
    ) -> None:
        self.root = ROOT
        self.clock = clock or FixedClock(NOW)
        self.snapshot = snapshot() if shot is None else shot
        self.stream = standard_stream() if stream is None else stream
        self.panes: dict[str, list[str]] = {"%8": PANE}
        self.captures = 0
        self.rechecks = 0
        self.is_closed = False
        self._queue: asyncio.Queue[Update] = asyncio.Queue()

    async def start(self) -> None:
        return None

    async def updates(self):
        while True:
            yield await self._queue.get()

    def put(self, shot: TownSnapshot | None = None, *events, reset: bool = False) -> None:
        """An update: a new snapshot, and events as (type, actor, payload)."""
        if shot is not None:
            self.snapshot = shot
        for kind, actor, payload in events:
            self.stream.add(self.clock.now(), kind, actor, payload)
        self._queue.put_nowait(Update(self.snapshot, len(events), reset))

    def ages(self) -> tuple[SourceStatus, ...]:
        return self.snapshot.sources

    def recheck(self, *, force: bool = False) -> bool:
        self.rechecks += 1
        return False

    async def capture(self, pane_id: str, lines: int = 0, *, styled: bool = False) -> list[str]:
        self.captures += 1
        return self.panes.get(pane_id, ["$ working", f"pane {pane_id}"])

    async def close(self) -> None:
        self.is_closed = True


ASKED = """Bash command
Install a package
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
npm install left-pad \x1b[31m--registry https://packages.example.org/mirror --save-exact --no-audit --no-fund --loglevel error
Do you want to proceed?"""


def standard_diff(branch: str):
    from gastown_core.git.diff import Diff, DiffLine, FileDiff, Hunk

    old, new = "    for attempt in range(3):", "    for attempt in range(MOST):\x1b[31m"
    lines = (
        DiffLine(" ", 11, 11, "def push(url):"),
        DiffLine("-", 12, 0, old),
        DiffLine("+", 0, 12, new),
        DiffLine(" ", 13, 13, "\tpost(url)"),
    )
    files = (
        FileDiff("committed", "src/push.py", "modified", 1, 1, (Hunk("import time", lines),)),
        FileDiff("committed", "logo.png", "added", 0, 0, note="a binary file"),
        FileDiff("untracked", "notes.txt", "added", 2, 0, (Hunk("", (DiffLine("+", 0, 1, "try"), DiffLine("+", 0, 2, "again"))),)),
    )  # fmt: skip
    return Diff(branch, "origin/main", "0" * 40, files)


def standard_spending(by: str, since: float):
    """Costs of two agents or of what else is asked for; one agent's program tells no cost, and one bead was done again."""
    from gastown_core.state.spending import Spending, Spent

    names = {
        "agent": ("shop/opal", "shop/ruby", "mayor"),
        "rig": ("shop", "billing", "town"),
        "convoy": ("hq-cv-7q2ma", "-"),
        "day": ("2026-11-26", "2026-11-25"),
    }[by]
    rows = [
        Spent(names[0], 4_200_000, "$12.60", 6, "$2.10", "310k $0.90", 0.83, 56_000, NOW - 1020),
        Spent(names[1], 950_000, "unknown", 2, "475k", "", None, 0, 0.0),
        *(Spent(name, 12_300, "≈ $0.03") for name in names[2:]),
    ]
    total = Spent("total", 5_162_300, "≥ $12.63", 8, "≥ $1.58", "310k $0.90")
    return Spending(by, since, tuple(rows), total, 2, 20, 840.0, False)


def standard_hours(seconds: float, count: int):
    """Figures that rise and fall, with a quiet end."""
    from gastown_core.past.hours import Hours

    def wave(most: float, shift: int) -> list[float]:
        return [most * ((number * 7 + shift * 5) % 12) / 11 if number % 5 else 0 for number in range(count - 4)] + [
            0
        ] * 4

    whole = [tuple(round(value) for value in wave(most, n)) for n, most in enumerate((5, 40, 9, 12, 900_000))]
    landings, events, queue, busy, tokens = whole
    cost = tuple(round(value, 2) for value in wave(3.2, 4))
    rigs = {"shop": (events, landings), "billing": (events[::-1], landings[::-1])}
    return Hours(NOW - seconds, seconds / count, landings, events, queue, busy, tokens, cost, NOW - 6 * 3600, rigs)


class FakePast:
    """Three hours in which opal took up a bead and two convoys began; a change every twenty minutes."""

    since, until = NOW - 10_800, NOW

    def __init__(self) -> None:
        self.is_closed = False
        self.error: Exception | None = None

    def next(self, moment: float, count: int = 1) -> float:
        stops = [self.since + 1200 * number for number in range(10)]
        if count > 0:
            return next((stop for stop in stops if stop > moment), self.until)
        return next((stop for stop in reversed(stops) if stop < moment), self.since)

    def at(self, moment: float):
        from gastown_core.past.town import ALWAYS, Moment

        if self.error is not None:
            raise self.error
        town = snapshot(convoys=standard_convoys() if moment > NOW - 7200 else standard_convoys()[:1])
        if moment < NOW - 3600:
            town = with_state(town, "shop/polecats/opal", Health.IDLE)
            quiet = [one._replace(work=None) if one.address.name == "opal" else one for one in town.agents]
            town = town._replace(agents=tuple(quiet))
        town = town._replace(taken_at=moment, sources=())
        return Moment(town, (ALWAYS, "the event log begins only at Thu 26 Nov 2026 07:30"))

    def events(self, moment: float, count: int):
        stream = standard_stream(8)
        rows = [stream.row(serial) for serial in range(stream.first, stream.end)]
        return [row._replace(ts=moment - 60 * number) for number, row in enumerate(rows[:count], 1)]

    def close(self) -> None:
        self.is_closed = True


class FakeEngine:
    """What the console asks of the core beyond the live model, in memory; ``stages`` is what orders answer."""

    def __init__(self) -> None:
        self.performed = []
        self.copied: list[str] = []
        self.stages = ["queued", "typed", "submitted", "turn started"]
        self.failure = ""
        self.refusal = ""
        self.step = None
        self.log: list[CommandLogEntry] = []
        self.ready: list[tuple[str, object]] = []
        self.inbox_marks = {}
        self.inbox_undo = []
        self.own_run: list[tuple[list[str], str]] = []
        self.is_readonly = False
        self.back_then = FakePast()

    def past(self, is_wanted):
        return self.back_then

    def spending(self, by, since, town):
        return standard_spending(by, since)

    def board(self):
        return None

    def hours(self, seconds, count, is_wanted):
        return standard_hours(seconds, count)

    def fill(self, words, values):
        from gastown_core.orders.own_command import filled

        return filled(words, values)

    def run_own(self, words, cwd, task=None) -> str:
        self.own_run.append((list(words), cwd))
        if task is not None:
            task.end(NOW, ok=True, detail="said")
        return "first\nsaid\n"

    def perform(self, order, notify, task=None) -> bool:
        self.performed.append(order)
        stages = self.stages if not self.failure else self.stages[:1]
        for number, stage in enumerate(stages):
            if self.step is not None:
                self.step.wait(60)
                self.step.clear()
            last = number == len(stages) - 1 and not self.failure
            notify(Receipt(order.kind, order.target, stage, "", True, last, NOW))
        if self.failure:
            notify(Receipt(order.kind, order.target, "failed", self.failure, False, True, NOW))
        words = f"gt nudge {order.target} -- continue"
        self.log.append(CommandLogEntry(NOW, words, not self.failure, 0.21, self.failure or stages[-1]))
        if task is not None:
            task.end(NOW, ok=not self.failure, detail=self.failure or stages[-1])
        return not self.failure

    def marks(self):
        return self.inbox_marks

    def read_rows(self, items, now) -> int:
        from gastown_core.attention.item import READ
        from gastown_core.attention.marks import DONE, Mark

        rows = [one for one in items if one.needs == READ and not one.is_pinned]
        if not rows:
            return 0
        self.inbox_undo.append(dict(self.inbox_marks))
        self.inbox_marks = {**self.inbox_marks, **{one.key: Mark(DONE, now + 86400, one.stamp, at=now) for one in rows}}
        return len(rows)

    def mark_row(self, act, item, until, now) -> None:
        from gastown_core.attention.marks import DONE, SNOOZED, Mark

        if act == "undo":
            if not self.inbox_undo:
                raise GastownError("there is nothing to undo")
            self.inbox_marks = self.inbox_undo.pop()
            return
        self.inbox_undo.append(dict(self.inbox_marks))
        state = {"snooze": SNOOZED, "done": DONE}.get(act, "")
        mark = Mark(state, until or now + 86400, item.stamp, act == "pin" and not item.is_pinned, now)
        self.inbox_marks = {**self.inbox_marks, item.key: mark}

    def preview(self, order) -> list[str]:
        if self.refusal:
            raise GastownError("it cannot be told", self.refusal)
        return ["polecat: shop/opal", "files: push.py, notes.txt", "commits: 2", "saved to: refs/gastown/rescue/opal/1"]

    def choices(self, order) -> list[Choice]:
        if self.refusal:
            raise GastownError("it cannot be told", self.refusal)
        if order.kind == "agent.answer":
            words = ("1 Yes", "2 Yes, and don't ask again for npm \x1b[31minstall", "3 No, tell it what to do instead")
            return [Choice(f"0123456789ab:{number}", one, 0.0, ASKED) for number, one in enumerate(words, 1)]
        return [Choice("1", "Retry with backoff", NOW - 200), Choice("2", "Test the retry", NOW - 900)]

    def page(self, path: str) -> int:
        self.performed.append(("page", path))
        return 0

    def copy(self, text: str) -> str:
        self.copied.append(text)
        return "wl-copy"

    def command_log(self):
        return list(self.log)

    def mail_of(self, reader: str) -> list[object]:
        self.performed.append(("mail", reader))
        return []

    def mail_text(self, message_id: str) -> list[str]:
        return [f"Text of {message_id}:\x1b[31m the queue is full.\n\nWhat now?"]

    def attachment(self, view) -> Attachment:
        return Attachment(("true",), True)

    def run_attached(self, argv) -> int:
        self.performed.append(("attach", argv))
        return 0

    def agent_transcript(self, view):
        from gastown_core.state.transcript import Entry, Reading

        return Reading(
            (
                Entry("user", "Run `gt prime` to learn who you are.\nThen begin.", NOW - 300),
                Entry("agent", "I read the failing test first.\x1b[31m", NOW - 280),
                Entry("tool", "Bash: npm test", NOW - 279),
                Entry("result", "> shop@1.0.0 test\n2 failed, 31 passed\nsee push.test.js", NOW - 260),
                Entry("agent", "The retry gives up too early. " * 6, NOW - 250),
            ),
            True,
        )

    def agent_diff(self, view):
        if self.refusal:
            raise GastownError("no branch to compare", self.refusal)
        return standard_diff(f"polecat/{view.address.name}")

    def agent_patch_argv(self, view):
        return ["git", "diff", view.address.short]

    def request_diff(self, request):
        return standard_diff(request.branch)

    def request_patch_argv(self, request):
        return ["git", "diff", request.branch]

    looked = 0.0

    def last_look(self) -> float:
        return self.looked

    def note_look(self, now: float) -> None:
        self.looked = now

    def away_after(self) -> float:
        return 600.0

    def digest(self, since, snapshot, now):
        from gastown_core.attention.digest import digest
        from gastown_core.attention.look import attention

        events = [
            TownEvent(NOW - ago, kind, actor, payload, "feed", -1) for ago, kind, actor, payload in STANDARD_EVENTS
        ]
        return digest(events, since, attention(snapshot), now)

    def queue_of(self, view):
        return QueueView()

    def watch_note(self, now):
        from gastown_core.town.daemon_note import DutyNote, WatchNote

        duties = (DutyNote("dispatch", 9, now - 4, 0.12, now + 6, "slung 2"), DutyNote("gates", 2, now - 40))
        return WatchNote(duties, (("tmux", now - 2, ""),), 0.004)

    def work_detail(self, view):
        from gastown_core.git.worktree_facts import Commit, WorkFacts
        from gastown_core.state.detail import WorkDetail

        bead = self.bead_detail(view.work.bead_id) if view.work else None
        commits = (
            Commit("a1b2c3d4", "Retry with backoff", "opal", NOW - 200),
            Commit("99aa88bb", "Test the retry", "opal", NOW - 900),
        )
        facts = WorkFacts(
            "polecat/opal/gt-k3x9p", "origin/main", 4, 0, ("push.py", "tests/test_push.py"), ("notes.txt",), commits
        )
        return WorkDetail(bead, facts, "", "/town/shop/polecats/opal")

    def convoy_why(self, convoy, snapshot):
        from gastown_core.state.collect import Account

        text = {
            "ready": "a free polecat of shop takes it at the next feeding",
            "blocked": "waits for gt-m0001 (hooked)",
        }
        return tuple(
            Account(one.bead_id, "next" if one.stage == "ready" else "held", text[one.stage])
            for one in convoy.members
            if one.stage in text
        )

    def past_requests(self, rig_path, request_ids):
        from gastown_core.state.detail import PastRequest

        title = "Retry push on network failure"
        red = PastRequest(
            "gt-m4444", title, "jade", "gate test failed (exit 1)", "/rig/test.log", ("1 failed", "E boom")
        )
        return {
            name: red if name == request_ids[-1] else PastRequest(f"gt-{name}", title, "opal") for name in request_ids
        }

    def bead_detail(self, bead_id: str):
        from gastown_core.model.bead import Bead
        from gastown_core.state.detail import BeadDetail

        raw = {
            "id": bead_id,
            "title": "Retry push on network failure",
            "description": "The push gives up at the first refusal.\n\nIt should try again, with a growing pause.",
            "status": "hooked",
            "priority": 1,
            "issue_type": "bug",
            "assignee": "shop/polecats/opal",
            "labels": ["network", "git"],
            "created_at": "2026-11-21T09:00:00Z",
            "updated_at": "2026-11-21T12:00:00Z",
        }
        return BeadDetail(
            Bead(raw),
            "shop",
            (("gt-a1111", "blocks", "Split the client", "closed"),),
            (("gt-b2222", "blocks", "Release", "open"),),
        )

    def usage_detail(self, *, agent="", beads=()):
        from gastown_core.state.detail import UsageDetail, UsageRow

        whole = UsageRow("total", 845_300, 90_000, 12_400_000, 45_000, 13_380_300, "unknown")
        one = UsageRow(
            "gt-k3x9p" if agent else "shop/opal", 800_000, 80_000, 12_000_000, 40_000, 12_920_000, "≥ $12.30"
        )
        other = UsageRow("no bead" if agent else "shop/jade", 45_300, 10_000, 400_000, 5_000, 460_300, "unknown")
        return UsageDetail(whole, (whole._replace(name="2026-11-21"),), (one, other))

    def ready_beads(self):
        from gastown_core.beads.query import Excerpt

        titles = ("Fix the login page", "Add export", "Speed up the search", "Write the manual")
        return [
            (
                "shop",
                Excerpt(f"gt-r{i}", title, "open", i, "task", "", NOW - 900 * i, NOW, 0.0, 0.0, (), (), False, False),
            )
            for i, title in enumerate(titles)
        ]
