"""An agent's health: a pure function from evidence to a state, its start, the reasons, and what comes next.

Evidence is ranked: the program's own record, its hooks, what it exports, our heartbeat, ledger and git, the process, and the
screen last.
Waiting for a person and a limit take precedence over work, even if work is newer by seconds, but a screen that was read
before the program's last report proves nothing.  A source that failed gives ``unknown``, never ``idle`` or ``zombie``.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.address import DEACON, MAYOR, REFINERY, WITNESS
from gastown_core.model.agent import Forecast, Health, HealthReport, Reason
from gastown_core.model.states import AgentState
from gastown_core.runtimes.adapter import (
    BLANK,
    BUSY,
    FAILED,
    HOOK,
    IDLE,
    LIMITED,
    SAID_SOURCES,
    STARTING,
    TITLE,
    TRANSCRIPT,
    WAITING,
    Said,
    is_limit,
)
from gastown_core.runtimes.exported import TELEMETRY
from gastown_core.state.evidence import Evidence, ProgressSign, Thresholds, last_progress
from gastown_core.state.other_evidence import is_our_word, with_the_rest

STANDING = (MAYOR, DEACON, WITNESS, REFINERY)
"""Roles that run permanently while the town is up."""


def classify(evidence: Evidence, limits: Thresholds, now: float) -> HealthReport:
    """The verdict of the first rule that applies, in the order of the table below."""
    for rule in _RULES:
        report = rule(evidence, limits, now)
        if report is not None:
            return report
    return _idle(evidence, limits, now)


def _badges(e: Evidence) -> tuple[str, ...]:
    found = list(e.badges)
    if e.elsewhere:
        found.append("no session")
    if e.muted:
        found.append("muted")
    if e.agent_state == AgentState.AWAITING_GATE:
        found.append("gate")
    return tuple(found)


def _ledger_failed(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not e.ledger_error:
        return None
    reason = Reason(f"its ledger cannot be read: {e.ledger_error}", "ledger", now)
    return HealthReport(Health.UNKNOWN, None, (reason,), None, _badges(e))


def _stopped(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Stopped on purpose: its work waits on the hook, without an alarm."""
    if not e.stopped or e.session is not False:
        return None
    sign = last_progress(e)
    waits = (Reason(f"{e.work_bead} waits on its hook", "ledger", e.work_since),) if e.work_bead else ()
    since = sign.at if sign is not None else None
    return HealthReport(
        Health.IDLE, since, (Reason(e.stopped, "ledger", since), *waits), None, (*_badges(e), "stopped")
    )


