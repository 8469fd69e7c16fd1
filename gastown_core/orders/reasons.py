"""Why an order is not possible now, in words; each function returns an empty text if it is possible. Pure."""

from __future__ import annotations

from gastown_core.model.address import CREW, DOG, POLECAT
from gastown_core.model.agent import Health
from gastown_core.model.convoy import ConvoyView
from gastown_core.model.incident import ANSWER, Incident
from gastown_core.model.merge_request import TAKEN_OUT
from gastown_core.model.snapshot import AgentView, RequestView
from gastown_core.model.wanted import CLAIMED, IN_REVIEW, OPEN, Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import TownSnapshot

NO_AGENT = "select an agent first"
NO_CONVOY = "select a convoy first"
NO_RIG = "select a rig first"


def never(snapshot: TownSnapshot, subject: object) -> str:
    """Always possible."""
    return ""


def some_rig(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig."""
    if not snapshot.rigs:
        return "there is no rig; add one with gt rig add"
    return "" if isinstance(subject, str) and subject else NO_RIG


def with_tmux(snapshot: TownSnapshot, subject: object) -> str:
    """Needs an agent, and a tmux that answers."""
    if not isinstance(subject, AgentView):
        return NO_AGENT
    failed = snapshot.source_error("tmux")
    if failed is not None:
        return f"tmux does not answer: {failed.error}"
    return "tmux is not installed" if snapshot.tmux_running is None else ""


def needs_session(snapshot: TownSnapshot, subject: object) -> str:
    """Needs an agent with a session."""
    reason = with_tmux(snapshot, subject)
    if reason or not isinstance(subject, AgentView):
        return reason
    return "" if subject.pane_id else f"{subject.address.short} has no session: restart it first"


def needs_living(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a running agent."""
    reason = needs_session(snapshot, subject)
    if reason or not isinstance(subject, AgentView):
        return reason
    return "" if subject.running else f"the agent of {subject.address.short} is not running: restart it first"


def needs_question(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a running agent that waits for a person."""
    reason = needs_living(snapshot, subject)
    if reason or not isinstance(subject, AgentView):
        return reason
    return "" if subject.health.state is Health.WAITING else f"{subject.address.short} asks nothing"


def needs_work(snapshot: TownSnapshot, subject: object) -> str:
    """Needs an agent with hooked work."""
    if not isinstance(subject, AgentView):
        return NO_AGENT
    return "" if subject.work is not None else f"nothing is on the hook of {subject.address.short}"


def needs_worktree(snapshot: TownSnapshot, subject: object) -> str:
    """Needs an agent with its own worktree."""
    if not isinstance(subject, AgentView):
        return NO_AGENT
    return "" if subject.address.role in (POLECAT, CREW) else f"{subject.address.short} has no worktree of its own"


def needs_polecat(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a polecat."""
    if not isinstance(subject, AgentView):
        return "select a polecat first"
    return "" if subject.address.role == POLECAT else f"{subject.address.short} is not a polecat"


def needs_dog(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a dog."""
    if not isinstance(subject, AgentView):
        return "select a dog first"
    return "" if subject.address.role == DOG else f"{subject.address.short} is not a dog"


def some_incident(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a cause that several agents share."""
    return "" if isinstance(subject, Incident) else "select an incident first: a cause that several agents share"


def shared_question(snapshot: TownSnapshot, subject: object) -> str:
    """Needs agents that all ask literally the same."""
    reason = some_incident(snapshot, subject)
    if reason or not isinstance(subject, Incident):
        return reason
    if ANSWER not in subject.helps:
        return "its agents ask nothing"
    return "" if snapshot.question_of(subject) is not None else "its agents do not ask literally the same"


def some_bead(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a bead's id."""
    return "" if isinstance(subject, str) and subject else "select a bead first: a convoy's member or an event"


def open_convoy(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a convoy that has not landed."""
    if not isinstance(subject, ConvoyView):
        return NO_CONVOY
    return f"{subject.id} has already landed" if subject.closed_at is not None else ""


def staged_convoy(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a staged convoy."""
    if not isinstance(subject, ConvoyView):
        return NO_CONVOY
    return "" if subject.status.startswith("staged") else f"{subject.id} is not staged: it is {subject.status}"


def mountain(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a mountain that has not landed."""
    reason = open_convoy(snapshot, subject)
    if reason or not isinstance(subject, ConvoyView):
        return reason
    return "" if subject.is_mountain else f"{subject.id} is not a mountain"


def scheduler_runs(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a scheduler that is not paused."""
    return "the scheduler is already paused" if snapshot.scheduler.is_paused else ""


def scheduler_paused(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a paused scheduler."""
    return "" if snapshot.scheduler.is_paused else "the scheduler is not paused"


def town_goes_on(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a town that is under no emergency stop."""
    return "the town is under an emergency stop already" if snapshot.stop_of("") is not None else ""


def town_stands(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a town under an emergency stop."""
    return "" if snapshot.stop_of("") is not None else "the town is under no emergency stop"


def rig_goes_on(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig that is under no emergency stop of its own."""
    if not isinstance(subject, str) or not subject:
        return NO_RIG
    return f"rig {subject} is under an emergency stop already" if snapshot.stop_of(subject) is not None else ""


def rig_stands(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig under an emergency stop of its own."""
    if not isinstance(subject, str) or not subject:
        return NO_RIG
    return "" if snapshot.stop_of(subject) is not None else f"rig {subject} is under no emergency stop of its own"


def some_request(snapshot: TownSnapshot, subject: object) -> str:
    """Needs an open merge request."""
    return "" if isinstance(subject, RequestView) else "select a merge request first"


def queued_request(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a merge request that was not taken out of the queue."""
    why = some_request(snapshot, subject)
    if not why and isinstance(subject, RequestView) and subject.rests.startswith(TAKEN_OUT):
        return "it is out of the queue already"
    return why


def unapproved_request(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a merge request that waits for an approval."""
    why = some_request(snapshot, subject)
    if not why and isinstance(subject, RequestView) and not subject.awaits_approval:
        return f"{subject.approved_by} approved it" if subject.approved_by else "it waits for no approval"
    return why


def approved_request(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a merge request whose commit somebody approved."""
    why = some_request(snapshot, subject)
    return "nobody has approved it" if not why and isinstance(subject, RequestView) and not subject.approved_by else why


def idle_refinery(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig with a queue whose engine is not busy."""
    if not isinstance(subject, str) or not subject:
        return "select a rig's queue first"
    refinery = snapshot.refinery(subject)
    if refinery is not None and refinery.is_busy:
        return f"the refinery of {subject} is busy: {refinery.state.batch}"
    queued = any(request.rig == subject for request in snapshot.requests)
    return "" if queued else f"nothing is queued in {subject}"


def moving_queue(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig whose queue is not frozen."""
    if not isinstance(subject, str) or not subject:
        return "select a rig's queue first"
    refinery = snapshot.refinery(subject)
    return f"merging in {subject} is frozen already" if refinery is not None and refinery.is_frozen else ""


def frozen_queue(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a rig whose queue is frozen."""
    if not isinstance(subject, str) or not subject:
        return "select a rig's queue first"
    refinery = snapshot.refinery(subject)
    return "" if refinery is not None and refinery.is_frozen else f"merging in {subject} is not frozen"


def joined(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a town that has joined a commons."""
    return "" if snapshot.commons is not None else "this town has joined no commons; gt wl join ORG/DB joins one"


def _item(snapshot: TownSnapshot, subject: object, status: str, mine: str, needs: str) -> str:
    """Needs an item in a state, and of this town by its column ``mine``; of one known by its id alone the command says so."""
    why = joined(snapshot, subject)
    if why or snapshot.commons is None or (isinstance(subject, str) and subject):
        return why
    if not isinstance(subject, Wanted):
        return "select a wanted item first"
    if subject.status != status:
        by = f" by {subject.claimed_by}" if subject.claimed_by else ""
        return f"{subject.id} is {subject.status.replace('_', ' ')}{by}; {needs}"
    return (
        "" if not mine or getattr(subject, mine) == snapshot.commons.handle else f"{subject.id} is not yours; {needs}"
    )


def open_item(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a wanted item that nobody has claimed."""
    return _item(snapshot, subject, OPEN, "", "only an open item can be claimed")


def claimed_here(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a wanted item that this town has claimed and not handed in."""
    return _item(snapshot, subject, CLAIMED, "claimed_by", "only what this town has claimed")


def to_judge(snapshot: TownSnapshot, subject: object) -> str:
    """Needs a wanted item of this town for which something was handed in."""
    return _item(snapshot, subject, IN_REVIEW, "posted_by", "only what was handed in for this town is judged")


def other_town(snapshot: TownSnapshot, subject: object) -> str:
    """Needs the handle of another town of the commons."""
    why = joined(snapshot, subject)
    if why or snapshot.commons is None:
        return why
    if not isinstance(subject, str) or not subject:
        return "select a town, or an item that another town has claimed"
    return "nobody stamps their own work" if subject == snapshot.commons.handle else ""
