"""One round of a patrol: look, open and close incidents, give the orders that are due, and say what was done."""

from __future__ import annotations

import os
import threading

from gastown_core.clock import format_seconds, format_span
from gastown_core.errors import GastownError, GitError, words_of
from gastown_core.events.log import append_event
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.record import Record
from gastown_core.model.town_event import TownEvent
from gastown_core.orders.perform import perform
from gastown_core.patrols.incidents import turn_of
from gastown_core.patrols.memory import ACTED, BACK_S, CHANGED, CLOSED, OPENED, Memory, read_memory
from gastown_core.patrols.patrol import AGENT, BOTH, Finding, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.model.incident import Incident
    from gastown_core.model.order import Receipt
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.patrols.patrol import Limits, Patrol

MOST_ACTS = 3
"""Orders of one round: a town that fell over is not set up again all at once."""
TOLD = "told"
"""The act of telling the role's agent."""
TOLD_S, MOMENT_S = 300.0, 60.0
"""The role's agent is told of one finding once in so long, and after so long of the next one on the same subject."""
WOKEN_S = 120.0
"""After the machine has slept nothing is told or done for so long."""
SIGHT = ("tmux", "heartbeats", "beads", "roster")
"""Sources without which a patrol does not see who is ill."""


class RoundReport(Record):
    """What one round found and did."""

    patrol: str
    at: float
    findings: tuple[Finding, ...]
    opened: tuple[Incident, ...]
    closed: tuple[Incident, ...]
    acted: tuple[tuple[Finding, bool, str], ...]
    blind: str = ""

    def words(self) -> str:
        """What it did in words, empty if nothing."""
        told = [f"opened {one.kind} of {', '.join(one.subjects)}: {one.cause}" for one in self.opened]
        for finding, ok, detail in self.acted:
            what = finding.remedy.kind if finding.remedy is not None else finding.kind
            told.append(f"{what} {finding.subject} {'done' if ok else 'failed: ' + detail}")
        told += [f"closed {one.kind} of {', '.join(one.subjects)}" for one in self.closed]
        return "; ".join(told)