def _zombie(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    why = expected_alive(e, limits, now)
    if not why or e.tmux_error or e.session is None:
        return None
    if is_there(e):
        return None
    what = "session is gone" if not e.session else _death_text(e, limits)
    reasons = [Reason(what, "process", e.died_at), Reason(why, "ledger", e.work_since or None)]
    sign = last_progress(e)
    if sign is not None:
        reasons.append(Reason(sign.text, sign.source, sign.at))
    since = e.died_at or (sign.at if sign else None)
    return HealthReport(Health.ZOMBIE, since, tuple(reasons), None, _badges(e))


def is_there(e: Evidence) -> bool:
    """Whether it is alive as far as known, in a session started for the work on its hook."""
    return bool(e.session) and e.alive is not False and (e.for_work or not e.work_bead)


def _death_text(e: Evidence, limits: Thresholds) -> str:
    if e.alive is not False:
        return f"its session was never started for {e.work_bead}: the sling was interrupted"
    if e.exit_status is None and e.died_at is None:
        return "no agent process in its session"
    how = f"ended with status {e.exit_status}" if e.exit_status is not None else "was ended by a signal"
    # the last lines of a killed program are its screen, not a message
    said = f": {' / '.join(e.last_words)}" if e.last_words and e.exit_status is not None else ""
    if failed_to_start(e, limits):
        return f"agent process {how} {format_span(_lived_s(e))} after its start{said}"
    return f"agent process {how}{said}"


def failed_to_start(e: Evidence, limits: Thresholds) -> bool:
    """Whether its program ended too soon after its start to have come up."""
    return e.died_at is not None and e.started_at is not None and _lived_s(e) <= limits.start_grace_s


def _lived_s(e: Evidence) -> float:
    return max(0.0, (e.died_at or 0.0) - (e.started_at or 0.0))


def expected_alive(e: Evidence, limits: Thresholds, now: float) -> str:
    """Why the agent should be alive, in words; empty if nothing says so."""
    if e.off_duty or e.agent_state in (AgentState.DONE, AgentState.NUKED):
        return ""
    if e.agent_state == AgentState.SPAWNING and now - e.agent_state_at < limits.spawn_grace_s and not e.session:
        return ""
    if e.work_bead and not (e.session and e.for_work) and now - e.work_since < limits.start_grace_s:
        return ""
    if e.work_bead:
        return f"{e.work_bead} is on its hook"
    if e.agent_state in AgentState.ALIVE:
        return f"its record says {e.agent_state}"
    if e.standing and e.town_up and e.has_run:
        return "a permanent role, and the town is up"
    return "it was started just before that" if failed_to_start(e, limits) and e.exit_status != 0 else ""


def _tmux_failed(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not e.tmux_error or _fresh(e, limits, now):
        return None
    if not e.work_bead and not e.standing and e.agent_state not in AgentState.ALIVE:
        return None
    reason = Reason(f"tmux did not answer: {e.tmux_error}", "process", now)
    return HealthReport(Health.UNKNOWN, None, (reason,), None, _badges(e))


def _out_of_sight(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Work on the hook of an agent in a town without tmux that has never reported anything."""
    if not e.work_bead or e.has_run or e.session is not None or e.tmux_error:
        return None
    reasons = (
        Reason(f"{e.work_bead} is on its hook", "ledger", e.work_since or None),
        Reason("there is no tmux here and the agent has sent no heartbeat: it may never have been started", "process"),
    )
    return HealthReport(Health.UNKNOWN, e.work_since or None, reasons, None, _badges(e))


def _fresh(e: Evidence, limits: Thresholds, now: float) -> bool:
    return e.heartbeat is not None and now - e.heartbeat.at < limits.heartbeat_stale_s


def _is_there(e: Evidence) -> bool:
    """Alive, or at least not known to be dead."""
    return e.alive is not False and e.session is not False


def _waiting(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not _is_there(e):
        return None
    said, beat = e.said, e.heartbeat
    if said is not None and said.state == FAILED:
        return _person(e, Reason(f"its turn failed: {said.detail}", said.source, said.at))
    if said is not None and said.state == WAITING and not _was_answered(e, said):
        return _person(e, Reason(_asked_words(e, said), said.source, said.at))
    if beat is not None and beat.state in ("waiting", "stuck") and is_our_word(e, beat):
        words = beat.context or "waits for an answer"
        if beat.state == "stuck":
            words = "asked for help" + (f": {beat.context}" if beat.context else "")
        return _person(e, Reason(words, "heartbeat", beat.at))
    if e.agent_state in (AgentState.STUCK, AgentState.ESCALATED):
        return _person(e, Reason(f"asked for help: its record says {e.agent_state}", "ledger", e.agent_state_at))
    kind = _screen_kind(e)
    if e.screen is not None and kind in ASKING:
        return _person(e, Reason(e.screen[1] or ASKING[kind], "screen", e.last_output_at))
    return _no_prompt_yet(e, limits, now)


ASKING = {
    "permission": "asks for a permission",
    "dialog": "a dialog waits",
    "login": "wants a log-in",
    "failed": "its turn failed",
}
"""Screens that wait for a person → the reason if the screen gives no text."""


def _asked_words(e: Evidence, said: Said) -> str:
    """What it asks; a window's title tells only that it asks, and the screen what."""
    shown = e.screen[1] if e.screen is not None and _screen_kind(e) in ASKING else ""
    return (shown if said.source == TITLE else "") or said.detail or "waits for an answer"


def _was_answered(e: Evidence, said: Said) -> bool:
    """Whether a later reading of the screen shows that a hook's question was answered: no hook reports answers."""
    return (
        said.source == HOOK
        and e.screen_at is not None
        and e.screen_at > said.at + 1
        and _shows(e, "busy", "ready", "draft")
    )


def _shows(e: Evidence, *kinds: str) -> bool:
    return e.screen is not None and e.screen[0] in kinds


def _screen_kind(e: Evidence) -> str:
    """What the screen shows, empty if it was read before the program's last report."""
    if e.screen is None:
        return ""
    said = e.said
    if said is not None and said.state != STARTING and e.screen_at is not None and e.screen_at < said.at:
        return ""
    return e.screen[0]


def _no_prompt_yet(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """A program that should have come up, and shows neither its prompt nor a known question."""
    said = e.said
    if said is None or said.state != STARTING or not _shows(e, "unknown", "shell"):
        return None
    is_blank = e.screen is not None and e.screen[1] == BLANK
    if now - said.at < (limits.start_blank_s if is_blank else limits.start_dialog_s):
        return None
    guess = BLANK if is_blank else "perhaps it asks something, look at its screen"
    words = f"has not come up {format_span(now - said.at)} after its start: {guess}"
    return _person(e, Reason(words, said.source, said.at))


def _person(e: Evidence, reason: Reason) -> HealthReport:
    return HealthReport(Health.WAITING, reason.at, with_the_rest(e, reason), None, _badges(e))


def _limited(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not _is_there(e):
        return None
    said, beat = e.said, e.heartbeat
    if said is not None and said.state == LIMITED and now < limit_end(said, limits):
        known = said.until or (limit_end(said, limits) if said.is_final else 0.0)
        after = Health.STOPPED_SHORT if e.work_bead else Health.IDLE
        after = after if said.is_final else Health.WORKING
        forecast = Forecast(after, known) if known else None
        reason = Reason(said.detail or "rate limited", said.source, said.at)
        return HealthReport(Health.LIMITED, said.at, with_the_rest(e, reason), forecast, _badges(e))
    if beat is not None and beat.state == "limited" and is_our_word(e, beat) and (not beat.until or beat.until > now):
        forecast = Forecast(Health.WORKING, beat.until) if beat.until else None
        reason = Reason(beat.context or "rate limited", "heartbeat", beat.at)
        return HealthReport(Health.LIMITED, beat.at, with_the_rest(e, reason), forecast, _badges(e))
    if e.screen is not None and _screen_kind(e) == "limited" and not _works_again(e, limits, now):
        reason = Reason(e.screen[1] or "its screen shows a rate limit", "screen", e.last_output_at)
        forecast = Forecast(Health.WORKING, e.screen_until) if e.screen_until > now else None
        return HealthReport(Health.LIMITED, e.last_output_at, with_the_rest(e, reason), forecast, _badges(e))
    return None


def _refused(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Its last request was refused, as it exported, and its record tells of no end of the turn: it tries again."""
    told = e.exported
    if told is None or e.said is None or e.said.state != BUSY or not _is_there(e):
        return None
    end = told.error_at + limits.limit_held_s
    if not (told.is_refused and is_limit(told.error) and e.said.at <= told.error_at and now < end):
        return None
    reason = Reason(told.error, TELEMETRY, told.error_at)
    forecast = Forecast(Health.WORKING, end)
    return HealthReport(Health.LIMITED, told.error_at, with_the_rest(e, reason), forecast, _badges(e))


def limit_end(said: Said, limits: Thresholds) -> float:
    """When a limit that a program reported ends: as reported, else some time after it ended the turn, else never."""
    return said.until or (said.at + limits.limit_held_s if said.is_final else float("inf"))


def _works_again(e: Evidence, limits: Thresholds, now: float) -> bool:
    """Whether the limit on the screen is old: since then the agent has reported work, or how its turn ended."""
    if e.said is not None and e.said.state in (IDLE, LIMITED, FAILED) and e.said.source in (HOOK, TRANSCRIPT):
        return True
    beat = e.heartbeat
    return beat is not None and is_our_word(e, beat) and beat.state == "working" and _fresh(e, limits, now)


def _stopped_short(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """The turn has ended with work still on the hook: the agent continues only after a nudge."""
    if not e.work_bead or e.muted or e.agent_state == AgentState.AWAITING_GATE or not _is_there(e):
        return None
    end = _turn_end(e, limits)
    if end is None:
        return None
    gupp_at = end.at + (limits.ralph_gupp_s if e.ralph else limits.gupp_s) if end.at else now
    # the agent is nudged at once about work hooked after its turn ended; only the program itself says exactly
    # when that was
    is_certain = end.source in SAID_SOURCES and e.work_since <= (end.at or 0.0)
    due = max(end.at or 0.0, 0.0 if is_certain else e.work_since + limits.start_grace_s)
    if now >= gupp_at:
        return None
    if now < due + limits.turn_settle_s:
        forecast = Forecast(Health.STOPPED_SHORT, due + limits.turn_settle_s)
        return HealthReport(Health.WORKING, e.work_since or end.at, with_the_rest(e, end), forecast, _badges(e))
    reasons = with_the_rest(e, end, Reason(f"{e.work_bead} is still on its hook", "ledger", e.work_since or None))
    return HealthReport(Health.STOPPED_SHORT, end.at, reasons, Forecast(Health.GUPP, gupp_at), _badges(e))


def _turn_end(e: Evidence, limits: Thresholds) -> Reason | None:
    """The end of its last turn, by the best evidence about turns; None if a turn may be under way."""
    said, beat = e.said, e.heartbeat
    if said is not None and said.state != STARTING:
        is_over = said.is_final and said.state in (IDLE, LIMITED)
        return Reason("its turn ended", said.source, said.at) if is_over else None
    if beat is not None and is_our_word(e, beat):
        return Reason("its turn ended", "heartbeat", beat.at) if beat.state == "idle" else None
    if _shows(e, "ready", "draft") and e.last_output_at is not None:
        return Reason("rests at its prompt", "screen", e.last_output_at + READY_SETTLE_S)
    return None


READY_SETTLE_S = 10.0
"""How long the output must be quiet before a prompt alone proves that the turn is over."""


def _at_work(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Hooked work: working, stalled or GUPP by the time since the last progress."""
    if not e.work_bead:
        return None
    sign = last_progress(e)
    at = max(sign.at if sign else 0.0, e.work_since)
    quiet = now - at
    stalled_s, gupp_s = (limits.ralph_stalled_s, limits.ralph_gupp_s) if e.ralph else (limits.stalled_s, limits.gupp_s)
    if _is_in_a_turn(e, limits, now) and stalled_s < limits.long_turn_s:
        stalled_s, gupp_s = limits.long_turn_s, gupp_s - stalled_s + limits.long_turn_s
    reasons = _work_reasons(e, sign, limits, now)
    held = e.muted or e.agent_state == AgentState.AWAITING_GATE
    if held or quiet < stalled_s:
        forecast = None if held else Forecast(Health.STALLED, at + stalled_s)
        return HealthReport(Health.WORKING, e.work_since or at, reasons, forecast, _badges(e))
    quiet_reason = Reason(f"no progress for {format_span(quiet)}", sign.source if sign else "ledger", at)
    if quiet < gupp_s:
        return HealthReport(
            Health.STALLED, at + stalled_s, (quiet_reason, *reasons), Forecast(Health.GUPP, at + gupp_s), _badges(e)
        )
    return HealthReport(Health.GUPP, at + gupp_s, (quiet_reason, *reasons), None, _badges(e))


def _is_in_a_turn(e: Evidence, limits: Thresholds, now: float) -> bool:
    """Whether its program says that a turn is under way, or shows one, and has printed or exported something lately."""
    says = e.said.state == BUSY if e.said is not None else _screen_kind(e) == "busy"
    lives_at = max(e.last_output_at or 0.0, e.exported.at if e.exported is not None else 0.0)
    return says and e.alive is not False and now - lives_at < limits.stalled_s


def _work_reasons(e: Evidence, sign: ProgressSign | None, limits: Thresholds, now: float) -> tuple[Reason, ...]:
    reasons = [Reason(sign.text, sign.source, sign.at)] if sign is not None else []
    beat = e.heartbeat
    if beat is not None and now - beat.at >= limits.heartbeat_stale_s:
        reasons.append(Reason(f"heartbeat {format_span(now - beat.at)} old", "heartbeat", beat.at))
    if e.elsewhere:
        reasons.append(Reason(f"lives as process {e.elsewhere}, but tmux lists no session of it", "process"))
    elif e.session is None:
        reasons.append(Reason("no session to look at: liveness unknown", "process"))
    elif e.last_output_at is not None:
        silent = now - e.last_output_at
        reasons.append(Reason(_output_words(silent, limits), "process", e.last_output_at))
    return with_the_rest(e, *reasons)


def _output_words(silent: float, limits: Thresholds) -> str:
    """How long nothing was printed; without a figure in the first minute, since that would change at every reading."""
    if silent >= limits.hung_s:
        return f"hung: alive, but no output for {format_span(silent)}"
    return f"last output {format_span(silent)} ago" if silent >= 60 else "last output less than a minute ago"


def _busy_without_hook(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """A mayor or witness in a turn is working too, though nothing is on its hook."""
    if not _is_there(e):
        return None
    said, beat = e.said, e.heartbeat
    reason = None
    if said is not None and said.state != STARTING:
        is_busy = said.state == BUSY or (said.state == IDLE and not said.is_final)
        reason = Reason(said.detail or "in a turn", said.source, said.at) if is_busy else None
    elif beat is not None and beat.state == "working" and _fresh(e, limits, now):
        reason = Reason(beat.context or "in a turn", "heartbeat", beat.at)
    elif _screen_kind(e) == "busy":
        reason = Reason("its screen shows a turn under way", "screen", e.last_output_at)
    if reason is None:
        return None
    return HealthReport(Health.WORKING, reason.at, with_the_rest(e, reason), None, _badges(e))


def _starting(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """A program that has reported nothing yet and shows no input row: it cannot be told whether it will take a text."""
    said = e.said
    if said is None or said.state != STARTING or not _is_there(e) or e.off_duty:
        return None
    if e.screen is not None and not _shows(e, "unknown", "shell"):
        return None
    return HealthReport(Health.UNKNOWN, said.at, (Reason("is starting", said.source, said.at),), None, _badges(e))


def _idle(e: Evidence, limits: Thresholds, now: float) -> HealthReport:
    badges = _badges(e)
    sign = last_progress(e)
    since = sign.at if sign is not None else None
    if e.off_duty:
        return HealthReport(Health.IDLE, since, (Reason(e.off_duty, "ledger"),), None, badges)
    if e.session is False or e.alive is False:
        ended = (Reason(_death_text(e, limits), "process", e.died_at),) if e.died_at is not None else ()
        reasons = (Reason("no work and no session", "ledger"), *ended)
        return HealthReport(Health.IDLE, since, reasons, None, (*badges, "offline"))
    return HealthReport(Health.IDLE, since, with_the_rest(e, Reason("nothing on its hook", "ledger")), None, badges)


_RULES = (
    _ledger_failed,
    _stopped,
    _zombie,
    _tmux_failed,
    _out_of_sight,
    _waiting,
    _limited,
    _refused,
    _stopped_short,
    _at_work,
    _busy_without_hook,
    _starting,
)
"""The order of the rules; the first that returns a verdict decides."""
