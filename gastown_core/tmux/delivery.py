"""Deliver text to an agent, never to a shell.

The text goes through its own paste buffer with bracketed paste, byte for byte; the submit key follows separately.
Right before each of the two, the pane is checked again: it must be alive, not scrolled back, with the agent in the
foreground, and its screen must allow the text or the submit key.
"""

from __future__ import annotations

import os
import re
import time

from gastown_core.errors import DeliveryError
from gastown_core.tmux.panes import read_pane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer

_DROPPED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# the text must not contain the end mark of bracketed paste, which would close the paste early
TYPED, SUBMITTED = "typed", "submitted"
NOT_SUBMITTED = "the text is in its input, not submitted"
SUBMIT_TRIES = 3
ESCAPE_PAUSE_S = 0.6
"""Longer than readline's key-sequence timeout, or Escape and Enter would become one key."""

_serial = 0


class UnsubmittedError(DeliveryError):
    """The text was typed, and its submit key was not pressed."""


def sanitize(text: str) -> str:
    """``text`` with CRLF as LF, tabs as spaces, LF kept, and every other control character (ESC too) dropped."""
    text = text.replace("\r\n", "\n").replace("\t", " ")
    return _DROPPED.sub("", text)


def deliver(
    server: TmuxServer,
    pane: Pane,
    text: str,
    *,
    submit_key: str = "Enter",
    escape_first: bool = False,
    is_agent: Callable[[int, str], bool],
    may_type: Callable[[], str] | None = None,
    may_submit: Callable[[], str] | None = None,
    is_taken: Callable[[], bool] | None = None,
    pause_s: float = 0.05,
) -> Iterator[str]:
    """Paste ``text`` and submit it; yields ``typed`` and ``submitted`` as they happen.

    ``is_agent(pane pid, foreground command)`` is asked right before each keystroke; so is ``may_type`` before the
    text and ``may_submit`` before the submit key, each of which returns the reason against it, or nothing.  ``is_taken``
    says afterwards whether the text has left the input row; if not, the key is pressed again, each time after
    ``may_submit``: some programs treat an Enter that comes too soon as a newline.  ``escape_first`` sends
    Escape between text and submit key (agents with an editor mode).  ``pause_s`` passes between the two.

    Raises DeliveryError, with nothing typed, if the pane is dead, the agent is not in the foreground, or ``may_type``
    refuses; UnsubmittedError if that happens after the text was typed; TmuxError if tmux fails.
    """
    _check_ready(server, pane.pane_id, is_agent, "nothing was typed")
    _check_screen(may_type, DeliveryError, "nothing was typed")
    buffer = _buffer_name()
    target = pane.pane_id
    paste = ("paste-buffer", "-p", "-r", "-d", "-b", buffer, "-t", target)
    server.run_many([("load-buffer", "-b", buffer, "-"), paste], stdin=sanitize(text).encode())
    yield TYPED
    if escape_first:
        server.run("send-keys", "-t", target, "Escape")
        time.sleep(ESCAPE_PAUSE_S)
    time.sleep(pause_s)
    for _ in range(SUBMIT_TRIES):
        try:
            _check_ready(server, target, is_agent, "the text was not submitted")
        except DeliveryError as error:
            raise UnsubmittedError(error.what, error.why, error.hint) from error
        _check_screen(may_submit, UnsubmittedError, NOT_SUBMITTED)
        server.run("send-keys", "-t", target, submit_key)
        if is_taken is None or is_taken():
            yield SUBMITTED
            return
    raise UnsubmittedError(f"{submit_key} does not submit", NOT_SUBMITTED, "look at it: gt attach")


def _check_screen(check: Callable[[], str] | None, kind: type[DeliveryError], consequence: str) -> None:
    why = check() if check is not None else ""
    if why:
        raise kind(why, consequence, "look at it: gt attach")


def _check_ready(server: TmuxServer, pane_id: str, is_agent: Callable[[int, str], bool], consequence: str) -> None:
    """Leave copy mode if necessary; raise unless a live agent is in the foreground."""
    now = read_pane(server, pane_id)
    if now.dead:
        raise DeliveryError("the agent's pane is dead", consequence, "restart the session")
    if now.in_mode:
        server.run("send-keys", "-t", pane_id, "-X", "cancel")
    if not is_agent(now.pid, now.command):
        why = f"{now.command or 'another program'} is in the foreground, not the agent; {consequence}"
        raise DeliveryError(f"no agent runs in session {now.session}", why, "restart the session")


def _buffer_name() -> str:
    global _serial
    _serial += 1
    return f"gt-{os.getpid()}-{time.monotonic_ns():x}-{_serial}"
