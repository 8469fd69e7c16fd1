"""What a bead's new id means outside the merged file: for wisps of this clone and for the rest of the town.

A merge gives the younger of two beads with one id a new one (``twins``), but sees only one file.  References outside
mean the bead that this clone knew by the old id.  The index records those beads before the file is replaced and notes
each id that now means another bead; the next write of the store updates its wisps.  The daemon, or the writing
command, updates the other stores and the event log (``town.new_ids``).
"""

from __future__ import annotations

from gastown_core.beads import ledger_line
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.rules import stamped
from gastown_core.model.bead import Bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from gastown_core.beads.source_file import SourceFile
    from gastown_core.beads.store import BeadStore

untold: set[str] = set()
"""Folders of stores where a write of this process found new ids that the rest of the town has not followed yet."""


def remember(db: sqlite3.Connection) -> None:
    """Record the beads of ``issues.jsonl`` by id, before the index drops the file."""
    db.execute("INSERT OR REPLACE INTO met SELECT id, title, created_at FROM beads WHERE file=0")


def former_id(bead: Bead) -> str:
    """Return the id that a bead had before a merge renamed it, empty if none did."""
    from gastown_core.beads.twins import FORMER
    from gastown_core.model.metadata import metadata_of

    return metadata_of(bead).text(FORMER)


def note(db: sqlite3.Connection, parted: Iterable[tuple[str, Bead]]) -> None:
    """Note those of the renamed beads that this clone knew by their old id."""
    for old, bead in parted:
        found = ledger_line.excerpt_of(bead)
        known = db.execute("SELECT created_at, title FROM met WHERE id=?", (old,)).fetchone()
        now = db.execute("SELECT created_at, title FROM beads WHERE id=?", (old,)).fetchone()
        if known is None or known == now or known[0] != found.created_at:
            continue
        if now is None or now[0] != known[0] or known[1] == found.title:
            db.execute("INSERT OR REPLACE INTO partings VALUES (?,?,0,0)", (old, bead.id))


def has_any(db: sqlite3.Connection) -> bool:
    """Return whether new ids are pending anywhere."""
    return db.execute("SELECT 1 FROM partings LIMIT 1").fetchone() is not None


def wisps_to_follow(db: sqlite3.Connection, wisps: SourceFile, now: float) -> tuple[list[str], list[Bead]]:
    """Return the old ids that the store's wisps have not followed yet, and the wisps with their references updated."""
    names = dict(db.execute("SELECT old, new FROM partings WHERE in_wisps=0").fetchall())
    if not names:
        return [], []
    lines = [wisps.read(*row) for row in db.execute("SELECT at, length FROM beads WHERE file=1").fetchall()]
    return list(names), _changed(lines, names, now)


def note_wisps_followed(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the store's wisps have followed these old ids."""
    db.executemany("UPDATE partings SET in_wisps=1 WHERE old=?", [(old,) for old in names])


def unsettled(db: sqlite3.Connection) -> dict[str, str]:
    """Old id → new id for those that the rest of the town has not followed yet."""
    return dict(db.execute("SELECT old, new FROM partings WHERE in_town=0").fetchall())


def settle(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the rest of the town has followed these old ids."""
    told = [(old,) for old in names]
    db.executemany("DELETE FROM partings WHERE old=? AND in_wisps=1", told)
    db.executemany("UPDATE partings SET in_town=1 WHERE old=?", told)


def follow(store: BeadStore, names: Mapping[str, str], actor: str) -> int:
    """Update another store's references to renamed beads; returns the number of records changed."""
    from gastown_core.beads.twins import renamed

    lines = [line for _, line in store.find_lines(BeadQuery(include_wisps=True))]
    changed = _changed(lines, names, store.clock.now())
    if changed:
        with store.write(actor) as batch:
            for bead in changed:
                standing = batch.get(bead.id)
                if standing is not None:
                    batch.put(Bead(stamped(renamed(standing.raw, names), standing.raw, store.clock.now())))
    return len(changed)


def _changed(lines: Iterable[bytes], names: Mapping[str, str], now: float) -> list[Bead]:
    """Return the records among the lines that mention an old id, with the new one in its place."""
    from gastown_core.beads.twins import renamed

    words = [old.encode() for old in names]
    out = []
    for line in lines:
        bead = ledger_line.parse_line(line) if any(word in line for word in words) else None
        if bead is not None and (raw := renamed(bead.raw, names)) != bead.raw:
            out.append(Bead(stamped(raw, bead.raw, now)))
    return out
