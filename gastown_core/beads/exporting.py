"""Writing beads out as JSON lines that bd reads: canonical records with the derived counts at their end."""

from __future__ import annotations

import json

from gastown_core.beads import record
from gastown_core.model.bead import DERIVED_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import BeadQuery, Tally
    from gastown_core.model.bead import Bead


def export_lines(store: JsonlStore, query: BeadQuery, *, with_memories: bool = False) -> Iterator[bytes]:
    """The lines, without newlines, in the query's order; memory lines follow if wanted."""
    beads = store.find(query)
    tallies = store.tallies([bead.id for bead in beads])
    for bead in beads:
        yield export_line(bead, tallies[bead.id])
    if with_memories:
        yield from store.other_lines("memory")


def export_line(bead: Bead, tally: Tally) -> bytes:
    """One exported line."""
    counts = {
        "dependency_count": tally.dependency_count,
        "dependent_count": tally.dependent_count,
        "comment_count": tally.comment_count,
        **({"parent": tally.parent} if tally.parent else {}),
    }
    tail = json.dumps(counts, ensure_ascii=False, separators=(",", ":"))
    plain = {key: value for key, value in bead.raw.items() if key not in DERIVED_KEYS}
    return record.encode({"_type": "issue", **plain})[:-1] + b"," + tail[1:].encode()
