"""Refineries as a source: each engine's state file, its finished batches, and the log of a running gate.

Files are read again only when they moved, a log only from where the last look ended.  An engine that died leaves its
last picture behind.  ``pids`` names the engines to watch, so that a death is pushed like everything else; a picture
whose process is gone says so and never counts as running.
"""

from __future__ import annotations

import os
import time

from gastown_core.clock import parse_moment
from gastown_core.errors import GastownError
from gastown_core.files import system
from gastown_core.files.atomic import read_json
from gastown_core.files.mark import Mark, mark_of
from gastown_core.files.plain import open_plain, read_plain
from gastown_core.model.ahead import AHEAD_FILE, read_ahead
from gastown_core.model.json_text import decode_json
from gastown_core.model.merge_request import LEVEL_S
from gastown_core.model.refinery import (
    BATCHES_FILE,
    HELD,
    STATE_FILE,
    BatchRecord,
    batch_record,
    from_json,
    held_target,
    holds,
)
from gastown_core.process_table import lives
from gastown_core.state.facts import RefineryFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.ahead import ConflictAhead
    from gastown_core.model.refinery import RefineryState
    from gastown_core.state.facts import TownFacts
HISTORY = 20
TAIL_BYTES = 64 * 1024


class RefinerySource:
    """Keeps ``facts.refineries`` true."""

    def __init__(self, facts: TownFacts) -> None:
        self.facts = facts
        self._marks: dict[str, Mark | None] = {}

    def folders(self) -> list[str]:
        """The folders to watch: each rig's run-time folder, and the refinery's within it."""
        out = []
        for rig in self.facts.inventory.rigs:
            inner = os.path.dirname(os.path.join(rig.path, STATE_FILE))
            out += [os.path.dirname(inner), inner]
        return out

    def pids(self) -> dict[str, int]:
        """Rig → process of an engine that is at work, as far as known."""
        return {
            rig: known.state.pid
            for rig, known in self.facts.refineries.items()
            if known.state is not None and known.is_alive
        }

    def poll(self, now: float) -> bool:
        """Take in what changed; returns whether anything did."""
        changed = False
        rigs = {rig.name: rig.path for rig in self.facts.inventory.rigs}
        for gone in self.facts.refineries.keys() - rigs.keys():
            del self.facts.refineries[gone]
            changed = True
        for name, path in rigs.items():
            before = self.facts.refineries.get(name)
            after = self._look(name, path, before, now)
            if after != before:
                changed = True
                if _rules(before) != _rules(after):
                    # they decide where a request stands as much as its bead does
                    self.facts.ledger_version += 1
                if after is None:
                    self.facts.refineries.pop(name, None)
                else:
                    self.facts.refineries[name] = after
        if changed:
            self.facts.landing_version += 1
        return changed

    def _look(self, rig: str, path: str, before: RefineryFacts | None, now: float) -> RefineryFacts | None:
        known = before or RefineryFacts(rig, path)
        state_file, batches_file = os.path.join(path, STATE_FILE), os.path.join(path, BATCHES_FILE)
        ahead_file = os.path.join(path, AHEAD_FILE)
        try:
            if self._moved(state_file):
                known = known._replace(state=_read_state(state_file))
                known = _with_hold(known)
            if self._moved(batches_file):
                known = known._replace(history=_read_history(batches_file))
            if self._moved(ahead_file):
                known = known._replace(ahead=_read_ahead(ahead_file))
            known = known._replace(error="")
        except (OSError, ValueError) as error:
            # the last good picture stays, and says that it is old; both files are read again at the next look
            self._marks.pop(state_file, None)
            self._marks.pop(batches_file, None)
            self._marks.pop(ahead_file, None)
            why = error.strerror if isinstance(error, OSError) and error.strerror else "its state file is no JSON"
            self.facts.failed(f"refinery:{rig}", why)
            return known._replace(error=why)
        if self.facts.error_of(f"refinery:{rig}") and not known.error:
            self.facts.good(f"refinery:{rig}", now)
        if known.state is None and not known.history and not known.ahead:
            return None
        state = known.state
        return known._replace(is_alive=state is not None and lives(state.pid, state.pid_start))

    def _moved(self, path: str) -> bool:
        try:
            status = os.stat(path)
            mark: Mark | None = mark_of(status)
        except (FileNotFoundError, NotADirectoryError):
            mark = None
        if path in self._marks and self._marks[path] == mark:
            return False
        is_new = path not in self._marks
        self._marks[path] = mark
        return mark is not None or not is_new


