"""Writes a batch to the database: one transaction, checked against what the batch was based on, committed to history.

Two transactions that write the same value to a cell both succeed on Dolt.  So every write also sets a token of its own
in one row: of two at the same moment the second fails, looks again, and gives up if its beads have changed.  After a
broken connection the token tells whether the write is in.
"""

from __future__ import annotations

import os

from gastown_core.beads import ledger_line
from gastown_core.beads.dolt.link import RaceError, UnreachableError
from gastown_core.beads.dolt.mirror import FILES
from gastown_core.beads.dolt.schema import ISSUES, NEWEST, WISPS, Schema, make_state_table
from gastown_core.beads.dolt.statements import Statements
from gastown_core.beads.jsonl_writer import JsonlWriter
from gastown_core.errors import ConflictError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.dolt.mirror_index import MirrorIndex
    from gastown_core.beads.store import BeadStore
    from gastown_core.files.locks import FileLock
    from gastown_core.model.bead import Bead

TOKEN = "gt.last_write"
TRIES = 6
HOMES = {0: ISSUES, 1: WISPS}
"""Number of a file of the mirror → its table."""


class DoltWriter(JsonlWriter):
    """The engine of a batch over a database; holds the mirror's lock from ``begin`` to ``end``."""

    def __init__(self, store: BeadStore, index: MirrorIndex, *, actor: str, in_history: bool, read_only: bool) -> None:
        super().__init__(store, index, read_only=read_only)
        self._place = store.path()
        self._mirrored = index
        self._mirror = index.mirror
        self._link = index.mirror.link
        self._in_history = in_history
        self._actor = actor
        self._held: FileLock | None = None
        self._based_on: dict[str, Bead] = {}

    def begin(self) -> None:
        """Lock the mirror and bring it up to date. Raises StoreError if the database cannot be written now."""
        if self.read_only:
            raise StoreError(f"{self._place} is open read-only", "", "omit --readonly to write")
        self._held = self._mirror.lock()
        self._held.__enter__()
        self._mirrored.hold(on=True)
        try:
            self._check_writable(self._mirror.schema)
            if make_state_table(self._link, self._mirror.schema, TOKEN):
                self._mirror.forget_schema()
            self._mirror.catch_up_locked()
            self._mirrored.refresh()
            self._homes, self._based_on, self._is_empty = {}, {}, False
        except BaseException:
            self.end()
            raise

    def _check_writable(self, schema: Schema) -> None:
        if schema.is_newer:
            raise StoreError(
                f"{self._place} is newer than this program",
                f"its tables are of version {schema.version}; version {NEWEST} is known",
                "it is read, and not written; upgrade Gas Town, or write with the bd that made it",
            )

    def end(self) -> None:
        """Release the lock."""
        if self._held is not None:
            self._mirrored.hold(on=False)
            held, self._held = self._held, None
            held.__exit__(None, None, None)

    def load(self, bead_id: str) -> Bead | None:
        """As ``get``, under the lock; the write will be refused if the database holds another record by then."""
        bead = super().load(bead_id)
        if bead is not None:
            self._based_on[bead_id] = bead
        return bead

    def below(self, parent: str) -> list[str]:
        """Return the ids below the parent, and the last one that the database ever gave out."""
        found = super().below(parent)
        for table in ("child_counters", "wisp_child_counters"):
            if table in self._mirror.schema.tables:
                rows = self._link.ask(f"SELECT last_child FROM {table} WHERE parent_id=%s", (parent,))
                found += [f"{parent}.{row[0]}" for row in rows if row[0]]
        return found

    def commit(self, records: list[Bead]) -> None:
        """Write the records in one transaction. Raises ConflictError if somebody else changed one of them first."""

        def write(statements: Statements) -> None:
            self._check_unchanged(records)
            statements.write([(self._based_on.get(bead.id), self._home_of(bead.id), bead) for bead in records])

        verb = "update" if any(bead.id in self._homes for bead in records) else "create"
        names = ", ".join(bead.id for bead in records[:5]) + (", …" if len(records) > 5 else "")
        self._perform(write, f"bd: {verb} {names}")

    def keep_lines(self, lines: list[bytes]) -> None:
        """Store memories among the database's settings; other lines have no place in it."""
        memories = [value for kind, value in map(ledger_line.classify, lines) if kind == ledger_line.MEMORY]
        if memories:
            self._perform(lambda statements: statements.remember(memories), "bd: remember")

    def _perform(self, write: Callable[[Statements], None], message: str) -> None:
        token = os.urandom(16).hex()
        for left in reversed(range(TRIES)):
            try:
                self._attempt(write, token, message)
                break
            except RaceError:
                if not left:
                    raise
            except UnreachableError as error:
                if self._arrived(token, error):
                    break
                if not left:
                    raise
        self._mirror.catch_up_locked()
        self._mirrored.refresh()
        self._compact_if_due()

    def _attempt(self, write: Callable[[Statements], None], token: str, message: str) -> None:
        statements = Statements(self._link, self._mirror.schema, self._actor, self.clock.now())
        try:
            with self._link.transaction():
                write(statements)
                statements.set_state(TOKEN, token)
                statements.commit(message, in_history=self._in_history)
        except StoreError:
            # it may refuse what the schema of before allowed
            self._mirror.forget_schema()
            raise

    def _arrived(self, token: str, error: UnreachableError) -> bool:
        """Whether the write of a connection that broke is in the database. Raises StoreError if that stays unknown."""
        self._link.close()
        try:
            table = self._mirror.schema.state_table
            found = self._link.ask(f"SELECT value FROM {table} WHERE `key`=%s", (TOKEN,)) if table else []
        except UnreachableError:
            raise StoreError(
                "it is unknown whether the write is in the database",
                str(error),
                "look with bd show before trying again",
            ) from error
        return bool(found) and found[0][0] == token

    def _home_of(self, bead_id: str) -> str:
        place = self._homes.get(bead_id)
        return HOMES[place[0]] if place is not None else ""

    def _check_unchanged(self, records: list[Bead]) -> None:
        """Raise ConflictError if the database holds other records than those the batch was based on."""
        for home in FILES:
            wanted = {bead.id for bead in records if self._home_of(bead.id) == home}
            found = self._mirror.read(home, wanted) if wanted else {}
            for bead_id in sorted(wanted):
                if found.get(bead_id) != ledger_line.encode(self._based_on[bead_id].raw):
                    raise ConflictError(f"{bead_id} was changed by another program at the same moment", "", "try again")
