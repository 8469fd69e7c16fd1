"""The hook: the work that an agent is to run.

The work bead itself decides: status ``hooked`` with the agent as assignee, set in one write that checks under the
store's lock, so that two slings of one bead never both succeed.
"""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TOWN
from gastown_core.beads.query import BeadQuery
from gastown_core.errors import ConflictError, NotFoundError
from gastown_core.model.address import CREW, DEACON, MAYOR, POLECAT, Address, same_agent
from gastown_core.model.bead import (
    BLOCKED,
    DEFERRED,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    OPEN,
    PINNED,
    is_identity,
    is_kind,
)
from gastown_core.model.hook_life import hook_state
from gastown_core.model.merge_request import is_at_engine, is_its_worker, read_request
from gastown_core.model.metadata import (
    DISPATCH,
    dispatch_words,
    metadata_of,
    order_of,
    read_dispatch,
    with_section,
    with_words,
)
from gastown_core.model.record import Record
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.liveness import works_on
from gastown_core.work.merge_requests import requests_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
MESSAGE = "gt:message"
"""The kind of bead that is mail; on a hook it is read, not run."""
HELD = (HOOKED, IN_PROGRESS, PINNED)
"""Statuses of work that somebody holds."""
ENDED_WITH_IT = ("order", "start")
"""Keys of ``metadata.dispatch`` about the session that was to be started for the work."""


def assignee_forms(address: Address) -> tuple[str, ...]:
    """Return every spelling of the agent as an assignee."""
    forms = {address.path, address.mail, address.short}
    if address.role in (MAYOR, DEACON):
        forms.add(address.role + "/")
    if address.role == POLECAT:
        forms.add(f"{address.rig}/polecat/{address.name}")
    return tuple(sorted(forms))


def hooked_work(
    ledger: TownLedger, address: Address, prefix: str, *, mail: bool = False, readable_only: bool = False
) -> list[Bead]:
    """Return what the agent holds: hooked before in progress, newest first; mail only if asked for.

    Raises NotFoundError if the ledger of the agent's rig cannot be read; with ``readable_only`` (for views) the other
    ledgers are read anyway.
    """
    if address.rig and not readable_only:
        ledger.store_for(f"{prefix}-x")
    everywhere = list(ledger.stores().values())
    near = (ledger.routed(f"{prefix}-x"), ledger.store(TOWN))
    stores = [store for store in everywhere if store in near] if address.rig else everywhere
    query = BeadQuery(statuses=(HOOKED, IN_PROGRESS), assignees=assignee_forms(address), include_wisps=True)
    found = [bead for store in stores for bead in store.find(query)]
    if not found and address.rig:
        # work of another rig, slung with --force
        others = [store for store in everywhere if store not in stores]
        found = [bead for store in others for bead in store.find(query)]
    found = [bead for bead in found if not (is_identity(bead) or is_at_engine(bead))]
    found = [bead for bead in found if mail or not is_kind(bead, MESSAGE)]
    return sorted(found, key=lambda bead: (bead.status != HOOKED, -bead.updated_at))


def check_free(bead: Bead, target: Address, *, force: bool = False) -> bool:
    """Whether the bead must still be hooked; False if it is already on the target's hook.

    Raises ConflictError for closed, deferred or held work, naming the holder.
    """
    if bead.is_closed or bead.is_tombstone:
        raise ConflictError(f"{bead.id} is closed", bead.text("close_reason"), f"bd reopen {bead.id}")
    if bead.status == HOOKED and same_agent(bead.assignee, target.path):
        return False
    if force:
        return True
    if bead.status == DEFERRED:
        raise ConflictError(f"{bead.id} is deferred", "", f"bd update {bead.id} --status open when its time has come")
    if bead.status == IN_REVIEW:
        raise ConflictError(f"{bead.id} is in review", f"handed in by {bead.assignee or 'somebody'}")
    if bead.status in HELD and bead.assignee and not same_agent(bead.assignee, target.path):
        raise ConflictError(
            f"{bead.id} is on the hook of {bead.assignee}", f"status {bead.status}", f"gt unsling {bead.id} lets it go"
        )
    return True


def hook(
    ledger: TownLedger,
    bead_id: str,
    target: Address,
    *,
    actor: str,
    force: bool = False,
    dispatch: Mapping[str, str] | None = None,
) -> Bead:
    """Put the bead on the target's hook; it may already be there.

    ``dispatch`` (sender, terms, branch) is kept in ``metadata.dispatch`` in the same write.

    Raises NotFoundError, or ConflictError if somebody else holds it.
    """
    with ledger.store_for(bead_id).write(actor) as batch:
        bead = batch.get(bead_id)
        if bead is None:
            raise NotFoundError(f"no bead {bead_id}")
        if not check_free(bead, target, force=force):
            return bead
        changes: dict[str, object] = {"status": HOOKED, "assignee": target.path}
        if dispatch:
            changes["metadata"] = with_section(bead, DISPATCH, dispatch)
        else:
            changes |= without_order(bead)
        return batch.update(bead_id, changes)


