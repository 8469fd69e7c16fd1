"""Which wisps to read again: wisps have no history to compare with, so marks of the last look tell what changed.

The marks are each wisp's time of change, and a sum of its rows in the other tables.  They are a few columns; the records are
read only of those that differ.
"""

from __future__ import annotations

from zlib import crc32

from gastown_core.beads.dolt.schema import WISPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gastown_core.beads.dolt.link import Link

    Raw = dict[str, Any]

TIMES, NEWEST = "times", "newest"


def wisps_to_read(link: Link, touched: Iterable[str], old: Raw) -> tuple[set[str] | None, Raw]:
    """Return the ids that may differ since the marks ``old`` were made (None: any), and the marks of now.

    ``touched`` are the tables of wisps that changed since.  Raises StoreError.
    """
    new, found, is_known = dict(old), set[str](), True
    for table in touched:
        before = old.get(TIMES if table == WISPS else table)
        is_known = is_known and isinstance(before, dict)
        if table == WISPS:
            differing, recent, new[TIMES], new[NEWEST] = _by_time(link, before or {}, str(old.get(NEWEST) or ""))
            found |= recent
        else:
            differing, new[table] = _by_rows(link, table, before or {})
        # a table that changed without a trace: a program wrote past the times, or twice in a second
        is_known = is_known and bool(differing)
        found |= differing
    return (found if is_known else None), new


def _by_time(link: Link, old: dict[str, int], newest: str) -> tuple[set[str], set[str], dict[str, int], str]:
    """Return the wisps with another time of change, and those of the newest second: it may have held two changes."""
    # a program that writes past the times mostly changes these
    rows = link.ask(f"SELECT id, updated_at, status, assignee, title FROM {WISPS}")
    times = {str(row[0]): str(row[1]) for row in rows}
    sums = {str(row[0]): crc32(repr(row[1:]).encode("utf-8", "replace")) for row in rows}
    found = {one for one, at in times.items() if old.get(one) != sums[one]} | (old.keys() - sums.keys())
    recent = {one for one, at in times.items() if newest and at[:19] >= newest}
    return found, recent, sums, max(times.values(), default="")[:19]


def _by_rows(link: Link, table: str, old: dict[str, int]) -> tuple[set[str], dict[str, int]]:
    """Return the wisps whose rows in another table are not the same."""
    names, rows = link.columns(f"SELECT * FROM {table}")
    at = names.index("issue_id")
    told: dict[str, list[str]] = {}
    for row in rows:
        told.setdefault(str(row[at]), []).append(repr(row))
    sums = {one: crc32("\n".join(sorted(lines)).encode("utf-8", "replace")) for one, lines in told.items()}
    return {one for one in old.keys() | sums.keys() if old.get(one) != sums.get(one)}, sums
