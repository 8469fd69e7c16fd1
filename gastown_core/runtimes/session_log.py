"""A session's log of JSON lines as a program's record: reading continues where it stopped, and each line updates the state.

A runtime tells where its log lies and what a line means; lines from before the program's start are ignored.
"""

from __future__ import annotations

import os

from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.process_table import began_at
from gastown_core.runtimes.adapter import FAILED, IDLE, LIMITED, STARTING, TRANSCRIPT, Records, Said, is_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.runtimes.adapter import Program

MOST_BYTES = 4 << 20
"""How much of a log that grew is read at once; of a longer one the end."""
SLACK_S = 1.0
"""So much earlier than its process a program's words may seem to be."""


class _Read(Record):
    """How far a log was read, and what it says there."""

    offset: int = 0
    said: Said | None = None


class SessionLogs(Records):
    """The logs of the programs that are looked at. A runtime says in ``find`` and ``after`` what is its own."""

    def __init__(self) -> None:
        self._reads: dict[str, _Read] = {}
        self._folders: set[str] = set()

    def folders(self) -> set[str]:
        """The folders of the logs that are being written, and those in which new ones appear."""
        return self._folders

    def place(self, program: Program) -> str:
        """The folder in which the program's log appears."""
        raise NotImplementedError

    def find(self, program: Program) -> str:
        """The log of the program's session, empty if there is none yet."""
        raise NotImplementedError

    def after(self, said: Said | None, line: Mapping[str, object]) -> Said | None:
        """What the log says with one more line."""
        raise NotImplementedError

    def session_id(self, path: str) -> str:
        """The session whose log that is."""
        raise NotImplementedError

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """What each program's log says; one without a log is starting, one that goes on with a session idle."""
        self._folders, read, said = set(), {}, {}
        for program in programs:
            path, began = self.find(program), began_at(program.pid) or now
            self._folders.add(self.place(program))
            if not path:
                said[program.session] = Said(STARTING, began, TRANSCRIPT, "no turn yet")
                continue
            self._folders.add(os.path.dirname(path))
            read[path] = self._read(path)
            told = read[path].said or Said(STARTING, began, TRANSCRIPT, "no turn yet")
            if told.at < began - SLACK_S:
                told = Said(IDLE, began, TRANSCRIPT, is_final=True)
            said[program.session] = told._replace(session_id=self.session_id(path))
        self._reads = read
        return said

    def _read(self, path: str) -> _Read:
        known = self._reads.get(path) or _Read()
        try:
            with open(open_plain(path), "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                if size == known.offset:
                    return known
                if size < known.offset:
                    known = _Read()
                start = max(known.offset, size - MOST_BYTES)
                handle.seek(start)
                data = handle.read(MOST_BYTES)
        except OSError:
            # removed meanwhile
            return known
        whole = data.rfind(b"\n") + 1
        said = known.said
        for line in data[:whole].splitlines():
            said = self._after(said, line)
        return _Read(start + whole, said)

    def _after(self, said: Said | None, line: bytes) -> Said | None:
        try:
            value = decode_json(line)
        except ValueError:
            # the middle of a line, where a long log is read from its end
            return said
        return self.after(said, value) if isinstance(value, dict) else said


def failed(at: float, text: str, code: object = 0) -> Said:
    """The end of a turn by an error, which is a limit if its words or its status say so."""
    state = LIMITED if is_limit(f"{code} {text}") else FAILED
    return Said(state, at, TRANSCRIPT, text or "its turn failed", is_final=True)
