"""Proof that a particular text has reached an agent: its prompt hook or its transcript shows the text.

A turn that began proves nothing, since another text may have started it.  The screen counts only if a runtime reports
nothing itself, and the proof then says so.
"""

from __future__ import annotations

import time

from gastown_core.errors import GastownError, TmuxError
from gastown_core.files.atomic import read_json
from gastown_core.messaging.handover import GIVEN
from gastown_core.messaging.prompt_line import look
from gastown_core.model.record import Record
from gastown_core.runtimes.adapter import TURN
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.arrivals import arrivals
from gastown_core.runtimes.heartbeat import heartbeat_path, plain_prompt, prompt_sha, read_prompts
from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.runtimes.screen import BUSY, ScreenReading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.messaging.handover import Handover
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer

ACCEPTED, STARTED = "accepted", "turn started"
"""The program has queued the text until its turn ends; the text is part of the conversation."""
TYPED_WAY = "typed"
LOOK_EVERY_S = 0.02
SCREEN_EVERY_S = 0.1
SLACK_S = 0.001
"""How much earlier than the first key a recorded time may be: records round to microseconds."""
LINE_SLACK_S = 1.0
_OF_HOOKS = ("prompts", "agent_session", "transcript")
"""Keys of a heartbeat that only a program's hooks write."""


class Proof(Record):
    """The proved stage of a text (empty: none), and the evidence."""

    stage: str
    by: str


NO_PROOF = Proof("", "")


def proof_of(town_root: str, session: str, screens: str, handover: Handover, pane_pid: int = 0) -> Proof:
    """The proof in the agent's own records for this text; reads files only."""
    by_hook = _by_hook(town_root, session, handover)
    # the scripted agent records a text when it starts on it, Claude Code also when it only queues it
    if by_hook and (not handover.was_busy or screens == SCRIPTED):
        return Proof(STARTED, by_hook)
    found = _by_transcript(town_root, session, screens, handover, pane_pid)
    if found.stage == STARTED or not by_hook:
        return found
    return Proof(ACCEPTED, by_hook)


def _by_hook(town_root: str, session: str, handover: Handover) -> str:
    if handover.way != TYPED_WAY:
        return ""
    sha = prompt_sha(handover.text)
    prompts = read_prompts(town_root, session)
    return "its prompt hook" if any(one == sha and at >= handover.at - SLACK_S for one, at in prompts) else ""


def _by_transcript(town_root: str, session: str, screens: str, handover: Handover, pane_pid: int) -> Proof:
    adapter = adapter_for(screens)
    if adapter is None:
        return NO_PROOF
    record, offset = handover.record, handover.offset
    if not record:
        record, offset = record_of(town_root, session, screens, pane_pid), 0
    wanted = plain_prompt(handover.text)
    found = NO_PROOF
    for arrival in arrivals(adapter, record, offset):
        if arrival.at and arrival.at < handover.at - LINE_SLACK_S:
            continue
        if _shows(arrival.text, handover, wanted):
            if arrival.kind == TURN:
                return Proof(STARTED, "its transcript")
            found = Proof(ACCEPTED, "its transcript")
    return found


def _shows(said: str, handover: Handover, wanted: str) -> bool:
    """Whether a text of the transcript is this one, or contains it completely.

    Hooks wrap their texts, and a program joins texts that it queued during a turn or its start, even an unnoticed one.
    """
    if plain_prompt(said) == wanted:
        return True
    if handover.way != TYPED_WAY:
        return wanted in plain_prompt(said)
    lines, given = _plain_lines(said), _plain_lines(handover.text)
    return any(lines[start : start + len(given)] == given for start in range(len(lines) - len(given) + 1))


def _plain_lines(text: str) -> list[str]:
    return [plain for line in text.split("\n") if (plain := plain_prompt(line))]


def record_of(town_root: str, session: str, screens: str, pane_pid: int = 0) -> str:
    """The transcript of the session's program, by its hooks or its process; empty if unknown."""
    adapter = adapter_for(screens)
    if adapter is None or not adapter.keeps_transcript:
        return ""
    told = _told(town_root, session).get("transcript")
    if isinstance(told, str) and told:
        return told
    return adapter.transcript(pane_pid) if pane_pid else ""


def has_signals(town_root: str, session: str, screens: str, handover: Handover, pane_pid: int = 0) -> bool:
    """Whether this program reports the arrival of a text, so that the lack of a report means something."""
    if handover.record or screens == SCRIPTED or any(_told(town_root, session).get(key) for key in _OF_HOOKS):
        return True
    return bool(record_of(town_root, session, screens, pane_pid))


def _told(town_root: str, session: str) -> dict[str, object]:
    try:
        return read_json(heartbeat_path(town_root, session)) or {}
    except GastownError:
        return {}


class TurnWatch:
    """Follows one text from the moment before it is typed."""

    def __init__(self, server: TmuxServer, town_root: str, session: str, pane: Pane, screens: str) -> None:
        self._server = server
        self._town_root = town_root
        self._session = session
        self._pane = pane
        self._screens = screens
        self.before = self.screen()

    def let_settle(self, wait_s: float) -> None:
        """How long to wait for a submitted text to leave the input row."""
        deadline = time.monotonic() + wait_s
        while (self.before.draft or not self.before.has_input) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
            self.before = self.screen()

    def look_again(self, wait_s: float) -> None:
        """Look until two looks agree: a program that is just drawing shows its last lines without the prompt below them."""
        deadline = time.monotonic() + wait_s
        seen = None
        while seen != self.before and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
            seen, self.before = self.before, self.screen()

    def follow(self, handover: Handover, wait_s: float) -> Iterator[Proof]:
        """Yield the proofs as they appear, at most one per stage; ends with STARTED or after ``wait_s``."""
        deadline = time.monotonic() + wait_s
        look_at_screen = time.monotonic() + SCREEN_EVERY_S
        seen = ""
        while True:
            proof = proof_of(self._town_root, self._session, self._screens, handover, self._pane.pid)
            now = time.monotonic()
            if not proof.stage and now >= look_at_screen:
                look_at_screen = now + SCREEN_EVERY_S
                proof = self._by_screen(handover)
            if proof.stage and proof.stage != seen:
                seen = proof.stage
                yield proof
            if seen == STARTED or now >= deadline:
                return
            time.sleep(min(LOOK_EVERY_S, max(0.0, deadline - now)))

    def _by_screen(self, handover: Handover) -> Proof:
        """A busy screen is a proof only if it was not busy before, and the program reports nothing itself."""
        if handover.was_busy or handover.stage != GIVEN or self.screen().kind != BUSY:
            return NO_PROOF
        if has_signals(self._town_root, self._session, self._screens, handover, self._pane.pid):
            return NO_PROOF
        return Proof(STARTED, "screen: busy")

    def screen(self) -> ScreenReading:
        """What the pane shows now."""
        try:
            return look(self._server, self._pane.pane_id, self._screens)
        except TmuxError:
            return ScreenReading("unknown")
