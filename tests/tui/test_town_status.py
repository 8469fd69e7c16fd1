"""The status page: duties and sources with their ages, whatever the daemon says of itself; and the emergency stop."""

from __future__ import annotations

import json
import os

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.files.locks import FileLock
from gastown_core.model.daemon import LATE, RUNS, DaemonView
from gastown_core.model.estop import Estop
from gastown_core.model.source_status import SourceStatus
from gastown_core.state.collect import collect
from gastown_core.town import daemon_note as note
from gastown_core.town import estop
from gastown_tui.dialogs.town_status import status_lines
from gastown_tui.widgets.header_bar import header_pieces
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, snapshot, standard_stream
from tests.support.rigged import Rigged
from tests.tui.test_inbox import SIZES, until


def text_of(lines) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_daemon_that_says_all_is_well_is_found_out_in_header_and_page(rigged: Rigged) -> None:
    now = SYSTEM_CLOCK.now()
    os.makedirs(note.folder(rigged.root), exist_ok=True)
    duty = {"runs": 9, "error": "", "did": "all is well", "every_s": 10.0, "longest_s": 300.0, "took_s": 0.1}
    fine = duty | {"last_run": format_seconds(now), "beat": 100}
    silent = duty | {"last_run": format_seconds(now - 600), "beat": 40}
    state = {"running": True, "pid": os.getpid(), "started_at": format_seconds(now - 3000), "heartbeat_count": 100}
    state |= {"last_heartbeat": format_seconds(now), "duties": {"gates": fine, "dispatch": silent}}
    state |= {"sources": {"tmux": {"good_at": format_seconds(now - 3), "error": ""}}, "load": 0.01}
    with FileLock(note.lock_path(rigged.root)), open(note.state_path(rigged.root), "w") as handle:
        handle.write(json.dumps(state))
        handle.flush()
        town, told = collect(rigged.root), note.watch_note(rigged.root, now)
    assert town.daemon.state == LATE
    header = "".join(text for text, _ in header_pieces(town, 160, now, moved_at=now, view="feed", ascii_only=False))
    assert "daemon: dispatch has not run for 10m" in header
    page = text_of(status_lines(town, told, town.sources, (0.005, 60.0), now, 110))
    (row,) = [line for line in page.splitlines() if line.startswith("dispatch ")]
    assert "LATE: has not run" in row and "10m" in row
    assert "LATE" not in next(line for line in page.splitlines() if line.startswith("gates "))


def test_a_source_shows_its_last_answer_here_and_in_the_daemon_and_its_error() -> None:
    ages = (SourceStatus("tmux", NOW - 3), SourceStatus("beads:shop", NOW - 400, "broken line 7"))
    told = note.WatchNote((), (("tmux", NOW - 90, ""), ("usage", 0.0, "")), 0.002)
    town = snapshot(daemon=DaemonView(RUNS, 7, NOW - 60))
    page = text_of(status_lines(town, told, ages, (0.005, 60.0), NOW, 110)).splitlines()
    assert next(line for line in page if line.startswith("tmux")).split()[1:] == ["3s", "1m"]
    assert next(line for line in page if line.startswith("beads:shop")).split()[1:3] == ["6m", "-"]
    assert any("broken line 7" in line for line in page)
    assert any("console uses 0.5% of a core" in " ".join(line.split()) for line in page)


async def test_the_page_opens_on_a_key_and_closes_again() -> None:
    app = Console(FakeLive(snapshot(daemon=DaemonView(RUNS, 7, NOW - 60)), standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("S")
        await until(pilot, lambda: "Status of the town" in app.screen_text(), "the page")
        assert "heartbeats" in app.screen_text() and "dispatch" in app.screen_text()
        await pilot.press("escape")
        await until(pilot, lambda: "Status of the town" not in app.screen_text(), "the feed again")


async def test_an_emergency_stop_is_declared_shown_and_ended_with_one_key() -> None:
    app = Console(FakeLive(snapshot(), standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("!", *"fire", "enter")
        await until(pilot, lambda: app.hands.performed, "the stop")
        assert (app.hands.performed[-1].kind, app.hands.performed[-1].arguments) == ("town.estop", {"reason": "fire"})
        app.fake.put(snapshot(stops=(Estop("", at=NOW - 300, reason="fire"),)))
        await until(pilot, lambda: "EMERGENCY STOP 5m" in app.screen_text(), "the banner")
        await pilot.press("p")
        await until(pilot, lambda: "emergency stop for 5m: fire" in app.screen_text(), "the reason")
        await pilot.press("!")
        await until(pilot, lambda: "What stood still goes on" in app.screen_text(), "the question")
        await pilot.press("y")
        await until(pilot, lambda: app.hands.performed[-1].kind == "town.thaw", "the thaw")


def test_the_snapshot_knows_the_stops_in_force(rigged: Rigged) -> None:
    rig = rigged.file().id and collect(rigged.root).rigs[0].name
    assert collect(rigged.root).stops == ()
    estop.declare(rigged.root, "", "disk is full")
    estop.declare(rigged.root, rig, "broken")
    town = collect(rigged.root)
    assert [(one.rig, one.reason) for one in town.stops] == [("", "disk is full"), (rig, "broken")]
    assert town.stop_of(rig) is not None and town.stop_of("other") is None
