"""An agent's input row: looking at it, whether a text may go in, and a person's draft put aside for one.

Every act looks at the screen again first.  Keys are pressed only where the screen shows the input row; a question
gets none from here.
"""

from __future__ import annotations

import time

from gastown_core.model.record import Record
from gastown_core.runtimes.screen import read_screen
from gastown_core.runtimes.verdict import may_submit, may_type
from gastown_core.tmux.panes import capture_words, last_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.runtimes.verdict import Verdict
    from gastown_core.tmux.server import TmuxServer

SETTLE_S = 2.0
"""How long a program may take to draw what a key did."""
POLL_S = 0.03


def look(server: TmuxServer, pane_id: str, screens: str) -> ScreenReading:
    """What the pane shows now, with its styles and its title. Raises TmuxError."""
    title = ("display-message", "-p", "-t", pane_id, "#{pane_title}")
    first, *rows = server.run_many([title, capture_words(pane_id, 0, styled=True)]).split("\n")
    return read_screen(screens, last_lines(rows, 0), first)


class PromptLine(Record):
    """The input row of the agent in one pane."""

    server: TmuxServer
    pane_id: str
    preset: Preset

    def read(self) -> ScreenReading:
        """What the screen shows now. Raises TmuxError."""
        return look(self.server, self.pane_id, self.preset.screens)

    def verdict(self) -> Verdict:
        """Whether a text may be typed now. Raises TmuxError."""
        return may_type(self.read(), self.preset)

    def checks(self, text: str) -> tuple[Callable[[], str], Callable[[], str]]:
        """For ``deliver``: why nothing may be typed now, and why the typed text may not be submitted now."""
        return lambda: self.verdict().why, lambda: may_submit(self.read(), text)

    def set_aside(self) -> str:
        """Put the draft in it away; returns why that is not possible, empty when the row is empty. Raises TmuxError."""
        keyboard = self.preset.keyboard
        before = self.read()
        verdict = may_type(before, self.preset)
        if verdict.may:
            return ""
        if not verdict.is_draft:
            return verdict.why
        if not keyboard.aside:
            return f"{verdict.why}; {self.preset.name} has no key that puts it aside"
        rows = before.draft.count("\n") + 1
        if keyboard.aside_rows and rows > keyboard.aside_rows:
            return f"{verdict.why} of {rows} rows, more than {self.preset.name} puts aside whole"
        self._press(keyboard.aside)
        if self._until(lambda reading: not reading.draft and reading.has_input):
            return ""
        return f"{verdict.why}; it could not be put aside"

    def restore(self, *, submitted: bool) -> str:
        """Bring back a draft put aside, once a text was submitted or not; returns why it is not there. Raises TmuxError."""
        keyboard = self.preset.keyboard
        if not (submitted and keyboard.restores_itself):
            # the text that was submitted must be gone from the row first
            if not self._until(lambda reading: reading.has_input and not reading.draft):
                return "the input row is not free for it"
            self._press(keyboard.restore)
        return "" if self._until(lambda reading: bool(reading.draft)) else "the draft did not come back"

    def _press(self, key: str) -> None:
        self.server.run("send-keys", "-t", self.pane_id, key)

    def _until(self, condition: Callable[[ScreenReading], bool]) -> bool:
        deadline = time.monotonic() + SETTLE_S
        while not condition(self.read()):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True