def unhook(ledger: TownLedger, bead_id: str, *, actor: str, holder: Address | None = None) -> bool:
    """Make the bead open and unassigned; return False if it is on no hook. With ``holder``, only if they hold it.

    A bead with an open merge request from its worker returns to review instead.  Raises NotFoundError; ConflictError if
    somebody else holds it.
    """
    with ledger.store_for(bead_id).write(actor) as batch:
        bead = batch.get(bead_id)
        if bead is None:
            raise NotFoundError(f"no bead {bead_id}")
        if bead.status not in (HOOKED, IN_PROGRESS, BLOCKED):
            return False
        if holder is not None and not same_agent(bead.assignee, holder.path):
            raise ConflictError(f"{bead_id} is on the hook of {bead.assignee}, not of {holder.path}")
        waits = any(is_its_worker(read_request(one), bead.assignee) for one in _requests_for(ledger, bead))
        after = {"status": IN_REVIEW} if waits else {"status": OPEN, "assignee": ""}
        batch.update(bead_id, {**after, **without_order(bead)})
    return True


def _requests_for(ledger: TownLedger, bead: Bead) -> list[Bead]:
    """Return the open requests for the bead; those of a town's bead are in the rig of its holder."""
    if not bead.assignee:
        return []
    stores = {id(store): store for store in ledger.stores().values()}.values()
    return [one for store in stores for one in requests_for(store, bead.id)]


def without_order(bead: Bead, **more: str) -> dict[str, object]:
    """Return the change that ends the order by which the bead was slung: the next holder was not started for it.

    How it was slung stays on record, updated with ``more``.
    """
    before = metadata_of(bead).section(DISPATCH).kept
    after = {**{key: word for key, word in before.items() if key not in ENDED_WITH_IT}, **more}
    gone = dict.fromkeys(ENDED_WITH_IT)
    return {"metadata": with_words(bead, DISPATCH, {**gone, **more})} if after != before else {}


class HookView(Record):
    """A hook: its agent, the work on it (the first is run), and its state (empty for roles without hook states)."""

    entry: RosterEntry
    work: tuple[Bead, ...]
    state: str
    mail: tuple[Bead, ...] = ()
    """Messages that were hooked: each briefing shows them until they are archived."""

    @property
    def first(self) -> Bead | None:
        """The work to be run, None if the hook is empty."""
        return self.work[0] if self.work else None


def look_at_hook(root: str, ledger: TownLedger, entry: RosterEntry, *, live: frozenset[str] | None = None) -> HookView:
    """Return the hook of one agent; ``live`` are the running sessions, None if unknown."""
    held = hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig), mail=True, readable_only=True)
    work = tuple(bead for bead in held if not is_kind(bead, MESSAGE))
    mail = tuple(bead for bead in held if is_kind(bead, MESSAGE))
    if entry.address.role not in (POLECAT, CREW):
        return HookView(entry, work, "", mail)
    record = get_agent_bead(ledger, entry.bead_id)
    state = hook_state(
        recorded=record.fields.get("hook_state", "") if record is not None else "",
        has_work=bool(work),
        is_running=None if live is None else works_on(live, entry.session, order_of(work[0] if work else None)),
        has_worktree=os.path.exists(os.path.join(entry.work_dir, ".git")),
    )
    return HookView(entry, work, state, mail)


def hook_as_json(view: HookView, ledger: TownLedger) -> dict[str, object]:
    """The hook as ``gt hook --json`` prints it."""
    bead = view.first
    dispatch = dispatch_words(bead) if bead is not None else {}
    out: dict[str, object] = {
        "agent": view.entry.address.path,
        "target": view.entry.address.path,
        "role": view.entry.address.role,
        "agent_bead_id": view.entry.bead_id,
        "has_work": bead is not None,
        "hook_state": view.state,
        "bead_id": bead.id if bead else "",
        "title": bead.title if bead else "",
        "status": bead.status if bead else "empty",
        "pinned_bead": bead.raw if bead else None,
        "attached_at": dispatch.get("at", ""),
        "attached_args": dispatch.get("args", ""),
        "dispatch": dispatch,
        "next_action": "run it, then gt done" if bead else "deal with the mail" if view.mail else "wait for orders",
        "mail": [one.id for one in view.mail],
    }
    return out | _molecule(bead, ledger)


def _molecule(bead: Bead | None, ledger: TownLedger) -> dict[str, object]:
    from gastown_core.molecules.root_bead import molecule_of
    from gastown_core.molecules.steps import progress_of, root_for

    root_id = root_for(bead) if bead is not None else ""
    home = ledger.home_of(root_id) if root_id else None
    if home is None:
        return {
            "attached_molecule": "",
            "attached_formula": read_dispatch(bead).formula if bead else "",
            "attached_vars": {},
            "is_wisp": False,
            "progress": None,
        }
    seen = progress_of(home, root_id)
    molecule = molecule_of(seen.root)
    return {
        "attached_molecule": seen.id,
        "attached_formula": seen.formula,
        "attached_vars": molecule.vars if molecule is not None else {},
        "is_wisp": seen.root.is_ephemeral,
        "progress": seen.as_json(),
    }
