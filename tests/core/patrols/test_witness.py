"""The witness's rules, as tables: a town and what was done before in, findings and orders out."""

from __future__ import annotations

import pytest

from gastown_core.model.agent import Health
from gastown_core.model.convoy import ConvoyView, MemberView
from gastown_core.model.incident import Incident
from gastown_core.model.snapshot import AgentView, OrphanView
from gastown_core.patrols import witness
from gastown_core.patrols.memory import Act, Memory
from gastown_core.patrols.patrol import Finding, Limits, Look
from tests.support.fake_town import NOW, agent, snapshot

OPAL = "shop/polecats/opal"
WORK = ("gt-a1", "Fix the cart", 4000, "")


def remembering(*acts: tuple[str, float], bead: str = "gt-a1", ok: bool = True, why: str = "") -> Memory:
    """A memory of acts on opal: (order, how long ago)."""
    memory = Memory()
    for order, ago in acts:
        memory.add(Act(NOW - ago, "witness:shop", "stuck", OPAL, order, bead, ok, why))
    return memory


def seen(
    *agents: AgentView, memory: Memory | None = None, limits: Limits | None = None, **town: object
) -> list[Finding]:
    shot = snapshot(agents, **{"convoys": (), **town})
    return list(witness.look(Look(shot, memory or Memory(), limits or Limits(), NOW, "shop")))


def orders(found: list[Finding]) -> list[str]:
    return [one.remedy.kind for one in found if one.remedy is not None]


@pytest.mark.parametrize(
    ("state", "since", "order"),
    [
        (Health.WORKING, 4000, None),
        (Health.STOPPED_SHORT, 30, None),
        (Health.STOPPED_SHORT, 59, None),
        (Health.STOPPED_SHORT, 61, "agent.nudge"),
        (Health.STALLED, 1, "agent.nudge"),
        (Health.GUPP, 1, "agent.nudge"),
        (Health.ZOMBIE, 1, "agent.restart"),
        (Health.WAITING, 4000, None),
        (Health.LIMITED, 4000, None),
        (Health.UNKNOWN, 4000, None),
    ],
)
def test_what_is_done_first_about_a_worker_in_each_state(state: Health, since: float, order: str | None) -> None:
    found = seen(agent(OPAL, state, since=since, work=WORK, pane="%1"))
    assert orders(found) == ([order] if order else [])


@pytest.mark.parametrize(
    ("before", "order", "held"),
    [
        ([], "agent.nudge", False),
        ([("agent.nudge", 200)], None, False),
        ([("agent.nudge", 301)], "agent.handoff", False),
        ([("agent.nudge", 700), ("agent.handoff", 301)], "agent.restart", False),
        ([("agent.nudge", 1100), ("agent.handoff", 700), ("agent.restart", 200)], None, False),
        ([("agent.nudge", 1100), ("agent.handoff", 700), ("agent.restart", 301)], None, True),
        # an hour later it begins anew
        ([("agent.nudge", 5000), ("agent.handoff", 4400), ("agent.restart", 3700)], "agent.nudge", False),
    ],
)
def test_the_ladder_goes_up_one_rung_when_the_last_did_not_help(
    before: list[tuple[str, float]], order: str | None, held: bool
) -> None:
    found = seen(agent(OPAL, Health.STALLED, since=60, work=WORK, pane="%1"), memory=remembering(*before))
    assert orders(found) == ([order] if order else [])
    assert bool(found[0].held) is held
    if held:
        assert found[0].held == "nudged, handed off, restarted within 13m, and it still does not get on"


def test_remedies_for_other_work_do_not_count() -> None:
    memory = remembering(("agent.nudge", 700), bead="gt-other")
    assert orders(seen(agent(OPAL, Health.STALLED, since=60, work=WORK, pane="%1"), memory=memory)) == ["agent.nudge"]


def test_a_crew_member_is_nudged_and_never_restarted() -> None:
    path = "shop/crew/alice"
    memory = Memory()
    assert orders(seen(agent(path, Health.STALLED, since=60, work=WORK, pane="%1"))) == ["agent.nudge"]
    memory.add(Act(NOW - 400, "witness:shop", "stuck", path, "agent.nudge", "gt-a1"))
    found = seen(agent(path, Health.STALLED, since=60, work=WORK, pane="%1"), memory=memory)
    assert orders(found) == [] and found[0].held
    dead = seen(agent(path, Health.ZOMBIE, since=60, work=WORK))
    assert orders(dead) == [] and not dead[0].held and "person" in dead[0].retired_by


