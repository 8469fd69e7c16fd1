"""THE table of orders: what a person can request; keys, palette, help and buttons are made from it.

A row has what the order needs, its ``gt`` command, whether it asks first, and why it may not be possible now
(``disabled_reason``).  To add an order, add a row.
"""

from __future__ import annotations

from gastown_core.model.convoy import ConvoyView
from gastown_core.model.incident import Incident
from gastown_core.model.order import Order
from gastown_core.model.record import Record
from gastown_core.model.snapshot import AgentView, RequestView
from gastown_core.model.wanted import Wanted
from gastown_core.orders import reasons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.snapshot import TownSnapshot

Subject = AgentView | ConvoyView | RequestView | Incident | Wanted | str | None
"""What an order may need: an agent, a convoy, a merge request, an incident, a wanted item (or its id), or the name of a rig, a bead or
another town."""

if TYPE_CHECKING:
    Check = Callable[[TownSnapshot, Subject], str]
    Word = str | tuple[str, ...]

AGENT, BEAD, CONVOY, REQUEST, RIG, TOWN = "agent", "bead", "convoy", "request", "rig", "town"
INCIDENT, WANTED, NEIGHBOUR = "incident", "wanted", "neighbour"
TARGET = "{target}"


class OrderKind(Record):
    """One row: id ``noun.verb``, key (may be empty), label, one line of help, what it needs, what it asks for first.

    ``words`` are the words after ``gt``; ``{name}`` stands for an argument, ``{name*}`` for one with several words; a group
    in parentheses is left out if its argument is empty.  ``keeps`` says what ends and what stays, to be confirmed; ``preview`` is the dry run shown
    first. ``receipts``: the command reports stages.  ``choices`` lists the possible values of its argument, as JSON
    with ``number``, ``what`` and ``at``.  ``optional``: what it asks for that may stay empty.  ``binds``: arguments of the
    subject for which alone the answer is given; a form carries them from its question.
    """

    id: str
    key: str
    label: str
    help: str
    needs: str
    disabled_reason: Check
    words: tuple[Word, ...] = ()
    asks: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    confirm: bool = False
    keeps: str = ""
    preview: tuple[Word, ...] = ()
    receipts: bool = False
    choices: tuple[Word, ...] = ()
    binds: tuple[str, ...] = ()


