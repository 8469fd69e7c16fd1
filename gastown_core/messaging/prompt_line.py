"""An agent's input row: read it, decide whether text may be typed, and put a person's draft aside.

Every act reads the screen again first.  Keys are pressed only if the screen shows the input row; never at a question.
"""

from __future__ import annotations

import time

from gastown_core.model.record import Record
from gastown_core.runtimes.screen import read_screen
from gastown_core.runtimes.verdict import is_in, is_same, may_submit, may_type
from gastown_core.tmux.panes import capture_words, last_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.runtimes.verdict import Verdict
    from gastown_core.tmux.server import TmuxServer

SETTLE_S = 2.0
"""How long a program may take to draw what a key did."""
CLEAR_ROUNDS = 8
DRAWN_S = 1.0
"""How long a submit key waits for the text to be drawn."""
TAKEN_S = 1.0
"""How long the text may stay in the row of a program that may treat a submit key as a newline."""
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

    def checks(self, text: str) -> dict[str, Any]:
        """The checks that ``deliver`` calls: ``may_type``, ``may_submit`` and, where a key may come too soon, ``is_taken``.

        ``may_submit`` gives the program time to draw the typed text, and then its pause.
        """
        return {
            "may_type": lambda: self._why_untyped(text),
            "may_submit": lambda: self._why_unsubmitted(text),
            "is_taken": (lambda: self._is_taken(text)) if self.preset.keyboard.makes_newlines else None,
        }

    def take_back(self, text: str) -> str:
        """Clear one of our texts that is in the row unsubmitted; returns why that is not possible. Raises TmuxError.

        Only a row that shows the text is touched, and only by keys that do nothing in an empty one.
        """
        for _ in range(CLEAR_ROUNDS):
            reading = self.read()
            if not reading.has_input or not may_type(reading, self.preset).is_draft:
                break
            draft = reading.draft
            if not is_in(draft, text):
                return "what stands there is not the text"
            self._press(*["C-u", "BSpace"] * (draft.count("\n") + 3))
            self._until_changed(draft)
        return "" if reading.has_input and not reading.draft else "the text could not be cleared"

    def _why_untyped(self, text: str) -> str:
        reading = self.read()
        if reading.draft and is_same(reading.draft, text):
            # an attempt before this one left it there
            self.take_back(text)
            reading = self.read()
        return may_type(reading, self.preset).why

    def _is_taken(self, text: str) -> bool:
        return self._until(lambda reading: not is_in(reading.draft, text), TAKEN_S)

    def _why_unsubmitted(self, text: str) -> str:
        # one that draws late gets its key all the same: it reads it after the text
        self._until(lambda reading: bool(reading.draft) or bool(may_submit(reading, text)), DRAWN_S)
        time.sleep(self.preset.keyboard.pause_s)
        return may_submit(self.read(), text)

    def set_aside(self) -> str:
        """Put the draft in the row aside; returns why that is not possible, empty once the row is empty. Raises TmuxError."""
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
        """Restore a draft that was put aside; returns why it could not be restored. Raises TmuxError."""
        keyboard = self.preset.keyboard
        if not (submitted and keyboard.restores_itself):
            # the text that was submitted must be gone from the row first
            if not self._until(lambda reading: reading.has_input and not reading.draft):
                return "the input row is not free for it"
            self._press(keyboard.restore)
        return "" if self._until(lambda reading: bool(reading.draft)) else "the draft did not come back"

    def _press(self, *keys: str) -> None:
        self.server.run("send-keys", "-t", self.pane_id, *keys)

    def _until_changed(self, draft: str) -> None:
        self._until(lambda reading: reading.draft != draft)

    def _until(self, condition: Callable[[ScreenReading], bool], patience_s: float = SETTLE_S) -> bool:
        deadline = time.monotonic() + patience_s
        while not condition(self.read()):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True
