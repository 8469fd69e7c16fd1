"""Starting an agent once the work is on its hook: a session, a nudge to a running one, or a command for a person."""

from __future__ import annotations

from gastown_core.events.channels import emit
from gastown_core.model.record import Record
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions, start_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.model.order import Receipt
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.sling.hooking import Handover
    from gastown_core.work.sling.undo import Undo


class Going(Record):
    """How the agent was started: ``started``, ``runs`` (already) or ``by hand`` with the command to run.

    ``warnings`` name what will stop its program before the first prompt.
    """

    how: str
    runtime: str
    session: str = ""
    by_hand: str = ""
    why: str = ""
    warnings: tuple[str, ...] = ()

    def words(self) -> str:
        """Return it in words."""
        if self.how == BY_HAND:
            return f"no session: {self.why}"
        return f"{self.session} runs" if self.how == RUNS else f"{self.session} with {self.runtime}"


STARTED, RUNS, BY_HAND = "started", "runs", "by hand"


def set_going(root: str, given: Handover, undo: Undo, clock: Clock) -> Going:
    """Start the agent's session, unless it is running. Raises TmuxError, UsageError for an unknown runtime."""
    entry, request = given.place.entry, given.request
    start = start_plan.plan_start(
        root,
        entry,
        agent=request.agent,
        topic="assigned",
        sender=given.actor,
        bead=given.bead.id,
        branch=given.place.branch,
        clock=clock,
    )
    if request.account:
        start.env["GT_ACCOUNT"] = request.account
    if not request.session or not has_tmux():
        why = "tmux is not installed" if request.session else "left out"
        return Going(BY_HAND, start.alias, "", start_plan.by_hand(start), why)
    pane = sessions.find_session(root, entry)
    if not given.place.branch and sessions.is_alive(pane):
        return Going(RUNS, start.alias, entry.session)
    if pane is None:
        undo.add(f"session {entry.session}", _end_session, root, entry, given.actor, clock)
    sessions.respawn_agent(root, start, clock=clock)
    return Going(STARTED, start.alias, entry.session, warnings=start.warnings)


def _end_session(root: str, entry: RosterEntry, actor: str, clock: Clock) -> None:
    sessions.stop_agent(root, entry, caller=actor, reason="sling failed", clock=clock)


def tell(root: str, given: Handover, clock: Clock) -> Iterator[Receipt]:
    """Nudge a running agent; if the nudge does not arrive the work stays hooked, and a receipt says so.

    Nobody is interrupted: during a turn the nudge waits until its end.
    """
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.target import target_of

    entry = given.place.entry
    to = target_of(root, entry)
    text = f"Work is on your hook: {given.bead.id}. Run `gt hook`."
    if given.request.subject:
        text += f" {given.request.subject}"
    for receipt in nudge(
        root, to, text, given.actor, server=sessions.server_of(root), about=given.bead.id, clock=clock
    ):
        yield receipt._replace(order="sling", target=given.bead.id, final=False)
    sessions.note_orders(root, entry)


def wake_rig(root: str, given: Handover, clock: Clock) -> None:
    """Notify the witness that work was slung to a polecat of its rig."""
    address = given.place.entry.address
    if given.place.sandbox is not None and given.request.boot:
        payload = {"bead": given.bead.id, "polecat": address.name, "rig": address.rig}
        emit(root, "witness", "WORK_SLUNG", payload, clock=clock)
