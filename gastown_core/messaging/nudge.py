"""Nudges: messages to a running agent, with proof that they arrived.

Every nudge goes through the agent's queue, so that it survives its sender.  If text may be typed into the agent, that
happens at once; if not, the nudge waits, and its receipt says why.
"""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import UsageError
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.messaging import handover as way
from gastown_core.messaging.proof import ACCEPTED, STARTED
from gastown_core.messaging.queue import IDLE, MODES, NEXT, NORMAL, NOW, enqueue
from gastown_core.messaging.target import AgentTarget
from gastown_core.messaging.typist import LOST_AFTER_S, Typist
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gastown_core.clock import Clock
    from gastown_core.messaging.typist import Attempt
    from gastown_core.tmux.server import TmuxServer

QUEUED, TYPED, SUBMITTED, TURN_STARTED, TURN_NOT_SEEN = "queued", "typed", "submitted", "turn started", "turn not seen"
NOT_TYPED, DROPPED = "not typed", "not delivered"
ALIASES = {"immediate": NOW, "wait-idle": IDLE, "queue": NEXT}
"""Older names of the modes."""
PROOF_S = 5.0
"""How long to wait for proof of a submitted text."""
LOOK_EVERY_S = 0.2
TRY_EVERY_S = 2.0
LOGGED_CHARS = 50
NOT_SEEN = "no sign of this text yet; the town goes on looking"
AT_NEXT_TURN = "it reads it at its next turn"


def mode_of(word: str) -> str:
    """The mode of that name or older name. Raises UsageError."""
    mode = ALIASES.get(word, word)
    if mode not in MODES:
        raise UsageError(f"{word!r} is not a nudge mode", "", f"allowed: {', '.join((*MODES, *ALIASES))}")
    return mode


def nudge(
    town_root: str,
    target: AgentTarget,
    text: str,
    sender: str,
    *,
    server: TmuxServer,
    mode: str = IDLE,
    priority: str = NORMAL,
    about: str = "",
    over: bool = False,
    clock: Clock = SYSTEM_CLOCK,
    proof_s: float = PROOF_S,
    wait_s: float = 0.0,
) -> Iterator[Receipt]:
    """Give ``text`` to the agent; yields one receipt per stage reached, the last one ``final``.

    queued → typed → submitted → (accepted →) turn started | turn not seen.  A nudge that may not be typed yet waits,
    and its last receipt is ``queued`` with the reason; one that is to go ``now``, that nobody is there to read, or that
    waits for a person's answer to the agent's question, is ``not typed`` with ``ok`` False.  ``over`` puts a person's draft aside for it.  A submitted text is followed for
    ``proof_s``, one that waits for ``wait_s``.

    Raises UsageError for empty text or an unknown mode; ConflictError for a full queue, or if other nudges hold the
    session for 30 s; StoreError if it cannot be kept; TmuxError.
    """
    if not text.strip():
        raise UsageError("the nudge has no text", "", 'gt nudge AGENT "words"')
    order = _Nudge(town_root, target, text, sender, server, mode_of(mode), priority, about, over, clock)
    return order.send(proof_s, wait_s)


