"""The TownSnapshot: the whole town at one moment, immutable, the same for every front end.

Front ends count nothing themselves.  Each source carries the time of its last success and its error, so that a
failed query shows as a stale panel, never as "no work" or "dead".  Moments are Unix seconds.
"""

from __future__ import annotations

from gastown_core.model import queue_words
from gastown_core.model.address import Address
from gastown_core.model.agent import Health, HealthReport, Question
from gastown_core.model.daemon import DaemonView
from gastown_core.model.dam import DamView
from gastown_core.model.incident import ANSWER
from gastown_core.model.merge_request import TAKEN_OUT
from gastown_core.model.record import Record
from gastown_core.model.refinery import BY_CHOICE, FROZEN, HELD, IDLE, BatchRecord, RefineryState
from gastown_core.model.states import RigState
from gastown_core.model.usage import AgentUsage, BudgetNotice, UsageToday

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.model.ahead import ConflictAhead
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.estop import Estop
    from gastown_core.model.incident import Incident
    from gastown_core.model.source_status import SourceStatus
    from gastown_core.model.wanted import Commons


class HookedWork(Record):
    """The bead on an agent's hook; ``step`` is its progress if known (``3/8 implement``)."""

    bead_id: str
    title: str
    status: str
    priority: int
    since: float
    updated_at: float
    step: str = ""


class OrphanView(Record):
    """Work assigned to an agent that the town does not have, or no longer has: nobody will continue it."""

    bead_id: str
    title: str
    status: str
    assignee: str
    rig: str
    priority: int
    since: float


class GivenUpView(Record):
    """Work that is blocked after its last attempt to merge it: nobody takes it up before a person has decided."""

    bead_id: str
    title: str
    rig: str
    priority: int
    since: float


class LastEvent(Record):
    """The newest event of an agent: its sentence, time and type, and for a start what was warned of then."""

    text: str
    at: float
    type: str
    warnings: tuple[str, ...] = ()


class AgentView(Record):
    """One agent as every front end shows it; ``running`` is None if liveness is unknown (no tmux)."""

    address: Address
    session: str
    runtime: str
    health: HealthReport
    running: bool | None
    pane_id: str = ""
    work: HookedWork | None = None
    activity: str = ""
    last_event: LastEvent | None = None
    last_output_at: float | None = None
    unread: int = 0
    first_subject: str = ""
    untold_since: float = 0.0
    """Since when mail waits for it of which no hook has told it, 0 if there is none."""
    attached: int = 0
    agent_state: str = ""
    bead_id: str = ""
    work_dir: str = ""
    muted: bool = False
    hook: str = ""
    """The state of its hook (``model.hook_life``), empty if it has none."""
    hook_since: float = 0.0
    """When that state began, 0 if unknown."""
    usage: AgentUsage = AgentUsage()
    asks: Question | None = None
    """The question on its screen, as far as that can be read."""

    @property
    def key(self) -> str:
        """The key of a selection: the address path."""
        return self.address.path


class EscalationView(Record):
    """An open escalation: its bead, title, priority (0 is the most urgent) and start.

    ``about`` is the bead, rig or agent that it concerns; ``is_acked``: somebody has taken it on.
    """

    bead_id: str
    title: str
    priority: int
    since: float
    reason: str = ""
    about: str = ""
    is_acked: bool = False


class LetterView(Record):
    """An unread message to the overseer, without its body; ``informs``: it asks nothing and is only to be read."""

    id: str
    subject: str
    sender: str
    priority: int
    since: float
    informs: bool = False


class GateView(Record):
    """An open gate that only a person opens; ``reason`` is what it asks."""

    id: str
    title: str
    reason: str
    since: float


class RequestState:
    """The state of a merge request in its rig's queue."""

    QUEUED = "queued"
    BLOCKED = "blocked"
    """Waiting for another request, for unfinished work, or for a later attempt."""
    MERGING = "merging"
    MERGED = "merged"
    FAILED = "failed"