def _rules(known: RefineryFacts | None) -> tuple[bool, float, str]:
    """What the views of requests take from the engine: its settings, and which target is held."""
    state = known.state if known is not None else None
    if known is None or state is None:
        return False, LEVEL_S, ""
    is_held = holds(state, is_alive=known.is_alive)
    return state.needs_approval, state.level_s, f"{state.hold_kind} {held_target(state)}" if is_held else ""


def _read_state(path: str) -> RefineryState | None:
    try:
        return from_json(decode_json(read_plain(path)))
    except FileNotFoundError:
        return None


def _read_ahead(path: str) -> tuple[ConflictAhead, ...]:
    """The conflicts ahead; of a file that is none, or no JSON, none."""
    try:
        return read_ahead(decode_json(read_plain(path)))
    except (FileNotFoundError, ValueError):
        return ()


def _with_hold(known: RefineryFacts) -> RefineryFacts:
    """Since when the queue is held and when it is tried again, as the engine noted it for the target."""
    state = known.state
    if state is None or state.phase != HELD:
        return known._replace(hold_since=0.0, hold_until=0.0)
    from gastown_core.refinery.place import slug

    folder = os.path.dirname(os.path.join(known.path, STATE_FILE))
    target = held_target(state)
    try:
        found = read_json(os.path.join(folder, f"hold-{slug(target)}.json")) or {}
    except GastownError:
        found = {}
    since, until = parse_moment(found.get("since")), parse_moment(found.get("until"))
    return known._replace(hold_since=since or state.updated_at, hold_until=until or 0.0)


def _read_history(path: str) -> tuple[BatchRecord, ...]:
    """The newest batches first; a line that is none is passed over."""
    try:
        with open(open_plain(path), "rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - TAIL_BYTES))
            lines = handle.read().splitlines()
    except FileNotFoundError:
        return ()
    found = []
    for line in reversed(lines):
        try:
            record = batch_record(decode_json(line))
        except ValueError:
            continue
        if record is not None:
            found.append(record if record.at else record._replace(at=_moment_in(record.id)))
        if len(found) >= HISTORY:
            break
    return tuple(found)


def _moment_in(batch_id: str) -> float:
    """The moment that a batch's id names (``b-20260302-101900``), 0 if it names none."""
    try:
        return time.mktime(time.strptime(batch_id[:17], "b-%Y%m%d-%H%M%S"))
    except ValueError:
        return 0.0


HEAD_BYTES = 256 * 1024
READ_BYTES = 1 << 20
LINES = 2000
LINE_LIMIT = 4000


class GateLog:
    """The newest lines of the file at ``path``; ``skipped`` tells that its beginning was passed over."""

    def __init__(self, path: str) -> None:
        self.path = path
        # here: gt status reads refineries and no log, and does without this module
        from collections import deque

        self.lines: deque[str] = deque(maxlen=LINES)
        self.came = 0
        self.skipped = False
        self.error = ""
        self._offset = -1
        self._inode = 0
        self._rest = b""

    def read(self) -> bool:
        """Take in what was appended; returns whether anything changed. A missing file is one that has said nothing yet."""
        try:
            with open(open_plain(self.path), "rb") as handle:
                return self._take(handle.fileno())
        except FileNotFoundError:
            return False
        except OSError as error:
            changed, self.error = self.error == "", error.strerror or str(error)
            return changed

    def _take(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        if self._offset < 0 or status.st_ino != self._inode or status.st_size < self._offset:
            self._begin(status.st_size, status.st_ino)
        # a flood is not read through: what scrolled by since the last look is passed over
        if status.st_size - self._offset > READ_BYTES:
            self._offset, self._rest, self.skipped = status.st_size - HEAD_BYTES, b"", True
        chunk = system.read_at(descriptor, READ_BYTES, self._offset)
        if not chunk:
            return False
        self._offset += len(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > READ_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        for line in whole:
            self.lines.append(_last_of(line))
        self.came += len(whole)
        return True

    def _begin(self, size: int, inode: int) -> None:
        """From the beginning, or from the last part of a long log."""
        self.lines.clear()
        self._inode = inode
        self._offset = max(0, size - HEAD_BYTES)
        self.skipped = self._offset > 0
        self._rest = b""

    @property
    def partial(self) -> str:
        """The line that is being written, without its end yet."""
        return _last_of(self._rest) if self._rest else ""


def _last_of(line: bytes) -> str:
    """What a line shows in the end: a progress bar that was drawn over again counts once."""
    text = line.rstrip(b"\r").rpartition(b"\r")[2]
    return text[:LINE_LIMIT].decode("utf-8", "replace")
