"""The facts about a town as its sources last reported them: the whole input of the reducer.

One object, written by ``sources`` and read by the reducers.  It holds excerpts of beads that a front end may show
(not closed, closed within a day, or members of a shown convoy), never the whole ledger.  Its records are defined here,
so that sources and reducers do not depend on each other.
"""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.model.address import OVERSEER, Address, parse_address
from gastown_core.model.bead import BLOCKED, BLOCKS, CLOSED, HOOKED, IN_PROGRESS, is_identity, is_kind
from gastown_core.model.daemon import DaemonView
from gastown_core.model.merge_request import NEEDS_PERSON, is_at_engine
from gastown_core.model.record import Record
from gastown_core.model.snapshot import EscalationView, GateView, GivenUpView, LastEvent, LetterView, SchedulerView
from gastown_core.model.usage import Limits, UsageToday
from gastown_core.state.ledger_facts import LedgerFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.agent import Health
    from gastown_core.model.ahead import ConflictAhead
    from gastown_core.model.estop import Estop
    from gastown_core.model.refinery import BatchRecord, RefineryState
    from gastown_core.model.wanted import Commons
    from gastown_core.runtimes.adapter import Said
    from gastown_core.runtimes.exported import Exported
    from gastown_core.runtimes.heartbeat import Heartbeat
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.state.evidence import Thresholds
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import Inventory

TOLD = "delivery:acked"
"""The label of a message of which a hook has told its reader."""


class Proof(Record):
    """Git's evidence for one bead, collected when its record had the stamp ``stamp``.

    ``local`` and ``remote`` are commits of its branch, ``ahead`` counts its own commits, ``unpushed`` those that origin
    lacks; ``landed`` is the proving commit on the target, ``by`` the request that the commit names, ``how`` a sentence.
    ``error`` says why git could not be asked; then the other fields say nothing.
    """

    stamp: float
    branch: str = ""
    target: str = ""
    close_reason: str = ""
    local: str = ""
    remote: str = ""
    ahead: int = 0
    unpushed: int = 0
    landed: str = ""
    by: str = ""
    how: str = ""
    error: str = ""


class RefineryFacts(Record):
    """The facts about one refinery: the engine's state, its last batches, and why the state cannot be read."""

    rig: str
    path: str
    state: RefineryState | None = None
    history: tuple[BatchRecord, ...] = ()
    is_alive: bool = False
    error: str = ""
    hold_since: float = 0.0
    hold_until: float = 0.0
    ahead: tuple[ConflictAhead, ...] = ()
    """Branches that do not merge with one another, as far as the last look told."""


class Ready(Record):
    """A bead that the daemon could give to a worker, and since when; ``is_queued``: it waits in the scheduler's queue."""

    bead: str
    rig: str
    since: float
    is_queued: bool = False


class Flow(Record):
    """What the ledger says of work on its way: what is ready, each store's newest record, when work last moved."""

    ready: tuple[Ready, ...]
    newest: dict[str, float]
    moved: float


class Failed(Record):
    """How many times in a row work on a bead could not be started, and the last error."""

    failures: int
    error: str


