"""Boot's triage: looks at the daemon and at the deacon's agent from outside, and restarts what died or hangs. Without a model.

The daemon's patrols watch everything but the daemon itself.  A person, or cron, runs this (``gt boot triage``); what it did
last is in ``deacon/dogs/boot/.boot-status.json`` (daemon-and-health.md section 4).
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds, format_span
from gastown_core.daemon import starting, supervisor
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.model.address import DEACON, MAYOR
from gastown_core.model.agent import Health
from gastown_core.model.daemon import DIED, LATE, NEVER, SILENT, STOPPED, DaemonView
from gastown_core.model.order import Order
from gastown_core.model.record import Record
from gastown_core.orders.perform import perform
from gastown_core.state.collect import collect
from gastown_core.town import daemon_note
from gastown_core.town.deacon_pause import read_pause
from gastown_core.town.settings import agent_has_role
from gastown_core.town.warrants import execute_pending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.model.snapshot import AgentView

START, RESTART, NUDGE, NOTHING, ERROR = "start", "restart", "nudge", "nothing", "error"
QUIET_S, SILENT_S = 300.0, 1200.0
"""A deacon without a sign of life for so long is asked, and for so long replaced, while work is under way."""
ASKED = "HEALTH_CHECK: work is under way, and you have shown no sign of life for a while. Go on with your patrol."


class TriageVerdict(Record):
    """What is to be done about the daemon, and why."""

    action: str
    why: str


def decide(daemon: DaemonView, now: float) -> TriageVerdict:
    """Return what a daemon in this condition needs; pure. One that was stopped, or never ran, is nobody's fault."""
    if daemon.state in (STOPPED, NEVER):
        return TriageVerdict(NOTHING, daemon.words(now))
    if daemon.state == DIED:
        return TriageVerdict(START, daemon.words(now))
    if daemon.state == SILENT and daemon.why:
        # another one could not write its state either, and would be ended for it
        return TriageVerdict(NOTHING, daemon.words(now))
    if daemon.state in (SILENT, LATE):
        return TriageVerdict(RESTART, daemon.words(now))
    return TriageVerdict(NOTHING, daemon.words(now))


def decide_deacon(deacon: AgentView | None, *, town_up: bool, has_work: bool, now: float) -> TriageVerdict:
    """Return what the deacon's agent needs; pure. None where the code has the role; that, or a town that is down, needs nothing.

    A deacon that only sleeps, because no work is under way, is left alone.
    """
    if deacon is None or not town_up:
        return TriageVerdict(NOTHING, "the daemon runs, and the code has the deacon's role")
    if deacon.health.state is Health.ZOMBIE:
        return TriageVerdict(RESTART, f"the deacon is dead: {deacon.health.reason}")
    if not deacon.pane_id:
        return TriageVerdict(START, "the deacon has no session, and its agent has the role")
    signs = (deacon.last_output_at, deacon.last_event.at if deacon.last_event is not None else None)
    silent_s = now - max((at for at in signs if at), default=now)
    if not has_work or silent_s < QUIET_S:
        return TriageVerdict(NOTHING, "the daemon runs, and the deacon gets on")
    words = f"work is under way, and the deacon has shown nothing for {format_span(silent_s)}"
    return TriageVerdict(NUDGE if silent_s < SILENT_S or deacon.attached else RESTART, words)


def _deacon(root: str, now: float) -> TriageVerdict:
    if not agent_has_role(root, DEACON):
        return decide_deacon(None, town_up=False, has_work=False, now=now)
    pause = read_pause(root)
    if pause is not None:
        return TriageVerdict(NOTHING, f"the deacon is {pause.words()}")
    town = collect(root)
    has_work = any(one.work is not None for one in town.agents)
    mayor = town.agent(MAYOR)
    town_up = mayor is not None and bool(mayor.running)
    return decide_deacon(town.agent(DEACON), town_up=town_up, has_work=has_work, now=now)


def _give(root: str, action: str, actor: str, clock: Clock) -> None:
    """Give the order that the deacon needs. Raises GastownError if it fails."""
    order = (
        Order("agent.nudge", DEACON, {"text": ASKED, "wait": "0"})
        if action == NUDGE
        else Order("agent.restart", DEACON)
    )
    said: list[str] = []
    if not perform(root, order, lambda one: said.append(one.detail or one.stage), clock=clock, by=actor):
        raise GastownError(f"the deacon could not be {'nudged' if action == NUDGE else 'restarted'}", said[-1])


def triage(root: str, *, actor: str, clock: Clock = SYSTEM_CLOCK, dry_run: bool = False) -> dict[str, object]:
    """Do what the daemon needs and record it; returns the record. A start that fails is in it as ``error``."""
    began = clock.now()
    daemon = daemon_note.view(root, began)
    verdict, target = decide(daemon, began), "daemon"
    if verdict.action == NOTHING and daemon.state not in (STOPPED, NEVER):
        verdict = found if (found := _deacon(root, began)).action != NOTHING else verdict
        target = DEACON if verdict.action != NOTHING else target
    told: dict[str, object] = {"started_at": format_seconds(began), "last_action": verdict.action, "target": target}
    told |= {"why": verdict.why, "error": ""}
    if dry_run:
        return told
    warrants = execute_pending(root, actor=actor, clock=clock)
    told |= {"warrants": warrants} if warrants else {}
    try:
        if target == DEACON:
            _give(root, verdict.action, actor, clock)
        elif verdict.action != NOTHING:
            if verdict.action == RESTART:
                starting.stop(root)
            told["pid"] = supervisor.begin(root)[0]
        if verdict.action != NOTHING:
            acted = {"patrol": "boot", "kind": target, "target": target, "order": verdict.action}
            append_event(root, "patrol_acted", actor, acted | {"reason": verdict.why, "ok": True}, clock=clock)
    except GastownError as error:
        told |= {"last_action": ERROR, "error": str(error)}
    told["completed_at"] = format_seconds(clock.now())
    private_folder(os.path.dirname(status_path(root)))
    write_json(status_path(root), told)
    return told


def status_path(root: str) -> str:
    """Return the path of the record of the last triage."""
    return os.path.join(root, "deacon", "dogs", "boot", ".boot-status.json")


def last_triage(root: str) -> dict[str, object]:
    """Return the record of the last triage, empty if there was none or it cannot be read."""
    try:
        return read_json(status_path(root)) or {}
    except GastownError:
        return {}
