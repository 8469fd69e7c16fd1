"""Sums of event log and spool: each line counts once, whatever is killed, restarted, pruned or emptied."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_core.clock import FixedClock
from gastown_core.events.log import append_event, log_path
from gastown_core.events.retention import prune, reword
from gastown_core.files.spool import close_spool, open_spool, spool, spool_path
from gastown_core.model.town_event import TownEvent
from gastown_core.telemetry.notes import of_event
from gastown_core.telemetry.place import Place, end_of, read_on
from gastown_core.telemetry.tally import MOST_SERIES, OVERFLOW, Tally, count_on, read_tally, tally_path

OK = (("status", "ok"),)
SLING = "gastown.sling.dispatches.total"


def sling(root: Path, bead: str, clock: FixedClock | None = None) -> None:
    append_event(
        str(root), "sling", "mayor", {"bead": bead, "target": "shop/polecats/opal"}, clock=clock or FixedClock(9e8)
    )


def test_what_was_logged_before_does_not_count_and_what_comes_counts_once(tmp_path: Path) -> None:
    sling(tmp_path, "sh-old")
    assert count_on(str(tmp_path)).sums == {}
    for number in range(3):
        sling(tmp_path, f"sh-{number}")
    assert count_on(str(tmp_path)).sums[SLING] == {OK: 3.0}
    assert count_on(str(tmp_path)).sums[SLING] == {OK: 3.0}


def test_sums_go_on_in_another_process_with_the_time_since_which_they_count(tmp_path: Path) -> None:
    first = count_on(str(tmp_path), clock=FixedClock(1000.0))
    sling(tmp_path, "sh-1")
    then = count_on(str(tmp_path), clock=FixedClock(2000.0))
    assert (then.since, then.instance) == (1000.0, first.instance)
    assert then.sums[SLING] == {OK: 1.0}


def test_a_count_that_was_not_written_is_counted_again(tmp_path: Path) -> None:
    count_on(str(tmp_path))
    before = Path(tally_path(str(tmp_path))).read_bytes()
    sling(tmp_path, "sh-1")
    count_on(str(tmp_path))
    # as if the process had been killed before it could write
    Path(tally_path(str(tmp_path))).write_bytes(before)
    assert count_on(str(tmp_path)).sums[SLING] == {OK: 1.0}


PROGRAM = """
import sys
from gastown_core.telemetry.tally import count_on
while True:
    count_on(sys.argv[1])
    print(flush=True)
