"""Writes the files of a store under its lock: by one append, or by replacing the file if that is cheaper."""

from __future__ import annotations

import os

from gastown_core.beads import ledger_line, partings
from gastown_core.beads.discovery import is_served
from gastown_core.beads.index import healing
from gastown_core.beads.index_rows import ISSUES, WHERE_COLUMNS, WISPS, dependents_in
from gastown_core.beads.rules import moved_stone
from gastown_core.beads.source_file import size_of
from gastown_core.errors import StoreError
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock
from gastown_core.model.bead import Bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.index import Index
    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.store import BeadStore
    from gastown_core.beads.twins import Twin
    from gastown_core.errors import GastownError

LOCK_NAME = ".lock"
REPLACE_FROM = 1 << 20
"""A batch this large (in bytes) replaces the file if it is large compared to it; readers then see all of it or none."""

GARBAGE_LEAST = 2000
"""The least number of outdated lines that triggers a compaction."""


class JsonlWriter:
    """The engine of a batch over JSONL files (see ``batch_engine``); holds the lock from ``begin`` to ``end``.

    ``store`` provides the identity and the other stores, ``index`` the places of its lines.
    """

    def __init__(self, store: BeadStore, index: Index, *, read_only: bool = False) -> None:
        self.beads_dir = store.beads_dir
        self.prefix = store.prefix
        self.clock = store.clock
        self.words = store.words
        self.index = index
        self.read_only = read_only
        self._store = store
        self._lock: FileLock | None = None
        self._homes: dict[str, tuple[int, bool]] = {}
        self._is_empty = False

    def __enter__(self) -> JsonlWriter:
        """Hold the store's lock for the block. Raises as ``begin``."""
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def compact(self, parted: list[Twin] | None = None) -> bool:
        """Rewrite both files in canonical form; returns whether anything changed.

        Beads that share an id, after both sides of a conflict were kept, get separate ids and are added to ``parted``.
        Raises ConflictError on conflict markers.
        """
        from gastown_core.beads import compaction

        with self:
            return compaction.compact(self.index, self.clock.now(), parted)

    def begin(self) -> None:
        """Take the store's lock. Raises StoreError if it cannot be written, ConflictError after 30 s."""
        if self.read_only:
            raise StoreError(f"{self.beads_dir} is open read-only", "", "omit --readonly to write")
        lock = FileLock(os.path.join(self.beads_dir, LOCK_NAME))
        lock.__enter__()
        self._lock = lock
        try:
            if is_served(self.beads_dir):
                raise StoreError(
                    f"the beads of {os.path.dirname(self.beads_dir)} were moved to a Dolt server",
                    "this process still has the files of before open",
                    "start it again",
                )
            self._look_at_files()
            self.index.refresh()
            self._settle_wisps()
            self._homes = {}
            self._is_empty = self.index.db.execute("SELECT 1 FROM beads LIMIT 1").fetchone() is None
        except BaseException:
            self.end()
            raise

    def _look_at_files(self) -> None:
        """Delete what a killed compaction left; refuse to write through a symbolic link of the repository."""
        for code in (ISSUES, WISPS):
            path = self.index.path_of(code)
            if os.path.islink(path):
                path = self._own_target(path)
            folder, name = os.path.split(path)
            # the name is that of compaction.temp_of, which is only imported for compactions
            try:
                os.unlink(os.path.join(folder, f".{name}.tmp"))
            except OSError:
                pass

    def _own_target(self, path: str) -> str:
        """The target of an untracked link. Raises StoreError for a tracked link that leads out of its checkout."""
        from gastown_core.errors import GastownError
        from gastown_core.process import run

        checkout = os.path.dirname(os.path.realpath(self.beads_dir))
        target = os.path.realpath(path)
        if os.path.commonpath([checkout, target]) == checkout:
            return target
        try:
            is_tracked = run(["git", "ls-files", "--error-unmatch", "--", path], cwd=self.beads_dir).code == 0
        except GastownError:
            is_tracked = False
        if is_tracked:
            raise StoreError(
                f"cannot write {path}",
                f"it is a tracked symbolic link that leads out of the repository, to {target}",
                "replace it with a file, or with a link that git does not track",
            )
        return target

    @healing
    def _settle_wisps(self) -> None:
        """Update references of the store's wisps to beads with new ids."""
        if not partings.has_any(self.index.db):
            return
        partings.untold.add(self.beads_dir)
        names, changed = partings.wisps_to_follow(self.index.db, self.index.sources[WISPS], self.clock.now())
        if changed:
            lines = [ledger_line.encode(bead.raw) for bead in changed]
            append_lines(self.index.path_of(WISPS), lines, mode=0o600, sync=True)
            self.index.refresh()
        partings.note_wisps_followed(self.index.db, names)

    def end(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.__exit__(None, None, None)
            self._lock = None

    def commit(self, records: list[Bead]) -> None:
        """Write changed records, all or none; called between ``begin`` and ``end``. Raises StoreError."""
        lines: dict[int, list[tuple[bytes, Bead]]] = {ISSUES: [], WISPS: []}
        for bead in records:
            home, was_wisp = self._homes.get(bead.id, (-1, False))
            # a wisp that other tools keep in issues.jsonl stays: removing it would delete it in every other clone
            stays = home >= 0 and (bead.is_tombstone or (bead.is_ephemeral and was_wisp))
            code = home if stays else WISPS if bead.is_ephemeral else ISSUES
            lines[code].append((ledger_line.encode(bead.raw), bead))
            if home == 1 - code:
                # it moves to the other file: a tombstone removes it from this one
                moved = Bead(moved_stone(bead.raw, from_wisps=code == ISSUES))
                lines[1 - code].append((ledger_line.encode(moved.raw), moved))
        # so that the index need not parse these lines again
        self.index.at_hand = {line: bead for pairs in lines.values() for line, bead in pairs}
        try:
            self._write_out(lines)
            self.index.refresh()
        finally:
            self.index.at_hand = {}
        self._compact_if_due()

    def _write_out(self, lines: dict[int, list[tuple[bytes, Bead]]]) -> None:
        """Write both files so that, wherever a kill comes, a bead that moves between them is in at least one."""
        sizes = {code: size_of(self.index.path_of(code)) for code in lines}
        appended: set[int] = set()
        wisps, stones = lines[WISPS], []
        if wisps and any(bead.is_tombstone for _, bead in lines[ISSUES]):
            # a bead may move from the ledger to the wisps: add it there, then delete it here, then delete wisps
            stones = [pair for pair in wisps if pair[1].is_tombstone]
            wisps = [pair for pair in wisps if not pair[1].is_tombstone]
            steps = ((WISPS, wisps), (ISSUES, lines[ISSUES]), (WISPS, stones))
        else:
            steps = ((ISSUES, lines[ISSUES]), (WISPS, wisps), (WISPS, stones))
        for code, new in steps:
            if not new:
                continue
            fresh = [line for line, _ in new]
            amount = sum(map(len, fresh))
            if amount >= REPLACE_FROM and amount * 2 >= sizes[code]:
                from gastown_core.beads import compaction

                compaction.rewrite(self.index, code, self.clock.now(), extra=new)
                continue
            try:
                append_lines(self.index.path_of(code), fresh, mode=0o644 if code == ISSUES else 0o600, sync=True)
            except StoreError:
                for grown in appended:
                    os.truncate(self.index.path_of(grown), sizes[grown])
                raise
            appended.add(code)

    def keep_lines(self, lines: list[bytes]) -> None:
        """Append lines that are not beads (memories) to ``issues.jsonl``; called under the lock."""
        append_lines(self.index.path_of(ISSUES), lines, sync=True)

    @healing
    def _compact_if_due(self) -> None:
        if max(self.index.counts(code)[0] for code in (ISSUES, WISPS)) >= GARBAGE_LEAST:
            # imported here since hardly any write compacts
            from gastown_core.beads import compaction

            compaction.compact_if_due(self.index, self.clock.now(), GARBAGE_LEAST)

    @healing
    def load(self, bead_id: str) -> Bead | None:
        """As ``get``, under the lock."""
        if self._is_empty:
            return None
        row = self.index.db.execute(f"SELECT {WHERE_COLUMNS} FROM beads WHERE id=?", (bead_id,)).fetchone()
        if row is None:
            return None
        bead = self.index.bead_at(row)
        self._homes[bead_id] = row[1], bead.is_ephemeral
        return bead

    @healing
    def is_taken(self, bead_id: str) -> bool:
        """Return whether an id is or was in use."""
        sql = "SELECT 1 FROM beads WHERE id=?1 UNION ALL SELECT 1 FROM tombstones WHERE id=?1"
        return self.index.db.execute(sql, (bead_id,)).fetchone() is not None

    @healing
    def root_count(self) -> int:
        """Return the number of ids that share the space of new ones, including children."""
        return int(self.index.db.execute("SELECT sum(live) FROM marks").fetchone()[0])

    @healing
    def below(self, parent: str) -> list[str]:
        """Return the ids that begin with ``<parent>.``, including deleted ones."""
        sql = "SELECT id FROM beads WHERE id>?1 AND id<?2 UNION ALL SELECT id FROM tombstones WHERE id>?1 AND id<?2"
        return [row[0] for row in self.index.db.execute(sql, (parent + ".", parent + "/"))]

    @healing
    def edges_to(self, bead_id: str) -> list[tuple[str, str]]:
        """As ``dependents``, under the lock."""
        return dependents_in(self.index.db, bead_id)

    def foreign_excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in another store, None if no store has it."""
        return self._store.foreign_excerpt(bead_id)

    def is_absent(self, bead_id: str) -> bool:
        """Return whether the store that should have an unknown id is known."""
        return self._store.is_absent(bead_id)

    def near(self, bead_id: str) -> GastownError:
        """Return the error for an unknown id, with similar ids."""
        return self._store.near(bead_id)
