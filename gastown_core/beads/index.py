"""The query index: a disposable SQLite copy of the data for lists, updated whenever the store is read.

It records the identity of the ledger files and the offset up to which they were read (``source_file``).  It may be
deleted at any time; an invalid index is silently rebuilt, and if it cannot be written it is kept in memory.  Only the
files are authoritative.
"""

from __future__ import annotations

import os

from gastown_core.beads import index_census, ledger_line
from gastown_core.beads.discovery import ledger_name
from gastown_core.beads.index_rows import ISSUES, SCHEMA, VERSION, WISPS
from gastown_core.beads.query import Position
from gastown_core.beads.source_file import NO_MARK, Mark, SourceFile, stamp_of
from gastown_core.errors import StoreError
from gastown_core.files import system
from gastown_core.files.lean_sqlite import sqlite3
from gastown_core.files.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from gastown_core.beads.index_intake import Progress, Upkeep
    from gastown_core.model.bead import Bead

    F = TypeVar("F", bound=Callable[..., object])


FILE_NAMES = ("issues.jsonl", "wisps.jsonl")
INDEX_NAME = ".cache/index.db"
BUSY_S = 20.0


class Index:
    """The index of one ``.beads`` folder. Call ``refresh`` or ``snapshot`` before querying ``db``."""

    def __init__(self, beads_dir: str, progress: Progress | None = None) -> None:
        self.beads_dir = beads_dir
        self.progress = progress
        self.names = (ledger_name(beads_dir), FILE_NAMES[WISPS])
        self.sources = [SourceFile(os.path.join(beads_dir, name)) for name in self.names]
        self.path = os.path.join(beads_dir, INDEX_NAME)
        self.at_hand: dict[bytes, Bead] = {}
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._stats: list[tuple[int, int, int, int]] = []

    @property
    def db(self) -> sqlite3.Connection:
        """The open database, created if missing; in memory if the folder cannot be written."""
        if self._db is None:
            self._db = self._open()
        return self._db

    @property
    def is_in_memory(self) -> bool:
        """Whether the index could not be stored on disk."""
        return self._db is not None and not self._db.execute("PRAGMA database_list").fetchone()[2]

    def __del__(self) -> None:
        # a connection and its statement cache reference each other: only closing releases the files at once
        try:
            self.close()
        except (AttributeError, sqlite3.ProgrammingError):
            pass

    def path_of(self, code: int) -> str:
        """Return the path of a ledger file."""
        return os.path.join(self.beads_dir, self.names[code])

    def bead_at(self, row: tuple[str, int, int, int]) -> Bead:
        """Return the record for a row of WHERE_COLUMNS. Raises StoreError if it is no longer there."""
        bead_id, code, at, length = row
        bead = ledger_line.parse_line(self.sources[code].read(at, length))
        if bead is None or bead.id.encode("utf-8", "replace") != bead_id.encode():
            raise StoreError(
                f"{self.path_of(code)} changed while being read", f"{bead_id} is no longer at byte {at}", "try again"
            )
        return bead

    def close(self) -> None:
        """Close the database and the files."""
        if self._db is not None:
            self._db.close()
            self._db, self._inode = None, 0
        self._stats = []
        for source in self.sources:
            source.close()

    def _open(self) -> sqlite3.Connection:
        if os.access(self.beads_dir, os.W_OK):
            try:
                db = self._connect_standing()
                return db if db is not None else self._make()
            except (sqlite3.OperationalError, StoreError, OSError):
                pass
        db = _connect(":memory:")
        _build_schema(db)
        return db

    def _connect_standing(self) -> sqlite3.Connection | None:
        """Open the existing index; None if there is none, it is damaged, or it has another version."""
        try:
            self._inode = os.stat(self.path).st_ino
        except (FileNotFoundError, NotADirectoryError):
            return None
        db = _connect(self.path)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] == VERSION and _is_of_this_boot(db):
                return db
        except sqlite3.OperationalError:
            db.close()
            raise
        except sqlite3.DatabaseError:
            pass
        db.close()
        return None

    def _make(self) -> sqlite3.Connection:
        """Create a new index; the lock keeps two processes from deleting each other's."""
        from gastown_core.files.folders import cache_folder

        cache_folder(os.path.dirname(self.path))
        with FileLock(self.path + ".lock"):
            standing = self._connect_standing()
            if standing is not None:
                return standing
            # never in place: processes with the old file open keep using it until their next refresh
            self._remove()
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | system.EXACT, 0o600))
            db = _connect(self.path)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                _build_schema(db)
                self._inode = os.stat(self.path).st_ino
            except BaseException:
                db.close()
                raise
            return db

    def rebuild(self) -> None:
        """Delete the index and build it again."""
        self.close()
        self._remove()
        self.refresh()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            try:
                os.unlink(self.path + suffix)
            except OSError:
                pass

    def refresh(self) -> None:
        """Read everything written since the last refresh. Raises StoreError if the ledger cannot be read."""
        try:
            self._let_go_if_replaced()
            stats = [self._look(source) for source in self.sources]
            if stats == self._stats and self._db is not None:
                return
            try:
                self._catch_up()
            except sqlite3.DatabaseError as error:
                self.distrust(error)
                self._catch_up()
            self._stats = stats
        except (OSError, sqlite3.DatabaseError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise StoreError(f"cannot read {self.beads_dir}", why or str(error)) from error

    def _let_go_if_replaced(self) -> None:
        """Close an index whose file another process deleted or replaced."""
        if self._db is None or not self._inode:
            return
        try:
            same = os.stat(self.path).st_ino == self._inode
        except (FileNotFoundError, NotADirectoryError):
            same = False
        if not same:
            self._db.close()
            self._db, self._inode = None, 0

    def distrust(self, error: sqlite3.DatabaseError) -> None:
        """Delete a damaged index; if the error is operational (such as a read-only file), use memory instead."""
        if self._db is not None:
            self._db.close()
            self._db, self._inode = None, 0
        if isinstance(error, sqlite3.OperationalError):
            self._db = _connect(":memory:")
            _build_schema(self._db)
        else:
            self._remove()

    @staticmethod
    def _look(source: SourceFile) -> tuple[int, int, int, int]:
        status = source.follow()
        if status is None:
            return (0, 0, 0, 0)
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def _catch_up(self) -> None:
        db = self.db
        marks = read_marks(db)
        if all(self._is_current(code, marks[code]) for code in (ISSUES, WISPS)):
            return
        # imported here and below, since most commands find the index up to date
        from gastown_core.beads.index_intake import Upkeep

        db.execute("BEGIN IMMEDIATE")
        try:
            marks = read_marks(db)
            upkeep = Upkeep(db)
            for code in (WISPS, ISSUES):
                if not self._is_current(code, marks[code]):
                    self._take(code, marks[code], upkeep)
            self._uncover(upkeep)
            upkeep.finish()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _is_current(self, code: int, mark: Mark) -> bool:
        source = self.sources[code]
        status = source.follow()
        if status is None:
            return mark == NO_MARK
        marked = (mark.device, mark.inode, mark.mtime_ns)
        return status.st_size == mark.offset and stamp_of(status) == marked

    def _take(self, code: int, mark: Mark, upkeep: Upkeep) -> None:
        from gastown_core.beads.index_intake import LARGE, Intake, forget

        source = self.sources[code]
        status = source.follow()
        is_known = status is not None and source.knows(mark, status)
        if status is not None and status.st_size - (mark.offset if is_known else 0) > LARGE:
            upkeep.leave_to_the_end()
        if not is_known:
            forget(self.db, code, upkeep)
            mark = NO_MARK
        if status is None:
            write_mark(self.db, code, NO_MARK)
            return
        intake = Intake(self.db, code, self.progress, self.at_hand, upkeep)
        end = intake.take(source.lines(mark.offset, status.st_size), status.st_size)
        write_mark(self.db, code, source.mark_at(max(end, mark.offset), status))

    def _uncover(self, upkeep: Upkeep) -> None:
        """Restore the wisps whose ids the ledger no longer contains."""
        bare = "FROM hidden WHERE NOT EXISTS (SELECT 1 FROM beads WHERE beads.id = hidden.id)"
        places = self.db.execute(f"SELECT at, length {bare} ORDER BY at").fetchall()
        if not places:
            return
        from gastown_core.beads.index_intake import Intake

        self.db.execute(f"DELETE {bare}")
        intake = Intake(self.db, WISPS, None, self.at_hand, upkeep)
        intake.take(iter([(at, self.sources[WISPS].read(at, length)) for at, length in places]), 0)

    def snapshot(self) -> Snapshot:
        """Return a read transaction for a ``with`` block; its rows match the open files, so that offsets are valid."""
        return Snapshot(self)

    def begin_snapshot(self) -> sqlite3.Connection:
        """Begin the transaction of a snapshot. Raises StoreError."""
        for _ in range(20):
            self.refresh()
            db = self.db
            db.execute("BEGIN")
            marks = read_marks(db)
            if all((mark.device, mark.inode) == (s.device, s.inode) for mark, s in zip(marks, self.sources)):  # noqa: B905
                return db
            db.execute("ROLLBACK")
            self._stats = []
        raise StoreError(f"{self.beads_dir} keeps changing", "it was replaced repeatedly while being read")

    def positions(self) -> dict[str, Position]:
        """Return how much of each file the index covers, by file name; zeros for a missing file."""
        with self.snapshot() as db:
            return {name: Position(*mark[:3]) for name, mark in zip(self.names, read_marks(db))}  # noqa: B905

    def garbage(self) -> int:
        """Return the number of ledger lines that a compaction would drop."""
        with self.snapshot():
            return self.counts(ISSUES)[0]

    def counts(self, code: int) -> tuple[int, int]:
        """Return the numbers of outdated and of live lines of a file, as far as it was read."""
        garbage, live = self.db.execute("SELECT garbage, live FROM marks WHERE file=?", (code,)).fetchone()
        return int(garbage), int(live)

    def check_understood(self) -> tuple[int, str]:
        """Return the number of unreadable lines in the ledger, and the reason for the first.

        Raises StoreError if there are such lines and no record at all: such a ledger must not look empty.
        """
        junk = "FROM oddities WHERE file=0 AND kind='junk'"
        with self.snapshot() as db:
            first = db.execute(f"SELECT reason {junk} ORDER BY at LIMIT 1").fetchone()
            if first is None:
                return 0, ""
            count = int(db.execute(f"SELECT COUNT(*) {junk}").fetchone()[0])
            known = "SELECT 1 FROM beads WHERE file=0 UNION ALL SELECT 1 FROM tombstones WHERE file=0 LIMIT 1"
            if db.execute(known).fetchone() is not None:
                return count, str(first[0])
        raise StoreError(
            f"cannot read {self.sources[ISSUES].path}",
            f"none of its {count} lines is a record; the first: {first[0]}",
            "it must contain one JSON object per line; bd doctor lists the other lines",
        )


class Snapshot:
    """The ``with`` block of ``Index.snapshot``."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __enter__(self) -> sqlite3.Connection:
        self._db = self._index.begin_snapshot()
        return self._db

    def __exit__(self, *_: object) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def healing(read: F) -> F:
    """Return a decorator for store methods that retries once with a new index if the old one is damaged."""

    def wrapped(store: Any, *args: Any, **options: Any) -> Any:
        try:
            return read(store, *args, **options)
        except sqlite3.DatabaseError as error:
            store.index.distrust(error)
        store.index.refresh()
        try:
            return read(store, *args, **options)
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"cannot read the index of {store.beads_dir}", str(error), f"delete {INDEX_NAME} there"
            ) from error

    # what ``functools.wraps`` does, without its module
    wrapped.__name__, wrapped.__doc__, wrapped.__wrapped__ = read.__name__, read.__doc__, read  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    # never synced: after a machine crash, which means another boot, it is rebuilt.  If boots cannot be told apart:
    # a crash cannot corrupt WAL with NORMAL, only lose its last commits, which the next refresh repeats
    db.execute(f"PRAGMA synchronous={'OFF' if _boot() else 'NORMAL'}")
    return db


def _boot() -> int:
    """Return a 31-bit number for this boot of the machine, 0 if unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as handle:
            return int(handle.read(8), 16) & 0x7FFFFFFF or 1
    except (OSError, ValueError):
        return 0


def _is_of_this_boot(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA application_id").fetchone()[0] == _boot())


def _build_schema(db: sqlite3.Connection) -> None:
    from gastown_core.beads.index_intake import make_indexes

    db.execute("BEGIN EXCLUSIVE")
    for statement in (*SCHEMA, *index_census.SCHEMA):
        db.execute(statement)
    make_indexes(db)
    index_census.make_triggers(db)
    for code in (ISSUES, WISPS):
        db.execute("INSERT INTO marks VALUES (?,0,0,0,0,x'',x'',0,0)", (code,))
    db.execute(f"PRAGMA application_id={_boot()}")
    db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")


def read_marks(db: sqlite3.Connection) -> list[Mark]:
    """Return the read positions of the files, the ledger first."""
    return [
        Mark(*row)
        for row in db.execute("SELECT device, inode, position, mtime_ns, head, tail FROM marks ORDER BY file")
    ]


def write_mark(db: sqlite3.Connection, code: int, mark: Mark) -> None:
    """Store the read position of a file."""
    db.execute("UPDATE marks SET device=?, inode=?, position=?, mtime_ns=?, head=?, tail=? WHERE file=?", (*mark, code))
