"""tmux as a source: one list of panes for all sessions, who lives in them, and their screens as a last resort.

Without tmux on the machine ``facts.panes`` stays None and nobody's liveness is claimed; a tmux that fails to
answer is an error of the source and leaves the last good facts in place.
"""

from __future__ import annotations

from gastown_core.errors import GastownError, NoTmuxError
from gastown_core.state.facts import TownFacts, digest_of
from gastown_core.state.health import LIVE_STATES, STANDING
from gastown_core.tmux.panes import list_panes
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name
from gastown_core.town.liveness import found_elsewhere, living

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.tmux.control import ControlLink
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import RosterEntry
SCREEN_LINES = 40


class PaneSource:
    """Keeps ``facts.panes``, ``facts.alive``, ``facts.elsewhere`` and ``facts.screens`` true."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self.server = TmuxServer(socket_name(facts.inventory.root))
        self._screen_at: dict[str, float] = {}
        self._missed: frozenset[str] = frozenset()

    def poll(self, now: float) -> bool:
        """Ask tmux once; returns whether anything but activity changed."""
        try:
            panes = list_panes(self.server)
        except NoTmuxError:
            self.facts.panes = None
            self.facts.good("tmux", now)
            return False
        except GastownError as error:
            self.facts.failed("tmux", str(error))
            return True
        return self.take(panes, now)

    def take(self, panes: dict[str, Pane], now: float) -> bool:
        """Take in a list of panes, from wherever it came."""
        before = self.facts.panes
        had_error = bool(self.facts.error_of("tmux"))
        self.facts.panes = panes
        alive = living(panes.values())
        changed = had_error or alive != self.facts.alive or before is None or before != panes
        self.facts.alive = alive
        self._look_elsewhere()
        for session in self.facts.screens.keys() - panes.keys():
            del self.facts.screens[session]
        self.facts.good("tmux", now)
        return changed

    def _look_elsewhere(self) -> None:
        """Find agents without a session, when sessions went or came, or while there is such an agent."""
        live = frozenset(session for session, is_alive in self.facts.alive.items() if is_alive)
        missed = frozenset(entry.session for entry in self.facts.inventory.agents if self._is_missed(entry, live))
        if missed == self._missed and not self.facts.elsewhere:
            return
        self._missed = missed
        found = found_elsewhere(self.facts.inventory.root) if missed else {}
        self.facts.elsewhere = {session: pid for session, pid in found.items() if session not in live}

    def _is_missed(self, entry: RosterEntry, live: frozenset[str]) -> bool:
        """Whether something promises that it lives, and tmux lists no session in which it does."""
        if entry.session in live:
            return False
        if digest_of(self.facts).hooked.get(entry.address.mail) is not None:
            return True
        record = self.facts.fields.get(entry.bead_id, {})
        return record.get("agent_state") in LIVE_STATES or (entry.address.role in STANDING and bool(live))

    def stale_screens(self, now: float, trust_heartbeat_s: float) -> list[Pane]:
        """Panes whose screen should be read: output since the last reading, and no fresh word from the agent itself."""
        found = []
        for session, pane in (self.facts.panes or {}).items():
            beat = self.facts.heartbeats.get(session)
            if pane.dead or (beat is not None and now - beat.at < trust_heartbeat_s):
                self.facts.screens.pop(session, None)
                continue
            if self._screen_at.get(session, -1.0) < pane.activity or session not in self.facts.screens:
                found.append(pane)
        return found

    def take_screen(self, pane: Pane, lines: list[str]) -> None:
        """Read one captured screen."""
        from gastown_core.runtimes.screen import read_screen

        self._screen_at[pane.session] = pane.activity
        self.facts.screens[pane.session] = read_screen(pane.runtime, lines, pane.title)

    def read_screens(self, now: float, link: ControlLink | None = None) -> None:
        """Read the screens that need it; through the control link if there is one."""
        from gastown_core.tmux.panes import capture_pane

        for pane in self.stale_screens(now, self.facts.thresholds.heartbeat_stale_s):
            try:
                if link is not None:
                    lines = link.capture(pane.pane_id, SCREEN_LINES)
                else:
                    lines = capture_pane(self.server, pane.pane_id)
            except GastownError:
                # the pane may have gone meanwhile; the next list tells
                continue
            self.take_screen(pane, lines)
