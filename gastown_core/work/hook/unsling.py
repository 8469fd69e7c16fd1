"""Hooks by hand: put work on a hook, or release it and update its worker's record."""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.address import POLECAT, parse_address
from gastown_core.model.hook_life import CREATED
from gastown_core.model.states import AgentState
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from gastown_core.town.discover import read_rigs
from gastown_core.town.hook_record import record_hook
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry, find_agent, read_inventory
from gastown_core.work.hook.hook import check_free, hook, hooked_work, unhook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.address import Address
    from gastown_core.model.bead import Bead


def work_of(root: str, ledger: TownLedger, holder: RosterEntry) -> Bead:
    """Return what is on the holder's hook. Raises NotFoundError if it is empty."""
    # the work of an unregistered rig is wherever its prefix leads
    prefix = read_rigs(root).get(holder.address.rig, "hq")
    held = hooked_work(ledger, holder.address, prefix)
    if not held:
        who = holder.address.short
        is_known = find_agent(read_inventory(root), holder.address) is not None
        why, hint = ("", "") if is_known else (f"this town has no agent {who}", "gt agents lists them")
        raise NotFoundError(f"nothing is on the hook of {who}", why, hint)
    return held[0]


def check_begun(ledger: TownLedger, bead: Bead, *, force: bool = False) -> None:
    """Raise ConflictError if only some steps of the bead's molecule are done, unless ``force``."""

    left = 0 if force else unfinished_steps(ledger, bead)
    if left:
        raise ConflictError(
            f"{bead.id} is in progress", f"{left} steps of its molecule are left", "--force releases it anyway"
        )


def unsling(
    root: str,
    ledger: TownLedger,
    bead: Bead,
    *,
    actor: str,
    holder: RosterEntry | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Release the bead and append ``unhook``; return False if it is on no hook. Worktree and branch stay as they are.

    Raises ConflictError if ``holder`` is given and somebody else has it.
    """
    if not unhook(ledger, bead.id, actor=actor, holder=holder.address if holder is not None else None):
        return False
    had = bead.assignee
    append_event(root, "unhook", had or actor, {"bead": bead.id, "target": had, "by": actor}, clock=clock)
    entry = find_agent(read_inventory(root), parse_address(had)) if had else None
    if entry is not None and get_agent_bead(ledger, entry.bead_id) is not None:
        prefix = rig_prefix(root, entry.address.rig)
        put_agent_bead(ledger, entry.address, prefix, agent_state=AgentState.IDLE, hook_bead="", hook_state="")
    return True


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
    """Hook the bead; return the bead as it is now, and whether that changed anything.

    Earlier work without a molecule, or with a finished one, is released.  Raises ConflictError for unfinished work
    without ``force``, and for a bead that somebody else holds; UsageError if the caller is a polecat.
    """
    if me.role == POLECAT:
        raise UsageError("a polecat does not hook work", "it gets it by gt sling", "ask the mayor")
    # check first: a bead that cannot be hooked must not displace the present work
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
        payload = {"bead": bead.id, "target": entry.address.path, "by": actor}
        append_event(root, "hook", entry.address.path, payload, clock=clock)
    return now, changed


def _record(root: str, ledger: TownLedger, entry: RosterEntry, bead_id: str, actor: str, clock: Clock) -> None:
    """Record that a polecat's work started without a session, so that it is not taken for dead at once."""
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
            f"gt unsling {old.id} releases it",
        )
    unsling(root, ledger, old, actor=actor, clock=clock)


def unfinished_steps(ledger: TownLedger, bead: Bead) -> int:
    """Return how many steps of the bead's molecule are not done; 0 without a molecule, or if none was started."""
    from gastown_core.molecules.steps import progress_of, root_for

    root_id = root_for(bead)
    home = ledger.home_of(root_id) if root_id else None
    if home is None:
        return 0
    seen = progress_of(home, root_id)
    return seen.total - seen.completed if seen.completed or seen.in_progress else 0