ORDERS: tuple[OrderKind, ...] = (
    OrderKind("agent.nudge", "n", "nudge", "send a message and follow its delivery", AGENT, reasons.needs_living,
              ("nudge", TARGET, "--wait", "{wait}", "--", "{text}"), asks=("text",), receipts=True),
    OrderKind("agent.answer", "y", "answer", "answer the question on the agent's screen", AGENT, reasons.needs_question,
              ("answer", TARGET, "{choice}"), asks=("choice",), receipts=True,
              choices=("answer", TARGET, "--choices", "--json")),
    OrderKind("answers.add", "Y", "always answer", "answer questions like this by themselves, in this rig, for an hour", AGENT,
              reasons.needs_question, ("answers", "add", TARGET, "{choice}", "--for", "1h"), asks=("choice",), confirm=True,
              keeps="It fits this question to the letter, in this rig, for an hour. gt answers revoke ends it.",
              preview=("answers", "add", TARGET, "{choice}", "--for", "1h", "--dry-run"),
              choices=("answer", TARGET, "--choices", "--json")),
    OrderKind("agent.handoff", "h", "handoff", "restart with a note for the next session", AGENT,
              reasons.needs_session, ("handoff", TARGET, "-y", "-s", "{subject}", ("-m", "{note}")), asks=("note",), optional=("note",),
              confirm=True, receipts=True),
    OrderKind("bead.sling", "s", "sling", "put a ready bead on an agent's hook", BEAD, reasons.never,
              ("sling", "{bead}", TARGET, ("--agent", "{agent}")), asks=("bead", "target"), receipts=True),
    OrderKind("bead.create", "B", "new bead", "write down new work in a rig; then sling it, or leave it ready", RIG, reasons.some_rig,
              ("create", "--rig", TARGET, ("-p", "{priority}"), ("-t", "{type}"), ("-d", "{description}"), "--silent", "--", "{title}"),
              asks=("title",)),
    OrderKind("convoy.create", "K", "new convoy", "put ready beads together as a convoy", TOWN, reasons.never,
              ("convoy", "create", "--", "{name}", "{beads*}"), asks=("name", "beads")),
    OrderKind("rig.add", "", "add rig", "clone a repository into the town as a rig", TOWN, reasons.never,
              ("rig", "add", "{name}", "{url}"), asks=("name", "url"), receipts=True),
    OrderKind("bead.import", "", "import beads", "read beads from a file of JSON lines, or a folder with a table dump", RIG,
              reasons.some_rig, ("import", "-C", TARGET, "--", "{file}"), asks=("file",)),
    OrderKind("agent.attach", "a", "attach", "attach to the agent's session; detach to come back", AGENT, reasons.needs_session),
    OrderKind("agent.restart", "r", "restart", "start the agent's session, or replace a dead one", AGENT, reasons.with_tmux,
              ("session", "restart", TARGET, ("{resume}",), ("--account", "{account}")), confirm=True, receipts=True),
    OrderKind("agent.stop", "x", "stop", "stop the agent's session; its work stays on the hook", AGENT, reasons.needs_session,
              ("session", "stop", TARGET), confirm=True, receipts=True),
    OrderKind("hook.unsling", "u", "unsling", "unassign: the work goes back to ready", AGENT,
              reasons.needs_work, ("unsling", "{bead}", TARGET, "--force"), confirm=True,
              keeps="The bead goes back to the ready work. The branch and every file stay."),
    OrderKind("hook.rollback", "z", "rollback", "roll back the worktree (previewed; can be undone)", AGENT,
              reasons.needs_worktree, ("hook", "rollback", "{to}", "--agent", TARGET), asks=("to",), confirm=True,
              keeps="The present state is kept under a ref first; gt hook rollback --undo brings it back.",
              preview=("hook", "rollback", "{to}", "--agent", TARGET, "--dry-run"),
              choices=("hook", "rollback", "--agent", TARGET, "--list", "--json")),
    OrderKind("polecat.nuke", "", "nuke polecat", "remove a polecat and its worktree (losses are shown first)", AGENT,
              reasons.needs_polecat, ("polecat", "nuke", TARGET, "--force"), confirm=True,
              keeps="What no remote has is first saved to refs/gastown/rescue.",
              preview=("polecat", "nuke", TARGET, "--dry-run", "--json")),
    OrderKind("dog.clear", "", "clear dog", "put a dog's work back to ready and end its session", AGENT, reasons.needs_dog,
              ("dog", "clear", TARGET, "--force"), confirm=True, keeps="Its work is ready again. Its folder stays."),
    OrderKind("dog.remove", "", "remove dog", "remove a dog that has nothing to do", AGENT, reasons.needs_dog,
              ("dog", "remove", TARGET), confirm=True, keeps="Its session and its folder go. It must be idle."),
    OrderKind("incident.answer", "", "answer all", "answer the question that all agents of an incident ask", INCIDENT,
              reasons.shared_question, ("incident", "act", TARGET, "answer", "--choice", "{choice}"), asks=("choice",), confirm=True,
              keeps="Each screen is read again first: an agent that asks something else by now is not answered.",
              preview=("incident", "act", TARGET, "answer", "--choice", "{choice}", "--dry-run"), receipts=True,
              choices=("incident", "act", TARGET, "answer", "--choices")),
    OrderKind("incident.nudge", "", "nudge all", "nudge all agents of an incident", INCIDENT, reasons.some_incident,
              ("incident", "act", TARGET, "nudge"), confirm=True, keeps="They go on with their work.",
              preview=("incident", "act", TARGET, "nudge", "--dry-run"), receipts=True),
    OrderKind("incident.restart", "", "restart all", "restart all agents of an incident, their work saved first", INCIDENT,
              reasons.some_incident, ("incident", "act", TARGET, "restart"), confirm=True,
              keeps="Each worktree is kept under a ref first; hooks and files stay.",
              preview=("incident", "act", TARGET, "restart", "--dry-run"), receipts=True),
    OrderKind("incident.stop", "", "stop all", "end the sessions of all agents of an incident, their work saved first", INCIDENT,
              reasons.some_incident, ("incident", "act", TARGET, "stop"), confirm=True,
              keeps="Each worktree is kept under a ref first; hooks and files stay.",
              preview=("incident", "act", TARGET, "stop", "--dry-run"), receipts=True),
    OrderKind("bead.release", "", "release", "release a claimed bead: open, without an assignee", BEAD, reasons.some_bead,
              ("release", TARGET), confirm=True, keeps="The bead is open again, without an assignee. Its branch stays."),
    OrderKind("gate.resolve", "", "open gate", "open a gate that waits for a person", BEAD, reasons.some_bead,
              ("gate", "resolve", TARGET), confirm=True, keeps="What waits behind it goes on. A gate that is open stays open."),
    OrderKind("escalation.ack", "", "take on", "take an escalation on: it no longer waits for anybody else", BEAD, reasons.some_bead,
              ("escalate", "ack", TARGET)),
    OrderKind("escalation.close", "", "close escalation", "close an escalation with a reason", BEAD, reasons.some_bead,
              ("escalate", "close", TARGET, "--reason", "{reason}"), asks=("reason",)),
    OrderKind("convoy.check", "c", "check convoy", "close the convoy if all its work is done", CONVOY, reasons.open_convoy,
              ("convoy", "check", TARGET)),
    OrderKind("convoy.refresh", "r", "refresh convoy", "recheck every member, release what dead workers hold, dispatch what is ready",
              CONVOY, reasons.open_convoy, ("convoy", "refresh", TARGET)),
    OrderKind("convoy.launch", "", "launch convoy", "launch a staged convoy and dispatch its first wave", CONVOY,
              reasons.staged_convoy, ("convoy", "launch", TARGET), confirm=True,
              keeps="The convoy opens, and its ready work is dispatched."),
    OrderKind("convoy.land", "", "land convoy", "land an owned convoy and remove its idle worktrees", CONVOY, reasons.open_convoy,
              ("convoy", "land", TARGET), confirm=True, keeps="The convoy closes, its members' idle worktrees are removed.",
              preview=("convoy", "land", TARGET, "--dry-run")),
    OrderKind("mountain.pause", "", "pause mountain", "pause dispatch and alarms for this mountain", CONVOY,
              reasons.mountain, ("mountain", "pause", TARGET)),
    OrderKind("mountain.resume", "", "resume mountain", "resume dispatch for this mountain", CONVOY, reasons.mountain,
              ("mountain", "resume", TARGET)),
    OrderKind("scheduler.pause", "", "pause scheduler", "pause dispatch of queued slings", TOWN, reasons.scheduler_runs,
              ("scheduler", "pause")),
    OrderKind("scheduler.resume", "", "resume scheduler", "resume dispatch of queued slings", TOWN, reasons.scheduler_paused,
              ("scheduler", "resume")),
    OrderKind("scheduler.cap", "", "cap", "how many polecats may work at once; -1: no limit", TOWN, reasons.never,
              ("config", "set", "scheduler.max_polecats", "{number}"), asks=("number",)),
    OrderKind("town.estop", "!", "emergency stop", "stop the whole town at once; nothing is lost", TOWN, reasons.town_goes_on,
              ("estop", "-r", "{reason}"), asks=("reason",)),
    OrderKind("town.thaw", "", "end the stop", "end the town's emergency stop: what stood still goes on", TOWN, reasons.town_stands,
              ("thaw",), confirm=True, keeps="What stood still goes on, and interrupted agents are told to."),
    OrderKind("rig.estop", "", "stop a rig", "stop one rig at once; nothing is lost", RIG, reasons.rig_goes_on,
              ("estop", "--rig", TARGET, "-r", "{reason}"), asks=("reason",)),
    OrderKind("rig.thaw", "", "end a rig's stop", "end a rig's emergency stop", RIG, reasons.rig_stands,
              ("thaw", "--rig", TARGET), confirm=True, keeps="What stood still goes on, and interrupted agents are told to."),
    OrderKind("town.backup", "", "copy ledgers", "copy every ledger that changed to daemon/backups", TOWN, reasons.never,
              ("maintain", "backup")),
    OrderKind("town.tidy", "", "tidy repositories", "tidy the rigs' repositories; lost worktrees are saved under a ref", TOWN,
              reasons.never, ("maintain", "git")),
    OrderKind("act.undo", "ctrl+z", "undo", "take back something you did, here or elsewhere; the list says what cannot be", TOWN,
              reasons.never, ("undo", "{act}"), asks=("act",), choices=("undo", "--list", "--json")),
    OrderKind("mq.retry", "r", "retry", "clear a request's failure and requeue it", REQUEST,
              reasons.some_request, ("mq", "retry", "{rig}", TARGET)),
    OrderKind("mq.dequeue", "u", "take out of queue", "take a request out of the queue; its work stays in review", REQUEST,
              reasons.queued_request, ("mq", "dequeue", "{rig}", TARGET, "-r", "{reason}"), asks=("reason",)),
    OrderKind("mq.approve", "a", "approve", "approve just the commit that a request hands in", REQUEST, reasons.unapproved_request,
              ("mq", "approve", "{rig}", TARGET, "--commit", "{commit}"), confirm=True,
              keeps="It is merged once its gates are green. Another commit needs another approval.",
              preview=("mq", "approve", "{rig}", TARGET, "--dry-run"), binds=("commit",)),
    OrderKind("mq.withdraw", "", "withdraw approval", "withdraw the approval of a request: it is not merged without another",
              REQUEST, reasons.approved_request, ("mq", "approve", "{rig}", TARGET, "--withdraw")),
    OrderKind("mq.reject", "x", "reject", "reject a request with a reason; its bead reopens", REQUEST,
              reasons.some_request, ("mq", "reject", "{rig}", TARGET, "-r", "{reason}"), asks=("reason",)),
    OrderKind("mq.process", "P", "process now", "merge the rig's next batch now", RIG, reasons.idle_refinery,
              ("refinery", "process", TARGET, "--once")),
    OrderKind("mq.freeze", "", "stop merging", "end the tests that run, and merge nothing until gt mq thaw; all stays queued", RIG,
              reasons.moving_queue, ("mq", "freeze", TARGET, "--now"), confirm=True,
              keeps="The gates that run end now; what they had not said is tested again later. Every request stays in the queue and none "
              "is at fault. Nothing lands but a push that has begun, and nothing is merged until gt mq thaw."),
    OrderKind("mq.thaw", "", "merge again", "end a freeze: the rig's queue is merged again", RIG, reasons.frozen_queue,
              ("mq", "thaw", TARGET)),
    OrderKind("wanted.claim", "c", "claim", "claim the item for this town, and make a bead of it in a rig", WANTED, reasons.open_item,
              ("wl", "claim", ("--rig", "{rig}"), "--", TARGET), asks=("rig",), confirm=True,
              keeps="The claim is sent to the commons; the first that arrives there wins.",
              choices=("wl", "claim", "--choices", "--json", "--", TARGET)),
    OrderKind("wanted.unclaim", "u", "give back", "give the claim back: others may take the item", WANTED, reasons.claimed_here,
              ("wl", "unclaim", "--", TARGET), confirm=True, keeps="Its bead rests; the branch and every file stay."),
    OrderKind("wanted.done", "e", "hand in", "hand the item in with evidence; without words the commit that landed its bead", WANTED,
              reasons.claimed_here, ("wl", "done", ("--evidence", "{evidence}"), "--", TARGET), asks=("evidence",),
              optional=("evidence",), confirm=True),
    OrderKind("wanted.accept", "a", "accept", "accept what was handed in; figures from 0 to 5 stamp the work", WANTED, reasons.to_judge,
              ("wl", "accept", ("--quality", "{quality}"), ("--speed", "{speed}"), ("--complexity", "{complexity}"),
               ("--message", "{message}"), "--", TARGET),
              asks=("quality", "speed", "complexity", "message"), optional=("quality", "speed", "complexity", "message"), confirm=True),
    OrderKind("wanted.reject", "x", "send back", "send the work back to the town that handed it in", WANTED, reasons.to_judge,
              ("wl", "reject", "--", TARGET), confirm=True, keeps="The item is claimed again by the town that handed it in."),
    OrderKind("wanted.stamp", "*", "stamp", "say of another town's work how good it is", NEIGHBOUR, reasons.other_town,
              ("wl", "stamp", ("--quality", "{quality}"), ("--speed", "{speed}"), ("--complexity", "{complexity}"),
               ("--message", "{message}"), "--subject", TARGET),
              asks=("quality", "speed", "complexity", "message"), optional=("speed", "complexity", "message"), confirm=True),
    OrderKind("wasteland.sync", "y", "sync", "bring what other towns did, and send what was done here", TOWN, reasons.joined,
              ("wl", "sync"), confirm=True, keeps="Where both sides changed an item, the commons wins.", preview=("wl", "sync", "--dry-run")),
)  # fmt: skip

