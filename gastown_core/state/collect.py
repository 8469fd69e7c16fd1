"""Collect the town once: poll every source, then reduce. ``gt status`` and ``gt agents`` show the result.

The live model polls the same ``Sources``, so that a command and the console agree; ``judge_by``
gives its verdicts on agents to code that accounts for work.
"""

from __future__ import annotations

from gastown_core.beads.ledger import TownLedger
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.errors import GastownError, words_of
from gastown_core.model.address import parse_address
from gastown_core.model.agent import HEALTH_SYMBOLS, Judged
from gastown_core.model.record import Record
from gastown_core.model.snapshot import AgentView, TownSnapshot
from gastown_core.state.facts import Roster, TownFacts, roster_addresses
from gastown_core.state.reduce import agent_views, reduce_town
from gastown_core.state.sources.daemon import DaemonSource
from gastown_core.state.sources.exports import ExportSource
from gastown_core.state.sources.heartbeats import HeartbeatSource
from gastown_core.state.sources.last_events import read_last_events
from gastown_core.state.sources.ledger import LedgerSource
from gastown_core.state.sources.panes import PaneSource
from gastown_core.state.sources.programs import ProgramSource
from gastown_core.state.sources.refineries import RefinerySource
from gastown_core.state.sources.scheduler import SchedulerSource
from gastown_core.state.sources.usage import UsageSource
from gastown_core.state.sources.wasteland import WastelandSource
from gastown_core.state.thresholds import thresholds_of
from gastown_core.town import estop
from gastown_core.town.inventory import Inventory, read_inventory, survey
from gastown_core.town.settings import load_settings, wrong_settings
from gastown_core.usage.budget import limits_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")

GLANCE_EVENTS = 500
"""How many events a command reads; the console, which stays open, reads more."""


class Sources:
    """All sources of one town over one set of facts, except the event stream, which only the live model has."""

    def __init__(self, root: str, *, is_glance: bool = False, with_members: bool = True) -> None:
        inventory = survey(root)
        self.facts = TownFacts(inventory)
        self._fell: set[str] = set()
        self.moment = 0.0
        """When the present round of questions began."""
        self.roster = make_roster(inventory)
        self.ledger = LedgerSource(self.facts, TownLedger(root), is_glance=is_glance, with_members=with_members)
        self.heartbeats = HeartbeatSource(self.facts)
        self.panes = PaneSource(self.facts)
        self.programs = ProgramSource(self.facts)
        self.refineries = RefinerySource(self.facts)
        self.scheduler = SchedulerSource(self.facts)
        self.daemon = DaemonSource(self.facts)
        self.usage = UsageSource(self.facts)
        self.wasteland = WastelandSource(self.facts)
        self.exports = ExportSource(self.facts)
        self._note_settings(None)

    def ask(self, source: str, look: Callable[[], T], nothing: T) -> T:
        """A source's result; an exception that it does not handle itself is recorded as its error."""
        try:
            answer = look()
        except Exception as error:  # noqa: BLE001  one source's fault must not stop the others: the snapshot shows it
            self._fell.add(source)
            self.facts.failed(source, words_of(error))
            return nothing
        if source in self._fell:
            self._fell.discard(source)
            self.facts.sources.pop(source, None)
        self.facts.looked[source] = self.moment
        return answer

    def poll_stops(self) -> bool:
        """Read the emergency stops in force; whether they changed."""
        before = self.facts.stops
        inventory = self.facts.inventory
        self.facts.stops = estop.all_of(inventory.root, [rig.name for rig in inventory.rigs])
        return before != self.facts.stops

    def look(self, now: float) -> None:
        """Poll every source once except the events."""
        self.moment = now
        self.ask("estop", self.poll_stops, False)
        self.look_at_agents(now)
        self.ask("refineries", lambda: self.refineries.poll(now), False)
        self.ask("scheduler", lambda: self.scheduler.poll(now), False)
        self.ask("usage", lambda: self.usage.poll(now), False)
        self.ask("wasteland", lambda: self.wasteland.poll(now), False)

    def look_at_agents(self, now: float) -> None:
        """Poll the sources about agents once, except events and screens."""
        self.moment = now
        self.ask("ledger", lambda: self.ledger.load(now), None)
        self.ask("heartbeats", lambda: self.heartbeats.poll(now), False)
        self.ask("tmux", lambda: self.panes.poll(now), False)
        self.ask("programs", lambda: self.programs.poll(now), False)
        self.ask("exports", lambda: self.exports.poll(now), False)
        self.ask("daemon", lambda: self.daemon.poll(now), False)

    def look_closer(self, now: float) -> None:
        """Read the newest events, and the screens of agents that do not report their state."""
        self.ask("events", lambda: read_last_events(self.facts, self.roster, GLANCE_EVENTS), None)
        self.ask("tmux", lambda: self.panes.read_screens(now), None)

    def reread_roster(self, now: float) -> bool:
        """Read rigs, people and settings again; whether the roster has changed.

        While the register of rigs cannot be read, the known rigs stay; the other facts always stay.
        """
        root, before = self.facts.inventory.root, self.facts.inventory
        try:
            inventory = read_inventory(root)
        except GastownError as error:
            inventory = before._replace(faults=(str(error),))
        self.facts.inventory = inventory
        self._note_settings(now)
        if inventory._replace(faults=()) == before._replace(faults=()):
            return False
        self.roster.replace(rigs_of(inventory), roster_addresses(inventory))
        self.ledger.ledger = TownLedger(root)
        self.facts.ledger_version += 1
        return True

    def _note_settings(self, now: float | None) -> None:
        """Record unreadable registers and settings as errors of two sources; defaults apply meanwhile."""
        facts = self.facts
        if facts.inventory.faults:
            facts.failed("roster", "; ".join(facts.inventory.faults))
        elif now is not None:
            facts.good("roster", now)
        try:
            settings = load_settings(facts.inventory.root)
            facts.thresholds, facts.limits = thresholds_of(settings), limits_of(settings)
        except GastownError as error:
            facts.failed("settings", str(error))
        else:
            wrong = wrong_settings(facts.inventory.root)
            if wrong:
                facts.failed("settings", wrong)
            elif facts.error_of("settings"):
                facts.good("settings", now or 0.0)

    def close(self) -> None:
        """Close files."""
        self.ledger.close()


