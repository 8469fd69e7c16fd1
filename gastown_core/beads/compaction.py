"""Rewrites a ledger file in canonical form: header lines, beads by id, one line each, then other lines.

Unchanged records keep their bytes, except that multi-line records are joined and twins get new ids.  Outdated lines are
dropped, and junk is kept.

The file is written under the store's lock to a temporary file, synced and renamed, so a reader sees either the old or
the new file.  A file with git conflict markers is refused, since an outdated line may belong to the right side.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.beads import ledger_line
from gastown_core.beads.index import FILE_NAMES
from gastown_core.beads.index_rows import ISSUES, WISPS
from gastown_core.beads.twins import Twin, by_age, is_other_bead, new_id, with_new_id
from gastown_core.clock import parse_moment
from gastown_core.errors import ConflictError, StoreError
from gastown_core.files import system
from gastown_core.files.atomic import end_of_links, fill, give_name, open_new
from gastown_core.files.points import point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from gastown_core.beads.index import Index
    from gastown_core.model.bead import Bead

    Raw = dict[str, Any]

TOMBSTONE_LIFE_S = 30 * 86400.0
"""How long a tombstone is kept, so that a merge with an old branch cannot bring the bead back."""

WRITE_CHUNK = 4 << 20


def compact(index: Index, now: float, parted: list[Twin] | None = None) -> bool:
    """Rewrite both files in canonical form; the caller holds the lock. Returns whether anything changed.

    Beads that share an id get separate ids and are added to ``parted``.  Raises ConflictError on conflict markers.
    """
    if _has_conflicts(index):
        raise ConflictError(
            f"{index.path_of(ISSUES)} contains git conflict markers",
            "both sides are kept until they are merged",
            "run bd doctor --fix to merge them",
        )
    changed = False
    for code in (ISSUES, WISPS):
        if os.path.exists(index.path_of(code)):
            changed = rewrite(index, code, now, parted=parted) or changed
    return changed


def compact_if_due(index: Index, now: float, least: int) -> None:
    """Compact files with at least ``least`` outdated lines and half as many as live ones; called under the lock."""
    for code in (ISSUES, WISPS):
        garbage, live = index.counts(code)
        if garbage >= max(least, live // 2) and not _has_conflicts(index):
            # the write itself has succeeded; a failed compaction is retried after a later write
            with contextlib.suppress(StoreError):
                rewrite(index, code, now)


def _has_conflicts(index: Index) -> bool:
    return index.db.execute("SELECT 1 FROM oddities WHERE kind='conflict' LIMIT 1").fetchone() is not None


def rewrite(
    index: Index, code: int, now: float, *, extra: Iterable[tuple[bytes, Bead]] = (), parted: list[Twin] | None = None
) -> bool:
    """Replace a file by its canonical form with the lines ``extra`` added; the caller holds the lock.

    Returns False if the file already has that form.  Raises StoreError, ConflictError on conflict markers; the old file
    then stays.
    """
    beads, head, tail = _read_all(index, code, parted if parted is not None else [])
    keep_all = _has_conflicts(index)
    if keep_all:
        raise ConflictError(
            f"{index.path_of(code)} contains git conflict markers", "this batch rewrites it", "run bd doctor --fix"
        )
    for line, bead in extra:
        beads[bead.id] = (line, bead.text("deleted_at") if bead.is_tombstone else None)
    horizon = now - TOMBSTONE_LIFE_S
    lines = (
        line
        for bead_id, (line, deleted) in sorted(beads.items())
        if deleted is None or _is_young(deleted, horizon) or _keeps_a_number(index, bead_id)
    )
    return _replace(index, code, _joined(head, lines, tail))


def _keeps_a_number(index: Index, bead_id: str) -> bool:
    """Whether the id is a child number of an existing parent: its tombstone stays, so the number is not reused."""
    parent, dot, number = bead_id.rpartition(".")
    if not dot or not number.isdecimal():
        return False
    return index.db.execute("SELECT 1 FROM beads WHERE id=?", (parent,)).fetchone() is not None


def _is_young(deleted_at: str, horizon: float) -> bool:
    return (parse_moment(deleted_at) or 0.0) > horizon


def _read_all(
    index: Index, code: int, parted: list[Twin]
) -> tuple[dict[str, tuple[bytes, str | None]], list[bytes], list[bytes]]:
    """Return the last line of each id (with the deletion time of tombstones), header lines, and other lines."""
    beads: dict[str, tuple[bytes, str | None]] = {}
    hidden: dict[str, dict[str, Raw]] = {}
    head: list[bytes] = []
    tail: dict[str | int, bytes] = {}
    source = index.sources[code]
    status = source.follow()
    size = status.st_size if status is not None else 0
    for count, (offset, line) in enumerate(source.lines(0, size), 1):
        kind, value = ledger_line.classify(line)
        if kind in (ledger_line.BEAD, ledger_line.STONE) and value.id in beads:
            _keep_hidden(hidden, beads[value.id], line, value.raw)
        if kind == ledger_line.BEAD:
            beads[value.id] = (ledger_line.line_of(line, value), None)
        elif kind == ledger_line.STONE:
            beads[value.id] = (ledger_line.line_of(line, value), value.text("deleted_at"))
        elif kind == ledger_line.HEADER:
            head.append(line)
        elif kind != ledger_line.BLANK:
            # the last line of a memory's key wins, as for ids
            tail[str(value.get("key")) if kind == ledger_line.MEMORY else offset] = line
        if index.progress is not None and size > (2 << 20) and count % 2000 == 0:
            index.progress("compacting the ledger", offset, size)
    if index.progress is not None:
        index.progress("compacting the ledger", size, size)
    _part(beads, hidden, parted)
    return beads, head, list(tail.values())


def _keep_hidden(hidden: dict[str, dict[str, Raw]], standing: tuple[bytes, str | None], line: bytes, raw: Raw) -> None:
    """Keep the earlier line's bead if the new line with its id is a different bead, not a later version of it."""
    bead_id = str(raw["id"])
    if ledger_line.is_stone(raw):
        hidden.pop(bead_id, None)
    elif standing[1] is None and _moment_in(standing[0]) != _moment_in(line):
        before = ledger_line.parse_line(standing[0])
        if before is not None and before.title != raw.get("title") and is_other_bead(before.raw, raw, by_title=False):
            hidden.setdefault(bead_id, {})[before.text("created_at")] = before.raw
    if bead_id in hidden:
        hidden[bead_id].pop(str(raw.get("created_at")), None)


