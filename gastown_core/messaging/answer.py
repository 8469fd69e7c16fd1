"""Answer a question on an agent's screen: only as a separate act, never as a side effect of a nudge.

The cursor is moved key by key.  Before each key the screen is read again, and it must still show the same question;
after the last one it must show another question, or none.
"""

from __future__ import annotations

import time

from gastown_core.errors import DeliveryError, UsageError
from gastown_core.messaging.prompt_line import POLL_S, look
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer

MOVED_S = 1.0
"""How long a cursor may take to move."""
STABLE_S = 0.1
ANSWERED_S = 3.0
"""How long a program may take to close a question that was answered."""


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
    if not question.options or question.cursor < 0:
        why = "no choices with a cursor are seen"
        raise DeliveryError(f"its question cannot be answered from here: {question.detail}", why, "attach: gt attach")


def _place_of(choice: str, options: tuple[str, ...]) -> int:
    """Index of the option that ``choice`` names."""
    wanted = choice.strip().lower()
    words = [option.lower() for option in options]
    bare = [word.split(" ", 1)[1] if word.split(" ", 1)[0].isdigit() and " " in word else word for word in words]
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
    """Press the submit key on the choice that the cursor marks, and wait until the question is gone."""
    _check_unchanged(look(server, pane_id, preset.screens), question)
    server.run("send-keys", "-t", pane_id, preset.submit_key)
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
            raise DeliveryError(
                "it still asks the same", f"{preset.submit_key} on: {question.options[question.cursor]}", "gt attach"
            )
        time.sleep(STABLE_S)


def _check_unchanged(now: ScreenReading, question: ScreenReading) -> None:
    if not _is_same(now, question) or now.cursor != question.cursor:
        raise DeliveryError("the question has changed", "no key was pressed on the new one", "read it again")


def _is_same(one: ScreenReading, other: ScreenReading) -> bool:
    return (one.kind, one.detail, one.options) == (other.kind, other.detail, other.options)
