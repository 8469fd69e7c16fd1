"""The live model: sources that push, one snapshot, one stream of updates for the console.

Push replaces polling where possible: folders are watched, tmux pushes over one control link.  A single change gives an
update at once, a burst at most ten a second.  A source that fails keeps its last good facts, and the snapshot shows its
error.
"""

from __future__ import annotations

import asyncio
import gc
import os
from functools import partial

from gastown_core.background import Background
from gastown_core.clock import SYSTEM_CLOCK, Clock
from gastown_core.files.watch import FolderWatch
from gastown_core.model.ahead import AHEAD_FILE
from gastown_core.model.record import Record
from gastown_core.model.refinery import BATCHES_FILE, STATE_FILE
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.collect import Sources
from gastown_core.state.keepers import CommonsKeeper, ProcessWatch, ProofKeeper
from gastown_core.state.reduce import next_due, reduce_town
from gastown_core.state.sources.daemon import FILE as DAEMON_FILE
from gastown_core.state.sources.events import EventSource
from gastown_core.state.sources.scheduler import FILES as SCHEDULER_FILES
from gastown_core.state.sources.usage import FILE as USAGE_FILE
from gastown_core.state.stream import EventStream
from gastown_core.state.tmux_keeper import TmuxKeeper
from gastown_core.town.inventory import LOCAL_LAYER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gastown_core.model.source_status import SourceStatus
    from gastown_core.state.sources.ledger import Change

EVENTS, BEADS, BEATS, PANES, ROSTER, CLOCK = "events", "beads", "heartbeats", "panes", "roster", "clock"
REFINERIES, REFS, SCHEDULER, DAEMON, PROGRAMS = "refineries", "refs", "scheduler", "daemon", "programs"
USAGE, COMMONS = "usage", "commons"
CALM_GAP_S = 0.02
BURST_GAP_S = 0.1
BURST_COUNT = 10
"""So many updates in a row that came without a rest before them are a burst."""
REST_S = 0.015
INDEX_ROWS = 100_000
INDEX_BYTES = 1 << 20
NO_REFS = frozenset("HEAD FETCH_HEAD ORIG_HEAD config config.worktree gc.pid".split())
"""Files of a repository's folder that change without any branch changing."""
REFINERY_NAMES = ("refinery", *(os.path.basename(path) for path in (STATE_FILE, BATCHES_FILE, AHEAD_FILE)))


class Update(Record):
    """One update: the snapshot, the number of rows added at the end, and whether the stream was reloaded."""

    snapshot: TownSnapshot
    rows_added: int
    stream_reset: bool


class Pace:
    """How fast updates follow each other: almost at once in a steady stream, ten times a second where there is no rest."""

    def __init__(self) -> None:
        self._restless = 0

    def rested(self, seconds: float) -> None:
        """Note how long nothing happened before a change."""
        self._restless = self._restless + 1 if seconds < REST_S else 0

    @property
    def gap_s(self) -> float:
        """The least time between two updates now."""
        return BURST_GAP_S if self._restless >= BURST_COUNT else CALM_GAP_S