class TownFacts(LedgerFacts):
    """All facts, the ledger's among them.

    ``hook_since`` is when a hook got its state, by address path.

    ``elsewhere`` maps the session of a live agent that tmux does not list to the agent's process.

    ``failures`` are beads that could not be started at the last try.  ``host`` says why the machine can run no more
    agents, empty if it can, ``host_since`` since when; ``quota`` says that every account for new workers is limited,
    ``quota_since`` since when.

    ``exported`` is what agents' programs told the receiver, by address path.

    ``woke_at`` is when the machine last woke from a sleep, 0 if it has not slept.  ``began`` is what an agent waits for or
    is limited by, and since when; ``stood`` the state in which it was seen last, and when it was at work again after
    trouble.  ``panes`` is None without tmux; ``landing_version`` counts changes of ``proofs`` (what git says of members,
    by bead) and ``refineries`` (by rig).
    """

    def __init__(self, inventory: Inventory, thresholds: Thresholds | None = None) -> None:
        super().__init__(inventory, thresholds)
        self.panes: dict[str, Pane] | None = None
        self.alive: dict[str, bool] = {}
        self.elsewhere: dict[str, int] = {}
        self.screens: dict[str, ScreenReading] = {}
        self.screens_at: dict[str, float] = {}
        self.said: dict[str, Said] = {}
        self.exported: dict[str, Exported] = {}
        self.last_words: dict[str, tuple[str, ...]] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self.last_events: dict[str, LastEvent] = {}
        self.session_events: dict[str, LastEvent] = {}
        self.hook_since: dict[str, float] = {}
        self.refineries: dict[str, RefineryFacts] = {}
        self.proofs: dict[str, Proof] = {}
        self.failures: dict[str, Failed] = {}
        self.woke_at = 0.0
        self.began: dict[str, tuple[Health, str, float]] = {}
        self.stood: dict[str, tuple[Health, float]] = {}
        self.host, self.host_since = "", 0.0
        self.quota, self.quota_since = "", 0.0
        self.scheduler = SchedulerView()
        self.daemon = DaemonView()
        self.stops: tuple[Estop, ...] = ()
        self.usage = UsageToday()
        self.commons: Commons | None = None
        self.limits = Limits()
        self.landing_version = 0
        self.digest: tuple[int, LedgerDigest] | None = None
        self.flow: tuple[int, Flow] | None = None


def roster_addresses(inventory: Inventory) -> dict[str, Address]:
    """Mail identity → address of everyone on the roster."""
    return {entry.address.mail: entry.address for entry in inventory.agents}


class Roster:
    """Resolves actor texts to addresses: registered rigs only, with crew and polecats distinguished."""

    def __init__(self, rigs: Mapping[str, str], agents: Mapping[str, Address]) -> None:
        """``rigs`` maps names to prefixes, ``agents`` mail identities to addresses."""
        self._known: dict[str, Address] = {}
        self.replace(rigs, agents)

    def replace(self, rigs: Mapping[str, str], agents: Mapping[str, Address]) -> None:
        """Replace the roster."""
        self._rigs = dict(rigs)
        self._agents = dict(agents)
        self._known.clear()

    def resolve(self, actor: str) -> Address:
        """The address of an actor text; cached, since a town has few actors and many events."""
        found = self._known.get(actor)
        if found is None:
            found = parse_address(actor, self._rigs)
            found = self._agents.get(found.mail, found)
            if len(self._known) < 4096:
                self._known[actor] = found
        return found


class LedgerDigest(Record):
    """By mail identity: the bead on the hook, unread mail by priority, newest first, and since when mail waits of which
    no hook told its reader; and open escalations, the most urgent first."""

    hooked: dict[str, Excerpt]
    unread: dict[str, list[Excerpt]]
    escalations: tuple[EscalationView, ...]
    untold: dict[str, float]
    copies: tuple[Excerpt, ...] = ()
    """Mail to others of which the overseer has a copy not yet read; nobody waits for what it answers."""
    given_up: tuple[GivenUpView, ...] = ()

    @property
    def letters(self) -> tuple[LetterView, ...]:
        """Unread mail to the overseer, without messages that only carry an escalation."""
        told = self.unread.get(OVERSEER, ())
        if not told and not self.copies:
            return ()
        # mail is rare at a glance, and what judges it costs the start
        from gastown_core.messaging.purpose import only_informs

        return tuple(
            LetterView(
                one.id,
                one.title,
                _sender(one),
                one.priority,
                one.created_at,
                is_copy or only_informs(one.labels, one.title),
            )
            for is_copy, letters in ((False, told), (True, self.copies))
            for one in letters
            if not any(label == "gt:escalation" for label in one.labels)
        )


def digest_of(facts: TownFacts) -> LedgerDigest:
    """The digest of the ledger now; cached in the facts until the ledger changes."""
    if facts.digest is not None and facts.digest[0] == facts.ledger_version:
        return facts.digest[1]
    digest = _digest(facts)
    facts.digest = (facts.ledger_version, digest)
    return digest


