"""Nudges: words to a running agent, with the proof that they arrived.

One nudge at a time per session, across processes.  Words reach an agent's prompt or nothing at all: a shell, a dead
pane, or a question that Enter would answer gets none, and the nudge waits in the agent's queue instead.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError, GastownError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.messaging.evidence import TurnWatch
from gastown_core.messaging.prompt_line import PromptLine
from gastown_core.messaging.queue import NORMAL, enqueue, queue_dir
from gastown_core.model.order import Receipt
from gastown_core.runtimes.launch import process_names
from gastown_core.runtimes.preset import Preset
from gastown_core.runtimes.screen import BUSY
from gastown_core.runtimes.verdict import may_type
from gastown_core.tmux.delivery import UnsubmittedError, deliver
from gastown_core.tmux.panes import find_pane
from gastown_core.tmux.processes import foreground_is
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.clock import Clock
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry
QUEUED, TYPED, SUBMITTED, TURN_STARTED, TURN_NOT_SEEN = "queued", "typed", "submitted", "turn started", "turn not seen"
NOT_TYPED = "not typed"
IMMEDIATE, QUEUE = "immediate", "queue"
MODES = (IMMEDIATE, QUEUE)
LOCK_S = 30.0
LOGGED_CHARS = 50


@dataclass(frozen=True, slots=True)
class AgentTarget:
    """Whom to nudge: canonical address path (``shop/polecats/opal``), its rig ("" for town roles), session, runtime."""

    address: str
    session: str
    preset: Preset
    rig: str = ""


def nudge(
    town_root: str,
    target: AgentTarget,
    text: str,
    sender: str,
    *,
    server: TmuxServer,
    mode: str = IMMEDIATE,
    priority: str = NORMAL,
    clock: Clock = SYSTEM_CLOCK,
    wait_s: float = 5.0,
) -> Iterator[Receipt]:
    """Give ``text`` to the agent; yields one receipt per stage reached, the last one ``final``.

    queued → typed → submitted → turn started | turn not seen.  If no agent is there to read it, the text is kept in
    the agent's queue and the final receipt is ``not typed`` with ``ok`` False and the reason.
    A nudge whose text is on the way is told to event log and town log.  Raises UsageError for empty text or an
    unknown mode; ConflictError if other nudges hold the session for 30 s; TmuxError.
    """
    if not text.strip():
        raise UsageError("the nudge has no text", "", 'gt nudge AGENT "words"')
    if mode not in MODES:
        raise UsageError(f"{mode!r} is no way to nudge", "", f"allowed: {', '.join(MODES)}")
    order = _Nudge(town_root, target, text, sender, server, priority, clock)
    return order.keep("kept for its next turn", ok=True) if mode == QUEUE else order.send(wait_s)


@dataclass(frozen=True, slots=True)
class _Nudge:
    """One nudge on its way."""

    town_root: str
    target: AgentTarget
    text: str
    sender: str
    server: TmuxServer
    priority: str
    clock: Clock

    def send(self, wait_s: float) -> Iterator[Receipt]:
        """Type it now, if an agent reads."""
        folder = queue_dir(self.town_root, self.target.session)
        private_folder(folder)
        yield self._receipt(QUEUED)
        with FileLock(os.path.join(folder, ".lock"), timeout_s=LOCK_S, name_holder=True):
            pane = find_pane(self.server, self.target.session) if has_tmux() else None
            watch = None if pane is None else self._watch(pane)
            refusal = self._refusal(pane, watch)
            if refusal or pane is None or watch is None:
                yield from self.keep(refusal, ok=False)
                return
            try:
                for stage in self._deliver(pane):
                    yield self._receipt(stage)
            except UnsubmittedError as error:
                line = PromptLine(self.server, pane.pane_id, self.target.preset)
                left = line.take_back(self._words)
                why = f"{error.what}; {left}" if left else error.what
                yield from self.keep(why, ok=False)
                return
            except DeliveryError as error:
                yield from self.keep(f"{error.what}: {error.why}", ok=False)
                return
        self._tell()
        yield self._final(watch, watch.wait(wait_s))

    def keep(self, why: str, *, ok: bool) -> Iterator[Receipt]:
        """Put it into the queue; the last receipt says why it was not typed."""
        try:
            enqueue(
                self.town_root,
                self.target.session,
                self.sender,
                self.text,
                priority=self.priority,
                clock=self.clock,
            )
        except GastownError as error:
            yield self._receipt(NOT_TYPED, f"{why}; not kept: {error}", ok=False, final=True)
            return
        if not ok:
            yield self._receipt(NOT_TYPED, f"{why}; kept in its queue", ok=False, final=True)
            return
        self._tell()
        yield self._receipt(QUEUED, why, final=True)

    def _watch(self, pane: Pane) -> TurnWatch:
        target = self.target
        return TurnWatch(self.server, self.town_root, target.session, pane.pane_id, target.preset.screens)

    def _refusal(self, pane: Pane | None, watch: TurnWatch | None) -> str:
        """Why nothing may be typed, empty if something may."""
        if not has_tmux():
            return "there is no tmux on this machine"
        if pane is None or watch is None:
            return f"session {self.target.session} is not running"
        if pane.dead:
            return "its program has ended"
        if not self._is_agent(pane)(pane.pid, pane.command):
            return f"{pane.command or 'another program'} is in the foreground, not the agent"
        return may_type(watch.before.screen, self.target.preset).why

    def _deliver(self, pane: Pane) -> Iterator[str]:
        preset = self.target.preset
        return deliver(
            self.server,
            pane,
            self._words,
            submit_key=preset.submit_key,
            is_agent=self._is_agent(pane),
            pause_s=0.0,
            **PromptLine(self.server, pane.pane_id, preset).checks(self._words),
        )

    @property
    def _words(self) -> str:
        """What is typed."""
        return f"[from {self.sender}] {self.text}"

    def _is_agent(self, pane: Pane) -> Callable[[int, str], bool]:
        names = pane.process_names or process_names(self.target.preset)
        return lambda pid, command: foreground_is(pid, command, names)

    def _tell(self) -> None:
        target = self.target
        payload = {"rig": target.rig, "target": target.address, "reason": self.text}
        append_event(self.town_root, "nudge", self.sender, payload, clock=self.clock)
        shown = self.text if len(self.text) <= LOGGED_CHARS else self.text[:LOGGED_CHARS] + "…"
        log_line(self.town_root, "nudge", target.address, f'nudged with "{shown}"', clock=self.clock)

    def _final(self, watch: TurnWatch, evidence: str) -> Receipt:
        if evidence:
            return self._receipt(TURN_STARTED, evidence, final=True)
        why = (
            "it was busy; the text waits in its input" if watch.before.screen.kind == BUSY else "no sign of a new turn"
        )
        return self._receipt(TURN_NOT_SEEN, why, final=True)

    def _receipt(self, stage: str, detail: str = "", *, ok: bool = True, final: bool = False) -> Receipt:
        return Receipt("agent.nudge", self.target.address, stage, detail, ok, final, self.clock.now())


def target_of(root: str, entry: RosterEntry) -> AgentTarget:
    """The nudge target of an agent; its runtime as noted in the session, else as the settings say."""
    pane = sessions.find_session(root, entry) if has_tmux() else None
    alias = pane.agent if pane is not None else ""
    try:
        chosen = sessions.choose_runtime(root, entry.address, alias)
    except NotFoundError:
        # the session was started with a runtime that the settings no longer name
        chosen = sessions.choose_runtime(root, entry.address)
    return AgentTarget(entry.address.path, entry.session, chosen.preset, entry.address.rig)
