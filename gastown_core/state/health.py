"""How an agent is: a pure function from evidence to a state, since when, why, and what comes next.

Evidence is ranked: the runtime's own hooks and the heartbeat, then the ledger and git, then the process, and the
screen last.  A source that failed gives ``unknown``, never ``idle`` or ``zombie``.  Rules and thresholds:
feed-and-events.md section 5.1.
"""

from __future__ import annotations

from gastown_core.clock import format_span
from gastown_core.model.address import DEACON, MAYOR, REFINERY, WITNESS
from gastown_core.model.agent import Forecast, Health, HealthReport, Reason
from gastown_core.model.record import Record
from gastown_core.runtimes.heartbeat import Heartbeat

LIVE_STATES = frozenset(("spawning", "working", "running"))
"""Values of agent_state that promise a living session."""
STANDING = (MAYOR, DEACON, WITNESS, REFINERY)
"""Roles that are there while the town is up."""


class Thresholds(Record):
    """Spans in seconds, and how many workers a bead may cost; defaults of town-and-agents.md section 11."""

    stalled_s: float = 900.0
    gupp_s: float = 1800.0
    ralph_stalled_s: float = 7200.0
    ralph_gupp_s: float = 14400.0
    hung_s: float = 1800.0
    heartbeat_stale_s: float = 180.0
    spawn_grace_s: float = 300.0
    most_deaths: int = 3
    start_grace_s: float = 15.0
    """Work this fresh may stand on the hook before its session does: a sling makes one after the other."""


class ProgressSign(Record):
    """One sign of progress: when, what, and where it was read."""

    at: float
    text: str
    source: str


class Evidence(Record):
    """All that is known of one agent at one moment.

    ``session`` and ``alive`` are None where nothing is known; ``tmux_error`` says why if tmux failed to answer,
    and stays empty in a town without tmux.  ``screen`` is (kind, detail) of the last reading of its pane.
    ``stopped`` says that its session was ended on purpose, in words.  ``elsewhere`` is the process of an agent that lives
    and that tmux does not list; ``for_work`` False says that its session was not started for the work on its hook;
    ``has_run`` False that no event or heartbeat shows that it ever had a session.
    """

    standing: bool = False
    town_up: bool = False
    has_run: bool = True
    off_duty: str = ""
    work_bead: str = ""
    work_since: float = 0.0
    progress: tuple[ProgressSign, ...] = ()
    agent_state: str = ""
    agent_state_at: float = 0.0
    session: bool | None = None
    alive: bool | None = None
    exit_status: int | None = None
    died_at: float | None = None
    last_output_at: float | None = None
    heartbeat: Heartbeat | None = None
    screen: tuple[str, str] | None = None
    tmux_error: str = ""
    ledger_error: str = ""
    muted: bool = False
    ralph: bool = False
    stopped: str = ""
    elsewhere: int = 0
    for_work: bool = True
    badges: tuple[str, ...] = ()


def classify(evidence: Evidence, limits: Thresholds, now: float) -> HealthReport:
    """The verdict: the first rule that speaks, in the order of the table below."""
    for rule in _RULES:
        report = rule(evidence, limits, now)
        if report is not None:
            return report
    return _idle(evidence, limits, now)


def last_progress(evidence: Evidence) -> ProgressSign | None:
    """The newest sign of progress, None if there is none."""
    return max(evidence.progress, key=lambda sign: sign.at, default=None)


def _badges(e: Evidence) -> tuple[str, ...]:
    found = list(e.badges)
    if e.elsewhere:
        found.append("no session")
    if e.muted:
        found.append("muted")
    if e.agent_state == "awaiting-gate":
        found.append("gate")
    return tuple(found)


