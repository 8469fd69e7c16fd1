"""What a person did from the console, the dashboard or its API: ``<town>/.runtime/acts.jsonl``, one private file for all of them.

An act is noted when it begins and when it ends, so that one whose face was killed in between is not forgotten.  The file
holds the newest acts only.  A log that cannot be written or read never fails an act: the act says why it is not kept.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from itertools import islice

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError, StoreError, words_of
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json, encode_json, encode_text
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CONSOLE, DASHBOARD, API = "console", "dashboard", "API"
"""The faces from which a person acts."""
LOG_LENGTH = 500
MOST_BYTES = 512 * 1024
"""A larger file is cut to the newer half of that."""
LONGEST = 2000
"""So many characters of a command or a detail are kept."""
LOCK_S = 2.0
NEVER = 253_402_300_800.0
"""The year 10000: no calendar goes so far."""


class CommandLogEntry(Record):
    """One act: when it ended (or began), the command as typed, whether it worked, its duration, the last detail.

    ``face`` is where it came from, empty for the daemon's own.  ``is_over`` is False while no end is known, ``lost`` says
    why the file does not have it.
    """

    at: float
    command: str
    ok: bool
    seconds: float
    detail: str
    face: str = ""
    is_over: bool = True
    lost: str = ""
    id: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the act for programs."""
        told = {"at": format_seconds(self.at), "command": self.command, "ok": self.ok, "detail": self.detail}
        return {**told, "face": self.face, "over": self.is_over, "lost": self.lost}


class Acts(Record):
    """The newest acts from all faces, oldest first; ``junk`` counts lines of the file that are none."""

    entries: tuple[CommandLogEntry, ...]
    junk: int = 0


command_log: deque[CommandLogEntry] = deque(maxlen=LOG_LENGTH)
"""The acts of this process, oldest first."""


def path_of(root: str) -> str:
    """Return the file of a town's acts."""
    return os.path.join(root, ".runtime", "acts.jsonl")


def begin(root: str, face: str, command: str, at: float) -> str:
    """Note that an act begins; return the name under which it ends. Without a face nothing is kept on disk."""
    name = secrets.token_hex(6)
    if face:
        _kept(root, {"id": name, "at": at, "face": face, "command": command[:LONGEST]})
    return name


def end(root: str, name: str, entry: CommandLogEntry) -> None:
    """Note how an act ended."""
    entry = entry._replace(id=name)
    if entry.face:
        told = {**entry._asdict(), "command": entry.command[:LONGEST], "detail": entry.detail[:LONGEST]}
        del told["is_over"], told["lost"]
        entry = entry._replace(lost=_kept(root, told))
    command_log.append(entry)


def _kept(root: str, told: Mapping[str, object]) -> str:
    """Append a line; return why that failed, empty if it did not."""
    path = path_of(root)
    try:
        if not os.path.isdir(root):
            # a town that is gone is not made again
            raise GastownError(f"the town {root} is not there")
        private_folder(os.path.dirname(path))
        line = encode_text(encode_json(told))
        with FileLock(f"{path}.lock", timeout_s=LOCK_S):
            if append_lines(path, [line], mode=0o600)[1] > MOST_BYTES:
                write_atomic(path, _tail(path, MOST_BYTES // 2), mode=0o600, sync=False)
    except (GastownError, OSError, ValueError) as error:
        return words_of(error)
    return ""


def _tail(path: str, size: int) -> bytes:
    """Return the whole lines in the last ``size`` bytes. Raises OSError."""
    with open(open_plain(path), "rb") as handle:
        start = max(0, handle.seek(0, os.SEEK_END) - size)
        handle.seek(start)
        data = handle.read(size)
    return data.partition(b"\n")[2] if start else data


def acts_of(root: str) -> Acts:
    """Return the newest acts from all faces, with those of this process that the file could not take. Raises StoreError."""
    lost = {one.id: one for one in command_log if one.lost}
    try:
        lines = _tail(path_of(root), MOST_BYTES).split(b"\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise StoreError(f"cannot read {path_of(root)}", words_of(error), "acts go on without being kept") from error
    known: dict[str, CommandLogEntry] = {}
    junk = 0
    for line in filter(None, lines):
        name, entry = _entry(line)
        if entry is None:
            junk += 1
        else:
            # the end takes the place of the beginning
            known.pop(name, None)
            known[name] = entry
    newest = sorted({**known, **lost}.values(), key=lambda one: one.at)
    return Acts(tuple(islice(newest, max(0, len(newest) - LOG_LENGTH), None)), junk)


def _entry(line: bytes) -> tuple[str, CommandLogEntry | None]:
    """Return the name and the act of a line, None for junk."""
    try:
        row = decode_json(line)
    except ValueError:
        return "", None
    if not isinstance(row, dict):
        return "", None
    name, command, face = (row.get(key) for key in ("id", "command", "face"))
    if not (isinstance(name, str) and isinstance(command, str) and isinstance(face, str)):
        return "", None
    at, seconds = _figure(row.get("at")), _figure(row.get("seconds"))
    if at is None:
        return "", None
    if "ok" not in row:
        return name, CommandLogEntry(at, command, False, 0.0, "", face, is_over=False)
    return name, CommandLogEntry(at, command, row["ok"] is True, seconds or 0.0, str(row.get("detail") or ""), face)


def _figure(value: object) -> float | None:
    """Return a moment or a span of the file; None for what is none."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < NEVER
    return float(value) if is_one else None  # type: ignore[arg-type]
