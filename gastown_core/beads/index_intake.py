"""Reads ledger lines into the index: rows from records, and the data derived from rows."""

from __future__ import annotations

from gastown_core.beads import index_census, index_holds, ledger_line, partings
from gastown_core.beads.index_rows import BEAD_INDEXES, INSERT, ISSUES, WISPS, row_of, searched_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from gastown_core.model.bead import Bead

    Progress = Callable[[str, int, int], None]
    """Reports long work: what is done, how much so far, and the total; the last call has both equal."""

FLUSH_EVERY = 20_000
LARGE = 2 << 20
"""An intake of at least this many bytes is reported as long work."""


def make_indexes(db: sqlite3.Connection) -> None:
    """Create the indexes of ``beads``; faster after a large fill than during it."""
    for name, definition in BEAD_INDEXES.items():
        db.execute(f"CREATE INDEX {name} {definition}")


class Upkeep:
    """Keeps derived data consistent with the rows, within the transaction that changes them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._before: index_holds.Facts = {}
        self._is_left = False

    def note(self, bead_ids: Iterable[str]) -> None:
        """Record the beads that are about to be added, removed or rewritten."""
        if not self._is_left:
            self._before = {**index_holds.facts_of(self.db, bead_ids), **self._before}

    def leave_to_the_end(self) -> None:
        """Postpone the work to ``finish``: faster for many rows than row by row."""
        if not self._is_left:
            self._is_left = True
            index_census.drop_triggers(self.db)
            for name in BEAD_INDEXES:
                self.db.execute(f"DROP INDEX {name}")

    def finish(self) -> None:
        """Update ``hold`` and the census once all rows are written."""
        if not self._is_left:
            index_holds.settle(self.db, self._before)
            return
        index_holds.settle_all(self.db)
        make_indexes(self.db)
        index_census.take(self.db)
        index_census.make_triggers(self.db)


def forget(db: sqlite3.Connection, code: int, upkeep: Upkeep) -> None:
    """Delete everything that came from a file; which beads its ids meant is remembered."""
    if code == ISSUES:
        partings.remember(db)
    else:
        db.execute("DELETE FROM hidden")
    sql = "SELECT id FROM beads WHERE file=?1 UNION ALL SELECT id FROM tombstones WHERE file=?1"
    upkeep.note(row[0] for row in db.execute(sql, (code,)).fetchall())
    db.execute("DELETE FROM deps WHERE source IN (SELECT id FROM beads WHERE file=?)", (code,))
    db.execute("DELETE FROM labels WHERE id IN (SELECT id FROM beads WHERE file=?)", (code,))
    for table in ("beads", "tombstones", "oddities"):
        db.execute(f"DELETE FROM {table} WHERE file=?", (code,))
    db.execute("UPDATE marks SET garbage=0, live=0 WHERE file=?", (code,))


def _kind(bead: Bead) -> str:
    return ledger_line.STONE if bead.is_tombstone else ledger_line.BEAD


class Intake:
    """Reads lines of one file into the tables; the last line of an id wins.

    An id in both files belongs to the ledger, whichever was written last: it was promoted, here or in another clone.
    The place of its line in ``wisps.jsonl`` is kept in ``hidden``; it counts again if the id leaves the ledger.
    """

    def __init__(
        self, db: sqlite3.Connection, code: int, progress: Progress | None, at_hand: dict[bytes, Bead], upkeep: Upkeep
    ) -> None:
        self.db = db
        self.upkeep = upkeep
        self.at_hand = at_hand
        self.code = code
        self.progress = progress
        self.garbage = 0
        self.live = 0
        self._beads: dict[str, tuple[Any, ...]] = {}
        self._stones: dict[str, tuple[Any, ...]] = {}
        self._edges: dict[str, list[tuple[str, str, str]]] = {}
        self._parted: list[tuple[str, Bead]] = []

    def take(self, lines: Iterator[tuple[int, bytes]], size: int) -> int:
        """Read all lines; returns the offset after the last one."""
        end = 0
        for count, (offset, line) in enumerate(lines, 1):
            end = min(offset + len(line) + 1, size)
            known = self.at_hand.get(line) if self.at_hand else None
            kind, value = ledger_line.classify(line) if known is None else (_kind(known), known)
            if kind == ledger_line.BEAD or kind == ledger_line.STONE:
                self._note(kind, value, offset, len(line))
            elif kind != ledger_line.BLANK:
                reason = value if isinstance(value, str) else ""
                self.db.execute("INSERT INTO oddities VALUES (?,?,?,?,?)", (self.code, offset, len(line), kind, reason))
            if count % FLUSH_EVERY == 0:
                self._flush()
            if self.progress is not None and size > LARGE and count % 2000 == 0:
                self.progress("reading the ledger", offset, size)
        self._flush()
        partings.note(self.db, self._parted)
        if self.progress is not None and size > LARGE:
            self.progress("reading the ledger", size, size)
        if self.garbage or self.live:
            sql = "UPDATE marks SET garbage=garbage+?, live=live+? WHERE file=?"
            self.db.execute(sql, (self.garbage, self.live, self.code))
        return end

    def _note(self, kind: str, bead: Bead, offset: int, length: int) -> None:
        bead_id = bead.id
        if self._beads.pop(bead_id, None) is not None or self._stones.pop(bead_id, None) is not None:
            self.garbage += 1
        self._edges.pop(bead_id, None)
        if kind == ledger_line.STONE:
            self._stones[bead_id] = (bead_id, self.code, offset, length, bead.text("deleted_at"))
            return
        if self.code == ISSUES and "metadata" in bead.raw and (former := partings.former_id(bead)):
            self._parted.append((former, bead))
        self._beads[bead_id], self._edges[bead_id] = row_of(bead, self.code, offset, length)

    def _flush(self) -> None:
        if not self._beads and not self._stones:
            return
        self.upkeep.note((*self._beads, *self._stones))
        if self.db.execute("SELECT 1 FROM marks WHERE file=? AND position>0", (1 - self.code,)).fetchone() is not None:
            self._hide_wisps()
        self._clear_old()
        db = self.db
        db.executemany(INSERT, self._beads.values())
        self.live += len(self._beads)
        db.executemany("INSERT OR IGNORE INTO deps VALUES (?,?,?)", (e for es in self._edges.values() for e in es))
        labels = ((row[0], label) for row in self._beads.values() for label in searched_labels(row[4], row[12]))
        db.executemany("INSERT OR IGNORE INTO labels VALUES (?,?)", labels)
        db.executemany("INSERT OR REPLACE INTO tombstones VALUES (?,?,?,?,?)", self._stones.values())
        self._beads, self._stones, self._edges = {}, {}, {}

    def _hide_wisps(self) -> None:
        """Let the ledger's ids hide the same ids among the wisps."""
        db = self.db
        if self.code == ISSUES:
            sql = f"INSERT OR REPLACE INTO hidden SELECT id, at, length FROM beads WHERE id=? AND file={WISPS}"
            db.executemany(sql, ((bead_id,) for bead_id in self._beads))
            return
        db.executemany("DELETE FROM hidden WHERE id=?", ((bead_id,) for bead_id in (*self._beads, *self._stones)))
        for bead_id in [one for one in self._beads if self._file_of(one) == ISSUES]:
            row = self._beads.pop(bead_id)
            self._edges.pop(bead_id)
            db.execute("INSERT INTO hidden VALUES (?,?,?)", (bead_id, *row[-2:]))

    def _clear_old(self) -> None:
        """Delete the old rows of these ids; a tombstone deletes only a bead of its own file."""
        db = self.db
        if db.execute("SELECT 1 FROM beads UNION ALL SELECT 1 FROM tombstones LIMIT 1").fetchone() is None:
            return
        replaced = [(bead_id,) for bead_id in self._beads]
        deleted = [(b,) for b in self._stones if self._file_of(b) == self.code]
        for ids in (replaced, deleted):
            # count with the cursor: the connection's total includes the census
            beads = db.executemany("DELETE FROM beads WHERE id=?", ids).rowcount
            stones = db.executemany(f"DELETE FROM tombstones WHERE id=? AND file={self.code}", ids).rowcount
            self.live -= beads
            self.garbage += beads + stones
            db.executemany("DELETE FROM deps WHERE source=?", ids)
            db.executemany("DELETE FROM labels WHERE id=?", ids)

    def _file_of(self, bead_id: str) -> int | None:
        row = self.db.execute("SELECT file FROM beads WHERE id=?", (bead_id,)).fetchone()
        return row[0] if row else None
