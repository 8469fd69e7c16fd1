"""The rules of health, as tables: evidence in, state and reason out."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_core.model.agent import Health
from gastown_core.runtimes.adapter import BLANK, Said
from gastown_core.runtimes.exported import Exported
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.evidence import Evidence, ProgressSign, Thresholds
from gastown_core.state.health import classify
from gastown_core.state.reduce import reduce_town
from tests.support.world import World

NOW = 1_000_000.0
MIN = 60.0

LIMITS = Thresholds()


def at_work(quiet_min: float, **more: Any) -> Evidence:
    moved = NOW - quiet_min * MIN
    facts: dict[str, Any] = {
        "work_bead": "gt-abc12",
        "work_since": moved,
        "progress": (ProgressSign(moved, "gt-abc12 changed", "ledger"),),
        "session": True,
        "alive": True,
        "last_output_at": moved,
    }
    return Evidence(**(facts | more))


@pytest.mark.parametrize(
    ("quiet_min", "ralph", "state"),
    [
        (0, False, Health.WORKING),
        (14, False, Health.WORKING),
        (15, False, Health.STALLED),
        (29, False, Health.STALLED),
        (30, False, Health.GUPP),
        (240, False, Health.GUPP),
        (30, True, Health.WORKING),
        (119, True, Health.WORKING),
        (120, True, Health.STALLED),
        (240, True, Health.GUPP),
    ],
)
def test_hooked_work_is_judged_by_the_time_since_progress(quiet_min: float, ralph: bool, state: Health) -> None:
    assert classify(at_work(quiet_min, ralph=ralph), LIMITS, NOW).state is state


@pytest.mark.parametrize(
    ("name", "evidence", "state"),
    [
        ("resting polecat without session", Evidence(session=False), Health.IDLE),
        ("resting agent with session", Evidence(session=True, alive=True), Health.IDLE),
        ("session gone with work", at_work(1, session=False, alive=None), Health.ZOMBIE),
        ("just slung, the session is being made", at_work(0.1, session=False, alive=None), Health.WORKING),
        ("just slung, and its process died", at_work(0.1, alive=False), Health.ZOMBIE),
        ("agent process gone with work", at_work(1, alive=False), Health.ZOMBIE),
        ("no tmux with fresh work", at_work(1, session=None, alive=None), Health.WORKING),
        ("no tmux with old work", at_work(20, session=None, alive=None), Health.STALLED),
        ("tmux failed", at_work(1, session=None, alive=None, tmux_error="timed out"), Health.UNKNOWN),
        (
            "tmux failed but heartbeat is fresh",
            at_work(1, session=None, alive=None, tmux_error="timed out", heartbeat=Heartbeat(NOW - 5, "working")),
            Health.WORKING,
        ),
        ("resting while tmux failed", Evidence(session=None, tmux_error="timed out"), Health.IDLE),
        ("ledger failed", at_work(1, ledger_error="permission denied"), Health.UNKNOWN),
        (
            "just spawning without session yet",
            at_work(0, session=False, agent_state="spawning", agent_state_at=NOW - 10),
            Health.WORKING,
        ),
        (
            "spawning for too long",
            at_work(6, session=False, agent_state="spawning", agent_state_at=NOW - 360),
            Health.ZOMBIE,
        ),
        ("stopped on purpose with work", at_work(40, session=False, alive=None, stopped="session ended"), Health.IDLE),
        ("stopped, then started and died", at_work(1, alive=False, stopped="session ended"), Health.ZOMBIE),
        ("done and gone", Evidence(session=False, agent_state="done"), Health.IDLE),
        ("nuked", Evidence(session=False, agent_state="nuked"), Health.IDLE),
        ("said to work, and gone", Evidence(session=False, agent_state="working"), Health.ZOMBIE),
        ("parked rig", at_work(40, session=False, off_duty="its rig is parked"), Health.GUPP),
        (
            "parked rig, no work",
            Evidence(session=False, agent_state="working", off_duty="its rig is parked"),
            Health.IDLE,
        ),
        (
            "standing role gone while the town is up",
            Evidence(standing=True, town_up=True, session=False),
            Health.ZOMBIE,
        ),
        (
            "standing role that was never started",
            Evidence(standing=True, town_up=True, session=False, has_run=False),
            Health.IDLE,
        ),
        ("no tmux and not a word", at_work(1, session=None, alive=None, has_run=False), Health.UNKNOWN),
        ("standing role in a town that is down", Evidence(standing=True, session=False), Health.IDLE),
        ("asks permission", at_work(1, screen=("permission", "Bash: npm i")), Health.WAITING),
        ("start-up dialog", at_work(1, screen=("dialog", "trust this folder?")), Health.WAITING),
        ("says it waits", at_work(1, heartbeat=Heartbeat(NOW - 900, "waiting", "allow Bash?")), Health.WAITING),
        ("asked for help", at_work(1, heartbeat=Heartbeat(NOW - 5, "stuck", "cannot build")), Health.WAITING),
        ("escalated", at_work(1, agent_state="escalated"), Health.WAITING),
        ("waited, then died", at_work(1, alive=False, heartbeat=Heartbeat(NOW - 5, "waiting")), Health.ZOMBIE),
        (
            "limited by its own word",
            at_work(1, heartbeat=Heartbeat(NOW - 5, "limited", until=NOW + 60)),
            Health.LIMITED,
        ),
        ("limit is over", at_work(1, heartbeat=Heartbeat(NOW - 5, "limited", until=NOW - 1)), Health.WORKING),
        ("limited on its screen", at_work(1, screen=("limited", "429")), Health.LIMITED),
        (
            "an old limit on the screen of an agent that works",
            at_work(1, screen=("limited", "429"), heartbeat=Heartbeat(NOW - 5, "working")),
            Health.WORKING,
        ),
        ("muted and quiet", at_work(60, muted=True), Health.WORKING),
        ("waits at a gate", at_work(60, agent_state="awaiting-gate"), Health.WORKING),
        ("mayor in a turn", Evidence(standing=True, session=True, alive=True, screen=("busy", "")), Health.WORKING),
        (
            "mayor working by its own word",
            Evidence(standing=True, session=True, alive=True, heartbeat=Heartbeat(NOW - 5, "working", "planning")),
            Health.WORKING,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)
def test_state_of(name: str, evidence: Evidence, state: Health) -> None:
    report = classify(evidence, LIMITS, NOW)
    assert report.state is state, name
    assert report.reasons, f"{name}: a state without a reason"


def test_a_fresh_heartbeat_is_progress_where_the_ledger_is_silent() -> None:
    evidence = at_work(40, progress=(ProgressSign(NOW - 60, "heartbeat: tests", "heartbeat"),))
    assert classify(evidence, LIMITS, NOW).state is Health.WORKING


def test_forecasts_say_when_the_next_state_comes() -> None:
    working = classify(at_work(11), LIMITS, NOW).forecast
    assert working is not None
    assert (working.state, working.at - NOW) == (Health.STALLED, 4 * MIN)
    stalled = classify(at_work(17), LIMITS, NOW).forecast
    assert stalled is not None
    assert (stalled.state, stalled.at - NOW) == (Health.GUPP, 13 * MIN)
    assert classify(at_work(31), LIMITS, NOW).forecast is None


def test_since_is_when_the_state_began_and_not_when_work_began() -> None:
    assert classify(at_work(17), LIMITS, NOW).since == NOW - 2 * MIN
    assert classify(at_work(33), LIMITS, NOW).since == NOW - 3 * MIN


def test_a_hung_agent_is_told_apart_from_a_quiet_one() -> None:
    reasons = [r.text for r in classify(at_work(35), LIMITS, NOW).reasons]
    assert any(text.startswith("hung: alive, but no output for 35m") for text in reasons)


def test_badges_name_what_suppresses_a_state() -> None:
    assert "muted" in classify(at_work(60, muted=True), LIMITS, NOW).badges
    assert "gate" in classify(at_work(60, agent_state="awaiting-gate"), LIMITS, NOW).badges
    assert "offline" in classify(Evidence(session=False), LIMITS, NOW).badges


@pytest.mark.parametrize(
    ("quiet_s", "words"), [(0.5, "no progress for 0s"), (45, "no progress for 45s"), (61, "no progress for 1m")]
)
def test_a_town_of_short_limits_is_told_its_seconds(quiet_s: float, words: str) -> None:
    report = classify(at_work(quiet_s / MIN), Thresholds(stalled_s=0.1, gupp_s=3600.0), NOW)
    assert report.state is Health.STALLED and report.reasons[0].text == words


def test_output_of_the_first_minute_is_told_without_a_figure_that_ticks() -> None:
    told = {classify(at_work(1, last_output_at=NOW - ago), LIMITS, NOW).reasons[-1].text for ago in (3, 4, 59)}
    assert told == {"last output less than a minute ago"}


def said(state: str, ago: float, source: str = "record", detail: str = "", **more: Any) -> Said:
    return Said(state, NOW - ago, source, detail, **more)


OVER = said("idle", 60, is_final=True)
RUNS = {"session": True, "alive": True}


@pytest.mark.parametrize(
    ("name", "evidence", "state", "source"),
    [
        ("in a turn by its record", Evidence(**RUNS, said=said("busy", 5)), Health.WORKING, "record"),
        ("its turn is over", Evidence(**RUNS, said=OVER), Health.IDLE, "ledger"),
        ("its turn is over, a task runs on", Evidence(**RUNS, said=said("idle", 60)), Health.WORKING, "record"),
        ("waits by its record", at_work(5, said=said("waiting", 5, "record", "Bash: rm x")), Health.WAITING, "record"),
        (
            "waits by its record, and its heartbeat is younger",
            at_work(5, said=said("waiting", 60), heartbeat=Heartbeat(NOW - 1, "working", "step 3")),
            Health.WAITING,
            "record",
        ),
        ("its turn failed", at_work(1, said=said("failed", 5, "hook", "log in")), Health.WAITING, "hook"),
        ("turn over, work on the hook", at_work(5, said=OVER), Health.STOPPED_SHORT, "record"),
        ("turn over, work on the hook, muted", at_work(5, said=OVER, muted=True), Health.WORKING, ""),
        ("turn over, waits at a gate", at_work(5, said=OVER, agent_state="awaiting-gate"), Health.WORKING, ""),
        ("turn over for half an hour", at_work(40, said=said("idle", 1900, is_final=True)), Health.GUPP, ""),
        ("turn over for a moment", at_work(5, said=said("idle", 0.5, is_final=True)), Health.WORKING, "record"),
        ("work came after the turn", at_work(0.1, said=said("idle", 60, is_final=True)), Health.WORKING, "record"),
        ("a task of the turn runs on", at_work(5, said=said("idle", 60)), Health.WORKING, ""),
        ("idle by its own word, with work", at_work(5, heartbeat=Heartbeat(NOW - 60, "idle")), Health.STOPPED_SHORT, "heartbeat"),
        ("at its prompt for long", at_work(5, screen=("ready", "")), Health.STOPPED_SHORT, "screen"),
        ("at its prompt just now", at_work(0.1, screen=("ready", "")), Health.WORKING, "screen"),
        ("turn over, then killed", at_work(5, said=OVER, alive=False), Health.ZOMBIE, "process"),
        ("limited by its hook", at_work(5, said=said("limited", 60, "hook", "429", is_final=True)), Health.LIMITED, "hook"),
        ("limited long ago", at_work(5, said=said("limited", 301, "hook", "429", is_final=True)), Health.STOPPED_SHORT, "hook"),
        (
            "limited until later",
            at_work(9, said=said("limited", 400, "hook", "429", until=NOW + 60, is_final=True)),
            Health.LIMITED,
            "hook",
        ),
        (
            "a retry stands on the screen of one that says it is busy",
            at_work(1, said=said("busy", 30), screen=("limited", "retrying in 5 s"), screen_at=NOW - 1),
            Health.LIMITED,
            "screen",
        ),
        (
            "a question on a screen read before it went on",
            at_work(1, said=said("busy", 1), screen=("permission", "Bash"), screen_at=NOW - 3),
            Health.WORKING,
            "",
        ),
        (
            "a question on a screen read since, which the record does not know",
            at_work(1, said=said("busy", 10), screen=("dialog", "a notice"), screen_at=NOW - 1),
            Health.WAITING,
            "screen",
        ),
        (
            "a permission of a hook that was given",
            at_work(1, said=said("waiting", 30, "hook"), screen=("busy", ""), screen_at=NOW - 1),
            Health.WORKING,
            "",
        ),
        ("a fresh heartbeat hides no question", at_work(1, heartbeat=Heartbeat(NOW - 1, "working"), screen=("dialog", "?")), Health.WAITING, "screen"),
        ("log-in on its screen", Evidence(**RUNS, screen=("login", "")), Health.WAITING, "screen"),
        ("a final error on its screen", Evidence(**RUNS, screen=("failed", "out of credit")), Health.WAITING, "screen"),
        ("starting", Evidence(**RUNS, said=said("starting", 3), screen=("unknown", "")), Health.UNKNOWN, "record"),
        ("starting, its screen not yet read", Evidence(**RUNS, said=said("starting", 1)), Health.UNKNOWN, "record"),
        ("an old limit on its screen, its log goes on", Evidence(**RUNS, said=said("idle", 5, "transcript", is_final=True), screen=("limited", "429"), screen_at=NOW), Health.IDLE, "ledger"),
        ("at its prompt without a turn", Evidence(**RUNS, said=said("starting", 3), screen=("ready", "")), Health.IDLE, "ledger"),
        ("starting with work", at_work(0, said=said("starting", 3), screen=("unknown", "")), Health.WORKING, "ledger"),
        ("never came up", Evidence(**RUNS, said=said("starting", 30), screen=("unknown", "")), Health.WAITING, "record"),
        ("starting at a dialog", Evidence(**RUNS, said=said("starting", 3), screen=("dialog", "trust?"), screen_at=NOW - 9), Health.WAITING, "screen"),
        (
            "died at its start without work",
            Evidence(session=True, alive=False, died_at=NOW - 1, started_at=NOW - 3, exit_status=1),
            Health.ZOMBIE,
            "process",
        ),
        (
            "ended after a while without work",
            Evidence(session=True, alive=False, died_at=NOW - 1, started_at=NOW - 99, exit_status=1),
            Health.IDLE,
            "ledger",
        ),
        (
            "left at once by a person",
            Evidence(session=True, alive=False, died_at=NOW - 1, started_at=NOW - 3, exit_status=0),
            Health.IDLE,
            "ledger",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)  # fmt: skip
def test_what_the_program_says_counts_first(name: str, evidence: Evidence, state: Health, source: str) -> None:
    report = classify(evidence, LIMITS, NOW)
    assert report.state is state, report.reasons
    if source:
        assert report.reasons[0].source == source, report.reasons


def test_each_evidence_is_told_once_in_the_order_of_its_rank() -> None:
    evidence = at_work(
        5, said=OVER, heartbeat=Heartbeat(NOW - 9, "working", "step 2"), screen=("ready", ""), screen_at=NOW
    )
    told = [(r.source, r.at is not None) for r in classify(evidence, LIMITS, NOW).reasons]
    assert told == [("record", True), ("ledger", True), ("heartbeat", True), ("screen", True)]


def test_a_program_that_ended_at_its_start_says_why() -> None:
    evidence = at_work(
        1, alive=False, died_at=NOW - 1, started_at=NOW - 3, exit_status=1, last_words=("refused to run as root",)
    )
    assert (
        classify(evidence, LIMITS, NOW).reason
        == "agent process ended with status 1 2s after its start: refused to run as root"
    )


def test_a_turn_that_just_ended_is_looked_at_again_soon() -> None:
    report = classify(at_work(5, said=said("idle", 0.4, is_final=True)), LIMITS, NOW)
    assert report.forecast is not None
    assert (report.forecast.state, round(report.forecast.at - NOW, 3)) == (Health.STOPPED_SHORT, 0.6)


def test_what_is_asked_stands_on_the_screen_where_the_title_tells_only_that_it_asks() -> None:
    by_title = at_work(
        1, said=said("waiting", 5, "title", "a permission"), screen=("dialog", "Which colour?"), screen_at=NOW
    )
    assert classify(by_title, LIMITS, NOW).reasons[0].text == "Which colour?"
    earlier = by_title._replace(screen_at=NOW - 9)
    assert classify(earlier, LIMITS, NOW).reasons[0].text == "a permission", "that question was another one"
    by_hook = by_title._replace(said=said("waiting", 5, "hook", "Bash: npm test"))
    assert classify(by_hook, LIMITS, NOW).reasons[0].text == "Bash: npm test"


@pytest.mark.parametrize(
    ("ago", "detail", "state", "words"),
    [
        (19, "", Health.UNKNOWN, ""),
        (21, "", Health.WAITING, "perhaps it asks something"),
        (21, BLANK, Health.UNKNOWN, ""),
        (179, BLANK, Health.UNKNOWN, ""),
        (181, BLANK, Health.WAITING, "its screen is empty"),
    ],
)
def test_a_slow_start_with_an_empty_screen_asks_nothing(ago: float, detail: str, state: Health, words: str) -> None:
    found = classify(Evidence(**RUNS, said=said("starting", ago), screen=("unknown", detail)), LIMITS, NOW)
    assert found.state is state
    assert words in found.reasons[0].text


def exported(**ago: Any) -> Exported:
    """What it exported, with moments given as seconds ago."""
    return Exported(**{key: NOW - value if key.endswith("_at") else value for key, value in ago.items()})


REFUSED = exported(request_at=60, model="claude-x", error_at=5, error="529: overloaded (try 3)")


@pytest.mark.parametrize(
    ("name", "evidence", "state", "source"),
    [
        ("refused while its record knows a turn", at_work(1, said=said("busy", 30), exported=REFUSED), Health.LIMITED, "telemetry"),
        ("refused, and then answered", at_work(1, said=said("busy", 30), exported=REFUSED._replace(request_at=NOW - 1)), Health.WORKING, ""),
        ("refused before its record moved", at_work(1, said=said("busy", 2), exported=REFUSED), Health.WORKING, ""),
        ("refused, and the turn ended", at_work(5, said=OVER, exported=REFUSED), Health.STOPPED_SHORT, "record"),
        ("refused, and asks", at_work(1, said=said("waiting", 30), exported=REFUSED), Health.WAITING, "record"),
        ("refused long ago", at_work(1, said=said("busy", 400), exported=REFUSED._replace(error_at=NOW - 301)), Health.WORKING, ""),
        ("refused for another cause", at_work(1, said=said("busy", 30), exported=REFUSED._replace(error="400: bad")), Health.WORKING, ""),
        ("refused by a program without a word", at_work(1, exported=REFUSED), Health.WORKING, ""),
        ("refused, then killed", at_work(5, said=said("busy", 30), alive=False, exported=REFUSED), Health.ZOMBIE, "process"),
        ("a long turn that prints nothing and asks its model", at_work(20, said=said("busy", 1200), exported=exported(request_at=30)), Health.WORKING, ""),
        ("a long turn of which nothing is heard", at_work(20, said=said("busy", 1200), exported=exported(request_at=1000)), Health.STALLED, ""),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)  # fmt: skip
def test_what_it_exports_stands_below_its_record(name: str, evidence: Evidence, state: Health, source: str) -> None:
    report = classify(evidence, LIMITS, NOW)
    assert report.state is state, report.reasons
    if source:
        assert report.reasons[0].source == source, report.reasons
    if state is Health.LIMITED:
        # judged again when the refusal is too old to count
        assert report.forecast is not None and report.forecast.at == NOW - 5 + LIMITS.limit_held_s


def test_what_it_exports_is_told_with_its_moment_whatever_decides() -> None:
    told = exported(request_at=20, model="claude-x", tool_at=10, tool="Bash", decision="reject")
    reasons = classify(at_work(5, said=OVER, exported=told), LIMITS, NOW).reasons
    found = [(one.text, one.at) for one in reasons if one.source == "telemetry"]
    assert found == [("claude-x answered a request", NOW - 20), ("was refused Bash", NOW - 10)]
    ranks = [one.source for one in reasons]
    assert ranks.index("record") < ranks.index("telemetry")


def test_a_session_that_has_another_name_says_so_in_plain_text() -> None:
    world = World()
    assert world.facts.panes is not None
    world.facts.panes["hq-mayor"] = world.facts.panes["hq-mayor"]._replace(renamed="mine\x1b[2J\u202e")
    badges = {view.key: view.health.badges for view in reduce_town(world.facts, world.now).agents}
    [told] = badges["mayor"]
    assert told.startswith("session named mine") and told.isprintable()
    assert "session" not in str(badges["shop/witness"])
