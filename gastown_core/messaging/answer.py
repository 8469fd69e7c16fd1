"""Answer a question on an agent's screen: only as a separate act, never as a side effect of a nudge.

A person answers the question that was shown: its fingerprint goes with the answer, and another question refuses it.
The cursor is moved key by key.  Before each key the screen is read again, and it must still show the same question;
after the last one it must show another question, or none.
"""

from __future__ import annotations

import os
import re
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, DeliveryError, UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging.prompt_line import POLL_S, look
from gastown_core.messaging.queue import session_lock
from gastown_core.messaging.target import target_of
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION, bare_option
from gastown_core.town import sessions
from gastown_core.town.identity import HUMAN, caller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

MOVED_S = 1.0
"""How long a cursor may take to move."""
STABLE_S = 0.1
ANSWERED_S = 10.0
"""How long a program may take to close a question that was answered; Gemini restarts itself after its trust dialog."""
_BOX = re.compile(r"\[[ xX✓✔*]?\]|[☐☑☒◯◻◼]")
_OWN_WORDS = re.compile(r"(type|enter) (something|your|an?)\b|(other|something else)\W*$", re.IGNORECASE)
_ESCAPE_STOPS = re.compile(r"\(esc to stop\)\W*$", re.IGNORECASE)
"""A refusal that is a field for a person's words: the submit key does nothing in it while it is empty, Escape refuses."""
SETTLED_S = 0.5
"""How long a question stays unchanged before a key is pressed: programs drop keys that come while they draw it."""
ANSWERED = "answered"
LOCK_S = 10.0
MOST_TEXT = 4000
"""Characters of a question that go into the log; one that is longer goes there without its text."""


class _SilentError(DeliveryError):
    """A choice was confirmed by its key, and the program went on asking the same."""


class Asked(Record):
    """What an agent asks now: its screen's reading, the pane and the runtime; ``id`` is the question's fingerprint."""

    reading: ScreenReading
    pane: Pane
    preset: Preset
    server: TmuxServer

    @property
    def id(self) -> str:
        """The fingerprint of question and choices, wherever the cursor stands."""
        return self.reading.fingerprint

    @property
    def is_question(self) -> bool:
        """Whether it asks something that can be answered by a choice."""
        return self.reading.kind in (DIALOG, PERMISSION)

    @property
    def obstacle(self) -> str:
        """Why it cannot be answered from outside; empty if it can."""
        if self.reading.kind == LOGIN:
            return "it asks to log in, which a person does in its session"
        if not self.is_question:
            return f"it asks nothing: its screen reads as {self.reading.kind}"
        return _why_unanswerable(self.reading)


def parted(choice: str) -> tuple[str, str]:
    """Return the fingerprint and the number of a choice written ``ID:NUMBER``; without an ID an empty one, and ``choice``."""
    head, colon, number = choice.partition(":")
    if colon and len(head) == 12 and number.isdigit() and set(head) <= set("0123456789abcdef"):
        return head, number
    return "", choice


def check_person(*, in_console: bool = False) -> None:
    """Refuse an agent: what a program asks, a person or a standing answer decides. Raises ConflictError.

    A console in a window of an agent's session (``in_console``) is still its person's.
    """
    me = HUMAN if in_console and os.environ.get("GT_SESSION") else caller()
    if me != HUMAN:
        raise ConflictError(
            f"{me.path} is an agent, and agents do not answer such questions",
            "a person or a standing answer of the settings does",
            "gt escalate tells a person",
        )


def asked_of(root: str, entry: RosterEntry) -> Asked:
    """Return what the agent's screen asks now. Raises DeliveryError without a running session, NoTmuxError, TmuxError."""
    pane = sessions.find_session(root, entry)
    if pane is None or pane.dead:
        raise DeliveryError(
            f"{entry.address.short} has no running session", "", f"gt session start {entry.address.short}"
        )
    preset = target_of(root, entry, pane).preset
    server = sessions.server_of(root)
    return Asked(look(server, pane.pane_id, preset.screens), pane, preset, server)


