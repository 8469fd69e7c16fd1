"""Prime: an agent's briefing at the start of a session: who it is, what is on its hook, what to do next.

A handoff note is closed once it has been given to the agent, so that it is not read again or taken for work; a briefing
that could not be given leaves it.
"""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.files.plain import open_plain
from gastown_core.messaging.handoff import read_marker, take_marker
from gastown_core.model.address import DEACON, MAYOR, POLECAT, REFINERY, WITNESS
from gastown_core.model.bead import CLOSED, OPEN, is_kind
from gastown_core.model.metadata import dispatch_words, read_rework
from gastown_core.model.record import Record
from gastown_core.town import start_plan
from gastown_core.town.discover import read_rigs
from gastown_core.town.identity import rig_prefix
from gastown_core.town.settings import agent_has_role
from gastown_core.work.hook import hook
from gastown_core.work.progress import read_progress
from gastown_core.work.roles import FRAME, ROLES
from gastown_core.work.sling.bases import rework_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.address import Address
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry


class Briefing(Record):
    """A briefing: the beacon line, the hooked work, the predecessor's notes, unread mail, the full text."""

    beacon: str
    work: tuple[Bead, ...]
    notes: tuple[Bead, ...]
    mail: int
    text: str


MOST_WRITTEN = 8000
"""Characters of an operator's file that are shown."""
DISPATCH_WORDS = {
    "review_only": "This is a review: say what you found, gt done hands it in without a merge.",
    "no_merge": "gt done pushes this branch and asks for a review; the town does not merge it.",
    "mode": "Work in rounds: try, check, fix, until every criterion holds.",
}
"""What flags of the sling mean to the worker."""


def brief(root: str, entry: RosterEntry, *, short: bool = False, clock: Clock = SYSTEM_CLOCK) -> Briefing:
    """Return an agent's briefing; ``short`` is for one that keeps its conversation: no role, no commands.

    Nothing is changed: ``given`` says that the agent has it.  Raises StoreError: an unreadable ledger is never shown as
    "no work".
    """
    from gastown_core.beads.ledger import TownLedger

    ledger = TownLedger(root)
    address = entry.address
    held = hook.hooked_work(ledger, address, rig_prefix(root, address.rig), mail=True)
    work = tuple(bead for bead in held if not is_kind(bead, "gt:message"))
    notes = tuple(bead for bead in held if is_kind(bead, "gt:message"))
    query = BeadQuery(
        labels_all=("gt:message",),
        labels_none=("read",),
        statuses=(OPEN,),
        assignees=hook.assignee_forms(address),
        exclude_statuses=(CLOSED,),
        include_wisps=True,
    )
    mail = ledger.store_for("hq-x").count(query)
    succeeded = read_marker(entry.work_dir)
    line = start_plan.beacon(address, "gt prime", "prime", clock.now(), work[0].id if work else "")
    steps = _step_lines(root, ledger, work)
    left = read_progress(entry, clock.now())
    if left is not None:
        steps = [*steps, "", "## Checkpoint", "", *left.lines()]
    escalations = [] if short else _escalation_lines(ledger, address)
    frame = [] if short else _frame(root, entry)
    idle = _nothing(root, entry, notes)
    text = "\n".join(_lines(entry, line, frame, work, idle, steps, notes, mail, succeeded, escalations, short=short))
    return Briefing(line, work, notes, mail, text)


def given(root: str, entry: RosterEntry, briefing: Briefing) -> None:
    """Close the notes of a briefing that the agent has, and remove the marker of its predecessor. Raises StoreError."""
    from gastown_core.beads.ledger import TownLedger

    take_marker(entry.work_dir)
    # mail that was hooked is work and stays until its reader archives it
    handoffs = [note for note in briefing.notes if "HANDOFF" in note.title.upper()]
    if handoffs:
        with TownLedger(root).store_for("hq-x").write(entry.address.path) as batch:
            for note in handoffs:
                batch.close(note.id, "read by the successor", force=True)


NORMAL, POST_HANDOFF, CRASH_RECOVERY, AUTONOMOUS = "normal", "post-handoff", "crash-recovery", "autonomous"


class Beginning(Record):
    """How a session begins; ``previous`` is the session that handed off, ``checkpoint_at`` 0 without a checkpoint."""

    state: str
    bead: str
    previous: str
    checkpoint_at: float


def state_of(root: str, entry: RosterEntry, *, clock: Clock = SYSTEM_CLOCK) -> Beginning:
    """Return how a session of this agent begins now; changes nothing. Raises StoreError.

    A handoff counts before a checkpoint, and a checkpoint before work on the hook.
    """
    from gastown_core.beads.ledger import TownLedger

    held = hook.hooked_work(TownLedger(root), entry.address, rig_prefix(root, entry.address.rig), mail=True)
    work = [bead for bead in held if not is_kind(bead, "gt:message")]
    is_noted = any("HANDOFF" in bead.title.upper() for bead in held if is_kind(bead, "gt:message"))
    left = read_progress(entry, clock.now())
    is_handed_off = is_noted or bool(read_marker(entry.work_dir))
    state = POST_HANDOFF if is_handed_off else CRASH_RECOVERY if left is not None else AUTONOMOUS if work else NORMAL
    previous = entry.session if is_handed_off else ""
    return Beginning(state, work[0].id if work else "", previous, left.at if left is not None else 0.0)