class RequestView(Record):
    """A merge request; ``state`` is queued, blocked, merging, merged or failed.

    ``score`` orders the queue, the highest first; ``trouble`` is why its last attempt failed, ``blockers`` what it
    waits for, ``rests`` why it should not be merged now.  ``commit`` is what it hands in; ``awaits_approval``: nobody has
    approved that, and the rig wants it; ``approved_by`` is who has.
    """

    id: str
    rig: str
    branch: str
    worker: str
    state: str
    bead_id: str
    created_at: float
    title: str = ""
    priority: int = 2
    score: float = 0.0
    retries: int = 0
    trouble: str = ""
    target: str = ""
    blockers: tuple[str, ...] = ()
    has_conflict_task: bool = False
    rests: str = ""
    commit: str = ""
    awaits_approval: bool = False
    approved_by: str = ""
    is_held: bool = False
    """Whether nothing is merged into its target now, as far as its engine says."""
    rests_until: float = 0.0
    """When it may be tried again after a try that gave no verdict, 0 if that is not why it rests."""

    @property
    def word(self) -> str:
        """The word of ``queue_words`` for where it stands."""
        if self.state == RequestState.MERGING:
            return queue_words.MERGING
        if self.awaits_approval:
            return queue_words.TO_APPROVE
        if self.state == RequestState.BLOCKED or self.has_conflict_task:
            return queue_words.BLOCKED
        return queue_words.HELD if self.is_held else queue_words.READY

    @property
    def is_to_merge(self) -> bool:
        """Whether it is the queue's to merge: open, and neither taken out by a person nor waiting for an approval."""
        is_open = self.state in (RequestState.QUEUED, RequestState.BLOCKED, RequestState.MERGING)
        return is_open and not self.awaits_approval and not self.rests.startswith(TAKEN_OUT)


class RefineryView(Record):
    """A rig's refinery: the state its engine wrote, whether that engine is alive, and its last batches, newest first.

    ``trouble`` says what is wrong with the state itself (the engine is gone, the file cannot be read).
    """

    rig: str
    path: str
    state: RefineryState
    is_alive: bool = False
    trouble: str = ""
    history: tuple[BatchRecord, ...] = ()
    hold_since: float = 0.0
    hold_until: float = 0.0
    """When a held queue is tried again at the latest, 0 if unknown."""
    ahead: tuple[ConflictAhead, ...] = ()
    """Branches that will conflict, of which neither has landed."""

    @property
    def is_busy(self) -> bool:
        """Whether a live engine is working on a batch."""
        return self.is_alive and self.state.phase not in (IDLE, HELD)

    @property
    def is_held(self) -> bool:
        """Whether the queue is held because the target or the infrastructure fails."""
        return self.state.phase == HELD

    @property
    def is_frozen(self) -> bool:
        """Whether a person or the hours of the settings want nothing merged now; a batch at work goes on to its end."""
        return (self.is_held or self.is_busy) and self._kind == FROZEN

    @property
    def is_by_choice(self) -> bool:
        """Whether it is held because somebody wants it so, frozen or switched off: nothing is wrong."""
        return self.is_held and self._kind in BY_CHOICE

    @property
    def works_on_hold(self) -> bool:
        """Whether a batch is at work while nothing may land, or only what ends the hold."""
        return self.is_busy and bool(self.state.hold_kind)

    @property
    def _kind(self) -> str:
        return self.state.hold_kind or self.state.hold_reason.partition(" ")[0]


class SchedulerView(Record):
    """Deferred slings: how many wait, and whether dispatch is paused, by whom and since when.

    ``working`` polecats are at work of the ``limit`` that may be at once (0: not counted).
    """

    queued: int = 0
    is_paused: bool = False
    paused_by: str = ""
    paused_at: float = 0.0
    working: int = 0
    limit: int = 0


class RigView(Record):
    """A registered rig; ``state`` is operational, parked or docked."""

    name: str
    prefix: str
    path: str
    state: str = RigState.OPERATIONAL


