"""Type an agent's queued nudges: check whether that is allowed, take them, type them as one text, prove the delivery.

One at a time per session, across processes.  Text is only ever typed into an agent's prompt, never into a shell, a
dead pane, a question that Enter would answer or a person's draft; until then the nudges wait.
"""

from __future__ import annotations

import time
from functools import partial

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError
from gastown_core.files import spool
from gastown_core.files.points import point
from gastown_core.messaging import handover as way
from gastown_core.messaging.prompt_line import PromptLine
from gastown_core.messaging.proof import (
    ACCEPTED,
    LOOK_EVERY_S,
    STARTED,
    TYPED_WAY,
    TurnWatch,
    has_signals,
    proof_of,
    record_of,
)
from gastown_core.messaging.queue import NEXT, hold, ready_nudges, session_lock
from gastown_core.model.address import MAYOR
from gastown_core.model.record import Record
from gastown_core.runtimes.adapter import STARTING
from gastown_core.runtimes.arrivals import length_of
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.runtimes.launch import process_names
from gastown_core.runtimes.preset import QUEUED
from gastown_core.runtimes.screen import DRAFT, FAILED, LIMITED, READY
from gastown_core.runtimes.verdict import NO_PROMPT, STARTS, is_folded, is_in, is_same, may_type
from gastown_core.tmux.delivery import UnsubmittedError, deliver
from gastown_core.tmux.panes import find_pane
from gastown_core.tmux.processes import foreground_is
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import estop

KEYS = "GT_LOG_PROMPT_KEYS"
"""The opt-in by which telemetry may tell a prompt's words."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from gastown_core.clock import Clock
    from gastown_core.messaging.handover import Handover
    from gastown_core.messaging.proof import Proof
    from gastown_core.messaging.queue import QueuedNudge
    from gastown_core.messaging.target import AgentTarget
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer

LOST_AFTER_S = 15.0
"""How long an agent at an empty prompt may show no sign of a text before the text counts as lost; on a loaded machine a
program may take several seconds to run its hook, and a text typed again would arrive twice."""
UNSUBMITTED_S = 1.0
"""How long a text may be in the input row before its submit key counts as missing."""
STARTING_S = 3.0
"""How long an agent that has only reported its start is not idle, regardless of its screen."""
SETTLE_S = 1.0
"""How long a text that was just submitted may stay in the input row."""
SECOND_LOOK_S = 0.15
STILL_S = 5.0
"""How long a turn may draw nothing before it counts as stuck: working programs redraw their spinner every second."""
BUSY_NOW = "it is busy"
STILL_ON_ITS_WAY = "an earlier text is on its way to it"
UNKNOWABLE = "it was typed, and nobody can tell whether it was submitted"


class Attempt(Record):
    """The result of one attempt: the submitted ``handover``, else ``why`` nothing was submitted.

    ``nobody_reads``: no agent runs there, so it must be started first.  ``is_asked``: a person has to answer the agent's
    question first.
    """

    handover: Handover | None
    why: str = ""
    nobody_reads: bool = False
    is_asked: bool = False
    watch: TurnWatch | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the nudges that were submitted."""
        return self.handover.members if self.handover is not None else ()


