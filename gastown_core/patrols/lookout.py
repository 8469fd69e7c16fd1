"""The lookout: the one snapshot that all patrols of a process look at, kept fresh without starting a process.

Stores and the event log are tailed, tmux is asked over one control link that stays open while a server runs; other
duties of the process ask over it, too (``nearest_server``).  What did not change is not judged again before time may
have changed a verdict.
"""

from __future__ import annotations

import contextlib
import threading
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import log_path, parse_event
from gastown_core.files.tail import Tailer
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.state.collect import Sources
from gastown_core.state.reduce import next_due, reduce_town
from gastown_core.state.sources.last_events import note_last, read_last_events
from gastown_core.tmux.control import ControlLink, LinkedServer
from gastown_core.tmux.server import NoServerError, TmuxServer, share, unshare
from gastown_core.tmux.socket import answers, has_tmux, socket_mark, socket_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.clock import Clock
    from gastown_core.model.source_status import SourceStatus
    from gastown_core.state.sources.ledger import Change
    from gastown_core.tmux.panes import Pane

SLEPT_S = 60.0
"""A clock that jumps further than this between two looks: the machine was asleep, or somebody has set it."""
FRESH_S = 5.0
"""A look younger than this is shared: patrols that run together look once."""


class Lookout:
    """Sources of one town, asked again at every look that is due; safe to call from several threads."""

    def __init__(self, root: str, clock: Clock, awake: Callable[[], float] | None = None) -> None:
        self.root = root
        self._clock = clock
        # the clock of the system goes on while the machine sleeps, this one does not
        self._awake = awake or (time.monotonic if clock is SYSTEM_CLOCK else clock.now)
        self._last: tuple[float, float] | None = None
        self._lock = threading.Lock()
        self._sources: Sources | None = None
        self._snapshot: TownSnapshot | None = None
        self._tail: Tailer | None = None
        self._link: ControlLink | None = None
        self._dead: tuple[int, int] | None = None
        self._due = 0.0
        self._is_stale = False
        self.pids: frozenset[int] = frozenset()
        """The programs of agents' panes that ran at the last look; read without waiting for a look that is under way."""

    def look(self) -> TownSnapshot:
        """Return the town as it is now, at most ``FRESH_S`` old."""
        with self._lock:
            now = self._clock.now()
            known = self._snapshot
            if known is None or self._is_stale or not 0 <= now - known.taken_at < FRESH_S:
                # before the look: what changes during it makes the next one fresh, too
                self._is_stale = False
                known = self._snapshot = self._fresh(now)
            return known

    def stir(self) -> None:
        """Make the next look a fresh one: something has changed, whatever the age of the last."""
        self._is_stale = True

    def ages(self) -> tuple[SourceStatus, ...]:
        """Each source with the time of its last answer, and its error; none before the first look."""
        sources = self._sources
        return sources.facts.ages() if sources is not None else ()

    def panes(self) -> dict[str, Pane]:
        """Return the panes of the last look by session; none without tmux."""
        with self._lock:
            return dict(self._sources.facts.panes or {}) if self._sources is not None else {}

    def linked_server(self) -> TmuxServer | None:
        """Return the town's tmux server over the open link, so that a call starts no process; None if none runs."""
        with self._lock:
            if self._link is None or self._link.closed:
                return None
            return LinkedServer(self._link, TmuxServer(socket_name(self.root)))

    def _fresh(self, now: float) -> TownSnapshot:
        sources, known = self._sources, self._snapshot
        if sources is None:
            sources = self._sources = Sources(self.root)
            known = None
        errors = sources.facts.errors()
        self._note_sleep(sources, now)
        changed = self._poll(sources, now, is_new=known is None)
        self.pids = frozenset(pane.pid for pane in (sources.facts.panes or {}).values() if not pane.dead and pane.pid)
        if known is not None and not changed and errors == sources.facts.errors() and known.taken_at <= now < self._due:
            return known._replace(taken_at=now)
        made = reduce_town(sources.facts, now, known)
        self._due = next_due(sources.facts, made, now)
        return made

    def _note_sleep(self, sources: Sources, now: float) -> None:
        """Note that the machine has slept since the last look, if its clock has gone further than it was awake."""
        awake, before = self._awake(), self._last
        self._last = (now, awake)
        if before is not None and (now - before[0]) - (awake - before[1]) > SLEPT_S:
            sources.facts.woke_at = now
            self._due = now

    def _poll(self, sources: Sources, now: float, *, is_new: bool) -> bool:
        """Ask every source; return whether any has something new."""
        sources.moment = now
        changed = is_new
        if is_new or sources.reread_roster(now):
            sources.ask("ledger", lambda: sources.ledger.load(now), None)
            changed = True
        nothing: list[Change] = []
        changed = bool(sources.ask("ledger", lambda: sources.ledger.poll(now), nothing)) or changed
        changed = sources.ask("events", self._follow_events, False) or changed
        changed = sources.ask("heartbeats", lambda: sources.heartbeats.poll(now), False) or changed
        changed = sources.ask("exports", lambda: sources.exports.poll(now), False) or changed
        changed = sources.ask("tmux", lambda: self._ask_tmux(sources, now), False) or changed
        changed = sources.ask("programs", lambda: sources.programs.poll(now), False) or changed
        changed = sources.ask("refineries", lambda: sources.refineries.poll(now), False) or changed
        changed = sources.ask("scheduler", lambda: sources.scheduler.poll(now), False) or changed
        return sources.ask("daemon", lambda: sources.daemon.poll(now), False) or changed

    def _follow_events(self) -> bool:
        """Take in new events; return whether there were any."""
        sources = self._sources
        if sources is None:
            return False
        path = log_path(self.root)
        if self._tail is None:
            self._tail = Tailer(path)
            read_last_events(sources.facts, sources.roster)
            return True
        lines = self._tail.read().lines
        for offset, line in lines:
            event = parse_event(line, offset)
            if event is not None:
                note_last(sources.facts, sources.roster, event, newest=True)
        return bool(lines)

    def _ask_tmux(self, sources: Sources, now: float) -> bool:
        """Ask tmux; return whether a pane or a screen is another one than before."""
        panes = sources.panes
        if not has_tmux():
            had_panes, sources.facts.panes = sources.facts.panes is not None, None
            sources.facts.good("tmux", now)
            return had_panes
        server = TmuxServer(socket_name(self.root))
        if not self._is_linked(server):
            # nobody listens on the socket: there is no session, and no process is started to hear that
            return panes.take({}, now)
        if self._link is not None:
            panes.server = LinkedServer(self._link, server)
            share(panes.server)
        changed = panes.poll(now)
        before = (dict(sources.facts.screens), dict(sources.facts.last_words))
        panes.read_screens(now)
        return changed or before != (sources.facts.screens, sources.facts.last_words)

    def _is_linked(self, server: TmuxServer) -> bool:
        """Whether a server answers over the link, which is opened once for each server."""
        if self._link is not None and not self._link.closed:
            return True
        self._let_go()
        if server.is_absent():
            return False
        mark = socket_mark(server.socket)
        # one that was just starting had made its socket and did not listen on it yet
        if mark is None or (mark == self._dead and not answers(server.socket)):
            return False
        try:
            self._link = ControlLink(server)
        except NoServerError:
            self._dead = mark
            return False
        return True

    def _let_go(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            unshare(socket_name(self.root))
            with contextlib.suppress(GastownError):
                link.close()

    def close(self) -> None:
        """Let go of the files and of the link."""
        with self._lock:
            self._let_go()
            if self._tail is not None:
                self._tail.close()
            if self._sources is not None:
                self._sources.close()
            self._sources = self._tail = self._snapshot = None


_OPEN: dict[str, Lookout] = {}
_OPENING = threading.Lock()


def lookout_of(root: str, clock: Clock) -> Lookout:
    """Return this process's lookout over the town."""
    with _OPENING:
        found = _OPEN.get(root)
        if found is None:
            found = _OPEN[root] = Lookout(root, clock)
        return found


def stir(root: str) -> None:
    """Make the next look of this process at the town a fresh one."""
    found = _OPEN.get(root)
    if found is not None:
        found.stir()


def pids_in(root: str) -> frozenset[int]:
    """Return the programs of agents' panes that ran at this process's last look at the town; it does not look for this."""
    found = _OPEN.get(root)
    return found.pids if found is not None else frozenset()


def ages_in(root: str) -> tuple[SourceStatus, ...]:
    """Return the sources of this process's lookout over the town; it does not look for this."""
    found = _OPEN.get(root)
    return found.ages() if found is not None else ()


def close_all() -> None:
    """Close every lookout of this process."""
    with _OPENING:
        for one in _OPEN.values():
            one.close()
        _OPEN.clear()