def answer(
    root: str,
    entry: RosterEntry,
    choice: str,
    *,
    sender: str,
    expect: str = "",
    rule: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Receipt]:
    """Answer the agent's question with ``choice``, and log an event; yields one final receipt.

    ``expect`` is the fingerprint of the question that was shown, ``rule`` the standing answer that applies.  A key that
    was pressed is in the event log also if nothing was seen to come of it.  Raises as ``answer_dialog``, and
    ConflictError if somebody else types to the agent.
    """
    with session_lock(root, entry.session, LOCK_S):
        asked = asked_of(root, entry)
        if expect and asked.is_question and asked.id != expect:
            raise DeliveryError("the question has changed", f"it asks: {asked.reading.detail}", "read it again")
        _check_question(asked.reading)
        option = asked.reading.options[_place_of(choice, asked.reading.options)]
        if not _has_settled(asked, clock.now()):
            time.sleep(SETTLED_S)
        silent: _SilentError | None = None
        after = asked.reading
        try:
            after = answer_dialog(asked.server, asked.pane, asked.preset, choice, asked=asked.reading)
        except _SilentError as problem:
            silent = problem
    now = sessions.find_session(root, entry)
    ended = now is None or now.dead
    if ended:
        # a screen that stands still belongs to nobody any more
        silent = None
    path = entry.address.path
    append_event(root, "answered", sender, _told(path, asked, option, rule, silent is None), clock=clock)
    if silent is not None:
        raise silent
    shown = f"{option}; its screen now reads as {after.kind}" + (f": {after.detail}" if after.detail else "")
    if ended:
        shown = f"{option}; its program has ended"
    yield Receipt("agent.answer", path, ANSWERED, shown, ok=True, final=True, at=clock.now())


def _told(path: str, asked: Asked, option: str, rule: str, is_confirmed: bool) -> dict[str, object]:
    """Payload of the event of an answer."""
    reading = asked.reading
    payload: dict[str, object] = {
        "target": path,
        "question": reading.detail[:300],
        "answer": option[:200],
        "rule": rule,
        "unconfirmed": not is_confirmed,
    }
    if len(reading.text) <= MOST_TEXT:
        # what a standing answer is tried on later
        payload |= {"runtime": asked.preset.screens, "kind": reading.kind, "text": reading.text}
        payload["options"] = list(reading.options)
    return {key: value for key, value in payload.items() if value}


def _has_settled(asked: Asked, now: float) -> bool:
    """Return whether the pane has been silent for longer than a program takes to draw a question; tmux reports whole seconds."""
    return 0 < asked.pane.activity <= now - SETTLED_S - 1.0


def answer_dialog(
    server: TmuxServer, pane: Pane, preset: Preset, choice: str, *, asked: ScreenReading | None = None
) -> ScreenReading:
    """Choose ``choice`` in the question that the pane shows; returns the screen reading afterwards.

    ``choice`` is a choice's text, an unambiguous prefix of it, or its number from 1.  ``asked`` is the
    question as the person saw it.  Raises UsageError for an unknown choice, DeliveryError if there is
    no question, it is another one or has no cursor, or a key has no effect; TmuxError.
    """
    question = look(server, pane.pane_id, preset.screens)
    _check_question(question)
    if asked is not None and not _is_same(asked, question):
        raise DeliveryError("the question has changed", f"it asks: {question.detail}", "read it again")
    goal = _place_of(choice, question.options)
    _check_choice(question.options[goal])
    back, forth = preset.keyboard.choice_keys
    while question.cursor != goal:
        key = forth if goal > question.cursor else back
        expected = question.cursor + (1 if key == forth else -1)
        question = _move(server, pane.pane_id, preset.screens, question, key, expected)
    return _confirm(server, pane.pane_id, preset, question)