"""


def test_kill_at_any_moment_neither_loses_nor_doubles(tmp_path: Path) -> None:
    count_on(str(tmp_path))
    open_spool(str(tmp_path))
    chance = random.Random(7)
    for number in range(120):
        sling(tmp_path, f"sh-{number}")
        assert spool(str(tmp_path), "mol.burn", {"mol_id": f"sh-{number}"})
        if number % 20 == 10:
            process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE)
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 4)):
                process.stdout.readline()
                sling(tmp_path, f"sh-while-{number}")
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
    told = Path(log_path(str(tmp_path))).read_bytes().count(b'"sling"')
    sums = count_on(str(tmp_path)).sums
    assert sums[SLING] == {OK: float(told)}
    assert sums["gastown.mol.burns.total"] == {OK: 120.0}


def test_pruning_between_two_counts_neither_loses_nor_doubles(tmp_path: Path) -> None:
    clock = FixedClock(1_000_000.0)
    root = str(tmp_path)
    count_on(root)
    for number in range(150):
        clock.advance(1.0)
        # every second line expires
        kind = "sling" if number % 2 else "patrol_started"
        append_event(root, kind, "mayor", {"bead": "b"}, clock=clock)
    count_on(root)
    for number in range(30):
        sling(tmp_path, f"sh-{number}", clock)
    clock.advance(3 * 86400.0)
    assert prune(root, clock.now())[0].dropped > 30
    for number in range(5):
        sling(tmp_path, f"sh-later-{number}", clock)
    assert count_on(root).sums[SLING] == {OK: 75.0 + 30.0 + 5.0}
    assert sum(count_on(root).sums["gastown.event.total"].values()) == 185.0


def test_a_reworded_log_is_read_on_at_its_place(tmp_path: Path) -> None:
    clock = FixedClock(1_000_000.0)
    count_on(str(tmp_path))
    for number in range(60):
        clock.advance(1.0)
        sling(tmp_path, f"sh-{number}", clock)
    count_on(str(tmp_path))
    sling(tmp_path, "sh-new", clock)
    reword(str(tmp_path), lambda line: line.replace(b'"sh-', b'"shop-'))
    assert count_on(str(tmp_path)).sums[SLING] == {OK: 61.0}


def test_equal_lines_are_told_apart_by_what_stands_before_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    line = b'{"ts":"2026-03-02T10:14:07Z","type":"nudge","actor":"a"}\n'
    other = b'{"ts":"2026-03-02T10:14:06Z","type":"done","actor":"a"}\n'
    log.write_bytes(other + line)
    place = end_of(str(log))
    # a rewrite puts a line in front, and the same line came once more
    log.write_bytes(b'{"ts":"2026-03-01T00:00:00Z","type":"boot","actor":"a"}\n' + other + line + line)
    events, _ = read_on(str(log), place)
    assert [event.type for event in events] == ["nudge"]


def test_a_line_that_is_still_being_written_counts_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b'{"ts":"2026-03-02T10:14:07Z","type":"nudge"')
    events, place = read_on(str(log), Place())
    assert events == []
    with log.open("ab") as handle:
        handle.write(b',"actor":"a"}\nnot json\n')
    events, place = read_on(str(log), place)
    assert [event.type for event in events] == ["nudge"]
    assert read_on(str(log), place) == ([], place)


def test_junk_in_place_of_the_sums_begins_anew(tmp_path: Path) -> None:
    count_on(str(tmp_path))
    sling(tmp_path, "sh-1")
    for junk in (b"{", b"[]", b'{"version":1}', b'{"version":99,"since":1}'):
        Path(tally_path(str(tmp_path))).write_bytes(junk)
        assert read_tally(str(tmp_path)) is None
        assert count_on(str(tmp_path)).sums == {}


def test_an_emptied_spool_is_read_from_its_beginning(tmp_path: Path) -> None:
    root = str(tmp_path)
    open_spool(root)
    count_on(root)
    for _ in range(3):
        spool(root, "prime", {"role": "mayor", "hook_mode": False})
    count_on(root)
    os.truncate(spool_path(root), 0)
    spool(root, "prime", {"role": "mayor", "hook_mode": False})
    key = (("status", "ok"), ("role", "mayor"), ("hook_mode", "false"))
    assert count_on(root).sums["gastown.prime.total"] == {key: 4.0}


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    assert not spool(str(tmp_path), "prime", {})
    open_spool(str(tmp_path))
    close_spool(str(tmp_path))
    assert not spool(str(tmp_path), "prime", {})
    assert not Path(spool_path(str(tmp_path))).exists()


def test_a_metric_has_a_limited_number_of_series() -> None:
    tally = Tally(0.0, "x", {})
    for number in range(MOST_SERIES + 10):
        tally.add("gastown.pane.output.total", (("session", f"s{number}"),))
    assert len(tally.sums["gastown.pane.output.total"]) == MOST_SERIES + 1
    assert tally.sums["gastown.pane.output.total"][OVERFLOW] == 10.0


EVENTS = [
    (
        "session_start",
        {"session_id": "sh-opal", "role": "shop/polecats/opal", "runtime": "claude"},
        {
            "gastown.session.starts.total": {(("status", "ok"), ("role", "polecat")): 1.0},
            "gastown.agent.instantiations.total": {
                (("agent_type", "claude"), ("role", "polecat"), ("rig", "shop")): 1.0
            },
        },
    ),
    ("session_end", {"session_id": "sh-opal"}, {"gastown.session.stops.total": {OK: 1.0}}),
    ("kill", {"target": "shop/polecats/opal"}, {"gastown.session.stops.total": {OK: 1.0}}),
    (
        "session_death",
        {"session": "sh-opal", "reason": "gone"},
        {"gastown.session.stops.total": {(("status", "error"),): 1.0}},
    ),
    (
        "hook_state",
        {"agent": "shop/polecats/opal", "to": "active"},
        {"gastown.agent.state_changes.total": {(("status", "ok"), ("new_state", "active")): 1.0}},
    ),
    (
        "sling",
        {"bead": "sh-1", "target": "t", "formula": "mol-polecat-work"},
        {
            SLING: {OK: 1.0},
            "gastown.formula.instantiations.total": {(("status", "ok"), ("formula", "mol-polecat-work")): 1.0},
        },
    ),
    ("nudge", {"target": "t"}, {"gastown.nudge.total": {OK: 1.0}}),
    ("nudge_dead", {"target": "t"}, {"gastown.nudge.total": {(("status", "error"),): 1.0}}),
    (
        "done",
        {"bead": "sh-1", "exit": "DEFERRED"},
        {"gastown.done.total": {(("status", "ok"), ("exit_type", "DEFERRED")): 1.0}},
    ),
    ("done", {"bead": "sh-1"}, {"gastown.done.total": {(("status", "ok"), ("exit_type", "COMPLETED")): 1.0}}),
    ("spawn", {"rig": "shop", "polecat": "opal"}, {"gastown.polecat.spawns.total": {OK: 1.0}}),
    ("spawn", {"dog": "rex"}, {}),
    ("polecat_removed", {"rig": "shop", "polecat": "opal"}, {"gastown.polecat.removes.total": {OK: 1.0}}),
    ("convoy_created", {"convoy": "hq-cv-1"}, {"gastown.convoy.creates.total": {OK: 1.0}}),
    (
        "mail",
        {"to": "mayor", "subject": "secret"},
        {"gastown.mail.operations.total": {(("status", "ok"), ("operation", "send")): 1.0}},
    ),
    (
        "merged",
        {"mr": "sh-mr-1", "rig": "shop"},
        {"gastown.merge.total": {(("status", "ok"), ("result", "merged"), ("rig", "shop")): 1.0}},
    ),
    (
        "escalation_sent",
        {"severity": "high", "escalation_id": "hq-1"},
        {"gastown.escalation.total": {(("severity", "high"),): 1.0}},
    ),
    (
        "patrol_acted",
        {"order": "agent.restart", "ok": True, "target": "shop/witness"},
        {
            "gastown.daemon.restart.total": {(("agent.type", "witness"),): 1.0},
            "gastown.daemon.agent_restarts.total": {(("agent_type", "witness-shop"),): 1.0},
        },
    ),
    ("patrol_acted", {"order": "agent.restart", "ok": False, "target": "shop/witness"}, {}),
    ("patrol_acted", {"order": "agent.nudge", "ok": True, "target": "shop/witness"}, {}),
    ("spawn", {"polecat": 7}, {}),
]


@pytest.mark.parametrize(("kind", "payload", "sums"), EVENTS, ids=[f"{row[0]}-{n}" for n, row in enumerate(EVENTS)])
def test_what_an_event_counts(kind: str, payload: dict[str, object], sums: dict[str, object]) -> None:
    tally = Tally(0.0, "x", {})
    for note in of_event(TownEvent(1.0, kind, "mayor", payload, "feed", 0)):
        tally.take(note)
    assert tally.sums.pop("gastown.event.total") == {(("type", kind),): 1.0}
    assert tally.sums == sums