def _digest(facts: TownFacts) -> LedgerDigest:
    hooked: dict[str, Excerpt] = {}
    unread: dict[str, list[Excerpt]] = {}
    escalated: dict[str, EscalationView] = {}
    identities: dict[str, str] = {}
    copies: list[Excerpt] = []
    given_up: list[GivenUpView] = []
    for store, beads in facts.ledger.items():
        for bead in beads.values():
            if bead.status == CLOSED or is_identity(bead):
                continue
            if bead.status == BLOCKED and NEEDS_PERSON in bead.labels:
                given_up.append(GivenUpView(bead.id, bead.title, store, bead.priority, bead.updated_at))
            if "gt:escalation" in bead.labels:
                known = _escalation(bead, facts.fields.get(bead.id, {}))
                if known.bead_id == bead.id:
                    # a message that only carries one may stay unread long after its record was closed
                    escalated[known.bead_id] = known
            if not bead.assignee:
                continue
            who = identities.get(bead.assignee)
            if who is None:
                who = identities[bead.assignee] = parse_address(bead.assignee).mail
            if is_kind(bead, "gt:message"):
                if "read" not in bead.labels:
                    unread.setdefault(who, []).append(bead)
                if who != OVERSEER and _is_fresh_copy(bead.labels):
                    copies.append(bead)
            elif bead.status not in (HOOKED, IN_PROGRESS) or is_at_engine(bead):
                continue
            elif _is_newer_hook(bead, hooked.get(who)):
                hooked[who] = bead
    for mail in unread.values():
        mail.sort(key=lambda m: (m.priority, -m.updated_at, m.id))
    escalations = sorted(escalated.values(), key=lambda one: (one.priority, one.since, one.bead_id))
    waiting = {who: [one.created_at for one in mail if TOLD not in one.labels] for who, mail in unread.items()}
    untold = {who: min(moments) for who, moments in waiting.items() if moments}
    copies.sort(key=lambda one: (-one.updated_at, one.id))
    given_up.sort(key=lambda one: (one.priority, one.since, one.bead_id))
    return LedgerDigest(hooked, unread, tuple(escalations), untold, tuple(copies), tuple(given_up))


def _is_fresh_copy(labels: Iterable[str]) -> bool:
    """Whether the overseer has a copy of the message, and has neither read nor archived it."""
    copied = [label for label in labels if label.startswith("cc:")]
    if not any(parse_address(label[3:]).mail == OVERSEER for label in copied):
        return False
    return not {f"read-by:{OVERSEER}", f"archived-by:{OVERSEER}"} & set(labels)


def _is_newer_hook(bead: Excerpt, before: Excerpt | None) -> bool:
    """A hooked bead takes precedence over one in progress, then the one changed last."""
    return before is None or _hook_order(bead) > _hook_order(before)


def _hook_order(bead: Excerpt) -> tuple[bool, float, str]:
    return bead.status == HOOKED, bead.updated_at, bead.id


def _escalation_id(bead: Excerpt) -> str:
    """The record and the message that carries it count once: the message names the record in a label."""
    for label in bead.labels:
        if label.startswith("escalation:"):
            return label[11:]
    return bead.id


def _sender(letter: Excerpt) -> str:
    return next((label[5:] for label in letter.labels if label.startswith("from:")), "")


def _escalation(bead: Excerpt, fields: Mapping[str, str]) -> EscalationView:
    about = fields.get("related_bead", "")
    return EscalationView(
        _escalation_id(bead),
        bead.title,
        bead.priority,
        bead.created_at,
        reason=fields.get("reason", ""),
        about="" if about == "null" else about,
        is_acked="acked" in bead.labels,
    )


def gates_of(facts: TownFacts) -> tuple[GateView, ...]:
    """Open gates that only a person opens, the oldest first."""
    found = []
    for gate_id, reason in facts.gates.items():
        known = facts.bead(gate_id)
        if known is not None and known[1].status != CLOSED:
            found.append(GateView(gate_id, known[1].title, reason, known[1].created_at))
    return tuple(sorted(found, key=lambda one: (one.since, one.id)))


def blocked_by(facts: TownFacts) -> dict[str, tuple[str, ...]]:
    """Open bead → the open beads that it blocks directly."""
    behind: dict[str, list[str]] = {}
    for beads in facts.ledger.values():
        for bead in beads.values():
            if bead.status != CLOSED and bead.edges:
                for edge in bead.edges:
                    if edge.type == BLOCKS:
                        behind.setdefault(edge.target, []).append(bead.id)
    return {bead_id: tuple(sorted(found)) for bead_id, found in behind.items()}