def _step_lines(root: str, ledger: TownLedger, work: tuple[Bead, ...]) -> list[str]:
    """Return the steps of the first bead, empty if it has no formula."""
    if not work:
        return []
    from gastown_core.molecules.attachment import checklist_for

    checklist = checklist_for(root, ledger, work[0])
    return ["", *checklist.lines()] if checklist is not None else []


def _escalation_lines(ledger: TownLedger, address: Address) -> list[str]:
    """Return the open escalations for the roles that answer them, the most urgent first."""
    if address.role not in (MAYOR, DEACON):
        return []
    from gastown_core.messaging.escalation import open_escalations

    found = open_escalations(ledger)
    if not found:
        return []
    rows = [f"{one.severity:<9} {one.id}  {one.title}" + (" (taken on)" if one.is_acked else "") for one in found[:10]]
    more = [f"and {len(found) - 10} more"] if len(found) > 10 else []
    return [
        "",
        "## Escalations",
        "",
        *rows,
        *more,
        "",
        "gt escalate show ID, then ack ID, close ID -r WHY, or forward ID",
    ]


def _frame(root: str, entry: RosterEntry) -> list[str]:
    """Return the role's text, the text for all agents, the rigs with their prefixes, and the operator's text for this role."""
    role = ROLES.get(entry.address.role)
    rigs = [f"{prefix}- is rig {rig}" for rig, prefix in read_rigs(root).items()]
    where = (
        f"Beads by prefix: {', '.join(['hq- is the town', *rigs])}. File a bead where its code is: bd create --rig RIG."
    )
    out = ["", *(role.duties if role is not None else ()), "", *FRAME, where]
    for path in _written_by_the_operator(root, entry):
        try:
            with open(open_plain(path), encoding="utf-8", errors="replace") as handle:
                text = handle.read(MOST_WRITTEN + 1)
        except OSError:
            # most towns have none
            continue
        cut = f"\n… (cut; the rest is in {path})" if len(text) > MOST_WRITTEN else ""
        out += ["", f"## {os.path.relpath(path, root)}", "", text[:MOST_WRITTEN].rstrip() + cut]
    return out


def _written_by_the_operator(root: str, entry: RosterEntry) -> list[str]:
    """The files that an operator may write for agents: directives of the town and of the rig, and the town's context."""
    name = f"{entry.address.role}.md"
    rig = [os.path.join(root, entry.address.rig, "directives", name)] if entry.address.rig else []
    return [os.path.join(root, "directives", name), *rig, os.path.join(root, "CONTEXT.md")]


def _lines(
    entry: RosterEntry,
    line: str,
    frame: list[str],
    work: tuple[Bead, ...],
    idle: str,
    steps: list[str],
    notes: tuple[Bead, ...],
    mail: int,
    succeeded: str,
    escalations: list[str],
    *,
    short: bool,
) -> list[str]:
    address = entry.address
    role = ROLES.get(address.role)
    task = role.task if role is not None and not short else ""
    out = [line, "", f"You are {address.path}. {task}".rstrip()]
    out += [f"Your folder: {entry.work_dir}", *frame]
    if succeeded:
        out += ["", f"You succeed a session that ended by {succeeded}. It is done; do not hand off again."]
    for note in notes:
        out += ["", f"## {note.title}", "", note.description.strip() or "(no text)"]
    out += ["", "## On your hook", ""]
    for bead in work[:3]:
        out += [f"{bead.id} [{bead.status}] {bead.title}", *_words_for(bead)]
        out += steps if bead is work[0] else []
    if not work:
        out += [idle, *steps]
    elif address.role == POLECAT:
        out += ["", "Run it now, without asking."]
    if mail:
        out += ["", f"{mail} unread message{'' if mail == 1 else 's'}."]
    out += escalations
    if short:
        return [*out, "", "gt prime tells your role and its commands again."]
    commands = role.commands if role is not None else ()
    return [*out, "", "## Commands", "", *(f"{words:<31}  {about}" for words, about in commands)]


def _nothing(root: str, entry: RosterEntry, notes: tuple[Bead, ...]) -> str:
    """What an empty hook means."""
    role = entry.address.role
    if notes:
        return "No bead. What the mail above asks is yours to do."
    if role in (DEACON, WITNESS, REFINERY) and agent_has_role(root, role):
        return f"Nothing yet. The role is yours (patrols.{role}.mode): begin a patrol with gt patrol new, then do its steps (gt prime shows them)."
    return "Nothing. Wait for orders."


def _words_for(bead: Bead) -> list[str]:
    out = []
    text = bead.description.strip()
    if text:
        out += ["", text[:2000] + (" …" if len(text) > 2000 else "")]
    criteria = bead.text("acceptance_criteria")
    if criteria:
        out += ["", "Accepted when:", criteria]
    dispatch = dispatch_words(bead)
    said = [dispatch[key] for key in ("subject", "message", "args") if dispatch.get(key)]
    if said:
        out += ["", f"Said when it was slung: {said[0]}", *said[1:]]
    out += [text for key, text in DISPATCH_WORDS.items() if dispatch.get(key)]
    back = read_rework(bead)
    return out + rework_lines(back) if back is not None else out
