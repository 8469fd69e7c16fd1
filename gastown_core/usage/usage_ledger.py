"""THE ledger of usage: every counted message, in ``<town>/.runtime/usage/usage.db``.

It is no copy: programs delete their transcripts, and worktrees are thrown away.  What a pass counted and how far it read
are written in one transaction, so nothing is counted twice or lost where a process is killed.
"""

from __future__ import annotations

import errno
import os

from gastown_core.clock import today
from gastown_core.errors import StoreError
from gastown_core.files import system
from gastown_core.files.folders import private_folder
from gastown_core.files.lean_sqlite import sqlite3
from gastown_core.model.json_text import decode_json, encode_json
from gastown_core.usage.usage_file import UsageFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from gastown_core.runtimes.usage import Usage


VERSION = 2
BUSY_S = 20.0
NO_BEAD = ""
_TABLES = """
CREATE TABLE source (
  path TEXT PRIMARY KEY, runtime TEXT NOT NULL, agent TEXT NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL,
  offset INTEGER NOT NULL, begins TEXT NOT NULL, memory TEXT NOT NULL, junk INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
  id TEXT PRIMARY KEY, at REAL NOT NULL, agent TEXT NOT NULL, bead TEXT NOT NULL, runtime TEXT NOT NULL,
  model TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
  cache_write INTEGER NOT NULL, context INTEGER NOT NULL, window INTEGER NOT NULL, cost REAL, day TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX message_of_agent ON message (agent, at);
CREATE INDEX message_at ON message (at);
CREATE TABLE total (
  day TEXT NOT NULL, agent TEXT NOT NULL, bead TEXT NOT NULL, model TEXT NOT NULL, messages INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,
  cost REAL NOT NULL, told INTEGER NOT NULL, bare_input INTEGER NOT NULL, bare_output INTEGER NOT NULL,
  bare_read INTEGER NOT NULL, bare_write INTEGER NOT NULL, PRIMARY KEY (day, agent, bead, model)) WITHOUT ROWID;
CREATE INDEX total_of_bead ON total (bead);
CREATE INDEX total_of_agent ON total (agent);
CREATE TABLE hook (agent TEXT NOT NULL, at REAL NOT NULL, bead TEXT NOT NULL, PRIMARY KEY (agent, at)) WITHOUT ROWID;
CREATE TABLE start (agent TEXT NOT NULL, at REAL NOT NULL, runtime TEXT NOT NULL, PRIMARY KEY (agent, at)) WITHOUT ROWID;
CREATE TABLE told (subject TEXT PRIMARY KEY, level TEXT NOT NULL) WITHOUT ROWID
"""
_FIGURES = "messages input output cache_read cache_write cost told bare_input bare_output bare_read bare_write".split()
"""Of ``total``: the last four are of messages whose cost was not told."""


def _added(row: str, sign: str) -> str:
    """Return the statement that adds a message to its total, or subtracts it."""
    plain = [f"{row}.{name}" for name in ("input", "output", "cache_read", "cache_write")]
    bare = [f"CASE WHEN {row}.cost IS NULL THEN {figure} ELSE 0 END" for figure in plain]
    values = ["1", *plain, f"coalesce({row}.cost, 0)", f"({row}.cost IS NOT NULL)", *bare]
    keys = f"{row}.day, {row}.agent, {row}.bead, {row}.model"
    change = ", ".join(f"{name} = {name} + excluded.{name}" for name in _FIGURES)
    return (
        f"INSERT INTO total VALUES ({keys}, {', '.join(f'{sign}({value})' for value in values)}) "
        f"ON CONFLICT (day, agent, bead, model) DO UPDATE SET {change};"
    )


SCHEMA = (
    *_TABLES.split(";"),
    f"CREATE TRIGGER message_came AFTER INSERT ON message BEGIN {_added('NEW', '')} END",
    f"CREATE TRIGGER message_changed AFTER UPDATE ON message BEGIN {_added('OLD', '-')} {_added('NEW', '')} END",
)
"""Sums by day are kept with each message, so that asking for them costs nothing that grows with the messages."""


def ledger_path(root: str) -> str:
    """Return the path of the town's usage ledger."""
    return os.path.join(root, ".runtime", "usage", "usage.db")


