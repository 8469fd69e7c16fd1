"""What there is to say of an agent's hook at this moment: the work, its molecule, and the state of its life."""

from __future__ import annotations

import os

from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.hook_life import hook_state
from gastown_core.model.record import Record
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry
from gastown_core.town.liveness import order_of, works_on
from gastown_core.work.hook.hook import dispatch_of, hooked_work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead


class HookView(Record):
    """A hook: whose, what hangs on it (the first is to be run), and its state (empty if it has no life of its own)."""

    entry: RosterEntry
    work: tuple[Bead, ...]
    state: str

    @property
    def first(self) -> Bead | None:
        """The work to be run, None if the hook is empty."""
        return self.work[0] if self.work else None


def look_at_hook(root: str, ledger: TownLedger, entry: RosterEntry, *, live: frozenset[str] | None = None) -> HookView:
    """The hook of one agent; ``live`` are the sessions that run, None if that is not known."""
    work = tuple(hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig), readable_only=True))
    if entry.address.role not in (POLECAT, CREW):
        return HookView(entry, work, "")
    record = get_agent_bead(ledger, entry.bead_id)
    state = hook_state(
        recorded=record.fields.get("hook_state", "") if record is not None else "",
        has_work=bool(work),
        is_running=None if live is None else works_on(live, entry.session, order_of(work[0] if work else None)),
        has_worktree=os.path.exists(os.path.join(entry.work_dir, ".git")),
    )
    return HookView(entry, work, state)


def hook_as_json(view: HookView, ledger: TownLedger) -> dict[str, Any]:
    """The hook as ``gt hook --json`` prints it."""
    bead = view.first
    dispatch = dispatch_of(bead) if bead is not None else {}
    out: dict[str, Any] = {
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
        "next_action": "run it, then gt done" if bead else "wait for orders",
    }
    return out | _molecule(bead, ledger)


def _molecule(bead: Bead | None, ledger: TownLedger) -> dict[str, Any]:
    from gastown_core.molecules.record import molecule_of
    from gastown_core.molecules.steps import progress_of, root_for

    root_id = root_for(bead) if bead is not None else ""
    home = ledger.home_of(root_id) if root_id else None
    if home is None:
        return {
            "attached_molecule": "",
            "attached_formula": dispatch_of(bead).get("formula", "") if bead else "",
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
