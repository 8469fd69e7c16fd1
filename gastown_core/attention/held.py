"""What a row of the attention list holds up: open beads and convoys that cannot go on before it is settled; pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.snapshot import TownSnapshot

MOST_HELD = 200


def held_up(town: TownSnapshot, beads: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the open beads behind these, nearest first, and the open convoys that wait for them or for these."""
    start = [bead_id for bead_id in beads if bead_id]
    seen = behind(town, start)
    named = {*start, *seen}
    if not named:
        return (), ()
    convoys = tuple(
        one.id for one in town.convoys if one.closed_at is None and any(m.bead_id in named for m in one.members)
    )
    return seen, convoys


def behind(town: TownSnapshot, beads: Iterable[str]) -> tuple[str, ...]:
    """Return the open beads behind these, nearest first."""
    start = [bead_id for bead_id in beads if bead_id]
    seen: dict[str, None] = {}
    fresh = start
    while fresh and len(seen) < MOST_HELD:
        nearest = [after for bead_id in fresh for after in town.behind.get(bead_id, ())]
        fresh = [one for one in dict.fromkeys(nearest) if one not in seen and one not in start]
        seen.update(dict.fromkeys(fresh))
    return tuple(seen)
