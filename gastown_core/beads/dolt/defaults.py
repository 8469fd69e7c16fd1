"""Defaults of columns on which the Go tools rely, and tables of this program that were made before they had them.

The Go tools leave times, long texts and ids to the database; their own tables have these defaults, whatever their age.
"""

from __future__ import annotations

from gastown_core.beads.dolt.schema import ISSUES, definitions
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.beads.dolt.link import Link

OWN_TIME = "datetime(6)"
"""The type of times in tables that this program made; the Go tools' own keep whole seconds."""
_LOCAL = ("wisp", "local_")
"""What the names of tables without a history begin with."""


class Lack(Record):
    """A table without defaults, and the statement that gives it them."""

    table: str
    columns: tuple[str, ...]
    statement: str


def lacks_of(link: Link) -> list[Lack]:
    """Return the tables of this program that lack defaults, without changing them. Raises StoreError."""
    rows = link.ask(
        "SELECT table_name, column_name, column_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema=%s",
        (link.address.database,),
    )
    stored = {(str(row[0]), str(row[1])): row[2:] for row in rows}
    if str(stored.get((ISSUES, "created_at"), ("",))[0]).lower() != OWN_TIME:
        return []
    found = []
    for table, columns in definitions(OWN_TIME.upper()).items():
        wanted = {name: words for name, words in columns.items() if " DEFAULT " in words and "PRIMARY" not in words}
        bare = [name for name in wanted if _is_bare(stored.get((table, name)))]
        if bare:
            changes = ", ".join(f"MODIFY COLUMN `{name}` {wanted[name]}" for name in bare)
            found.append(Lack(table, tuple(bare), f"ALTER TABLE {table} {changes}"))
    return found


def _is_bare(column: Sequence[object] | None) -> bool:
    """Whether a stored column needs a value and has no default."""
    return column is not None and str(column[1]).upper() == "NO" and column[2] is None


def add_defaults(link: Link, lacks: Sequence[Lack]) -> None:
    """Give the tables their defaults, each in one statement, and commit those that have a history. Raises StoreError.

    Rows stay as they are.  A run that was cut short is completed by the next one.
    """
    for lack in lacks:
        link.tell(lack.statement)
    kept = [lack.table for lack in lacks if not lack.table.startswith(_LOCAL)]
    if kept:
        link.ask(f"CALL DOLT_ADD({','.join(['%s'] * len(kept))})", kept)
        link.ask("CALL DOLT_COMMIT('-m', 'gt: add the defaults on which the Go tools rely', '--allow-empty')")
