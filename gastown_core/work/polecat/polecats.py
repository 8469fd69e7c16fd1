"""The polecats of a rig: work, state, and sessions without a worktree."""

from __future__ import annotations

import os

from gastown_core.model.address import POLECAT, parse_session
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.town.polecat_pool import polecat_entry
from gastown_core.work.hook.hook import look_at_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RigEntry
WORKING, IDLE, DONE, STUCK, STALLED, ZOMBIE, UNKNOWN = "working idle done stuck stalled zombie unknown".split()


class PolecatView(Record):
    """One polecat; ``runs`` is None if unknown (no tmux), ``record`` is its agent bead."""

    entry: RosterEntry
    state: str
    hook_state: str
    work: Bead | None
    runs: bool | None
    has_worktree: bool
    record: Bead | None

    @property
    def fields(self) -> dict[str, str]:
        """The fields of its agent bead, empty if it has none."""
        return self.record.fields if self.record is not None else {}

    def as_json(self) -> dict[str, object]:
        """One element of ``gt polecat list --json``."""
        return {
            "rig": self.entry.address.rig,
            "name": self.entry.address.name,
            "state": self.state,
            "hook_state": self.hook_state,
            "issue": self.work.id if self.work is not None else "",
            "session_running": bool(self.runs),
            "zombie": self.state == ZOMBIE,
            "session_name": self.entry.session,
        }


def list_polecats(root: str, ledger: TownLedger, *, rig: str = "", live: frozenset[str] | None) -> list[PolecatView]:
    """Return the polecats of a rig, or of all; sessions without a worktree come last."""
    inventory = read_inventory(root)
    entries = [one for one in inventory.agents if one.address.role == POLECAT and rig in ("", one.address.rig)]
    known = {entry.session for entry in entries}
    rigs = {one.name: one.prefix for one in inventory.rigs}
    for session in sorted((live or frozenset()) - known):
        who = parse_session(session, rigs)
        if who.role == POLECAT and rig in ("", who.rig):
            entries.append(polecat_entry(root, who.rig, rigs[who.rig], who.name))
    return [look_at_polecat(root, ledger, entry, live=live) for entry in entries]


def look_at_polecat(root: str, ledger: TownLedger, entry: RosterEntry, *, live: frozenset[str] | None) -> PolecatView:
    """Return one polecat at this moment."""
    hook = look_at_hook(root, ledger, entry, live=live)
    record = get_agent_bead(ledger, entry.bead_id)
    said = record.fields.get("agent_state", "") if record is not None else ""
    runs = None if live is None else entry.session in live
    has_worktree = os.path.exists(os.path.join(entry.work_dir, ".git"))
    state = _state(bool(hook.work), said, runs, has_worktree)
    if state in (IDLE, DONE) and ledger.routed(f"{rig_prefix(root, entry.address.rig)}-x") is None:
        # its work may be in the unreadable ledger
        state = UNKNOWN
    return PolecatView(entry, state, hook.state, hook.first, runs, has_worktree, record)


def _state(has_work: bool, said: str, runs: bool | None, has_worktree: bool) -> str:
    if runs and not has_worktree:
        return ZOMBIE
    if said in (AgentState.STUCK, AgentState.ESCALATED):
        return STUCK
    if has_work:
        return STALLED if runs is False else WORKING
    return DONE if said == AgentState.DONE else IDLE


def find_polecat(root: str, text: str, rigs: tuple[RigEntry, ...]) -> RosterEntry:
    """Return the polecat ``rig/name``, or a unique name. Raises NotFoundError, UsageError."""
    from gastown_core.errors import NotFoundError, UsageError
    from gastown_core.model.address import parse_address

    prefixes = {rig.name: rig.prefix for rig in rigs}
    who = parse_address(text, prefixes)
    entries = [one for one in read_inventory(root).agents if one.address.role == POLECAT]
    fits = [one for one in entries if one.address == who or one.address.name == text]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(f"{text} is ambiguous", "", f"say {' or '.join(one.address.short for one in fits)}")
    import difflib

    known = {word: one.address.short for one in entries for word in (one.address.short, one.address.name)}
    near = dict.fromkeys(known[word] for word in difflib.get_close_matches(text, known, n=3, cutoff=0.6))
    hint = f"did you mean {' or '.join(near)}?" if near else "gt polecat list shows them"
    if who.role == POLECAT and who.rig in prefixes:
        raise NotFoundError(f"{who.rig} has no polecat {who.name}", "", hint)
    raise NotFoundError(f"no polecat {text}", "", hint)