class TownSnapshot(Record):
    """The town. ``agents`` are in display order: town roles, then each rig's by role and name."""

    name: str
    root: str
    version: int
    taken_at: float
    agents: tuple[AgentView, ...] = ()
    rigs: tuple[RigView, ...] = ()
    convoys: tuple[ConvoyView, ...] = ()
    requests: tuple[RequestView, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    escalations: int = 0
    tmux_running: bool | None = None
    counts: dict[Health, int] = {}  # noqa: RUF012  a default that is never modified
    refineries: tuple[RefineryView, ...] = ()
    scheduler: SchedulerView = SchedulerView()
    daemon: DaemonView = DaemonView()
    orphans: tuple[OrphanView, ...] = ()
    given_up: tuple[GivenUpView, ...] = ()
    landing_version: int = 0
    escalated: tuple[EscalationView, ...] = ()
    usage: UsageToday = UsageToday()
    budgets: tuple[BudgetNotice, ...] = ()
    woke_at: float = 0.0
    """When the machine last woke from a sleep under the eyes of whoever looks, 0 if it has not."""
    dam: DamView | None = None
    """Ready work that nothing moves on, None while work moves or none waits."""
    incidents: tuple[Incident, ...] = ()
    """Causes that several agents share."""
    stops: tuple[Estop, ...] = ()
    """Emergency stops in force: the town's first."""
    letters: tuple[LetterView, ...] = ()
    """Unread mail to the overseer that carries no escalation, the most urgent first."""
    gates: tuple[GateView, ...] = ()
    behind: Mapping[str, tuple[str, ...]] = {}
    """Open bead or gate → the open beads that it blocks directly, as far as they are in view."""
    commons: Commons | None = None
    """The commons that the town has joined, None if it has joined none."""

    def agent(self, key: str) -> AgentView | None:
        """Return the agent with this key, None if there is none."""
        for view in self.agents:
            if view.address.path == key:
                return view
        return None

    def convoy(self, convoy_id: str) -> ConvoyView | None:
        """Return the convoy with this id, None if it is not shown."""
        for view in self.convoys:
            if view.id == convoy_id:
                return view
        return None

    def stuck(self, now: float) -> list[ConvoyView]:
        """Return open convoys that cannot finish as they are, then stalled ones, the longest stalled first."""
        found = [one for one in self.convoys if one.closed_at is None and (one.standstills or one.is_stalled(now))]
        return sorted(found, key=lambda one: (not one.standstills, one.stalled_since or 0.0, one.id))

    def incident(self, name: str) -> Incident | None:
        """Return the shared cause with this name, None if it has ended."""
        for one in self.incidents:
            if one.name == name:
                return one
        return None

    def question_of(self, incident: Incident) -> Question | None:
        """Return the question that all agents of an incident ask, None if they do not ask literally the same."""
        found = [view.asks for name in incident.subjects if (view := self.agent(name)) is not None]
        return found[0] if found and found[0] is not None and all(one == found[0] for one in found) else None

    def helps_against(self, incident: Incident) -> tuple[str, ...]:
        """Return the acts that help against an incident now: an answer only where all ask literally the same."""
        return tuple(act for act in incident.helps if act != ANSWER or self.question_of(incident) is not None)

    def stop_of(self, rig: str) -> Estop | None:
        """Return exactly this emergency stop: a rig's, or the town's (empty)."""
        return next((one for one in self.stops if one.rig == rig), None)

    def refinery(self, rig: str) -> RefineryView | None:
        """Return the refinery of a rig, None if it never ran."""
        for view in self.refineries:
            if view.rig == rig:
                return view
        return None

    def request(self, request_id: str) -> RequestView | None:
        """Return the open merge request with this id, None if there is none."""
        for view in self.requests:
            if view.id == request_id:
                return view
        return None

    def source_error(self, *names: str) -> SourceStatus | None:
        """Return the first failing source whose name is one of ``names`` or starts with one and a colon."""
        for source in self.sources:
            if source.error and any(source.name == name or source.name.startswith(name + ":") for name in names):
                return source
        return None
