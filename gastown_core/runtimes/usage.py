"""What a message of a model used, as the program that got it writes it down.

Each runtime's adapter has a reader of its transcripts' lines.  A program writes one message down more than once: as
several lines, again in the file of a resumed session, or first with the figures of its beginning.  So a message has an
id, by which it is counted once, and of several figures for it the greatest holds.
"""

from __future__ import annotations

from gastown_core.clock import parse_moment
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

GREATEST = 10**12
"""A greater number of tokens, or of dollars, is taken for a mistake."""


class Usage(Record):
    """One message: ``input`` leaves out what came from the cache or went into it, ``output`` includes thoughts.

    ``context`` is how full the conversation was after it (0: it is not of the main conversation), ``window`` how much fits
    (0: not told); ``cost`` is in dollars as the program tells it, None if it does not.  ``at`` is 0 if it has no moment.
    """

    message: str
    at: float
    model: str = ""
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    context: int = 0
    window: int = 0
    cost: float | None = None

    @property
    def tokens(self) -> int:
        """All tokens that it used."""
        return self.input + self.output + self.cache_read + self.cache_write


class UsageReader:
    """Reads one transcript, line after line.

    ``memory`` is what later lines need of earlier ones; it can be kept as JSON, and reading goes on with it.  Its key
    ``cwd`` is the folder in which the session was started, once that was told.
    """

    def __init__(self, memory: dict[str, Any] | None = None) -> None:
        self.memory: dict[str, Any] = memory if memory is not None else {}

    def read(self, line: bytes) -> Iterator[Usage]:
        """Yield the messages of a line. Raises ValueError for an invalid line or figure."""
        return iter(())

    def read_whole(self, record: str) -> list[Usage] | None:
        """The messages since the last time, of a transcript that is no file of lines; None for one that is. Raises OSError."""
        return None

    def note_folder(self, value: object) -> None:
        """Remember the first folder that is named."""
        if isinstance(value, str) and value and "cwd" not in self.memory:
            self.memory["cwd"] = value


class Transcript(Record):
    """A file that may contain usage: its path, its session's folder (empty: its lines name it), and whether it is part of another."""

    path: str
    folder: str = ""


def object_of(line: bytes) -> dict[str, object]:
    """The JSON object in a line. Raises ValueError."""
    value = decode_json(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def tokens(figures: Mapping[str, object], key: str) -> int:
    """Return a number of tokens, 0 if there is none. Raises ValueError for an invalid one."""
    value = figures.get(key)
    if value is None:
        return 0
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= GREATEST
        or value != int(value)
    ):
        raise ValueError(f"{key} cannot be {value!r}")
    return int(value)


def dollars(value: object) -> float | None:
    """Return a cost, None if there is none. Raises ValueError for an invalid one."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= GREATEST:
        raise ValueError(f"a cost cannot be {value!r}")
    return float(value)


def moment(value: object) -> float:
    """A moment in Unix seconds, 0 if it is none."""
    return parse_moment(value) or 0.0
