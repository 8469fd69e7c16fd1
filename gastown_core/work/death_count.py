"""The death count: how often a bead was released because its worker died (``witness/bead-respawn-counts.json``).

Only deaths count, not every sling; a merge resets the count.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, GastownError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.clock import Clock


def path_of(root: str) -> str:
    """Return the path of the counts."""
    return os.path.join(root, "witness", "bead-respawn-counts.json")


def count_of(root: str, bead_id: str) -> int:
    """Return how many of the bead's workers died since its last merge."""
    beads = (read_json(path_of(root)) or {}).get("beads")
    entry = beads.get(bead_id) if isinstance(beads, dict) else None
    count = entry.get("count") if isinstance(entry, dict) else 0
    return count if isinstance(count, int) else 0


def counts(root: str) -> dict[str, int]:
    """Return every count; empty if the file cannot be read."""
    try:
        beads = (read_json(path_of(root)) or {}).get("beads")
    except GastownError:
        return {}
    found = beads.items() if isinstance(beads, dict) else ()
    return {
        bead_id: one["count"] for bead_id, one in found if isinstance(one, dict) and isinstance(one.get("count"), int)
    }


def check(root: str, bead_id: str) -> None:
    """Refuse a bead on which too many workers died. Raises ConflictError."""
    limit = load_settings(root).lenient("operational.witness.max_bead_respawns")
    count = count_of(root, bead_id)
    if limit and count >= limit:
        raise ConflictError(
            f"{count} workers died on {bead_id}",
            f"operational.witness.max_bead_respawns is {limit}",
            f"check why, then gt sling respawn-reset {bead_id}",
        )


def note(root: str, bead_id: str, *, by: int = 1, clock: Clock = SYSTEM_CLOCK) -> None:
    """Count one more death (``by`` -1 takes it back)."""

    def change(value: dict[str, Any]) -> None:
        beads = value.setdefault("beads", {})
        count = max(0, count_of(root, bead_id) + by)
        now = format_seconds(clock.now())
        beads[bead_id] = {"bead_id": bead_id, "count": count, "last_respawn": now}
        value["last_updated"] = now

    edit_json(path_of(root), change)


def reset(root: str, bead_id: str, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Reset the count after a merge, or for another try; return False if it was zero."""
    if not count_of(root, bead_id):
        return False

    def change(value: dict[str, Any]) -> None:
        value.get("beads", {}).pop(bead_id, None)
        value["last_updated"] = format_seconds(clock.now())

    edit_json(path_of(root), change)
    return True
