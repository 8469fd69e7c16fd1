"""What a bead's new id means beyond the file that was merged: for wisps of this clone, and for the rest of the town.

A merge gives the younger of two beads with one id another (``twins``) and sees one file.  What lies outside it means
the bead that this clone knew by the id before.  The index remembers that from before the file was replaced, notes
each id that now means another bead, and the next write of the store puts the wisps right.  The daemon, or the command
that wrote, sees to the other stores and the event log (``town.new_ids``).
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
"""Folders of stores in which a write of this process met new ids of which the rest of the town has not heard."""


def remember(db: sqlite3.Connection) -> None:
    """Keep whom the ids of ``issues.jsonl`` mean, before the index forgets the file."""
    db.execute("INSERT OR REPLACE INTO met SELECT id, title, created_at FROM beads WHERE file=0")


def former_id(bead: Bead) -> str:
    """The id that a bead had before a merge gave it its own, empty if none did."""
    from gastown_core.beads.twins import FORMER

    metadata = bead.raw.get("metadata")
    former = metadata.get(FORMER) if isinstance(metadata, dict) else None
    return former if isinstance(former, str) else ""


def note(db: sqlite3.Connection, parted: Iterable[tuple[str, Bead]]) -> None:
    """Of beads with a former id, note those that this clone knew by it."""
    for old, bead in parted:
        found = ledger_line.excerpt_of(bead)
        known = db.execute("SELECT created_at, title FROM met WHERE id=?", (old,)).fetchone()
        now = db.execute("SELECT created_at, title FROM beads WHERE id=?", (old,)).fetchone()
        if known is None or known == now or known[0] != found.created_at:
            continue
        if now is None or now[0] != known[0] or known[1] == found.title:
            db.execute("INSERT OR REPLACE INTO partings VALUES (?,?,0,0)", (old, bead.id))


def has_any(db: sqlite3.Connection) -> bool:
    """Whether a merge gave ids of which somebody has still to hear."""
    return db.execute("SELECT 1 FROM partings LIMIT 1").fetchone() is not None


def wisps_to_follow(db: sqlite3.Connection, wisps: SourceFile, now: float) -> tuple[list[str], list[Bead]]:
    """The old ids that the store's wisps have not followed yet, and the wisps that mean them, as they shall be."""
    names = dict(db.execute("SELECT old, new FROM partings WHERE in_wisps=0").fetchall())
    if not names:
        return [], []
    lines = [wisps.read(*row) for row in db.execute("SELECT at, length FROM beads WHERE file=1").fetchall()]
    return list(names), _changed(lines, names, now)


def note_wisps_followed(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the store's wisps mean what they meant before these ids were given away."""
    db.executemany("UPDATE partings SET in_wisps=1 WHERE old=?", [(old,) for old in names])


def unsettled(db: sqlite3.Connection) -> dict[str, str]:
    """Old ids and new ones of which the rest of the town has not heard."""
    return dict(db.execute("SELECT old, new FROM partings WHERE in_town=0").fetchall())


def settle(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Note that the rest of the town has heard."""
    told = [(old,) for old in names]
    db.executemany("DELETE FROM partings WHERE old=? AND in_wisps=1", told)
    db.executemany("UPDATE partings SET in_town=1 WHERE old=?", told)


def follow(store: BeadStore, names: Mapping[str, str], actor: str) -> int:
    """Let the records of another store follow the beads that they mean; returns how many did."""
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
    """The records among the lines that mean one of the old ids, with the new one in its place."""
    from gastown_core.beads.twins import renamed

    words = [old.encode() for old in names]
    out = []
    for line in lines:
        bead = ledger_line.parse_line(line) if any(word in line for word in words) else None
        if bead is not None and (raw := renamed(bead.raw, names)) != bead.raw:
            out.append(Bead(stamped(raw, bead.raw, now)))
    return out
