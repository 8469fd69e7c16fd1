"""Putting work on a hook by hand: what hangs there already is let go if it may be, else the hook is taken."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.address import POLECAT
from gastown_core.model.hook_life import CREATED
from gastown_core.town.hook_record import record_hook
from gastown_core.town.identity import rig_prefix
from gastown_core.work.hook.hook import check_free, hook, hooked_work
from gastown_core.work.hook.unsling import unsling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.address import Address
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry


def put_on_hook(
    root: str,
    ledger: TownLedger,
    bead: Bead,
    entry: RosterEntry,
    *,
    actor: str,
    me: Address,
    words: dict[str, str] | None = None,
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Bead, bool]:
    """Hook the bead; the bead as it is now, and whether that changed anything.

    Earlier work without a molecule, or with a finished one, is let go.  Raises ConflictError for unfinished work
    without ``force``, and for a bead in other hands; UsageError for a polecat.
    """
    if me.role == POLECAT:
        raise UsageError("a polecat does not hook work", "it gets it by gt sling", "ask the mayor")
    # before anything is let go: a bead that cannot be hooked costs the work that hangs there nothing
    check_free(bead, entry.address, force=force)
    for old in hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig)):
        if old.id != bead.id:
            _let_go(root, ledger, old, entry, actor, force, clock)
    said = {key: word for key, word in {"by": actor, **(words or {})}.items() if word}
    dispatch = said if words and any(words.values()) else None
    now = hook(ledger, bead.id, entry.address, actor=actor, force=force, dispatch=dispatch)
    changed = now.updated_at != bead.updated_at
    if changed:
        _record(root, ledger, entry, bead.id, actor, clock)
        append_event(root, "hook", entry.address.path, {"bead": bead.id}, clock=clock)
    return now, changed


def _record(root: str, ledger: TownLedger, entry: RosterEntry, bead_id: str, actor: str, clock: Clock) -> None:
    """Write in a worker's record that its work began without a session, so that nobody takes it for dead at once."""
    if entry.address.role == POLECAT:
        prefix = rig_prefix(root, entry.address.rig)
        fields = {"hook_bead": bead_id, "exit_type": ""}
        record_hook(root, ledger, entry.address, prefix, CREATED, actor=actor, bead=bead_id, clock=clock, **fields)


def _let_go(
    root: str, ledger: TownLedger, old: Bead, entry: RosterEntry, actor: str, force: bool, clock: Clock
) -> None:
    left = unfinished_steps(ledger, old)
    if left and not force:
        raise ConflictError(
            f"{entry.address.short} is at {old.id}",
            f"{left} steps of its molecule are not done",
            f"gt unsling {old.id} lets it go",
        )
    unsling(root, ledger, old, actor=actor, clock=clock)


def unfinished_steps(ledger: TownLedger, bead: Bead) -> int:
    """Steps of the bead's molecule that are not done; 0 if it has none, or if not one was begun."""
    from gastown_core.molecules.steps import progress_of, root_for

    root_id = root_for(bead)
    home = ledger.home_of(root_id) if root_id else None
    if home is None:
        return 0
    seen = progress_of(home, root_id)
    return seen.total - seen.completed if seen.completed or seen.in_progress else 0
