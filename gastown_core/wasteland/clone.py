"""A clone of a Dolt repository, used through the ``dolt`` command: reads, commits, merges, and what its remotes hold.

Statements go to the program's standard input and values are written as hexadecimal, so no text of anybody is ever part of
a command line or of SQL.
"""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime

from gastown_core.beads.dolt.server import program
from gastown_core.errors import GastownError, StoreError
from gastown_core.files.locks import FileLock
from gastown_core.model.json_text import decode_json
from gastown_core.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

LOCAL_S, REMOTE_S = 60.0, 300.0
"""Time limits of work on the clone, and of an exchange with a remote."""
MAIN = "main"
NOTHING = "nothing to commit"
_BEHIND = ("non-fast-forward", "rejected", "behind")
_REFUSED = ("permission", "denied", "unauthenticated", "unauthorized", "403", "401", "read-only", "readonly")


class RemoteRefusedError(GastownError):
    """The remote takes nothing from us: no rights, or no log-in."""


class BehindError(GastownError):
    """The remote has commits that this clone lacks, so it takes no push."""


def literal(value: object) -> str:
    """Return a value as SQL: text and JSON as hexadecimal, so that nothing in it is read as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    data = text.encode("utf-8", "replace")
    return f"CONVERT(X'{data.hex()}' USING utf8mb4)" if data else "''"


def moment_text(moment: float) -> str:
    """Return a moment as SQL text (UTC, whole seconds)."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Clone:
    """A clone in a folder, and the author of what is committed in it (``ana <ana@example.org>``)."""

    def __init__(self, path: str, author: str = "gastown <gastown@localhost>") -> None:
        self.path = path
        self.author = author

    @property
    def exists(self) -> bool:
        """Whether there is a repository in the folder."""
        return os.path.isdir(os.path.join(self.path, ".dolt"))

    def lock(self) -> FileLock:
        """Return the lock under which the clone is changed."""
        return FileLock(self.path + ".lock", name_holder=True)

    def read(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of one query; a column that is NULL is missing in its row. Raises StoreError with dolt's reason."""
        sets = self._sql(sql)
        return sets[-1] if sets else []

    def read_several(self, *sql: str) -> list[list[dict[str, Any]]]:
        """As ``read``, for several queries at the cost of one."""
        return self._sql(";\n".join(sql))

    def commit(self, statements: Iterable[str], message: str) -> str:
        """Execute the statements and commit what they changed; the new commit's hash, empty if they changed nothing."""
        # in one transaction: a process that is killed leaves nothing for the next change to commit
        batch = [
            "START TRANSACTION",
            *statements,
            f"CALL DOLT_COMMIT('-Am', {literal(message)}, '--author', {literal(self.author)})",
        ]
        try:
            sets = self._sql(";\n".join(batch))
        except StoreError as error:
            if NOTHING in error.why:
                return ""
            # what was written before the statement that failed must not be committed with the next change
            self._sql("CALL DOLT_RESET('--hard')")
            raise
        return str(sets[-1][0].get("hash", "")) if sets and sets[-1] else ""

    def head(self, ref: str = "HEAD") -> str:
        """Return the hash of a commit; empty for a ref that does not exist."""
        try:
            rows = self.read(f"SELECT DOLT_HASHOF({literal(ref)}) AS hash")
        except StoreError:
            return ""
        return str(rows[0]["hash"]) if rows else ""

    def contains(self, ref: str, older: str) -> bool:
        """Return whether ``older`` is an ancestor of ``ref``, or the same commit."""
        asked = f"SELECT DOLT_MERGE_BASE({literal(ref)}, {literal(older)}) = DOLT_HASHOF({literal(older)}) AS is_older"
        rows = self.read(asked)
        return bool(rows) and bool(rows[0].get("is_older"))

    def merge(self, ref: str, tables: Sequence[str]) -> list[dict[str, Any]]:
        """Merge ``ref``, which the clone lacks; where both sides changed a row of ``tables`` theirs stays. Returns these rows, ours and theirs.

        A row has the key ``of_table``, and the columns with ``our_`` and ``their_`` before them.
        """
        author = f"'--author', {literal(self.author)}"
        merge = f"CALL DOLT_MERGE({literal(ref)}, {author}, '-m', 'Merge the commons')"
        begin = ["SET @@dolt_allow_commit_conflicts = 1", "START TRANSACTION", merge]
        asked = [f"SELECT {literal(table)} AS of_table, c.* FROM dolt_conflicts_{table} c" for table in tables]
        sets = self._sql(";\n".join([*begin, *asked, "ROLLBACK"]))
        lost = [row for rows in sets for row in rows if "of_table" in row]
        if not lost:
            self._sql(merge)
            return []
        held = [table for table in tables if any(row["of_table"] == table for row in lost)]
        resolve = [f"CALL DOLT_CONFLICTS_RESOLVE('--theirs', {literal(table)})" for table in held]
        self._sql(";\n".join([*begin, *resolve, f"CALL DOLT_COMMIT('-Am', 'Merge the commons', {author})"]))
        return lost

    def fetch(self, remote: str) -> None:
        """Get what the remote has. Raises GastownError if it cannot be reached."""
        self._run(["fetch", remote], REMOTE_S, f"cannot reach {remote}")

    def push(self, remote: str, branch: str, to: str = "") -> None:
        """Send the branch. Raises BehindError, RemoteRefusedError, GastownError."""
        self._run(["push", remote, f"{branch}:{to or branch}"], REMOTE_S, f"cannot push to {remote}")

    def add_remote(self, name: str, url: str) -> None:
        """Name a remote; one of that name is replaced."""
        if name in self.remotes():
            self._sql(f"CALL DOLT_REMOTE('remove', {literal(name)})")
        self._run(["remote", "add", "--", name, url], LOCAL_S, f"cannot add the remote {name}")

    def remotes(self) -> dict[str, str]:
        """Return the remotes by name."""
        return {str(row["name"]): str(row["url"]) for row in self.read("SELECT name, url FROM dolt_remotes")}

    def _sql(self, sql: str) -> list[list[dict[str, Any]]]:
        if not self.exists:
            raise StoreError(f"{self.path} is no clone of a Dolt repository", "", "gt wl join clones the commons")
        done = run([program(), "sql", "-r", "json"], cwd=self.path, stdin=sql.encode() + b";\n", timeout_s=LOCAL_S)
        if done.code:
            raise StoreError("dolt refused a statement", _reason(done.err), "gt wl status shows the clone")
        return [_rows(line) for line in done.out.splitlines() if line.strip()]

    def _run(self, words: list[str], limit_s: float, what: str) -> None:
        done = run([program(), *words], cwd=self.path, timeout_s=limit_s)
        if done.code == 0:
            return
        why = _reason(done.err or done.out)
        low = (done.err + done.out).lower()
        if words[0] == "push" and any(word in low for word in _BEHIND):
            raise BehindError(what, why, "gt wl sync")
        if any(word in low for word in _REFUSED):
            raise RemoteRefusedError(what, why, "dolt login, or join with a fork of your own")
        raise GastownError(what, why, "gt wl sync tries again")


def make_clone(url: str, path: str, author: str) -> Clone:
    """Clone a repository. Raises GastownError with dolt's reason; nothing half made stays."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    part = path + ".part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        done = run([program(), "clone", "--", url, part], timeout_s=REMOTE_S)
        if done.code:
            raise GastownError(
                f"cannot clone {url}", _reason(done.err or done.out), "check the address and your access"
            )
        os.rename(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Clone(path, author)


def new_clone(path: str, author: str) -> Clone:
    """Return a new, empty repository. Raises GastownError; OSError if there is something at the path."""
    os.makedirs(path, mode=0o700)
    name, _, email = author.rstrip(">").partition(" <")
    done = run([program(), "init", "-b", MAIN, "--name", name, "--email", email], cwd=path, timeout_s=LOCAL_S)
    if done.code:
        shutil.rmtree(path, ignore_errors=True)
        raise GastownError(f"cannot make a repository at {path}", _reason(done.err or done.out), "gt doctor")
    return Clone(path, author)


def _rows(line: str) -> list[dict[str, Any]]:
    value = decode_json(line.encode())
    rows = value.get("rows") if isinstance(value, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _reason(text: str) -> str:
    """Return what dolt says went wrong, without its progress lines and, where it crashed, its stack."""
    told = text.replace("\r", "\n").replace("\x1b", "").replace("\b", "").partition("panic: goroutine")[0]
    if "no space left on device" in text:
        return "no space left on device"
    lines = [line.strip() for line in told.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("- ", "\\ ", "| ", "/ ", "[", "hint:", "To "))]
    return " ".join(kept)[:500]