def rigs_of(inventory: Inventory) -> dict[str, str]:
    """Rig name → bead prefix."""
    return {rig.name: rig.prefix for rig in inventory.rigs}


def make_roster(inventory: Inventory) -> Roster:
    """Resolve actors of events, for this roster."""
    return Roster(rigs_of(inventory), roster_addresses(inventory))


def collect(
    root: str, *, clock: Clock = SYSTEM_CLOCK, fast: bool = False, landings: bool = False, backlog: bool = False
) -> TownSnapshot:
    """The town now. ``fast`` skips screens and the event log; ``landings`` asks git about the progress of each member;
    ``backlog`` also reads plain open work, so that ``behind`` is complete.

    The snapshot names failing sources.
    """
    sources = Sources(root, is_glance=not backlog)
    now = clock.now()
    try:
        sources.look(now)
        if landings:
            from gastown_core.state.sources.landings import LandingSource

            sources.ask("git", lambda: LandingSource(sources.facts).refresh(now), None)
        if not fast:
            sources.look_closer(now)
        return reduce_town(sources.facts, now)
    finally:
        sources.close()


def collect_agents(root: str, *, clock: Clock = SYSTEM_CLOCK) -> tuple[AgentView, ...]:
    """The agents of ``collect``, at a fraction of its cost in a town with many convoys."""
    sources = Sources(root, is_glance=True, with_members=False)
    now = clock.now()
    try:
        sources.look_at_agents(now)
        sources.look_closer(now)
        return agent_views(sources.facts, now)
    finally:
        sources.close()


def judge_by(agents: Iterable[AgentView]) -> Callable[[str, str], Judged | None]:
    """A function from an assignee and its bead to that agent's health in these views; None for an agent not in them."""
    known = {view.address.mail: view for view in agents}

    def judge(assignee: str, bead_id: str) -> Judged | None:
        view = known.get(parse_address(assignee).mail)
        if view is None:
            return None
        state = view.health.state
        if view.work is not None and view.work.bead_id != bead_id:
            return Judged(state, f"works on {view.work.bead_id} first")
        reason = view.health.reason
        return Judged(state, f"{HEALTH_SYMBOLS[state][2]}: {reason}" if reason else HEALTH_SYMBOLS[state][2])

    return judge


class Account(Record):
    """What the scheduler says about one bead: ``state`` (next, in line, held, nobody, at work), the reason, what helps."""

    bead_id: str
    state: str
    text: str
    hint: str = ""


def accounts_of(root: str, snapshot: TownSnapshot, bead_ids: Iterable[str]) -> tuple[Account, ...]:
    """What the scheduler says about each of these beads that is not done. Raises GastownError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.explain import OVER, explain_all

    answers = explain_all(root, TownLedger(root), bead_ids, judge=judge_by(snapshot.agents))
    return tuple(Account(one.bead, one.state, one.text, one.hint) for one in answers if one.state != OVER)
