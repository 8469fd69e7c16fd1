"""Error boundaries: what goes wrong in a panel, a handler or a worker is shown and noted, and the console goes on.

A panel whose drawing or facts fail shows the error in its own place (``widgets.sheet``); everything else is said in
the status line.  Each fault is kept with its traceback in ``.runtime/console/errors.log``; ``L`` lists them.
"""

from __future__ import annotations

import os
import traceback
from collections import deque

from textual.message_pump import MessagePump

from gastown_core.clock import format_seconds
from gastown_core.files.folders import cache_folder
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.message import Message

FILE = os.path.join(".runtime", "console", "errors.log")
MOST_BYTES = 512 * 1024
KEPT = 50
DEEPEST = 30
"""How many frames of a traceback are kept, the innermost: a recursion has thousands."""
REPEAT_S = 60.0
"""The same fault is told once in this time: what fails at every frame must not fill log and status line."""


class Fault(Record):
    """One exception: when, in which part of the console, what it was, and where it was raised (``file.py:12``)."""

    at: float
    where: str
    error: str
    place: str
    trace: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The fault in one line."""
        return f"{self.error} ({self.place})" if self.place else self.error


def fault_of(where: str, error: BaseException, at: float) -> Fault:
    """What is to be told of an exception."""
    cause = getattr(error, "error", None)
    if isinstance(cause, BaseException):
        # Textual wraps what a worker raised
        error = cause
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    trace = tuple(line for frame in traceback.format_list(frames[-DEEPEST:]) for line in frame.splitlines())
    return Fault(at, where, f"{type(error).__name__}: {error}".rstrip(": ")[:300], place, trace)


class Faults:
    """The faults of this run, oldest first, and their log."""

    def __init__(self) -> None:
        self.entries: deque[Fault] = deque(maxlen=KEPT)
        self._told: dict[tuple[str, str, str], float] = {}

    def take(self, fault: Fault, root: str) -> bool:
        """Keep a fault; False if the same one was told a moment ago."""
        key = (fault.where, fault.error.partition(":")[0], fault.place)
        last = self._told.get(key)
        if last is not None and 0 <= fault.at - last < REPEAT_S:
            return False
        self._told[key] = fault.at
        self.entries.append(fault)
        write_fault(root, fault)
        return True


def write_fault(root: str, fault: Fault) -> None:
    """Append a fault to the town's log of them, privately; a town that cannot be written has none, without harm."""
    path = os.path.join(root, FILE)
    text = "\n".join((f"{format_seconds(fault.at)} {fault.where}: {fault.words}", *fault.trace, "\n"))
    if not os.path.isdir(root):
        return
    try:
        cache_folder(os.path.dirname(path))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            if os.fstat(fd).st_size > MOST_BYTES:
                os.ftruncate(fd, 0)
            os.write(fd, text.encode("utf-8", "replace"))
        finally:
            os.close(fd)
    except OSError:
        return


class Bounded(MessagePump):
    """Mixed in before a Textual class: what one of its handlers raises goes to ``faulted``, and it handles the next message."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001  whatever a handler raises: the console must stay usable
            self.faulted(error)

    def faulted(self, error: Exception) -> None:
        """Tell the app, which says and keeps it."""
        tell = getattr(self.app, "fault", None)
        if tell is None:
            raise error
        tell(getattr(self, "id", None) or type(self).__name__, error)