BY_ID = {kind.id: kind for kind in ORDERS}


def disabled_reason(kind: OrderKind, snapshot: TownSnapshot, subject: Subject) -> str:
    """Return why the order is not possible now; empty if it is. ``subject`` is the thing that it needs."""
    return kind.disabled_reason(snapshot, subject)


def order_for(kind: OrderKind, subject: Subject) -> Order:
    """Return the order of a kind about its subject, with the arguments that the subject supplies."""
    if isinstance(subject, AgentView):
        return Order(kind.id, subject.address.short, {"bead": subject.work.bead_id} if subject.work else {})
    if isinstance(subject, RequestView):
        return Order(
            kind.id, subject.id, {"rig": subject.rig, **({"commit": subject.commit} if subject.commit else {})}
        )
    if isinstance(subject, ConvoyView):
        return Order(kind.id, subject.id)
    if isinstance(subject, Incident):
        return Order(kind.id, subject.name)
    if isinstance(subject, Wanted):
        return Order(kind.id, subject.id)
    return Order(kind.id, subject or "")


def subject_of(kind: OrderKind, snapshot: TownSnapshot, target: str) -> Subject:
    """Return what an order is about by the name that a face sends, None if the town has no such thing.

    A bead, a wanted item, another town and the town itself need not be in the snapshot.
    """
    if kind.needs == AGENT:
        return next((one for one in snapshot.agents if target in (one.address.short, one.address.path)), None)
    if kind.needs == CONVOY:
        return snapshot.convoy(target)
    if kind.needs == REQUEST:
        return next((one for one in snapshot.requests if one.id == target), None)
    if kind.needs == INCIDENT:
        return next((one for one in snapshot.incidents if target in (one.name, one.key)), None)
    if kind.needs == RIG:
        return target if any(rig.name == target for rig in snapshot.rigs) else None
    if kind.needs == WANTED and snapshot.commons is not None:
        return next((one.item for one in snapshot.commons.to_judge if one.item.id == target), target)
    return target