def _check_question(question: ScreenReading) -> None:
    if question.kind == LOGIN:
        raise DeliveryError("it asks to log in", "that is for a person to do", "attach to it: gt attach")
    if question.kind not in (DIALOG, PERMISSION):
        raise DeliveryError("it asks nothing", f"its screen reads as {question.kind}")
    why = _why_unanswerable(question)
    if why:
        raise DeliveryError(f"its question cannot be answered from here: {question.detail}", why, "attach: gt attach")


def _why_unanswerable(question: ScreenReading) -> str:
    """Return why this question cannot be answered by a key; empty if it can."""
    if not question.options or question.cursor < 0:
        return "no choices with a cursor are seen on its screen"
    if any(_BOX.match(bare_option(option)) for option in question.options):
        return "several of its choices may be marked"
    return ""


def _check_choice(option: str) -> None:
    """Refuse a choice that opens a field for words of one's own: without them it declines the question."""
    if _OWN_WORDS.match(bare_option(option)):
        why = "that choice takes words of your own"
        raise DeliveryError(f"{option} cannot be chosen from here", why, "attach to it: gt attach")


def _place_of(choice: str, options: tuple[str, ...]) -> int:
    """Index of the option that ``choice`` names."""
    wanted = choice.strip().lower()
    words = [option.lower() for option in options]
    bare = [bare_option(word) for word in words]
    if wanted.isdigit() and 1 <= int(wanted) <= len(options):
        return int(wanted) - 1
    whole = [place for place in range(len(options)) if wanted in (words[place], bare[place])]
    begun = [place for place in range(len(options)) if wanted and bare[place].startswith(wanted)]
    found = whole or begun
    if len(found) != 1:
        what = "is no choice" if not found else "is the beginning of several choices"
        raise UsageError(f"{choice!r} {what}", "", f"choices: {'; '.join(options)}")
    return found[0]


def _move(
    server: TmuxServer, pane_id: str, screens: str, question: ScreenReading, key: str, expected: int
) -> ScreenReading:
    """Press ``key`` once and wait until the cursor is where it should be."""
    _check_unchanged(look(server, pane_id, screens), question)
    server.run("send-keys", "-t", pane_id, key)
    deadline = time.monotonic() + MOVED_S
    while True:
        now = look(server, pane_id, screens)
        if not _is_same(now, question):
            raise DeliveryError("the question has changed", f"after {key}; nothing was chosen", "read it again")
        if now.cursor == expected:
            return now
        if now.cursor != question.cursor or time.monotonic() >= deadline:
            why = f"{key} left the cursor at choice {now.cursor + 1}; nothing was chosen"
            raise DeliveryError("the cursor does not move as expected", why, "attach to it: gt attach")
        time.sleep(POLL_S)


def _confirm(server: TmuxServer, pane_id: str, preset: Preset, question: ScreenReading) -> ScreenReading:
    """Press the key that gives the choice that the cursor marks, and wait until the question is gone."""
    _check_unchanged(look(server, pane_id, preset.screens), question)
    key = "Escape" if _ESCAPE_STOPS.search(question.options[question.cursor]) else preset.submit_key
    server.run("send-keys", "-t", pane_id, key)
    deadline = time.monotonic() + ANSWERED_S
    now = question
    while True:
        before, now = now, look(server, pane_id, preset.screens)
        # a half-drawn screen looks like a question that has changed
        if not _is_same(now, question) and now == before:
            return now
        if time.monotonic() >= deadline:
            if not _is_same(now, question):
                return now
            chosen = f"{key} was pressed on: {question.options[question.cursor]}"
            raise _SilentError(f"it still asks the same after {ANSWERED_S:g} s", chosen, "look at it again: gt attach")
        time.sleep(STABLE_S)


def _check_unchanged(now: ScreenReading, question: ScreenReading) -> None:
    if not _is_same(now, question) or now.cursor != question.cursor:
        raise DeliveryError("the question has changed", "no key was pressed on the new one", "read it again")


def _is_same(one: ScreenReading, other: ScreenReading) -> bool:
    return one.fingerprint == other.fingerprint
