"""A patrol run over yesterday's log, and the commands that show patrols."""

from __future__ import annotations

import json

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from gastown_core.patrols import backtest, dam, deacon, witness
from gastown_core.patrols.backtest import Replay, replay
from gastown_core.patrols.patrol import Limits, Patrol
from tests.support.cli import gt
from tests.support.fake_town import NOW
from tests.support.rigged import Rigged

PATROL = Patrol("witness:shop", "witness", "", witness.look, "shop")


def told(rigged: Rigged, *events: tuple[float, str, str, dict[str, object]]) -> None:
    """Events of so many minutes ago, in the town's log."""
    for ago, kind, actor, payload in events:
        append_event(rigged.root, kind, actor, payload, clock=FixedClock(NOW - ago * 60))


def over(rigged: Rigged, minutes: float = 120) -> Replay:
    return replay(rigged.root, PATROL, Limits(), since=NOW - minutes * 60, until=NOW)


def with_worker(rigged: Rigged) -> str:
    bead = rigged.file()
    rigged.sling(bead.id)
    who = rigged.entry(str(rigged.bead(bead.id).assignee)).address.path
    open(f"{rigged.root}/.events.jsonl", "w").close()
    return who


def test_a_silent_worker_of_yesterday_would_have_been_nudged_handed_off_and_restarted(rigged: Rigged) -> None:
    who = with_worker(rigged)
    session = rigged.entry(who).session
    told(
        rigged,
        (110, "session_start", who, {"session_id": session, "role": who}),
        (110, "sling", "mayor", {"bead": "sh-1", "target": who}),
        (100, "step", who, {"bead": "sh-1", "message": "begun"}),
        (5, "done", who, {"bead": "sh-1"}),
    )
    steps = [(round((NOW - step.at) / 60), step.what) for step in over(rigged).steps]
    assert steps[:2] == [(85, "opened"), (85, "acted")]
    assert [what for _, what in steps if what != "opened"][:4] == ["acted", "acted", "acted", "held"]
    assert steps[-1] == (5, "closed")


def test_a_span_without_a_beginning_starts_with_the_log(rigged: Rigged) -> None:
    who = with_worker(rigged)
    told(rigged, (20, "step", who, {"bead": "sh-1", "message": "begun"}))
    run = over(rigged, minutes=NOW / 60)
    assert run.looks <= 25 and run.since == 0


def test_a_healthy_day_gives_no_finding(rigged: Rigged) -> None:
    who = with_worker(rigged)
    session = rigged.entry(who).session
    day = [(1400.0, "session_start", who, {"session_id": session, "role": who})]
    for number in range(23):
        began = 1390.0 - number * 60
        bead = {"bead": f"sh-{number}"}
        day.append((began, "sling", "mayor", bead | {"target": who}))
        day += [(began - minutes, "step", who, bead | {"message": "on"}) for minutes in range(1, 50, 10)]
        day.append((began - 50, "done", who, bead))
    told(rigged, *day)
    done = over(rigged, 1440)
    assert done.looks <= 3 * 1441 and done.events == len(day)
    # nothing is opened; the session that has rested since the last hand-in is ended
    assert {(step.what, step.text.partition(",")[0]) for step in done.steps} == {("acted", f"agent.stop {who}")}


def test_the_acts_of_the_time_are_not_taken_for_those_of_the_replay(rigged: Rigged) -> None:
    who = with_worker(rigged)
    told(
        rigged,
        (100, "session_start", who, {"session_id": rigged.entry(who).session, "role": who}),
        (100, "sling", "mayor", {"bead": "sh-1", "target": who}),
        (80, "patrol_acted", "shop/witness", {"target": who, "order": "agent.nudge", "bead": "sh-1"}),
    )
    assert [step.what for step in over(rigged).steps][:2] == ["opened", "acted"]


