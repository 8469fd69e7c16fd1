"""The human-readable town log: ``logs/town.log``, one line per agent event."""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import LOCK_S, note_failure
from gastown_core.files.folders import private_folder
from gastown_core.files.jsonl import append_lines, lines_backward
from gastown_core.files.locks import FileLock
from gastown_core.model.plain_text import clean
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock

_STAMP = len("2026-03-02 11:04:09")


def log_line(town_root: str, kind: str, agent: str, detail: str, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Append ``2026-03-02 11:04:09 [kind] agent detail`` in local time (file mode 0600).

    Returns False, without raising, if it cannot be written; ``events.log.last_failure`` then says why.
    """
    folder = os.path.join(town_root, "logs")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(clock.now()))
    line = clean(f"{stamp} [{kind}] {agent} {detail}").rstrip()
    path = town_log_path(town_root)
    try:
        private_folder(folder)
        with FileLock(path + ".lock", timeout_s=LOCK_S):
            append_lines(path, [line.encode("utf-8", "replace")], mode=0o600)
    except (GastownError, OSError) as error:
        note_failure(f"a line is missing from {path}: {error}")
        return False
    return True


class LogLine(Record):
    """One line of the town log: moment in Unix seconds, kind, agent (may be empty), and the rest of the line."""

    at: float
    kind: str
    agent: str
    detail: str


def town_log_path(town_root: str) -> str:
    """Return the path of the town log."""
    return os.path.join(town_root, "logs", "town.log")


def parse_log_line(line: bytes) -> LogLine | None:
    """Return a line of the town log, by us or by the Go tools; None if it is none. Times are of this machine's zone."""
    text = line.decode("utf-8", "replace")
    if len(text) > _STAMP and text[_STAMP : _STAMP + 2] == " [":
        kind, closed, rest = text[_STAMP + 2 :].partition("] ")
        try:
            # -1: whether daylight saving was in force is up to the zone's rules
            at = time.mktime((*time.strptime(text[:_STAMP], "%Y-%m-%d %H:%M:%S")[:8], -1))
        except (ValueError, OverflowError):
            return None
        agent, _, detail = rest.partition(" ")
        return LogLine(at, kind, agent, detail) if closed and kind else None
    return None


def newest_log_lines(town_root: str) -> Iterator[LogLine]:
    """Yield the lines of the town log from newest to oldest, other lines skipped; nothing without a log. Raises OSError."""
    for _, line in lines_backward(town_log_path(town_root)):
        found = parse_log_line(line)
        if found is not None:
            yield found
