"""Proof that a submitted text began to be worked on: the agent's heartbeat first, its screen as the last resort."""

from __future__ import annotations

import time

from gastown_core.errors import TmuxError
from gastown_core.messaging.prompt_line import look
from gastown_core.model.record import Record
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.runtimes.screen import BUSY, ScreenReading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.heartbeat import Heartbeat
    from gastown_core.tmux.server import TmuxServer


class Before(Record):
    """How the agent was before the text was sent."""

    heartbeat: Heartbeat | None
    screen: ScreenReading


HEARTBEAT_EVERY_S = 0.01
SCREEN_EVERY_S = 0.1


class TurnWatch:
    """Looks for the start of a turn of one session."""

    def __init__(self, server: TmuxServer, town_root: str, session: str, pane_id: str, screens: str) -> None:
        self._server = server
        self._town_root = town_root
        self._session = session
        self._pane_id = pane_id
        self._screens = screens
        self.before = Before(read_heartbeat(town_root, session), self._screen())

    def wait(self, wait_s: float) -> str:
        """The evidence in words as soon as there is some; empty when ``wait_s`` passed without."""
        deadline = time.monotonic() + wait_s
        look_at_screen = time.monotonic() + SCREEN_EVERY_S
        while True:
            found = self._heartbeat_moved()
            now = time.monotonic()
            if not found and now >= look_at_screen:
                look_at_screen = now + SCREEN_EVERY_S
                found = self._screen_moved()
            if found or now >= deadline:
                return found
            time.sleep(min(HEARTBEAT_EVERY_S, max(0.0, deadline - now)))

    def _heartbeat_moved(self) -> str:
        now, old = read_heartbeat(self._town_root, self._session), self.before.heartbeat
        if now is None or now == old:
            return ""
        if now.turn:
            return f"heartbeat: turn {now.turn}" if now.turn > (old.turn if old else 0) else ""
        was_working = old is not None and old.state == "working"
        return "heartbeat: working" if now.state == "working" and not was_working else ""

    def _screen_moved(self) -> str:
        """A busy screen proves something only if it was not busy before."""
        if self.before.screen.kind == BUSY:
            return ""
        return "screen: busy" if self._screen().kind == BUSY else ""

    def _screen(self) -> ScreenReading:
        try:
            return look(self._server, self._pane_id, self._screens)
        except TmuxError:
            return ScreenReading("unknown")