class UsageLedger:
    """The open ledger; a ``with`` block closes it, and raises StoreError where SQLite fails in it.

    ``only_read``: where it cannot be written it is read as it is; one that is not there is empty.  Raises StoreError for
    what is no ledger of ours.
    """

    def __init__(self, root: str, *, only_read: bool = False) -> None:
        self.path = ledger_path(root)
        try:
            try:
                self.db = self._open()
            except OSError as error:
                if not only_read or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                    raise
                self.db = self._open_to_read()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StoreError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return StoreError(f"cannot write {self.path}", str(error), "free some space and try again; nothing is lost")
        if isinstance(error, PermissionError):
            hint = "it is read-only for you; check its owner and mode"
            return StoreError(f"cannot write {self.path}", error.strerror or str(error), hint)
        return self._unusable(str(error))

    def _unusable(self, why: str) -> StoreError:
        hint = "move it away to begin anew; what transcripts still tell is counted again"
        return StoreError(f"cannot use {self.path}", why, hint)

    def _open(self) -> sqlite3.Connection:
        private_folder(os.path.dirname(self.path))
        # what SQLite makes beside it gets its mode
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | system.EXACT, 0o600))
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        return self._with_tables(db)

    def _open_to_read(self) -> sqlite3.Connection:
        name = self.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        place = f"file:{name}?mode=ro" if os.path.exists(self.path) else "file::memory:"
        return self._with_tables(
            sqlite3.connect(place, timeout=BUSY_S, isolation_level=None, uri=True, check_same_thread=False)
        )

    def _with_tables(self, db: sqlite3.Connection) -> sqlite3.Connection:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with _Transaction(db):
                # another process may have made it meanwhile
                if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in SCHEMA:
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            db.close()
            raise self._unusable(f"it is of version {version}, not {VERSION}")
        return db

    def __enter__(self) -> UsageLedger:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        self.db.close()
        if isinstance(error, sqlite3.Error):
            raise self._failed(error) from error

    def transaction(self) -> AbstractContextManager[None]:
        """Return a ``with`` block that is written whole or not at all."""
        return _Transaction(self.db)

    def sources(self) -> dict[str, UsageFile]:
        """Return the files that have been read, by path."""
        rows = self.db.execute("SELECT * FROM source")
        return {row[0]: UsageFile._make((*row[:7], decode_json(row[7]), row[8])) for row in rows}

    def sources_of(self, agent: str = "", rig: str = "") -> list[UsageFile]:
        """Return the transcripts of agents whose address contains ``agent``, in any case, and of a rig."""
        return [
            source
            for source in self.sources().values()
            if source.agent and agent.lower() in source.agent.lower() and (not rig or source.agent.split("/")[0] == rig)
        ]

    def keep_source(self, source: UsageFile) -> None:
        """Store how far a file has been read."""
        row = [*source[:7], encode_json(source.memory), source.junk]
        self.db.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def count(self, source: UsageFile, used: Iterable[Usage]) -> None:
        """Count messages of the file's agent; for a message that was counted before, the greater figures replace the old ones."""
        for one in used:
            key = f"{source.runtime}:{one.message}"
            bead = self.bead_at(source.agent, one.at)
            figures = (one.input, one.output, one.cache_read, one.cache_write, one.context, one.window, one.cost)
            self.db.execute(_COUNT, (key, one.at, source.agent, bead, source.runtime, one.model, *figures, one.at))

    def bead_at(self, agent: str, at: float) -> str:
        """Return the bead that was on the agent's hook at ``at``."""
        query = "SELECT bead FROM hook WHERE agent = ? AND at <= ? ORDER BY at DESC LIMIT 1"
        found = self.db.execute(query, (agent, at)).fetchone()
        return found[0] if found else NO_BEAD

    def note_hook(self, agent: str, at: float, bead: str) -> None:
        """Record what is on a hook from ``at`` on, and reassign messages counted before this was known."""
        self.db.execute("INSERT OR REPLACE INTO hook VALUES (?, ?, ?)", (agent, at, bead))
        after = self.db.execute("SELECT min(at) FROM hook WHERE agent = ? AND at > ?", (agent, at)).fetchone()[0]
        until = after if after is not None else float("inf")
        change = "UPDATE message SET bead = ? WHERE agent = ? AND at >= ? AND at < ?"
        self.db.execute(change, (bead, agent, at, until))

    def note_start(self, agent: str, at: float, runtime: str) -> None:
        """Record that a session of the agent was started."""
        self.db.execute("INSERT OR REPLACE INTO start VALUES (?, ?, ?)", (agent, at, runtime))

    def starts(self, since: float) -> Iterator[tuple[str, str]]:
        """Return (agent, runtime) of each session started since then."""
        yield from self.db.execute("SELECT DISTINCT agent, runtime FROM start WHERE at >= ? ORDER BY agent", (since,))

    def contexts(self, since: float) -> dict[str, tuple[int, int]]:
        """Return agent → (context, window) after its last message, unless its session was restarted since."""
        found = {}
        for (agent,) in self.db.execute("SELECT DISTINCT agent FROM total WHERE day >= ?", (today(since),)).fetchall():
            last = self.db.execute(_LAST, (agent,)).fetchone()
            started = self.db.execute("SELECT max(at) FROM start WHERE agent = ?", (agent,)).fetchone()[0]
            if last is not None and last[0] >= (started or 0.0):
                found[agent] = (last[1], last[2])
        return found

    def told(self) -> dict[str, str]:
        """Return the budget warnings given so far: subject → level."""
        return dict(self.db.execute("SELECT subject, level FROM told"))

    def keep_told(self, levels: dict[str, str]) -> None:
        """Store the budget warnings given so far."""
        with self.transaction():
            self.db.execute("DELETE FROM told")
            self.db.executemany("INSERT INTO told VALUES (?, ?)", levels.items())


_LAST = "SELECT at, context, window FROM message WHERE agent = ? AND context > 0 ORDER BY at DESC LIMIT 1"
_COUNT = """
INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, date(?, 'unixepoch', 'localtime'))
ON CONFLICT (id) DO UPDATE SET
  input = max(input, excluded.input), output = max(output, excluded.output),
  cache_read = max(cache_read, excluded.cache_read), cache_write = max(cache_write, excluded.cache_write),
  context = max(context, excluded.context), window = max(window, excluded.window),
  cost = max(coalesce(cost, excluded.cost), coalesce(excluded.cost, cost))
"""


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            # SQLite itself rolls back when the disk is full
            self._db.execute("ROLLBACK")
