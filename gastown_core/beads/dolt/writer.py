"""Writes a batch to the database: one transaction, checked against what the batch was based on, committed to history.

Two transactions that write the same value to a cell both succeed on Dolt.  So every write also sets a token of its own
in one row: of two at the same moment the second fails, looks again, and gives up if its beads have changed.  After a
broken connection the token tells whether the write is in.
"""

from __future__ import annotations

import uuid

from gastown_core.beads import ledger_line
from gastown_core.beads.dolt.link import RaceError, UnreachableError
from gastown_core.beads.dolt.mirror import FILES
from gastown_core.beads.dolt.schema import ISSUES, WISPS, Schema
from gastown_core.beads.dolt.statements import Statements
from gastown_core.beads.jsonl_writer import JsonlWriter
from gastown_core.errors import ConflictError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.dolt.store import DoltStore
    from gastown_core.files.locks import FileLock
    from gastown_core.model.bead import Bead

TOKEN = "gt.last_write"
TRIES = 6
HOMES = {0: ISSUES, 1: WISPS}
"""Number of a file of the mirror → its table."""


class DoltWriter(JsonlWriter):
    """The engine of a batch over a database; holds the mirror's lock from ``begin`` to ``end``."""

    def __init__(self, store: DoltStore) -> None:
        super().__init__(store, store.index, read_only=store.read_only)
        self._dolt = store
        self._held: FileLock | None = None
        self._based_on: dict[str, Bead] = {}
        self._actor = ""

    def named(self, actor: str) -> DoltWriter:
        """Return the writer for acts of ``actor``, whom the history names."""
        self._actor = actor
        return self

    def begin(self) -> None:
        """Lock the mirror and bring it up to date. Raises StoreError if the database cannot be written now."""
        store = self._dolt
        if self.read_only:
            raise StoreError(f"{store.path()} is open read-only", "", "omit --readonly to write")
        self._held = store.mirror.lock()
        self._held.__enter__()
        store.index.hold(on=True)
        try:
            self._check_writable(store.mirror.schema)
            store.mirror.catch_up_locked()
            store.index.refresh()
            self._homes, self._based_on, self._is_empty = {}, {}, False
        except BaseException:
            self.end()
            raise

    def _check_writable(self, schema: Schema) -> None:
        if schema.is_newer:
            raise StoreError(
                f"{self._dolt.path()} is newer than this program",
                f"its tables are of version {schema.version}; version {self._known_version()} is known",
                "it is read, and not written; upgrade Gas Town, or write with the bd that made it",
            )

    @staticmethod
    def _known_version() -> int:
        from gastown_core.beads.dolt.schema import NEWEST

        return NEWEST

    def end(self) -> None:
        """Release the lock."""
        if self._held is not None:
            self._dolt.index.hold(on=False)
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
            if table in self._dolt.mirror.schema.tables:
                rows = self._dolt.link.ask(f"SELECT last_child FROM {table} WHERE parent_id=%s", (parent,))
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
        store = self._dolt
        token = uuid.uuid4().hex
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
        store.mirror.catch_up_locked()
        store.index.refresh()
        self._compact_if_due()

    def _attempt(self, write: Callable[[Statements], None], token: str, message: str) -> None:
        store = self._dolt
        statements = Statements(store.link, store.mirror.schema, self._actor, store.clock.now())
        try:
            with store.link.transaction():
                write(statements)
                statements.set_state(TOKEN, token)
                statements.commit(message, in_history=store.commits_each)
        except StoreError:
            # it may refuse what the schema of before allowed
            store.mirror.forget_schema()
            raise

    def _arrived(self, token: str, error: UnreachableError) -> bool:
        """Whether the write of a connection that broke is in the database. Raises StoreError if that stays unknown."""
        store = self._dolt
        store.link.close()
        try:
            table = store.mirror.schema.state_table
            found = store.link.ask(f"SELECT value FROM {table} WHERE `key`=%s", (TOKEN,)) if table else []
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
        store = self._dolt
        for home in FILES:
            wanted = {bead.id for bead in records if self._home_of(bead.id) == home}
            found = store.mirror.read(home, wanted) if wanted else {}
            for bead_id in sorted(wanted):
                if found.get(bead_id) != ledger_line.encode(self._based_on[bead_id].raw):
                    raise ConflictError(f"{bead_id} was changed by another program at the same moment", "", "try again")