class LiveTown:
    """The town at ``root``, kept up to date until ``close``. Use it from one event loop."""

    def __init__(self, root: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.root = root
        self.clock = clock
        self.sources = Sources(root)
        self._events = EventSource(self.sources.facts, self.sources.roster)
        self.snapshot = TownSnapshot(self.sources.facts.inventory.name, root, 0, 0.0)
        self._watch = FolderWatch(self._on_stir, self._broke)
        self._background = Background(self._broke)
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._kinds: dict[str, str] = {}
        self._sent_at = 0.0
        self._pace = Pace()
        self._proofs = ProofKeeper(
            self.sources.facts, clock, partial(self._also_watch, REFS), lambda: self._stir(CLOCK)
        )
        self.sources.wasteland.is_patient = False
        self._commons = CommonsKeeper(
            self.sources.wasteland, clock, partial(self._also_watch, COMMONS), lambda: self._stir(CLOCK)
        )
        self.tmux = TmuxKeeper(
            self.sources.panes, clock, self._background, lambda: self._stir(PANES), lambda: self._stir(CLOCK)
        )
        self._engines = ProcessWatch(self._engine_died)
        self._due = 0.0
        self._closing = False

    def ages(self) -> tuple[SourceStatus, ...]:
        """Each source with the time of its last answer, and its error."""
        return self.sources.facts.ages()

    @property
    def stream(self) -> EventStream:
        """The rows of the event stream."""
        return self._events.stream

    async def start(self) -> None:
        """Poll all sources once, then start watching; ``snapshot`` is complete when this returns."""
        # short commands run without it; a process that runs for hours needs it
        gc.enable()
        now = self.clock.now()
        sources = self.sources
        sources.moment = now
        sources.ask("events", lambda: self._events.load(now), None)
        sources.look(now)
        self._judge(now)
        self._watch.start(self._folders())
        self._watch_engines()
        self._proofs.stir()
        self._background.start("git:proofs", self._proofs.run)
        self._background.start("wasteland:clone", self._commons.run)
        self._background.start("tmux:link", self.tmux.run)
        self._follow_servers()
        self._background.start("events:history", self._index_history)

    def _follow_servers(self) -> None:
        """Keep stores on a server up to date, also those of rigs that came since."""
        pulse = self.sources.ledger.pulse(lambda: self._stir(BEADS))
        if pulse is not None:
            self._background.start("dolt", pulse.run)

    def _broke(self, task: str, why: str) -> None:
        """A background task failed and was restarted, or (``why`` empty) works again: shown like a source."""
        if why:
            self.sources.facts.failed(task, why)
        else:
            self.sources.facts.good(task, self.clock.now())
        self._stir(CLOCK)

    def _folders(self) -> list[str]:
        inventory = self.sources.facts.inventory
        kinds = {self.root: EVENTS, self.sources.heartbeats.folder: BEATS}
        kinds.update((folder, BEADS) for folder in self.sources.ledger.folders())
        kinds.update((os.path.join(self.root, part), ROSTER) for part in ("mayor", "settings", LOCAL_LAYER))
        kinds.update((folder, SCHEDULER) for folder in self.sources.scheduler.folders)
        kinds[self.sources.daemon.folder] = DAEMON
        kinds[self.sources.usage.folder] = USAGE
        kinds[self.sources.exports.folder] = BEATS
        kinds.update((folder, REFINERIES) for folder in self.sources.refineries.folders())
        for rig in inventory.rigs:
            kinds.update((os.path.join(rig.path, part), ROSTER) for part in ("crew", "polecats"))
        kinds.update((folder, kind) for folder, kind in self._kinds.items() if kind in (REFS, COMMONS))
        kinds.update((folder, PROGRAMS) for folder in self.sources.programs.folders())
        self._kinds = kinds
        return list(kinds)

    def _on_stir(self, folder: str, name: str) -> None:
        if not folder:
            # the periodic safety check behind the watch
            self._dirty.update((EVENTS, BEADS, BEATS, REFINERIES, SCHEDULER, DAEMON, PROGRAMS, USAGE))
            self._commons.stir()
            self._proofs.check()
        else:
            kind = self._kinds.get(folder)
            if kind is None or not _concerns(kind, name):
                return
            if kind in (REFS, COMMONS):
                (self._proofs if kind == REFS else self._commons).stir()
                return
            self._dirty.add(kind)
        self._wake.set()

    def _also_watch(self, kind: str, folders: list[str]) -> None:
        for folder in folders:
            if folder not in self._kinds:
                self._kinds[folder] = kind
                self._watch.add(folder)

    def _engine_died(self) -> None:
        self._stir(REFINERIES)
        self._stir(DAEMON)

    def _watch_engines(self) -> None:
        self._engines.watch({*self.sources.refineries.pids().values(), *self.sources.daemon.pids()})

    async def updates(self) -> AsyncIterator[Update]:
        """Yield updates until the town is closed; each is ready to show."""
        while not self._closing:
            await self._next_change()
            await self._hold_back()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            update = self._absorb(dirty)
            if update is not None:
                self._sent_at = asyncio.get_running_loop().time()
                yield update

    async def _next_change(self) -> None:
        """Wait for a change, and count how many came without a rest."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._wake.wait()
        self._pace.rested(loop.time() - began)

    async def _hold_back(self) -> None:
        wait = self._sent_at + self._pace.gap_s - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    def _absorb(self, dirty: set[str]) -> Update | None:
        now = self.clock.now()
        sources, facts = self.sources, self.sources.facts
        sources.moment = now
        errors = facts.errors()
        rows, reset, changed = 0, False, CLOCK in dirty
        if ROSTER in dirty:
            changed = sources.ask("roster", lambda: self._reread_roster(now), False) or changed
        if EVENTS in dirty or BEADS in dirty:
            rows, reset = sources.ask("events", lambda: self._events.poll(now), (0, False))
            changes: list[Change] = sources.ask("ledger", lambda: sources.ledger.poll(now), [])
            rows += sources.ask("events:changes", lambda: self._events.add_changes(changes, now), 0)
            changed = sources.ask("estop", sources.poll_stops, False) or changed or bool(changes) or rows > 0
            if changes:
                self._proofs.stir()
        if BEATS in dirty:
            changed = sources.ask("heartbeats", lambda: sources.heartbeats.poll(now), False) or changed
            changed = sources.ask("exports", lambda: sources.exports.poll(now), False) or changed
        if REFINERIES in dirty and sources.ask("refineries", lambda: sources.refineries.poll(now), False):
            self._watch_engines()
            changed = True
        if SCHEDULER in dirty:
            changed = sources.ask("scheduler", lambda: sources.scheduler.poll(now), False) or changed
        if DAEMON in dirty and sources.ask("daemon", lambda: sources.daemon.poll(now), False):
            self._watch_engines()
            changed = True
        if USAGE in dirty:
            changed = sources.ask("usage", lambda: sources.usage.poll(now), False) or changed
        if PANES in dirty:
            changed = sources.ask("tmux", lambda: self.tmux.take_panes(now), False) or changed
        if PANES in dirty or PROGRAMS in dirty:
            changed = sources.ask("programs", lambda: self._ask_programs(now), False) or changed
        if not changed and not reset and errors == facts.errors():
            # polled without news: the snapshot is as fresh as this poll
            self.snapshot = self.snapshot._replace(taken_at=max(now, self.snapshot.taken_at))
            return None
        self._judge(now)
        return Update(self.snapshot, rows, reset)

    def _reread_roster(self, now: float) -> bool:
        self._commons.stir()
        if self.sources.reread_roster(now):
            self.sources.ledger.load(now)
            for folder in self._folders():
                self._watch.add(folder)
            self._follow_servers()
        return True

    def _ask_programs(self, now: float) -> bool:
        changed = self.sources.programs.poll(now)
        for folder in self.sources.programs.folders():
            if self._kinds.get(folder) is None:
                self._kinds[folder] = PROGRAMS
                self._watch.add(folder)
        return changed

    def recheck(self, *, force: bool = False) -> bool:
        """Judge the same facts again if time alone may have changed a verdict; whether a state changed."""
        now = self.clock.now()
        if not force and self.snapshot.taken_at <= now < self._due:
            return False
        before = [view.health.state for view in self.snapshot.agents]
        self._judge(now)
        return before != [view.health.state for view in self.snapshot.agents]

    def _judge(self, now: float) -> None:
        self.snapshot = reduce_town(self.sources.facts, now, self.snapshot)
        self._due = next_due(self.sources.facts, self.snapshot, now)

    async def capture(self, pane_id: str, lines: int = 0, *, styled: bool = False) -> list[str]:
        """Return the text of a pane. Raises TmuxError."""
        return await self.tmux.capture(pane_id, lines, styled=styled)

    def _stir(self, kind: str) -> None:
        self._dirty.add(kind)
        self._wake.set()

    async def _index_history(self) -> None:
        """Index the newest 100 000 rows in slices, so that scrolling back is immediate."""
        stream = self.stream
        while not stream.at_beginning and stream.end - stream.first < INDEX_ROWS:
            await asyncio.sleep(0.05)
            stream.load_older(INDEX_BYTES)

    async def close(self) -> None:
        """Stop watching and close everything."""
        self._closing = True
        await self._background.close()
        await self._watch.close()
        self._engines.close()
        await self.tmux.close()
        self.sources.close()
        self._events.close()


def _concerns(kind: str, name: str) -> bool:
    """Whether a change of this file affects that kind of facts."""
    if not name:
        return True
    if kind == EVENTS:
        return name == ".events.jsonl"
    if kind == BEADS:
        return name.endswith(".jsonl")
    if kind in (BEATS, PROGRAMS):
        return name.endswith((".json", ".jsonl"))
    if kind == SCHEDULER:
        return name in SCHEDULER_FILES
    if kind == DAEMON:
        return name == DAEMON_FILE
    if kind == USAGE:
        return name == USAGE_FILE
    if kind == REFINERIES:
        return name in REFINERY_NAMES
    if kind == REFS:
        return not name.endswith(".lock") and name not in NO_REFS
    return not name.endswith(".lock") and ".tmp" not in name