class _Nudge(Record):
    """One nudge on its way."""

    town_root: str
    target: AgentTarget
    text: str
    sender: str
    server: TmuxServer
    mode: str
    priority: str
    about: str
    over: bool
    clock: Clock

    def send(self, proof_s: float, wait_s: float) -> Iterator[Receipt]:
        """Queue it, type it if allowed, and wait for proof."""
        path = enqueue(
            self.town_root,
            self.target.session,
            self.sender,
            self.text,
            priority=self.priority,
            mode=self.mode,
            about=self.about,
            target=self.target.address,
            rig=self.target.rig,
            clock=self.clock,
        )
        name = os.path.basename(path)
        deadline = time.monotonic() + wait_s
        if self.mode == NEXT and self.target.preset.drains_at_turn_end:
            self._tell(name)
            yield self._receipt(QUEUED, AT_NEXT_TURN, final=wait_s <= 0)
            yield from self._follow(name, deadline, AT_NEXT_TURN)
            return
        yield self._receipt(QUEUED)
        attempt = yield from self._typed(name, now=self.mode == NOW)
        if name in attempt.members:
            self._tell()
            yield from self._prove(name, attempt, max(deadline, time.monotonic() + proof_s))
        else:
            yield from self._not_typed(name, attempt, deadline)

    def _typist(self) -> Typist:
        return Typist(self.town_root, self.target, self.server, self.clock)

    def _typed(self, name: str, *, now: bool) -> Generator[Receipt, None, Attempt]:
        """Make one attempt, yielding its stages as receipts; returns the Attempt."""
        stages = self._typist().attempt(only=name if now else "", now=now, over=self.over)
        while True:
            try:
                stage = next(stages)
            except StopIteration as done:
                found: Attempt = done.value
                return found
            yield self._receipt(stage)

    def _prove(self, name: str, attempt: Attempt, deadline: float) -> Iterator[Receipt]:
        """Wait for proof of the submitted text; without any after a while, check where it is and maybe type it again."""
        accepted = ""
        wait_s = min(max(0.0, deadline - time.monotonic()), LOST_AFTER_S)
        for proof in self._typist().prove(attempt, wait_s, own=name):
            if proof.stage == STARTED:
                yield self._receipt(TURN_STARTED, proof.by, final=True)
                return
            accepted = f"{proof.by} shows it; it is read when its turn allows"
            yield self._receipt(ACCEPTED, accepted)
        if deadline > time.monotonic():
            yield from self._follow(name, deadline, accepted or NOT_SEEN, ACCEPTED if accepted else TURN_NOT_SEEN)
        elif accepted:
            yield self._receipt(ACCEPTED, accepted, final=True)
        else:
            yield self._receipt(TURN_NOT_SEEN, NOT_SEEN, final=True)

    def _not_typed(self, name: str, attempt: Attempt, deadline: float) -> Iterator[Receipt]:
        """Report why it waits, and follow it if asked to."""
        # a person has to start it, or to answer it: waiting here does neither
        needs_person = attempt.nobody_reads or attempt.is_asked
        is_last = deadline <= time.monotonic() or needs_person
        if needs_person or self.mode == NOW:
            why = f"{attempt.why}; kept in its queue"
            yield self._receipt(NOT_TYPED, why, ok=False, final=is_last)
        else:
            why = attempt.why or "others go first"
            self._tell(name)
            yield self._receipt(QUEUED, why, final=is_last)
        if not is_last:
            yield from self._follow(name, deadline, why)

    def _follow(self, name: str, deadline: float, why: str, stage: str = QUEUED) -> Iterator[Receipt]:
        """Follow its state until the deadline, and retry if no other process does."""
        if deadline <= time.monotonic():
            return
        next_try = time.monotonic() + TRY_EVERY_S
        while time.monotonic() < deadline:
            fate, words = way.fate_of(self.town_root, self.target.session, name)
            ended = self._ended(fate, words)
            if ended is not None:
                yield ended
                return
            if fate == way.ON_THE_WAY:
                # somebody else gave it; an attempt looks for the proof
                next_try = 0.0
            time.sleep(min(LOOK_EVERY_S, max(0.0, deadline - time.monotonic())))
            if (self.mode != NEXT or not next_try) and time.monotonic() >= next_try:
                attempt = yield from self._typed(name, now=False)
                if name in attempt.members:
                    yield from self._prove(name, attempt, deadline)
                    return
                if fate == way.WAITS:
                    why, stage = attempt.why or why, QUEUED
                next_try = time.monotonic() + TRY_EVERY_S
        yield self._receipt(stage, f"it still waits: {why}" if stage == QUEUED else why, final=True)

    def _ended(self, fate: str, words: str) -> Receipt | None:
        if fate == way.DELIVERED:
            return self._receipt(TURN_STARTED, words, final=True)
        if fate == way.DEAD:
            return self._receipt(DROPPED, words, ok=False, final=True)
        return None

    def _tell(self, queued: str = "") -> None:
        """Log the nudge; ``queued`` is its name in the queue, where it still waits there."""
        target = self.target
        payload = {"rig": target.rig, "target": target.address, "reason": self.text}
        payload |= {"id": queued} if queued else {}
        append_event(self.town_root, "nudge", self.sender, payload, clock=self.clock)
        shown = self.text if len(self.text) <= LOGGED_CHARS else self.text[:LOGGED_CHARS] + "…"
        log_line(self.town_root, "nudge", target.address, f'nudged with "{shown}"', clock=self.clock)

    def _receipt(self, stage: str, detail: str = "", *, ok: bool = True, final: bool = False) -> Receipt:
        return Receipt("agent.nudge", self.target.address, stage, detail, ok, final, self.clock.now())
