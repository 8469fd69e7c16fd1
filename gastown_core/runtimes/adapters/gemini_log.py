"""Gemini's debug log: the only place where it tells that a refused request is tried again, how a turn failed, and when one ended.

It writes the log where GEMINI_DEBUG_LOG_FILE names a file, which a session of ours does.  The wait before the next try is
told in the log for limits with a time; without one it is five seconds, doubled each time up to thirty, give or take 30 %.
"""

from __future__ import annotations

import contextlib
import os
import re

from gastown_core.clock import parse_moment
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record
from gastown_core.runtimes.adapter import FAILED, LIMITED, RECORD, Said, is_limit, words

VARIABLE = "GEMINI_DEBUG_LOG_FILE"
MOST_BYTES = 256 << 10
"""How much of a log is read at once; of a longer one the end."""
KEPT_BYTES = 1 << 20
"""A longer log is emptied when a turn begins: of the turns before it says nothing that is still asked for."""
FIRST_WAIT_S, LONGEST_WAIT_S, SPREAD = 5.0, 30.0, 1.3
ANSWER_S = 1.0
"""How long after a wait the next refusal may take to be logged; without one the request got through."""
_LINE = re.compile(r"\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] \[(\w+)\] (.*)", re.DOTALL)
_TRY = re.compile(r"Attempt (\d+) failed\b(.*)", re.DOTALL)
_WAIT = re.compile(r"Retrying after (\d+)ms")
_MESSAGE = re.compile(r'\\?"message\\?"\s*:\s*\\?"((?:[^"\\]|\\[^"])+)')
_CODE = re.compile(r'\\?"code\\?"\s*:\s*(\d{3})|\bstatus (\d{3})\b|\bstatus: (\d{3})\b')
_NAMED = re.compile(r"\b\w*(?:Error|Exception): ([^{\n]+)")
_BEGINS = (
    "Created execution plan for BeforeAgent",
    "[Routing] Selected model",
    "Created execution plan for BeforeModel",
)
"""A turn or a request begins: what was said of the one before is over."""
_ENDS = "Created execution plan for AfterAgent"
"""A turn is over, and its hooks are about to run: the program goes on drawing for seconds."""
_PROMPT = _BEGINS[0]
"""A prompt's hooks are about to run; until its first request is made the title says Ready."""


class _Read(Record):
    """How far a log was read, and what it says there; ``ended_at`` is when the last turn ended, 0 while one may run.

    ``worked_at`` is the newest entry since a request of a turn whose end is not told, 0 if there is no such turn.
    """

    offset: int = 0
    said: Said | None = None
    ended_at: float = 0.0
    worked_at: float = 0.0


class GeminiLog:
    """The logs of the sessions that are looked at, read on from where they were left."""

    def __init__(self) -> None:
        self._reads: dict[str, _Read] = {}

    def look(self, path: str) -> Said | None:
        """The last refusal in that log, None if none is known or the request after it got through."""
        known = self._reads.get(path) or _Read()
        try:
            with open(open_plain(path), "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                if size < known.offset:
                    known = _Read()
                start = max(known.offset, size - MOST_BYTES)
                handle.seek(start)
                data = handle.read(MOST_BYTES) if size > known.offset else b""
        except OSError:
            return None
        whole = data.rfind(b"\n") + 1
        said, turn = known.said, (known.ended_at, known.worked_at)
        for line in re.split(rb"\n(?=\[\d{4}-)", data[:whole]):
            entry = line.decode("utf-8", "replace")
            said, turn = after(said, entry), turn_after(turn, entry)
        self._reads[path] = _Read(start + whole, said, *turn)
        return said

    def turn(self, path: str) -> tuple[float, float]:
        """(when the last turn ended, when one whose end is not told still worked) as last looked at; each 0 if unknown."""
        known = self._reads.get(path)
        return (known.ended_at, known.worked_at) if known is not None else (0.0, 0.0)


def after(said: Said | None, entry: str) -> Said | None:
    """What the log says with one more entry, which may have many rows."""
    found = _LINE.match(entry)
    if found is None:
        return said
    at, level, text = parse_moment(found[1]) or 0.0, found[2], found[3]
    if text.startswith(_BEGINS):
        return None
    tried = _TRY.match(text) if level == "WARN" else None
    if tried is not None and "Max attempts" not in tried[2]:
        given = _WAIT.search(text)
        wait_s = (
            float(given[1]) / 1000 if given else SPREAD * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (int(tried[1]) - 1))
        )
        return Said(LIMITED, at, RECORD, f"{reason_of(tried[2])}; it tries again (attempt {tried[1]})", at + wait_s)
    if level == "ERROR" and "Gemini API" in text:
        why = reason_of(text)
        return Said(LIMITED if is_limit(why) else FAILED, at, RECORD, why, is_final=True)
    return said


def turn_after(turn: tuple[float, float], entry: str) -> tuple[float, float]:
    """(end of the last turn, newest entry of one that has made a request and whose end is not told), with one more entry."""
    found = _LINE.match(entry)
    if found is None:
        return turn
    at = parse_moment(found[1]) or 0.0
    if found[3].startswith(_ENDS):
        return (at, 0.0)
    if found[3].startswith(_PROMPT):
        return (0.0, 0.0)
    if found[3].startswith(_BEGINS) or turn[1]:
        return (0.0, at)
    return turn


def reason_of(text: str) -> str:
    """Status and message of a logged error."""
    code, message, named = _CODE.search(text), _MESSAGE.search(text), _NAMED.search(text)
    said = message[1] if message else named[1] if named else text.partition("\n")[0].strip(": ")
    status = next((one for one in code.groups() if one), "") if code else ""
    return words(f"{status} {said}" if status and status not in said else said)


def begin_turn(path: str) -> None:
    """Empty a log that has become long; the program appends, so it goes on at the beginning."""
    with contextlib.suppress(OSError):
        if os.path.getsize(path) > KEPT_BYTES:
            os.truncate(path, 0)
