"""What follows when beads were closed: convoys that are complete now land, and their owners hear of it."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, NotFoundError
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

DEEPEST = 50


def close_beads(
    root: str,
    ledger: TownLedger,
    ids: Iterable[str],
    *,
    actor: str,
    reason: str = "",
    cascade: bool = False,
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Close the beads, with ``cascade`` their open children first; returns what was closed, in that order.

    Each store is changed all or nothing.  Raises NotFoundError naming every unknown id before anything is closed,
    ConflictError for blocked or pinned work without ``force``.
    """
    wanted = list(dict.fromkeys(ids))
    known = ledger.get_many(wanted)
    missing = [bead_id for bead_id in wanted if bead_id not in known]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}")
    order: dict[str, Bead] = {}
    for bead_id in wanted:
        for bead in _with_children(ledger, known[bead_id]) if cascade else [known[bead_id]]:
            order.setdefault(bead.id, bead)
    closed: list[str] = []
    for store in {id(home): home for bead in order if (home := ledger.home_of(bead)) is not None}.values():
        with store.write(actor) as batch:
            for bead_id in order:
                now = batch.get(bead_id)
                if now is not None and not now.is_closed:
                    batch.close(bead_id, reason, force=force)
                    closed.append(bead_id)
    after_close(root, ledger, closed, actor=actor, clock=clock)
    return closed


def _with_children(ledger: TownLedger, bead: Bead, depth: int = 0) -> list[Bead]:
    """The open descendants of a bead, children before parents, then itself. Raises ConflictError beyond 50 levels."""
    if depth > DEEPEST:
        raise ConflictError(f"{bead.id} lies more than {DEEPEST} levels deep", "", "close it in parts")
    home = ledger.home_of(bead.id)
    below = [source for source, kind in home.dependents(bead.id) if kind == "parent-child"] if home else []
    found: list[Bead] = []
    for child in ledger.get_many(below).values():
        if child.status != CLOSED:
            found += _with_children(ledger, child, depth + 1)
    return [*found, bead]


def open_children(ledger: TownLedger, ids: Iterable[str]) -> dict[str, list[str]]:
    """Of each of these beads that has any, the children that are not closed."""
    found = {}
    for bead_id in ids:
        home = ledger.home_of(bead_id)
        below = [source for source, kind in home.dependents(bead_id) if kind == "parent-child"] if home else []
        still = [child.id for child in ledger.get_many(below).values() if child.status != CLOSED]
        if still:
            found[bead_id] = still
    return found


def after_close(root: str, ledger: TownLedger, ids: list[str], *, actor: str, clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Land the convoys that these closed beads completed; their ids. A failure there undoes no close."""
    if not ids:
        return []
    from gastown_core.work.convoy.landing import check_convoys

    try:
        return check_convoys(root, ledger, ids, actor=actor, clock=clock)
    except GastownError:
        # whoever looks after the convoys next finds them complete
        return []
