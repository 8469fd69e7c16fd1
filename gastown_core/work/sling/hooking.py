"""The hand-over: bead, fields and molecule in one write, then the agents' own records in another."""

from __future__ import annotations

from gastown_core.clock import format_seconds
from gastown_core.errors import NotFoundError
from gastown_core.events.log import append_event
from gastown_core.model.address import DOG, POLECAT
from gastown_core.model.bead import HOOKED
from gastown_core.model.fields import read_fields
from gastown_core.model.hook_life import CREATED, SUSPENDED, way
from gastown_core.model.metadata import DISPATCH, metadata_of, with_section
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.tmux.socket import has_tmux
from gastown_core.town.agent_beads import write_agent_bead
from gastown_core.town.hook_record import tell_change
from gastown_core.town.identity import rig_prefix
from gastown_core.town.liveness import new_order
from gastown_core.work.hook import hook
from gastown_core.work.sling.attaching import Attachment, attach_molecule, drop_molecule
from gastown_core.work.sling.undo import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.sling.allocate import Allocation
    from gastown_core.work.sling.undo import Undo


class Handover(Record):
    """One hand-over: what, to whom, by whom and how; ``base`` is the branch that the work is merged into."""

    bead: Bead
    place: Allocation
    request: SlingRequest
    attachment: Attachment
    actor: str
    at: float
    convoy: str = ""
    base: str = ""
    takes: bool = False
    """Whether it is taken from a holder, or from an unusual status."""
    goes_on: bool = False
    """Whether its last worker died, so that the molecule's marks are kept."""

    def dispatch(self) -> dict[str, object]:
        """Return what is kept in ``metadata.dispatch``, without empty values."""
        request = self.request
        given = dict(word.split("=", 1) for word in request.variables)
        words: dict[str, object] = {
            "by": self.actor,
            "at": format_seconds(self.at),
            "convoy": self.convoy,
            "branch": self.place.branch,
            "args": request.args,
            "subject": request.subject,
            "message": request.message,
            "agent": request.agent,
            "account": request.account,
            "base": self.base,
            "vars": given,
            "merge": request.merge,
            "no_merge": request.no_merge,
            "review_only": request.review_only,
            "mode": request.mode,
            "owned": request.owned,
        }
        if self.request.session and has_tmux():
            # tells a sling killed before its session from work done by hand
            words["start"] = "session"
            if self.place.entry.address.role in (POLECAT, DOG):
                # tells this session from the worker's earlier one
                words["order"] = new_order(self.place.entry)
        return {key: word for key, word in words.items() if word}


def hand_over(ledger: TownLedger, given: Handover, undo: Undo) -> str:
    """Hook the bead in one write with its fields and molecule; return the molecule's id, empty without one.

    Raises NotFoundError, or ConflictError if somebody else holds it.
    """
    store = ledger.home_of(given.bead.id) or ledger.store_for(given.bead.id)
    address = given.place.entry.address
    with recorded(store, given.actor, undo, f"hook of {given.bead.id}") as batch:
        now = batch.get(given.bead.id)
        if now is None:
            raise NotFoundError(f"no bead {given.bead.id}")
        as_seen = (now.status, now.assignee) == (given.bead.status, given.bead.assignee)
        hook.check_free(now, address, force=given.takes and as_seen)
        recipe = given.attachment.recipe
        if recipe is None and not given.goes_on:
            drop_molecule(batch, now)
            now = batch.get(given.bead.id) or now
        before = metadata_of(now).section(DISPATCH)
        carried = {key: before.text(key) for key in ("molecule", "formula") if before.text(key)}
        fresh = with_section(now, DISPATCH, {**carried, **given.dispatch()})
        batch.update(now.id, {"status": HOOKED, "assignee": address.path, "metadata": fresh})
        if recipe is None:
            return carried.get("molecule", "")
        return attach_molecule(batch, recipe, now, address.path, keeps=given.goes_on)


def record_agents(
    root: str, ledger: TownLedger, given: Handover, robbed: RosterEntry | None, undo: Undo, clock: Clock
) -> None:
    """Write into the agents' beads who has the work now, and who no longer has it."""
    entry = given.place.entry
    sandbox = given.place.sandbox
    state = SUSPENDED if sandbox is not None and sandbox.resumes else CREATED
    fields = {"agent_state": AgentState.SPAWNING, "hook_bead": given.bead.id, "hook_state": state}
    if given.place.branch:
        fields["branch"] = given.place.branch
    # the record of the worker's former end must not be taken for this work's
    fields |= dict.fromkeys(("exit_type", "mr_id", "completion_time", "active_mr"), "")
    with recorded(ledger.store_for("hq-x"), given.actor, undo, f"record of {entry.address.short}") as batch:
        known = batch.get(entry.bead_id)
        before = read_fields(known.description).get("hook_state", "") if known is not None else ""
        way(before, state)
        write_agent_bead(batch, entry.address, rig_prefix(root, entry.address.rig), **fields)
        if robbed is not None and batch.get(robbed.bead_id) is not None:
            prefix = rig_prefix(root, robbed.address.rig)
            write_agent_bead(batch, robbed.address, prefix, agent_state=AgentState.IDLE, hook_bead="", hook_state="")
    tell_change(root, entry.address, before, state, bead=given.bead.id, clock=clock)
    payload = {"bead": given.bead.id, "target": entry.address.path}
    formula = given.attachment.name or given.bead.text("source_formula")
    if formula:
        payload["formula"] = formula
    append_event(root, "sling", given.actor, payload, clock=clock)