def _ledger_failed(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not e.ledger_error:
        return None
    reason = Reason(f"its ledger cannot be read: {e.ledger_error}", "ledger", now)
    return HealthReport(Health.UNKNOWN, None, (reason,), None, _badges(e))


def _stopped(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Ended on purpose: its work waits on the hook, and nobody is to be alarmed."""
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
    what = "session is gone" if not e.session else _death_text(e)
    reasons = [Reason(what, "process", e.died_at), Reason(why, "ledger", e.work_since or None)]
    sign = last_progress(e)
    if sign is not None:
        reasons.append(Reason(sign.text, sign.source, sign.at))
    since = e.died_at or (sign.at if sign else None)
    return HealthReport(Health.ZOMBIE, since, tuple(reasons), None, _badges(e))


def is_there(e: Evidence) -> bool:
    """Whether it lives, as far as known, and is there for the work on its hook."""
    return bool(e.session) and e.alive is not False and (e.for_work or not e.work_bead)


def _death_text(e: Evidence) -> str:
    if e.alive is not False:
        return f"its session was never started for {e.work_bead}: the sling was cut off"
    if e.exit_status is not None:
        return f"agent process ended with status {e.exit_status}"
    return "no agent process in its session"


def expected_alive(e: Evidence, limits: Thresholds, now: float) -> str:
    """Why the agent should be alive, in words; empty if nothing promises it."""
    if e.off_duty or e.agent_state in ("done", "nuked"):
        return ""
    if e.agent_state == "spawning" and now - e.agent_state_at < limits.spawn_grace_s and not e.session:
        return ""
    if e.work_bead and not (e.session and e.for_work) and now - e.work_since < limits.start_grace_s:
        return ""
    if e.work_bead:
        return f"{e.work_bead} is on its hook"
    if e.agent_state in LIVE_STATES:
        return f"its record says {e.agent_state}"
    if e.standing and e.town_up and e.has_run:
        return "a standing role, and the town is up"
    return ""


def _tmux_failed(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not e.tmux_error or _fresh(e, limits, now):
        return None
    if not e.work_bead and not e.standing and e.agent_state not in LIVE_STATES:
        return None
    reason = Reason(f"tmux did not answer: {e.tmux_error}", "process", now)
    return HealthReport(Health.UNKNOWN, None, (reason,), None, _badges(e))


def _out_of_sight(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Work on the hook of an agent in a town without tmux, from whom nothing was ever heard."""
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
    """Alive, or at least not known to be gone."""
    return e.alive is not False and e.session is not False


def _waiting(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not _is_there(e):
        return None
    beat = e.heartbeat
    if beat is not None and beat.state == "waiting":
        return _person(e, Reason(beat.context or "waits for an answer", "heartbeat", beat.at), beat.at)
    if beat is not None and beat.state == "stuck":
        return _person(
            e, Reason("asked for help" + (f": {beat.context}" if beat.context else ""), "heartbeat", beat.at), beat.at
        )
    if e.agent_state in ("stuck", "escalated"):
        return _person(
            e, Reason(f"asked for help: its record says {e.agent_state}", "ledger", e.agent_state_at), e.agent_state_at
        )
    if e.screen is not None and e.screen[0] in ("permission", "dialog"):
        return _person(e, Reason(e.screen[1] or "a dialog waits", "screen", e.last_output_at), e.last_output_at)
    return None


def _person(e: Evidence, reason: Reason, since: float | None) -> HealthReport:
    sign = last_progress(e)
    more = (Reason(sign.text, sign.source, sign.at),) if sign is not None and sign.source != reason.source else ()
    return HealthReport(Health.WAITING, since, (reason, *more), None, _badges(e))


def _limited(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    if not _is_there(e):
        return None
    beat = e.heartbeat
    if beat is not None and beat.state == "limited" and (not beat.until or beat.until > now):
        forecast = Forecast(Health.WORKING, beat.until) if beat.until else None
        reason = Reason(beat.context or "rate limited", "heartbeat", beat.at)
        return HealthReport(Health.LIMITED, beat.at, (reason,), forecast, _badges(e))
    if (
        e.screen is not None
        and e.screen[0] == "limited"
        and not (beat is not None and beat.state == "working" and _fresh(e, limits, now))
    ):
        reason = Reason(e.screen[1] or "its screen shows a rate limit", "screen", e.last_output_at)
        return HealthReport(Health.LIMITED, e.last_output_at, (reason,), None, _badges(e))
    return None


def _at_work(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """Hooked work: working, stalled or GUPP by the time since the last progress."""
    if not e.work_bead:
        return None
    sign = last_progress(e)
    at = max(sign.at if sign else 0.0, e.work_since)
    quiet = now - at
    stalled_s, gupp_s = (limits.ralph_stalled_s, limits.ralph_gupp_s) if e.ralph else (limits.stalled_s, limits.gupp_s)
    reasons = _work_reasons(e, sign, limits, now)
    held = e.muted or e.agent_state == "awaiting-gate"
    if held or quiet < stalled_s:
        forecast = None if held else Forecast(Health.STALLED, at + stalled_s)
        return HealthReport(Health.WORKING, e.work_since or at, reasons, forecast, _badges(e))
    quiet_reason = Reason(f"no progress for {format_span(quiet)}", sign.source if sign else "ledger", at)
    if quiet < gupp_s:
        return HealthReport(
            Health.STALLED, at + stalled_s, (quiet_reason, *reasons), Forecast(Health.GUPP, at + gupp_s), _badges(e)
        )
    return HealthReport(Health.GUPP, at + gupp_s, (quiet_reason, *reasons), None, _badges(e))


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
    if e.screen is not None and e.screen[0] == "ready":
        reasons.append(Reason("rests at its prompt with work on the hook", "screen", e.last_output_at))
    return tuple(reasons)


def _output_words(silent: float, limits: Thresholds) -> str:
    """How long nothing was printed; in the first minute without a figure, which would change at every look."""
    if silent >= limits.hung_s:
        return f"hung: alive, but no output for {format_span(silent)}"
    return f"last output {format_span(silent)} ago" if silent >= 60 else "last output less than a minute ago"


def _busy_without_hook(e: Evidence, limits: Thresholds, now: float) -> HealthReport | None:
    """A mayor or witness in a turn works too, though nothing is on its hook."""
    beat = e.heartbeat
    if not _is_there(e):
        return None
    if beat is not None and beat.state == "working" and _fresh(e, limits, now):
        return HealthReport(
            Health.WORKING, beat.at, (Reason(beat.context or "in a turn", "heartbeat", beat.at),), None, _badges(e)
        )
    if e.screen is not None and e.screen[0] == "busy":
        return HealthReport(
            Health.WORKING,
            e.last_output_at,
            (Reason("its screen shows a turn under way", "screen", e.last_output_at),),
            None,
            _badges(e),
        )
    return None


def _idle(e: Evidence, limits: Thresholds, now: float) -> HealthReport:
    badges = _badges(e)
    sign = last_progress(e)
    since = sign.at if sign is not None else None
    if e.off_duty:
        return HealthReport(Health.IDLE, since, (Reason(e.off_duty, "ledger"),), None, badges)
    if e.session is False or e.alive is False:
        return HealthReport(
            Health.IDLE, since, (Reason("no work and no session", "ledger"),), None, (*badges, "offline")
        )
    return HealthReport(Health.IDLE, since, (Reason("nothing on its hook", "ledger"),), None, badges)


_RULES = (
    _ledger_failed,
    _stopped,
    _zombie,
    _tmux_failed,
    _out_of_sight,
    _waiting,
    _limited,
    _at_work,
    _busy_without_hook,
)
"""The order in which the rules are asked; the first that answers decides."""
