"""The keys that answer a question on a screen: the cursor goes to the choice, step by step, and the submit key takes it.

Before each key the screen is read again, and it must still show the same question; after the last one it must show
another question, or none.  A choice that takes words of one's own gets them typed while its cursor is on it.
"""

from __future__ import annotations

import re
import time

from gastown_core.errors import DeliveryError, UsageError
from gastown_core.messaging.prompt_line import POLL_S, look
from gastown_core.model.choice import bare_option, takes_words
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer

MOVED_S = 5.0
"""How long a cursor may take to move, or words to be drawn: on a busy machine a program was seen to take more than a second."""
STABLE_S = 0.1
ANSWERED_S = 10.0
"""How long a program may take to close a question that was answered; Gemini restarts itself after its trust dialog."""
_BOX = re.compile(r"\[[ xX✓✔*]?\]|[☐☑☒◯◻◼]")
_ESCAPE_STOPS = re.compile(r"\(esc to stop\)\W*$", re.IGNORECASE)
"""A refusal that is a field for a person's words: the submit key does nothing in it while it is empty, Escape refuses."""
SHOWN_CHARS = 12
"""So much of typed words must be seen in the field, which may show no more."""
MOST_WORDS = 2000
"""Characters of an answer in a person's own words."""


class SilentError(DeliveryError):
    """An answer was given, and nothing was seen to come of it."""


def choose(
    server: TmuxServer,
    pane: Pane,
    preset: Preset,
    choice: int | str,
    *,
    asked: ScreenReading | None = None,
    words: str = "",
) -> ScreenReading:
    """Choose ``choice`` in the question that the pane shows; returns the screen reading afterwards.

    ``choice`` is a choice's place from 0, its text, an unambiguous prefix of it, or its number from 1 as a word.
    ``asked`` is the question as the person saw it, ``words`` what the choice takes.  Raises UsageError for an unknown
    choice, DeliveryError if there is no question, it is another one or has no cursor, or a key has no effect; TmuxError.
    """
    question = look(server, pane.pane_id, preset.screens)
    check_question(question)
    if asked is not None and not is_same(asked, question):
        raise DeliveryError("the question has changed", f"it asks: {question.detail}", "read it again")
    goal = choice if isinstance(choice, int) else place_of(choice, question.options)
    if not words:
        _check_choice(question.options[goal])
    back, forth = preset.keyboard.choice_keys
    while question.cursor != goal:
        key = forth if goal > question.cursor else back
        expected = question.cursor + (1 if key == forth else -1)
        question = _move(server, pane.pane_id, preset.screens, question, key, expected)
    if words:
        question = _type(server, pane.pane_id, preset.screens, question, words)
    return _confirm(server, pane.pane_id, preset, question)


def check_question(question: ScreenReading) -> None:
    """Raise DeliveryError for a screen whose question cannot be answered from here, or that asks nothing."""
    if question.kind == LOGIN:
        raise DeliveryError("it asks to log in", "that is for a person to do", "attach to it: gt attach")
    if question.kind not in (DIALOG, PERMISSION):
        raise DeliveryError("it asks nothing", f"its screen reads as {question.kind}")
    why = why_unanswerable(question)
    if why:
        raise DeliveryError(f"its question cannot be answered from here: {question.detail}", why, "attach: gt attach")


def why_unanswerable(question: ScreenReading) -> str:
    """Return why this question cannot be answered by a key; empty if it can."""
    if not question.options or question.cursor < 0:
        return "no choices with a cursor are seen on its screen"
    if any(_BOX.match(bare_option(option)) for option in question.options):
        return "several of its choices may be marked"
    return ""


def _check_choice(option: str) -> None:
    """Refuse a choice that opens a field for words of one's own: without them it declines the question."""
    if takes_words(option):
        why = "that choice takes words of your own"
        raise DeliveryError(f"{option} cannot be chosen without them", why, "gt answer AGENT --words TEXT")


def place_of(choice: str, options: tuple[str, ...]) -> int:
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
        if not is_same(now, question):
            raise DeliveryError("the question has changed", f"after {key}; nothing was chosen", "read it again")
        if now.cursor == expected:
            return now
        if now.cursor != question.cursor or time.monotonic() >= deadline:
            why = f"{key} left the cursor at choice {now.cursor + 1}; nothing was chosen"
            raise DeliveryError("the cursor does not move as expected", why, "attach to it: gt attach")
        time.sleep(POLL_S)


def _type(server: TmuxServer, pane_id: str, screens: str, question: ScreenReading, words: str) -> ScreenReading:
    """Type words into the field of the marked choice, and wait until they stand there and nothing else has changed."""
    _check_unchanged(look(server, pane_id, screens), question)
    server.run("send-keys", "-t", pane_id, "-l", "--", words)
    begun = "".join(words.split())[:SHOWN_CHARS]
    place, deadline = question.cursor, time.monotonic() + MOVED_S
    while True:
        now = look(server, pane_id, screens)
        others = [one[:place] + one[place + 1 :] for one in (now.options, question.options)]
        is_there = now.text == question.text and others[0] == others[1] and now.cursor == place
        if is_there and "".join(now.options[place].split()).find(begun) >= 0:
            return now
        if time.monotonic() >= deadline:
            raise DeliveryError("the words do not stand in the choice's field", "nothing was submitted", "gt attach")
        time.sleep(POLL_S)


def _confirm(server: TmuxServer, pane_id: str, preset: Preset, question: ScreenReading) -> ScreenReading:
    """Press the key that gives the choice that the cursor marks, and wait until the question is gone."""
    _check_unchanged(look(server, pane_id, preset.screens), question)
    key = "Escape" if _ESCAPE_STOPS.search(question.options[question.cursor]) else preset.submit_key
    server.run("send-keys", "-t", pane_id, key)
    pressed = f"{key} was pressed on: {question.options[question.cursor]}"
    return await_change(server, pane_id, preset.screens, question, pressed)


def await_change(server: TmuxServer, pane_id: str, screens: str, question: ScreenReading, done: str) -> ScreenReading:
    """Wait until the pane no longer shows the question; ``done`` says what was done to it. Raises SilentError."""
    deadline = time.monotonic() + ANSWERED_S
    now = question
    while True:
        before, now = now, look(server, pane_id, screens)
        # a half-drawn screen looks like a question that has changed
        if not is_same(now, question) and now == before:
            return now
        if time.monotonic() >= deadline:
            if not is_same(now, question):
                return now
            raise SilentError(f"it still asks the same after {ANSWERED_S:g} s", done, "look at it again: gt attach")
        time.sleep(STABLE_S)


def _check_unchanged(now: ScreenReading, question: ScreenReading) -> None:
    if not is_same(now, question) or now.cursor != question.cursor:
        raise DeliveryError("the question has changed", "no key was pressed on the new one", "read it again")


def is_same(one: ScreenReading, other: ScreenReading) -> bool:
    """Return whether two screens ask the same, wherever the cursor stands."""
    return one.fingerprint == other.fingerprint
