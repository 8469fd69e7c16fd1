"""The agent's main loop: reads keys and pastes, runs turns and steps."""

from __future__ import annotations

import re
import sys
import time

from gastown_agent.identity import WORKERS
from gastown_agent.mood import DIALOG
from gastown_agent.patrol import patrol
from gastown_agent.town_commands import read_mail, read_note
from gastown_agent.view import banner, prompt_area, question_area
from gastown_agent.worker import CRASH_STATUS, CrashError, Worker
from gastown_core.messaging.hook_drain import read_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_agent.session import Session
    from gastown_agent.terminal import Input, Terminal
TRUST_ASKED = "Do you trust this folder?"
TURN_S = 0.4
QUIT_WINDOW_S = 2.0
YES, NO = frozenset("1 y yes ok allow".split()), frozenset("2 n no deny never".split())


def answer_in(text: str) -> bool | None:
    """Return what a text answers to a yes-or-no question, by its first word after the sender's mark; None if neither."""
    words = re.sub(r"^\[from [^\]]*\]", "", text.strip()).split()
    first = words[0].strip(".,;:!?").lower() if words else ""
    return True if first in YES else False if first in NO else None


class WorkerLoop:
    """One run of the agent, from banner to exit code."""

    def __init__(self, terminal: Terminal, session: Session, prompt: str) -> None:
        self._terminal = terminal
        self._session = session
        self._prompt = prompt
        self._typed = ""
        self._question: tuple[str, tuple[str, ...]] | None = None
        self._chosen = 0
        self._trusting = False
        self._code: int | None = None
        self._due: dict[str, float] = {}
        self._interrupted_at = -QUIT_WINDOW_S
        self._turn_busy = ""
        self._has_predecessor = prompt.startswith("[GAS TOWN]") and " • handoff" in prompt.split("\n", 1)[0]
        self._worker = Worker(session, self._say, self._ask)

    def run(self) -> int:
        """Run until the agent exits; return the exit code."""
        identity = self._session.identity
        self._say(banner(identity.actor, identity.work_dir))
        if identity.patrol_s > 0:
            self._at("patrol", identity.patrol_s)
        mood = self._worker.first_mood() if identity.role in WORKERS else identity.mood
        if mood == DIALOG:
            self._trusting = True
            self._session.beat("waiting", TRUST_ASKED)
            self._session.event("waiting", message=TRUST_ASKED)
            self._ask(TRUST_ASKED, ("Yes, I trust this folder", "No, exit"))
        else:
            self._begin()
        while self._code is None:
            self._draw()
            for given in self._terminal.read(self._timeout()):
                self._take(given)
            self._run_due()
        self._session.beat("exiting")
        return self._code

    def _begin(self) -> None:
        """Start on the first prompt, on queued nudges or on the hook, else be idle."""
        prompt, self._prompt = self._prompt, ""
        has_mail = self._read_queue()
        if prompt:
            self._submit(prompt)
        elif has_mail:
            return
        elif self._session.identity.role in WORKERS:
            self._look_at_hook()
        else:
            self._session.beat("idle")

    def _take(self, given: Input) -> None:
        if given.kind in ("text", "paste"):
            self._typed += given.text
            if self._question and given.kind == "text" and given.text in ("1", "2", "y", "n"):
                self._answer(given.text in ("1", "y"))
        elif given.kind == "newline":
            self._typed += "\n"
        elif given.kind == "erase":
            self._typed = self._typed[:-1]
        elif given.kind == "submit":
            self._enter()
        elif given.kind in ("up", "down") and self._question:
            last = len(self._question[1]) - 1
            self._chosen = max(0, min(last, self._chosen + (1 if given.kind == "down" else -1)))
        elif given.kind == "escape" and self._question:
            self._answer(False)
        elif given.kind == "interrupt":
            self._interrupt()
        elif given.kind == "end":
            self._code = 0

    def _enter(self) -> None:
        text, self._typed = self._typed, ""
        if self._question is not None:
            # Enter alone takes the marked choice, of which the first is yes; words that are neither yes nor no answer nothing
            answer = answer_in(text) if text.strip() else self._chosen == 0
            if answer is not None:
                self._answer(answer)
        elif text.strip() == "/exit":
            self._code = 0
        elif text.strip():
            self._submit(text)

    def _submit(self, text: str) -> None:
        """Start a turn on a submitted text."""
        self._note_text(text)
        pause = min(TURN_S, self._session.identity.pace_s)
        if not self._worker.has_work:
            self._turn_busy = "Thinking…"
            self._at("turn", pause)
            return
        self._say("● Understood.")
        again = self._worker.go_on()
        if again is not None:
            self._at("step", again)

    def _note_text(self, text: str) -> None:
        self._session.muted = False
        self._session.start_turn(text)
        self._say("\n".join(f"{'❯' if number == 0 else ' '} {line}" for number, line in enumerate(text.split("\n"))))

    def _answer(self, yes: bool) -> None:
        self._question = None
        self._typed = ""
        if self._trusting:
            self._trusting = False
            if yes:
                self._begin()
            else:
                self._code = 1
            return
        self._say("● Allowed." if yes else "● Denied; continuing without it.")
        again = self._worker.go_on()
        if again is not None:
            self._at("step", again)

    def _interrupt(self) -> None:
        now = time.monotonic()
        if now - self._interrupted_at < QUIT_WINDOW_S:
            self._code = 0
        self._interrupted_at = now
        self._typed = ""

    def _read_queue(self) -> bool:
        """Submit nudges that were queued while nothing could be typed; return whether there were any."""
        identity = self._session.identity
        if not identity.town or not identity.session:
            return False
        found = False
        for text in read_own(identity.town, identity.session):
            found = True
            self._submit(text)
        return found

    def _end_turn(self) -> None:
        self._turn_busy = ""
        self._say("● Understood.")
        mail = read_mail(self._session.identity.work_dir) if self._session.identity.town else ""
        if mail:
            self._say("● gt mail inbox\n" + "\n".join(f"  ⎿  {line}" for line in mail.split("\n")))
        if self._has_predecessor:
            self._has_predecessor = False
            self._say(f"● gt prime\n  ⎿  {read_note(self._session.identity.work_dir)}")
        if self._read_queue():
            return
        if self._session.identity.role in WORKERS:
            self._look_at_hook()
        else:
            self._session.beat("idle")

    def _look_at_hook(self) -> None:
        first = self._worker.look_at_hook()
        if first is not None:
            self._at("step", first)
        elif not self._worker.busy:
            self._session.beat("idle", "hook is empty")

    def _run_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, at in self._due.items() if at <= now]:
            del self._due[name]
            if name == "turn":
                self._end_turn()
            elif name == "patrol":
                patrol(self._session)
                self._at("patrol", self._session.identity.patrol_s)
            elif name == "step":
                self._step()
        self._session.keep_alive()

    def _step(self) -> None:
        try:
            again = self._worker.advance()
        except CrashError as error:
            self._say(f"Traceback: {error}")
            sys.exit(CRASH_STATUS)
        if again is not None:
            self._at("step", again)
        elif not self._worker.has_work:
            self._read_queue()

    def _at(self, name: str, seconds: float) -> None:
        self._due[name] = time.monotonic() + seconds

    def _timeout(self) -> float | None:
        """Return the seconds until something is due; None if only input can wake the loop."""
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _say(self, text: str) -> None:
        self._terminal.show(text)
        self._draw()

    def _ask(self, question: str, options: Sequence[str]) -> None:
        self._question, self._chosen = (question, tuple(options)), 0

    def _draw(self) -> None:
        if self._question is not None:
            self._terminal.bottom(*question_area(*self._question, self._chosen))
            return
        busy = self._worker.busy or self._turn_busy
        self._terminal.bottom(*prompt_area(self._typed, busy))