class Watch:
    """Runs a town's patrols, with the memory that they share."""

    def __init__(self, root: str, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self._memory: Memory | None = None
        self._reading = threading.Lock()

    @property
    def memory(self) -> Memory:
        """What the log says, read at first use; what this process adds is folded in. Raises OSError."""
        with self._reading:
            if self._memory is None:
                self._memory = read_memory(self.root, self.clock.now())
            return self._memory

    def look(self, patrol: Patrol, town: TownSnapshot, limits: Limits) -> tuple[Finding, ...]:
        """Return what the patrol finds; nothing is changed."""
        return tuple(patrol.look(Look(town, self.memory, limits, self.clock.now(), patrol.rig)))

    def run(self, patrol: Patrol, town: TownSnapshot, limits: Limits, *, mode: str = "code") -> RoundReport:
        """Check, report new and settled findings, and give the orders that are due; a failed one is reported and retried."""
        now = self.clock.now()
        self.memory.forget_before(now - BACK_S)
        findings = self.look(patrol, town, limits)
        failed = town.source_error(*SIGHT)
        if 0 <= now - town.woke_at < WOKEN_S:
            # nobody got on while the machine slept: what is wrong will still be so in a while
            blind = f"the machine slept until {format_seconds(town.woke_at)}"
            return RoundReport(patrol.name, now, findings, (), (), (), blind)
        turn = turn_of(patrol.name, findings, self.memory.of(patrol.name), now, blind=failed is not None)
        for one in turn.opened:
            self._open(patrol, one)
        for one in turn.changed:
            self._change(patrol, one)
        for one in turn.closed:
            self._close(patrol, one, now)
        due = [one for one in findings if one.remedy is not None and failed is None]
        if mode == AGENT and due and self._hands_over(patrol, town, due, limits):
            due = [one for one in due if self._was_left(one, limits, now)]
        acted = tuple((one, *self._act(patrol, one)) for one in due[:MOST_ACTS])
        if mode == BOTH and acted:
            self._hands_over(patrol, town, [one for one, _, _ in acted], limits, is_done=True)
        blind = f"{failed.name}: {failed.error}" if failed is not None else ""
        return RoundReport(patrol.name, now, findings, turn.opened, turn.closed, acted, blind)

    def _tell(self, kind: str, actor: str, payload: dict[str, object]) -> None:
        now = self.clock.now()
        append_event(self.root, kind, actor, payload, clock=self.clock)
        self.memory.fold(TownEvent(now, kind, actor, payload, "feed", -1))

    def _open(self, patrol: Patrol, one: Incident) -> None:
        payload: dict[str, object] = {"incident": one.key, "patrol": patrol.name, "kind": one.kind, "cause": one.cause}
        payload |= {"subjects": list(one.subjects), "since": format_seconds(one.since), "target": one.subjects[0]}
        if one.escalated:
            from gastown_core.beads.ledger import TownLedger

            subject = f"{', '.join(one.subjects[:3])}: {one.cause}"
            # first, so that one that cannot be kept is tried again at the next look
            escalate(
                self.root,
                TownLedger(self.root),
                "high",
                subject,
                sender=patrol.actor,
                reason=one.cause,
                about=one.subjects[0],
                key=_key(one),
                clock=self.clock,
            )
        self._tell(OPENED, patrol.actor, payload | ({"escalated": True} if one.escalated else {}))

    def _change(self, patrol: Patrol, one: Incident) -> None:
        """Say who joined an incident and who left it."""
        before = self.memory.open[one.key].subjects
        payload: dict[str, object] = {"incident": one.key, "patrol": patrol.name, "kind": one.kind, "cause": one.cause}
        payload |= {"subjects": list(one.subjects), "target": one.subjects[0]}
        payload |= {"joined": [name for name in one.subjects if name not in before]}
        payload |= {"left": [name for name in before if name not in one.subjects]}
        self._tell(CHANGED, patrol.actor, payload)

    def _close(self, patrol: Patrol, one: Incident, now: float) -> None:
        lasted = format_span(max(0.0, now - one.since))
        payload: dict[str, object] = {"incident": one.key, "patrol": patrol.name, "kind": one.kind, "lasted": lasted}
        if one.escalated:
            from gastown_core.beads.ledger import TownLedger

            over = f"over after {lasted}"
            settle(self.root, TownLedger(self.root), _key(one), over, actor=patrol.actor, clock=self.clock)
        self._tell(CLOSED, patrol.actor, payload | {"subjects": list(one.subjects), "target": one.subjects[0]})

    def _act(self, patrol: Patrol, found: Finding) -> tuple[bool, str]:
        """Save what could be lost, give the order, and record both; whether it succeeded, and its last words."""
        order = found.remedy
        assert order is not None
        said: list[str] = []

        def notify(receipt: Receipt) -> None:
            said.append(receipt.detail or receipt.stage)

        try:
            saved = self._save(found)
            ok = perform(self.root, order, notify, clock=self.clock, by=patrol.actor)
        except (GastownError, OSError) as error:
            ok, saved = False, ""
            said.append(words_of(error))
        payload: dict[str, object] = {
            "patrol": patrol.name,
            "kind": found.kind,
            "target": found.subject,
            "order": order.kind,
        }
        payload |= {"bead": found.bead, "reason": found.cause, "ok": ok, "evidence": list(found.evidence)[:4]}
        payload |= {"saved": saved} if saved else {}
        self._tell(ACTED, patrol.actor, payload if ok else payload | {"error": said[-1] if said else ""})
        return ok, said[-1] if said else ""

    def _save(self, found: Finding) -> str:
        """Keep the worktree's state under a ref before its agent is ended; return the ref. Raises GitError."""
        order = found.remedy
        if order is None or order.kind == "agent.nudge" or not found.saves:
            return ""
        return keep_work(found.saves, found.subject, f"before {order.kind} by a patrol", self.clock.now())

    def _was_left(self, found: Finding, limits: Limits, now: float) -> bool:
        """Return whether the role's agent was told and has not acted in the time a remedy gets; then the code acts."""
        told = self.memory.acts_on(found.subject, now - limits.ladder_s, orders=(TOLD,))
        since = [one for one in told if one.kind == found.kind and one.at >= found.since]
        return bool(since) and now - since[0].at >= limits.patience_s

    def _is_told(self, found: Finding, limits: Limits, now: float) -> bool:
        """Return whether the role's agent knows of it: who was ill before, was cured and is ill again is told of again."""
        told = self.memory.acts_on(found.subject, now - TOLD_S, orders=(TOLD,))
        moment_s = min(MOMENT_S, limits.patience_s)
        return any(one.kind == found.kind and (one.at >= found.since or now - one.at < moment_s) for one in told)

    def _hands_over(
        self, patrol: Patrol, town: TownSnapshot, due: list[Finding], limits: Limits, *, is_done: bool = False
    ) -> bool:
        """Tell the role's own agent what was found, and what is next or was done, if it lives; whether it did."""
        agent = town.agent(patrol.agent)
        if agent is None or not agent.running:
            return False
        from gastown_core.model.order import Order

        fresh = [one for one in due if not self._is_told(one, limits, self.clock.now())]
        if not fresh:
            return True
        word = "the code has tried" if is_done else "next"
        lines = [f"{one.subject}: {one.cause}; {word}: {one.remedy.kind}" for one in fresh if one.remedy is not None]
        order = Order("agent.nudge", patrol.agent, {"text": "Patrol findings. " + ". ".join(lines), "wait": "0"})
        ok = perform(self.root, order, lambda _: None, clock=self.clock, by=patrol.actor)
        for one in fresh if ok else ():
            told = {"patrol": patrol.name, "kind": one.kind, "target": one.subject, "order": TOLD, "bead": one.bead}
            self._tell(ACTED, patrol.actor, told | {"reason": one.cause, "ok": True})
        return ok


def keep_work(folder: str, subject: str, why: str, now: float) -> str:
    """Keep a worktree's state under a ref and return that; empty if the folder is none. Raises GitError."""
    if not os.path.exists(os.path.join(folder, ".git")):
        return ""
    from gastown_core.git import checkpoints
    from gastown_core.git.repo import Git

    ref = checkpoints.save(Git(folder), subject.rpartition("/")[2], why, now)
    if not ref:
        raise GitError("its worktree could not be saved", f"git finds no commit in {folder}", "gt hook rollback --list")
    return ref


def _key(one: Incident) -> str:
    return f"patrol:{one.key}".replace(" ", "-")


WATCHES: dict[str, Watch] = {}


def watch_of(root: str, clock: Clock) -> Watch:
    """Return this process's watch over the town; its memory lasts as long as the process."""
    found = WATCHES.get(root)
    if found is None:
        found = WATCHES[root] = Watch(root, clock)
    return found
