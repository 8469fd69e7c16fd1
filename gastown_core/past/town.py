"""The town at any moment of its past, as the same snapshot that tells of the present.

Event log, ledgers and git are read once; after that a step to another moment costs what has changed between the two.
Screens, heartbeats, and what agents' programs reported are recorded nowhere: where only they could tell a state, the
agent's state is unknown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.versions import Versions, read_versions
from gastown_core.clock import SYSTEM_CLOCK, format_local, format_span
from gastown_core.errors import GastownError, words_of
from gastown_core.events.retention import read_rules, ttl_of
from gastown_core.model.address import parse_address
from gastown_core.model.agent import Health, HealthReport, Reason
from gastown_core.model.record import Record
from gastown_core.model.refinery import HELD, RefineryState
from gastown_core.model.snapshot import SchedulerView, TownSnapshot
from gastown_core.model.states import RigState
from gastown_core.past.event_log import EventLog
from gastown_core.past.tables import FACTS, Tables
from gastown_core.state.collect import make_roster
from gastown_core.state.facts import RefineryFacts, TownFacts
from gastown_core.state.reduce import reduce_recorded, reduce_town
from gastown_core.state.rows import event_row
from gastown_core.state.sources.last_events import last_event
from gastown_core.state.thresholds import read_thresholds
from gastown_core.tmux.panes import Pane
from gastown_core.town.history import commits_in
from gastown_core.town.inventory import RosterEntry, survey
from gastown_core.town.rig_register import bare_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.clock import Clock
    from gastown_core.model.snapshot import AgentView
    from gastown_core.model.town_event import TownEvent
    from gastown_core.state.rows import EventRow
    from gastown_core.town.inventory import Inventory, RigEntry

MOST_COMMITS = 20_000
"""So many of the newest commits of each rig are read at most."""
_BY_SILENCE = (Health.STALLED, Health.GUPP, Health.STOPPED_SHORT, Health.UNKNOWN)
"""States of a running agent that need what nobody recorded."""
ALWAYS = "screens, heartbeats and what agents' programs reported are not recorded"


class Moment(Record):
    """The town at a moment, and what cannot be known of it."""

    town: TownSnapshot
    unknown: tuple[str, ...]


class Past:
    """The past of the town at ``root``. ``read`` comes first; it may take seconds in a large town.

    ``without`` are kinds of events that count as if they had not happened, such as what patrols did.
    """

    def __init__(self, root: str, *, without: frozenset[str] = frozenset(), clock: Clock = SYSTEM_CLOCK) -> None:
        self.root = root
        self._without = without
        self.clock = clock
        self.until = clock.now()
        self.missing: list[str] = []
        inventory = survey(root)
        self._inventory = inventory
        self._roster = make_roster(inventory)
        self._tables = Tables(inventory, self._roster, by_events=bool(without))
        self._log = EventLog(root)
        self._stops = array("d")
        self._known_from = 0.0
        self._ledger_at: list[float] = []
        self._thresholds = read_thresholds(root)
        self._known: tuple[float, Moment] | None = None

    def read(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Read everything; stop early, without a result, once it is no longer wanted. Raises GastownError, OSError."""
        self._tables.take_versions(self._versions())
        spawns: list[TownEvent] | None = [] if self._without else None
        for number, event in self._log.read():
            if event.type in self._without:
                continue
            self._tables.take_event(number, event)
            if event.type == "session_start":
                spawns = None
            elif event.type == "spawn" and spawns is not None:
                spawns.append(event)
            if number % 4096 == 0 and not is_wanted():
                return
        for event in spawns or ():
            self._tables.take_start(event)
        self._read_commits()
        self._read_panes()
        line = self._tables.line
        line.settle()
        self._ledger_at = sorted(self._tables.ledger_steps)
        shown = (at for at, is_shown in zip(self._log.moments, self._log.shown, strict=True) if is_shown)
        self._stops = array("d", sorted({at for at in (*shown, *line.moments) if 0.0 < at <= self.until}))
        kept = self.until - ttl_of("session_start", read_rules(self.root))
        self._known_from = max(kept, self._log.moments[0] if self._log.moments else self.until)

    def _versions(self) -> dict[str, Versions]:
        found = {}
        ledger = TownLedger(self.root)
        for name, store in ledger.stores().items():
            if name not in self._tables.ledger:
                continue
            found[name] = read_versions(store.beads_dir)
            self.missing += [f"{name}: {why}" for why in found[name].missing]
        self.missing += [f"the ledger of {name} cannot be read: {why}" for name, why in ledger.missing.items()]
        ledger.close()
        return found

    def _read_commits(self) -> None:
        """Take the agents' commits as signs of their work; author addresses name them."""
        authors = {one.address.bd_actor.replace("/", "."): one.address.path for one in self._inventory.agents}
        for rig in self._inventory.rigs:
            try:
                commits = commits_in(bare_folder(rig.path, rig.name), limit=MOST_COMMITS)
            except GastownError as error:
                self.missing.append(f"the commits of {rig.name} cannot be read: {words_of(error)}")
                continue
            for commit in commits:
                path = authors.get(commit.email.partition("@")[0])
                if path is not None:
                    self._tables.take_commit(commit.at, path, commit.subject)

    def _read_panes(self) -> None:
        """Ask tmux which sessions run now: the log no longer has the start of one that runs for days."""
        from gastown_core.tmux.panes import list_panes
        from gastown_core.town.sessions import server_of

        try:
            for session, pane in list_panes(server_of(self.root)).items():
                if pane.created:
                    self._tables.take_pane(session, pane.created)
        except GastownError:
            # without tmux no session runs now
            return

    def close(self) -> None:
        """Close the event log."""
        self._log.close()

    # moments

    @property
    def since(self) -> float:
        """The first moment that anything is known of; now if nothing is."""
        return self._stops[0] if self._stops else self.until

    def next(self, moment: float, count: int = 1) -> float:
        """Return the moment of the ``count``-th change after ``moment``, before it if negative; the ends are kept to."""
        if not self._stops:
            return moment
        place = bisect_right(self._stops, moment) - 1 + count if count > 0 else bisect_left(self._stops, moment) + count
        if place >= len(self._stops):
            return self.until
        return self._stops[max(0, place)]

    def events(self, moment: float, count: int) -> list[EventRow]:
        """Return the newest ``count`` shown events up to a moment, newest first. Raises OSError."""
        found: list[EventRow] = []
        number = self._log.before(moment)
        while number and len(found) < count:
            number -= 1
            if self._log.shown[number]:
                found.append(event_row(self._log.event(number), self._roster))
        return found

    def kinds_between(self, since: float, until: float) -> dict[str, int]:
        """Count the events after one moment up to another, by kind. Raises OSError."""
        found: dict[str, int] = {}
        for number in range(self._log.before(since), self._log.before(until)):
            kind = self._log.event(number).type
            found[kind] = found.get(kind, 0) + 1
        return found

    @property
    def rigs(self) -> tuple[RigEntry, ...]:
        """The rigs of today."""
        return self._inventory.rigs

    def told_between(self, since: float, until: float) -> Iterator[tuple[float, str, str]]:
        """Yield (moment, kind, rig or empty) of the shown events after one moment up to another. Raises OSError."""
        for number in range(self._log.before(since), self._log.before(until)):
            if self._log.shown[number]:
                row = event_row(self._log.event(number), self._roster)
                yield row.ts, row.type, row.rig

    def at(self, moment: float) -> Moment:
        """Return the town as it was at a moment, as far as it is known. Raises OSError."""
        if self._known is not None and self._known[0] == moment:
            return self._known[1]
        tables = self._tables
        tables.line.seek(moment)
        facts = self._facts(moment)
        town = reduce_recorded(facts, moment)
        agents = tuple(self._as_known(agent, moment) for agent in town.agents)
        counts: dict[Health, int] = {}
        for agent in agents:
            counts[agent.health.state] = counts.get(agent.health.state, 0) + 1
        town = town._replace(agents=agents, counts=counts, sources=(), tmux_running=bool(tables.sessions))
        self._known = (moment, Moment(town, self._unknown(moment, agents)))
        return self._known[1]

    def silent_at(self, moment: float) -> TownSnapshot:
        """Return the town at a moment as if what is not recorded had been silent: what patrols would have judged by."""
        tables = self._tables
        tables.line.seek(moment)
        facts = self._facts(moment)
        facts.panes = {session: _pane(session, at, at) for session, at in tables.sessions.items() if at}
        # how daemon and host were is recorded nowhere, and without that a dam has no name
        return reduce_town(facts, moment)._replace(dam=None)

    def moments_between(self, since: float, until: float) -> list[float]:
        """Return the moments of the events from one moment up to another, in order."""
        return [at for at in self._log.moments if at > 0 and since <= at <= until]

    def _facts(self, moment: float) -> TownFacts:
        tables, log = self._tables, self._log
        facts = TownFacts(self._inventory_at(), self._thresholds)
        facts.ledger = dict(tables.ledger)
        for name in FACTS:
            setattr(facts, name, tables.facts[name])
        facts.ledger_version = bisect_right(self._ledger_at, moment)
        facts.panes = {session: _pane(session, at, moment) for session, at in tables.sessions.items()}
        facts.alive = dict.fromkeys(tables.sessions, True)
        facts.heartbeats = dict(tables.said)
        facts.hook_since = dict(tables.hook_since)
        facts.last_events = {path: last_event(log.event(number)) for path, number in tables.last.items()}
        facts.session_events = {path: last_event(log.event(number)) for path, number in tables.last_of_session.items()}
        for path, (at, subject) in tables.commits.items():
            told = facts.last_events.get(path)
            if told is not None and told.at < at and told.type not in ("session_death", "session_end", "kill"):
                facts.last_events[path] = told._replace(text=f"committed: {subject}", at=at, type="commit")
        facts.scheduler = tables.scheduler.get("", SchedulerView())
        for rig in facts.inventory.rigs:
            held = tables.holds.get(rig.name)
            if held is not None:
                state = RefineryState(rig.name, HELD, hold_reason=held[1], hold_kind=held[2], updated_at=held[0])
                facts.refineries[rig.name] = RefineryFacts(rig.name, rig.path, state, is_alive=True, hold_since=held[0])
        return facts

    def _inventory_at(self) -> Inventory:
        """Return the roster of that moment: who is there today or was named then, without those who came later."""
        tables, now = self._tables, self._inventory
        rigs = tuple(
            rig._replace(state=self._rig_state(rig.name, rig.state))
            for rig in now.rigs
            if rig.name not in tables.absent
        )
        names = {rig.name for rig in rigs}
        known = {one.address.path for one in now.agents}
        gone = [path for path in tables.last if path in tables.told and path not in known]
        entries = [*now.agents, *(self._removed(path) for path in gone)]
        agents = tuple(
            one
            for one in entries
            if one.address.path not in tables.absent and (not one.address.rig or one.address.rig in names)
        )
        return now._replace(rigs=rigs, agents=agents)

    def _rig_state(self, rig: str, today: str) -> str:
        if "" in self._tables.halted or rig in self._tables.halted:
            return RigState.HALTED
        # a stop of now says nothing of then
        kept = RigState.OPERATIONAL if today == RigState.HALTED else today
        return self._tables.rig_states.get(rig, kept) or RigState.OPERATIONAL

    def _removed(self, path: str) -> RosterEntry:
        """Return the entry of an agent that is no longer on the roster."""
        address = parse_address(path)
        prefix = next((rig.prefix for rig in self._inventory.rigs if rig.name == address.rig), "")
        return RosterEntry(address, address.session(prefix), "", address.bead_id(prefix))

    def _as_known(self, agent: AgentView, moment: float) -> AgentView:
        """Return the view without claims that rest on what nobody recorded."""
        session = agent.session
        runs = session in self._tables.sessions
        is_known = runs or session in self._tables.no_sessions or moment >= self._known_from
        health = agent.health
        if not is_known:
            health = _unknown("whether it had a session is no longer recorded")
        elif runs and health.state in _BY_SILENCE:
            signs = [one.at for one in health.reasons if one.at and one.source in ("ledger", "heartbeat")]
            quiet = f"no sign of progress for {format_span(moment - max(signs))}" if signs else "no sign of progress"
            health = _unknown(f"{quiet} in what is recorded; its screen and its program's reports are not")
        elif runs:
            # when it had its last output is known of now alone
            health = health._replace(reasons=tuple(one for one in health.reasons if one.source != "process"))
        health = health._replace(forecast=None)
        return agent._replace(running=runs if is_known else None, health=health, pane_id="", last_output_at=None)

    def _unknown(self, moment: float, agents: Iterable[AgentView]) -> tuple[str, ...]:
        """Return what cannot be known of the moment, as sentences."""
        told = [ALWAYS]
        if self._log.moments and moment < self._log.moments[0]:
            told.append(f"the event log begins only at {format_local(self._log.moments[0])}")
        elif not self._log.moments:
            told.append("there is no event log")
        blind = sum(agent.running is None for agent in agents)
        if blind:
            begins = format_local(self._known_from)
            told.append(f"whether {blind} agents had a session: starts are kept from {begins} on")
        unsure = len(self._tables.unsure)
        if unsure:
            told.append(f"records of {unsure} beads as they were then are gone: events alone tell of them")
        return (*told, *self.missing)


def _unknown(why: str) -> HealthReport:
    return HealthReport(Health.UNKNOWN, None, (Reason(why, "ledger"),))


def _pane(session: str, created: float, moment: float) -> Pane:
    """Return the pane of a session that ran then, as if it had just had output: nothing may follow from its silence."""
    return Pane(session, "@0", "%0", 0, "", False, None, moment, 0, False, "", 80, 24, created=created)