def test_the_commands_list_scan_and_run_back(rigged: Rigged) -> None:
    listed = json.loads(gt("patrol", "list", "--json", cwd=rigged.root).out)
    assert [(one["name"], one["mode"]) for one in listed["patrols"]] == [
        ("dam", "code"),
        ("deacon", "code"),
        ("dogs", "code"),
        ("witness:shop", "code"),
    ]
    assert "gt daemon start" in gt("patrol", cwd=rigged.root).out
    assert gt("patrol", "scan", cwd=rigged.root).out.strip() == "nothing found"
    assert "found nothing" in gt("patrol", "backtest", "witness:shop", "--since", "2h", cwd=rigged.root).out
    wrong = gt("patrol", "backtest", "wittness", cwd=rigged.root)
    assert wrong.code == 1 and "witness:shop" in wrong.err
    assert gt("patrol", "backtest", "witness:shop", "--since", "soon", cwd=rigged.root).code == 2


def test_settings_and_the_daemons_file_say_which_patrols_run(rigged: Rigged) -> None:
    from gastown_core.patrols.table import PatrolRow, patrols_of
    from gastown_core.town.settings import set_setting

    def witnesses() -> list[PatrolRow]:
        return [row for row in patrols_of(rigged.root) if row.patrol.role == "witness"]

    set_setting(rigged.root, "patrols.witness.period", "40s")
    assert [row.patrol.period_s for row in witnesses()] == [40.0]
    set_setting(rigged.root, "patrols.witness.mode", "off")
    assert [(row.mode, row.why_off) for row in witnesses()] == [("off", "patrols.witness.mode is off")]
    set_setting(rigged.root, "patrols.witness.mode", "both")
    assert [row.mode for row in witnesses()] == ["both"]
    set_setting(rigged.root, "disabled_patrols", "witness")
    assert [row.mode for row in witnesses()] == ["off"]


def test_convoys_of_the_past_are_judged_by_their_records_and_no_dam_is_made_up(rigged: Rigged) -> None:
    """Beads and convoys come from the ledgers' versions; whether a daemon ran is recorded nowhere, so nothing says it did not."""
    beads = [rigged.file(name).id for name in ("One", "Two")]
    assert gt("convoy", "create", "Epic", *beads, cwd=rigged.root).code == 0
    span = {"since": NOW - 60, "until": SYSTEM_CLOCK.now() + 4 * 3600}
    found = replay(rigged.root, Patrol("deacon", "deacon", "", deacon.look), Limits(), **span)
    assert [step.text for step in found.steps if step.what == "opened" and "Epic" in step.text], found
    assert replay(rigged.root, Patrol("dam", "dam", "", dam.look), Limits(), **span).steps == ()


def test_passing_over_quiet_hours_finds_the_same_with_fewer_looks(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = with_worker(rigged)
    told(
        rigged,
        (1300, "session_start", who, {"session_id": rigged.entry(who).session, "role": who}),
        (1300, "sling", "mayor", {"bead": "sh-1", "target": who}),
        (1290, "done", who, {"bead": "sh-1"}),
        (1289, "session_end", who, {"session_id": rigged.entry(who).session}),
        (100, "session_start", who, {"session_id": rigged.entry(who).session, "role": who}),
        (100, "sling", "mayor", {"bead": "sh-2", "target": who}),
    )
    fast = over(rigged, 1440)
    monkeypatch.setattr(backtest, "FAR", 10**9)
    slow = over(rigged, 1440)
    assert fast.steps == slow.steps and slow.steps
    assert slow.looks == 1301 and fast.looks < slow.looks / 2


def test_a_log_of_the_go_tools_tells_of_sessions_by_their_spawns(rigged: Rigged) -> None:
    who = with_worker(rigged)
    name = who.rpartition("/")[2]
    spawned = (110.0, "spawn", "gt", {"rig": "shop", "polecat": name})
    told(rigged, spawned, (109, "sling", "mayor", {"bead": "sh-1", "target": who}), (60, "done", who, {"bead": "sh-1"}))
    # it was silent for a while, and never dead
    assert {step.text.partition(": ")[2].partition(" ")[0] for step in over(rigged).steps if step.what == "opened"} == {
        "no"
    }
    told(rigged, (50, "session_start", "mayor", {"session_id": "hq-mayor", "role": "mayor"}))
    # a log that tells of starts tells of all of them
    assert any("session is gone" in step.text for step in over(rigged).steps)