class Typist(Record):
    """Types into one agent's session."""

    town_root: str
    target: AgentTarget
    server: TmuxServer
    clock: Clock = SYSTEM_CLOCK

    def attempt(self, *, only: str = "", now: bool = False, over: bool = False) -> Generator[str, None, Attempt]:
        """Type the queued nudges, or ``only`` that one; yields ``typed`` and ``submitted``, returns the Attempt.

        ``now`` types even during a turn, ``over`` even over a person's draft.  Raises ConflictError if others
        hold the session for 30 s, TmuxError.
        """
        with session_lock(self.town_root, self.target.session):
            attempt = yield from self._attempt(only, now, over)
        hold(self.town_root, self.target.session, attempt.why)
        return attempt

    def _attempt(self, only: str, now: bool, over: bool) -> Generator[str, None, Attempt]:
        pane, why = self._pane()
        watch = None if pane is None else self._watch(pane)
        undecided = self.recover(pane, watch)
        # also with nobody there: what has expired dies
        nudges = self._chosen(only)
        if pane is None or watch is None:
            return Attempt(None, why, nobody_reads=True)
        if not nudges:
            return Attempt(None)
        if undecided and not now:
            return Attempt(None, STILL_ON_ITS_WAY)
        if undecided:
            watch.let_settle(SETTLE_S)
        if may_type(watch.before, self.target.preset).is_asked:
            watch.look_again(SETTLE_S)
        why = self._refusal(pane, watch, now, over)
        if why:
            return Attempt(None, why, is_asked=may_type(watch.before, self.target.preset).is_asked)
        screens, session = self.target.preset.screens, self.target.session
        record = record_of(self.town_root, session, screens, pane.pid)
        handover = way.take(
            self.town_root,
            session,
            nudges,
            TYPED_WAY,
            record=record,
            offset=length_of(record),
            was_busy=may_type(watch.before, self.target.preset).effect != STARTS,
            clock=self.clock,
        )
        if handover is None:
            return Attempt(None, "somebody else took them just now")
        return (yield from self._type(pane, watch, handover))

    def _type(self, pane: Pane, watch: TurnWatch, handover: Handover) -> Generator[str, None, Attempt]:
        root, session = self.town_root, self.target.session
        prompt = self._prompt(pane)
        aside = watch.before.draft != ""
        why = prompt.set_aside() if aside else ""
        if why:
            way.give_back(root, session, handover)
            return Attempt(None, why)
        handover = way.reached(root, session, handover, way.TYPING, self.clock)
        submitted = False
        try:
            yield from self._deliver(pane, prompt, handover.text)
            handover = way.reached(root, session, handover, way.GIVEN, self.clock)
            submitted = True
        except UnsubmittedError as error:
            if is_in(prompt.read().draft, handover.text) and not prompt.take_back(handover.text):
                way.give_back(root, session, handover)
            # else it may have been submitted all the same, or stands there still: evidence and screen decide
            return Attempt(None, f"{error.what}: {error.why}")
        except DeliveryError as error:
            way.give_back(root, session, handover)
            return Attempt(None, f"{error.what}: {error.why}")
        finally:
            if aside:
                prompt.restore(submitted=submitted)
            self._tell_telemetry(handover.text, submitted)
        return Attempt(handover, watch=watch)

    def _tell_telemetry(self, text: str, submitted: bool) -> None:
        """Tell how long the typed prompt was; its words only where that is allowed."""
        told: dict[str, object] = {"session": self.target.session, "keys_len": len(text), "debounce_ms": 0}
        if spool.allows(self.town_root, KEYS):
            told["keys"] = text
        spool.spool(self.town_root, "prompt.send", told, error="" if submitted else "not submitted", clock=self.clock)

    def _deliver(self, pane: Pane, prompt: PromptLine, text: str) -> Iterator[str]:
        preset = self.target.preset
        checks = prompt.checks(text)
        checks["may_submit"] = partial(_patient, checks["may_submit"])
        for stage in deliver(
            self.server,
            pane,
            text,
            submit_key=preset.submit_key,
            is_agent=self._is_agent(pane),
            pause_s=0.0,
            **checks,
        ):
            point(f"nudge {stage}")
            yield stage

    def _prompt(self, pane: Pane) -> PromptLine:
        return PromptLine(self.server, pane.pane_id, self.target.preset)

    def prove(self, attempt: Attempt, wait_s: float, own: str = "") -> Iterator[Proof]:
        """Wait up to ``wait_s`` for proof of a submitted text; yields the proofs, and settles it once its turn has started.

        ``own`` is the nudge whose sender waits for it, so it needs no event.
        """
        handover, watch = attempt.handover, attempt.watch
        if handover is None or watch is None:
            return
        for proof in watch.follow(handover, wait_s):
            if proof.stage == STARTED:
                with session_lock(self.town_root, self.target.session):
                    way.settle(self.town_root, self.target.session, handover, proof.by, own=own, clock=self.clock)
            yield proof

    def _chosen(self, only: str) -> list[QueuedNudge]:
        nudges = ready_nudges(self.town_root, self.target.session, clock=self.clock)
        if only:
            return [nudge for nudge in nudges if nudge.name == only]
        if all(nudge.mode == NEXT for nudge in nudges) and self.target.preset.drains_at_turn_end:
            return []
        if self.target.preset.drains_at_turn_end:
            # its own hooks fetch the others with this turn
            return [nudge for nudge in nudges if nudge.mode != NEXT]
        return nudges

    def _pane(self) -> tuple[Pane | None, str]:
        """The pane in which the agent runs, else why there is none."""
        if not has_tmux():
            return None, "tmux is not installed"
        pane = find_pane(self.server, self.target.session)
        if pane is None:
            return None, f"session {self.target.session} is not running"
        if pane.dead:
            return None, "its program has ended"
        if not self._is_agent(pane)(pane.pid, pane.command):
            return None, f"{pane.command or 'another program'} is in the foreground, not the agent"
        return pane, ""

    def _watch(self, pane: Pane) -> TurnWatch:
        return TurnWatch(self.server, self.town_root, self.target.session, pane, self.target.preset.screens)

    def _refusal(self, pane: Pane, watch: TurnWatch, now: bool, over: bool) -> str:
        """Why nothing may be typed, empty if something may."""
        if estop.is_halted(self.town_root, self.target.rig) and self.target.address != MAYOR:
            return "an emergency stop is in force"
        verdict = may_type(watch.before, self.target.preset)
        if verdict.why and not (over and verdict.is_draft):
            return verdict.why
        if now:
            return ""
        if verdict.effect == QUEUED and self.clock.now() - pane.activity >= STILL_S:
            # it may never be idle again; the program keeps the text, which is all that can be done
            return ""
        if verdict.effect != STARTS:
            return BUSY_NOW
        if watch.before.kind == LIMITED:
            return f"it is limited: {watch.before.detail}"
        return "" if verdict.is_draft or self._is_idle(watch) else "it is not idle for certain"

    def _is_idle(self, watch: TurnWatch) -> bool:
        """Whether the agent is certainly idle: it reports so and shows its prompt, or shows its prompt twice."""
        if watch.before.kind not in (READY, FAILED):
            return False
        beat = read_heartbeat(self.town_root, self.target.session)
        said = beat.said if beat is not None else None
        if said is not None and said.state == STARTING:
            # its first prompt may be on the way into the row that stands empty now
            return self.clock.now() - said.at > STARTING_S and watch.screen().kind == READY
        if beat is not None and beat.state == "idle" and watch.before.kind == READY:
            return True
        time.sleep(SECOND_LOOK_S)
        return watch.screen().kind in (READY, FAILED)

    def recover(self, pane: Pane | None, watch: TurnWatch | None) -> int:
        """Settle texts that earlier takers submitted without settling them; returns how many stay undecided.

        The caller holds the session's lock.
        """
        root, session = self.town_root, self.target.session
        undecided = 0
        for handover in way.on_the_way(root, session):
            undecided += not self._decide(handover, pane, watch)
        way.return_orphans(root, session, self.clock.now())
        return undecided

    def _decide(self, handover: Handover, pane: Pane | None, watch: TurnWatch | None) -> bool:
        root, session, screens = self.town_root, self.target.session, self.target.preset.screens
        done = {one.name for one in way.deliveries(root, session)}
        if done.intersection(handover.members):
            way.settle(root, session, handover, "")
            return True
        if handover.stage == way.CLAIMED:
            # under the lock no live taker is between taking and typing
            way.give_back(root, session, handover)
            return True
        pid = pane.pid if pane is not None else 0
        proof = proof_of(root, session, screens, handover, pid)
        if proof.stage == STARTED:
            way.settle(root, session, handover, proof.by, clock=self.clock)
            return True
        if watch is None or pane is None:
            return self._decide_without(handover, pid)
        age = self.clock.now() - handover.at
        # under the lock no process is between typing and submitting any more
        is_forgotten = handover.stage == way.TYPING or age >= UNSUBMITTED_S
        if is_forgotten and self._stands_in_row(handover, watch):
            return self._submit(handover, pane)
        if proof.stage == ACCEPTED or age < LOST_AFTER_S:
            return False
        return self._decide_by_screen(handover, pane, watch)

    def _stands_in_row(self, handover: Handover, watch: TurnWatch) -> bool:
        """Whether the input row contains exactly this text, so that only its submit key is missing."""
        if watch.before.kind != DRAFT or handover.way != TYPED_WAY:
            return False
        draft = watch.before.draft
        return is_same(draft, handover.text) or (handover.stage == way.TYPING and is_folded(draft))

    def _submit(self, handover: Handover, pane: Pane) -> bool:
        """Press the submit key that an earlier taker did not press; the text stays undecided until it is proved."""
        if self._is_agent(pane)(pane.pid, pane.command):
            self.server.run("send-keys", "-t", pane.pane_id, self.target.preset.submit_key)
            way.reached(self.town_root, self.target.session, handover, way.GIVEN, self.clock)
        return False

    def _decide_without(self, handover: Handover, pid: int) -> bool:
        """The program has ended: texts without proof of arrival wait for the next program."""
        root, session = self.town_root, self.target.session
        if has_signals(root, session, self.target.preset.screens, handover, pid):
            way.give_back(root, session, handover)
        else:
            way.give_up(root, session, handover, "its program ended before anything showed that it arrived")
        return True

    def _decide_by_screen(self, handover: Handover, pane: Pane, watch: TurnWatch) -> bool:
        """No proof for a while: an agent at an empty prompt has not received it, or has finished it silently."""
        root, session = self.town_root, self.target.session
        if not self._is_idle(watch):
            return False
        if has_signals(root, session, self.target.preset.screens, handover, pane.pid):
            way.lost(root, session, handover, clock=self.clock)
        elif handover.stage == way.GIVEN:
            way.settle(root, session, handover, "screen: it left the input row", clock=self.clock)
        else:
            way.give_up(root, session, handover, UNKNOWABLE, clock=self.clock)
        return True

    def _is_agent(self, pane: Pane) -> Callable[[int, str], bool]:
        names = pane.process_names or process_names(self.target.preset)
        return lambda pid, command: foreground_is(pid, command, names)


def _patient(check: Callable[[], str]) -> str:
    """The check's result once the screen is drawn: a long text takes a program several redraws."""
    deadline = time.monotonic() + SETTLE_S
    while (why := check()) == NO_PROMPT and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return why
