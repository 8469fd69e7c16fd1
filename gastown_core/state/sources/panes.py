"""tmux as a source: one list of panes for all sessions, who lives in them, and their screens as a last resort.

Without tmux on the machine ``facts.panes`` stays None and nobody's liveness is claimed; a tmux that fails to
answer is an error of the source and leaves the last good facts in place.
"""

from __future__ import annotations

from gastown_core.errors import GastownError, NoTmuxError
from gastown_core.model.states import AgentState
from gastown_core.state.facts import TownFacts, digest_of
from gastown_core.state.health import STANDING
from gastown_core.tmux.panes import capture_panes, list_panes, written_lines
from gastown_core.tmux.server import NoServerError, TmuxServer
from gastown_core.tmux.socket import socket_name
from gastown_core.town.liveness import found_elsewhere, living

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.tmux.panes import Pane
    from gastown_core.town.inventory import RosterEntry
LAST_WORDS, LAST_WORDS_CHARS = 3, 160
NO_ANSWER = "it gives no answer"
SCREENS = "tmux:screens"
"""The source that says which screens could not be read."""


class PaneSource:
    """Keeps ``facts.panes``, ``facts.alive``, ``facts.elsewhere`` and ``facts.screens`` true."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self.server = TmuxServer(socket_name(facts.inventory.root))
        self._missed: frozenset[str] = frozenset()
        self._unread: frozenset[str] = frozenset()

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
        for session in [one for one in self.facts.last_words if one not in panes or not panes[one].dead]:
            del self.facts.last_words[session]
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
        return record.get("agent_state") in AgentState.ALIVE or (entry.address.role in STANDING and bool(live))

    def stale_screens(self) -> list[Pane]:
        """Panes to be read: output since the last reading, or a program that ended and whose last words are not known.

        tmux tells the second of the output only, so a screen that was read in that second is read once more after it.
        What a program says of itself hides no screen: a question or a limit may stand on it that the program does not tell.
        """
        found = []
        for session, pane in (self.facts.panes or {}).items():
            if pane.dead:
                self.facts.screens.pop(session, None)
                if session not in self.facts.last_words:
                    found.append(pane)
            elif self.facts.screens_at.get(session, 0.0) < pane.activity + 1.0 or session not in self.facts.screens:
                found.append(pane)
        return found

    def take_screen(self, pane: Pane, lines: list[str], now: float) -> None:
        """Read one captured screen; of a program that ended, what it wrote last."""
        if pane.dead:
            self.facts.last_words[pane.session] = last_words(lines)
            return
        from gastown_core.runtimes.screen import read_screen

        self.facts.screens[pane.session] = read_screen(pane.runtime, lines, pane.title)
        self.facts.screens_at[pane.session] = now

    def note_answer(self, came: bool, now: float) -> bool:
        """Take in whether tmux answered when it was asked for nothing; whether that is news."""
        before = self.facts.error_of("tmux")
        if not came:
            self.facts.failed("tmux", NO_ANSWER)
        elif before == NO_ANSWER:
            self.facts.good("tmux", now)
        return before != self.facts.error_of("tmux")

    def note_unread(self, failed: dict[str, str], now: float) -> bool:
        """Take in by session why its screen could not be read; whether that is news.

        A pane may just have gone: what fails twice in a row and is still listed is an error.
        """
        again = [one for one in failed if one in self._unread and one in (self.facts.panes or {})]
        self._unread = frozenset(failed)
        before = self.facts.error_of(SCREENS)
        if again:
            rest = f", nor those of {len(again) - 1} more" if len(again) > 1 else ""
            self.facts.failed(SCREENS, f"the screen of {again[0]} cannot be read: {failed[again[0]]}{rest}")
        elif before:
            self.facts.good(SCREENS, now)
        return before != self.facts.error_of(SCREENS)

    def read_screens(self, now: float) -> None:
        """Read the screens that need it, all with one call of tmux."""
        stale = self.stale_screens()
        try:
            captured = capture_panes(self.server, stale)
        except (NoTmuxError, NoServerError):
            # the server has gone meanwhile
            return
        except GastownError as error:
            self.facts.failed(SCREENS, str(error))
            return
        for pane in stale:
            if pane.pane_id in captured:
                self.take_screen(pane, captured[pane.pane_id], now)


def last_words(lines: list[str]) -> tuple[str, ...]:
    """The last few lines that a program wrote before it ended."""
    return tuple(line[:LAST_WORDS_CHARS] for line in written_lines(lines)[-LAST_WORDS:])