def _moment_in(line: bytes) -> bytes:
    """Return the part of a line with its creation time."""
    at = line.find(b'"created_at"')
    return line[at : at + 40]


def _part(beads: dict[str, tuple[bytes, str | None]], hidden: dict[str, dict[str, Raw]], parted: list[Twin]) -> None:
    """Give each bead that shares its id with an older one a new id; references to either keep the old id."""
    for bead_id, others in hidden.items():
        seen = ledger_line.parse_line(beads[bead_id][0])
        if seen is None or not others:
            continue
        oldest = seen.raw
        for raw in others.values():
            oldest, younger = by_age(oldest, raw)
            new = new_id(younger, {known: {} for known in beads})
            beads[new] = (ledger_line.encode(with_new_id(younger, new)), None)
            parted.append(Twin(bead_id, new, str(oldest.get("title")), str(younger.get("title"))))
        beads[bead_id] = (ledger_line.encode(oldest), None)


def _joined(head: list[bytes], lines: Iterable[bytes], tail: list[bytes]) -> Iterator[bytes]:
    """The file in chunks of about WRITE_CHUNK bytes."""
    chunk: list[bytes] = []
    amount = 0
    for part in (head, lines, tail):
        for line in part:
            chunk.append(line)
            amount += len(line) + 1
            if amount >= WRITE_CHUNK:
                yield b"\n".join(chunk) + b"\n"
                chunk, amount = [], 0
    if chunk:
        yield b"\n".join(chunk) + b"\n"


def temp_of(path: str) -> str:
    """Return the path of a file's new version until it is renamed; one name, since only the lock's holder writes it.

    A file found there when the lock is taken was left behind by a kill.
    """
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.tmp")


def _replace(index: Index, code: int, chunks: Iterator[bytes]) -> bool:
    path = end_of_links(index.path_of(code))
    temp = temp_of(path)
    try:
        fd, is_named = open_new(temp, path, 0o600 if path.endswith(FILE_NAMES[WISPS]) else 0o644)
        try:
            fill(fd, chunks)
            os.fsync(fd)
            if _same_bytes(fd, path):
                if is_named:
                    os.unlink(temp)
                return False
            point(f"before {os.path.basename(path)}")
            if not is_named:
                give_name(fd, temp)
        finally:
            os.close(fd)
        system.replace(temp, path)
        point(f"wrote {os.path.basename(path)}")
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise StoreError(
            f"cannot rewrite {path}", error.strerror or str(error), "the file is unchanged; free some space and retry"
        ) from error
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise
    index.refresh()
    return True


def _same_bytes(fd: int, path: str) -> bool:
    """Return whether an open file has the same content as the one at ``path``."""
    try:
        if os.fstat(fd).st_size != os.stat(path).st_size:
            return False
    except FileNotFoundError:
        return False
    at = 0
    with open(path, "rb") as other:
        while True:
            chunk = other.read(WRITE_CHUNK)
            if chunk != system.read_at(fd, WRITE_CHUNK, at):
                return False
            if not chunk:
                return True
            at += len(chunk)
