"""Error boundaries: a fault in a panel, a handler or a worker is shown and logged, and the console goes on.

A panel that cannot be drawn shows the error in its own place (``widgets.sheet``); all other faults are shown in the
status bar.  Each fault is logged with its traceback in ``.runtime/console/errors.log``; ``L`` lists them.
"""

from __future__ import annotations

import os
import traceback
from collections import deque

from textual.events import Key, Paste
from textual.message_pump import MessagePump

from gastown_core.clock import format_seconds
from gastown_core.files.folders import cache_folder
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.message import Message

FILE = os.path.join(".runtime", "console", "errors.log")
MOST_BYTES = 512 * 1024
KEPT = 50
DEEPEST = 30
"""How many of a traceback's innermost frames are kept: a recursion has thousands."""
REPEAT_S = 60.0
"""A repeated fault is reported once in this time: a fault in every frame must not fill the log."""


class Fault(Record):
    """One exception: when, in which part of the console, its text, and where it was raised (``file.py:12``)."""

    at: float
    where: str
    error: str
    place: str
    trace: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The fault on one line."""
        return f"{self.error} ({self.place})" if self.place else self.error


def fault_of(where: str, error: BaseException, at: float) -> Fault:
    """Return the fault that describes an exception."""
    cause = getattr(error, "error", None)
    if isinstance(cause, BaseException):
        # Textual wraps an exception raised in a worker
        error = cause
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    trace = tuple(line for frame in traceback.format_list(frames[-DEEPEST:]) for line in frame.splitlines())
    return Fault(at, where, f"{type(error).__name__}: {error}".rstrip(": ")[:300], place, trace)


def report_of(fault: Fault) -> str:
    """Return a fault with its traceback as text, as the error log has it."""
    return "\n".join((f"{format_seconds(fault.at)} {fault.where}: {fault.words}", *fault.trace))


class Faults:
    """The faults of this run, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[Fault] = deque(maxlen=KEPT)
        self._told: dict[tuple[str, str, str], float] = {}

    def take(self, fault: Fault, root: str) -> bool:
        """Record and log a fault; return False if the same one was reported within ``REPEAT_S``."""
        key = (fault.where, fault.error.partition(":")[0], fault.place)
        last = self._told.get(key)
        if last is not None and 0 <= fault.at - last < REPEAT_S:
            return False
        self._told[key] = fault.at
        self.entries.append(fault)
        write_fault(root, fault)
        return True


def write_fault(root: str, fault: Fault) -> None:
    """Append a fault to the town's error log (mode 0600); if the town is not writable, do nothing."""
    path = os.path.join(root, FILE)
    text = report_of(fault) + "\n\n"
    if not os.path.isdir(root):
        return
    try:
        cache_folder(os.path.dirname(path))
        fd = open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(fd).st_size > MOST_BYTES:
                os.ftruncate(fd, 0)
            os.write(fd, text.encode("utf-8", "replace"))
        finally:
            os.close(fd)
    except OSError:
        return


class Bounded(MessagePump):
    """Mixin for Textual classes: an exception in a message handler goes to ``faulted``; the next message is handled."""

    async def _dispatch_message(self, message: Message) -> None:
        # the app passes a new key on to a widget; it ends there, or comes back
        is_key, is_faulty = isinstance(message, Key | Paste) and message.is_forwarded, False
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001  whatever a handler raises: the console must stay usable
            is_faulty = True
            self.faulted(error)
        typed = getattr(self.app, "typed", None) if is_key else None
        # a screen stops a key as well when it passes it on to the app, the key's sender
        is_stopped = message._stop_propagation and self._parent is not message._sender
        if typed is not None and (is_faulty or is_stopped or self._parent is None):
            typed.handled(message)

    def faulted(self, error: Exception) -> None:
        """Pass the error to the app, which shows and logs it."""
        tell = getattr(self.app, "fault", None)
        if tell is None:
            raise error
        tell(getattr(self, "id", None) or type(self).__name__, error)