def test_nobody_is_restarted_under_the_eyes_of_a_person() -> None:
    memory = remembering(("agent.nudge", 301))
    found = seen(agent(OPAL, Health.STALLED, since=60, work=WORK, pane="%1", attached=1), memory=memory)
    assert orders(found) == [] and not found[0].held
    assert found[0].evidence[0] == "a person is attached to its session, so it is not restarted"


@pytest.mark.parametrize(
    ("before", "is_due", "held"),
    [
        ([], True, False),
        ([20], False, False),
        ([31], True, False),
        ([100, 50], False, False),
        ([120, 61], True, False),
        ([800, 700, 500, 300, 10], False, True),
        ([2600, 2500, 2300, 2100, 1801], True, False),
        # five restarts in a whole day are no crash loop
        ([1700, 1690, 1680, 1650], True, False),
    ],
)
def test_a_dead_worker_is_restarted_with_growing_pauses_and_a_crash_loop_is_held(
    before: list[float], is_due: bool, held: bool
) -> None:
    memory = remembering(*(("agent.restart", ago) for ago in before), ok=False, why="exited at once, status 1")
    found = seen(agent(OPAL, Health.ZOMBIE, since=60, work=WORK), memory=memory)
    assert orders(found) == (["agent.restart"] if is_due else [])
    assert bool(found[0].held) is held
    if held:
        assert found[0].held == "crash loop: restarted 5 times within 13m: exited at once, status 1; next try in 29m"


def test_a_try_of_a_held_agent_that_fails_does_not_begin_its_crash_loop_anew() -> None:
    # five restarts, and then one every half hour for a whole day
    loop = [90_000.0, 89_900.0, 89_700.0, 89_400.0, 89_200.0]
    tries = [float(ago) for ago in range(87_000, 0, -1810)]
    memory = remembering(*(("agent.restart", ago) for ago in (*loop, *tries)), ok=False, why="exited at once")
    found = seen(agent(OPAL, Health.ZOMBIE, since=60, work=WORK), memory=memory)
    assert (
        orders(found) == []
        and f"restarted 5 times within 13m and {len(tries)} times since: exited at once" in found[0].held
    )
    # one that lived for hours after that, and dies now, is started at once
    lived = remembering(*(("agent.restart", ago) for ago in (*loop, 80_000.0)))
    assert orders(seen(agent(OPAL, Health.ZOMBIE, since=60, work=WORK), memory=lived)) == ["agent.restart"]


def test_a_dead_worker_whose_work_a_convoy_tracks_is_left_to_the_duty_that_releases_it() -> None:
    members = (MemberView("gt-a1", "Fix the cart", "hooked", OPAL, "shop", "running"),)
    convoys = (ConvoyView("hq-cv-1", "Cart", "open", "mayor", members, 0, 0, 1, NOW - 9000),)
    found = seen(agent(OPAL, Health.ZOMBIE, since=60, work=WORK), convoys=convoys)
    assert [one.kind for one in found] == [witness.DEAD] and orders(found) == []


@pytest.mark.parametrize(
    ("quiet", "more", "order"),
    [
        (899, {}, None),
        (901, {}, "agent.stop"),
        (901, {"attached": 1}, None),
        (901, {"work": WORK}, None),
        (901, {"pane": ""}, None),
    ],
)
def test_a_session_without_work_is_ended_when_it_has_rested_long_enough(
    quiet: float, more: dict[str, object], order: str | None
) -> None:
    view = agent(OPAL, Health.IDLE, since=quiet, last_output_at=NOW - quiet, **{"pane": "%1", **more})
    found = seen(view)
    assert orders(found) == ([order] if order else [])
    assert all(one.is_chore for one in found)


def test_the_hook_of_an_absent_worker_is_released_when_it_stays_absent() -> None:
    orphan = OrphanView("gt-b2", "Lost", "hooked", "shop/polecats/gone", "shop", 1, NOW - 9000)
    first = seen(orphans=(orphan,))
    assert [one.kind for one in first] == [witness.ORPHAN] and orders(first) == []
    memory = Memory()
    memory.open["orphaned:gt-b2"] = Incident("orphaned:gt-b2", "witness:shop", "orphaned", "", ("gt-b2",), NOW - 119)
    assert orders(seen(orphans=(orphan,), memory=memory)) == []
    memory.open["orphaned:gt-b2"] = memory.open["orphaned:gt-b2"]._replace(since=NOW - 121)
    assert orders(seen(orphans=(orphan,), memory=memory)) == ["bead.release"]


def test_only_the_workers_of_its_own_rig_are_its_business() -> None:
    others = [
        agent("billing/polecats/onyx", Health.ZOMBIE, since=60, work=WORK),
        agent("shop/witness", Health.ZOMBIE, since=60),
        agent("mayor", Health.ZOMBIE, since=60),
    ]
    assert seen(*others) == []
