"""A source that answered without news until a moment ago was well until then: no alarm takes it for older."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.patrols import dam
from gastown_core.patrols.lookout import Lookout
from gastown_core.patrols.patrol import Limits, Patrol
from gastown_core.patrols.round import Watch
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import socket_name, socket_path
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux


def test_a_ledger_that_just_broke_after_a_quiet_hour_is_new_and_not_escalated_at_once(
    rigged: Rigged, without_tmux: None
) -> None:
    rigged.file("Wait here")
    clock = FixedClock(SYSTEM_CLOCK.now())
    began = clock.now()
    watch, lookout = Watch(rigged.root, clock), Lookout(rigged.root, clock)
    patrol, held = Patrol("dam", "dam", "", dam.look), []
    try:
        for _ in range(6):
            assert lookout.look().source_error("beads") is None
            clock.advance(600)
        last_good = clock.now() - 600
        path = os.path.join(rigged.root, "shop", ".beads", "issues.jsonl")
        os.rename(path, path + ".kept")
        os.mkdir(path)
        for _ in range(4):
            town = lookout.look()
            failed = town.source_error("beads")
            assert failed is not None and failed.good_at is not None
            assert began < last_good <= failed.good_at, "the last answer counts, whether or not it was news"
            held += [one.escalated for one in watch.run(patrol, town, Limits(dam_escalate_s=900.0)).opened]
            clock.advance(60)
        assert held == [False]
        clock.advance(900)
        assert [one.escalated for one in watch.run(patrol, lookout.look(), Limits(dam_escalate_s=900.0)).opened] == [
            True
        ]
    finally:
        lookout.close()


@needs_tmux
def test_a_server_that_did_not_listen_yet_at_the_first_look_is_linked_at_the_next(
    rigged: Rigged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.setattr("gastown_core.patrols.lookout.socket_mark", lambda _: (1, 1))
    server, lookout = TmuxServer(socket_name(rigged.root)), Lookout(rigged.root, FixedClock(SYSTEM_CLOCK.now()))
    os.makedirs(os.path.dirname(socket_path(server.socket)), mode=0o700)
    try:
        with socket.socket(socket.AF_UNIX) as starting:
            starting.bind(socket_path(server.socket))
            assert not lookout._is_linked(server)
        os.unlink(socket_path(server.socket))
        server.run("new-session", "-d", "-s", "x", "sleep 600")
        assert lookout._is_linked(server)
    finally:
        lookout.close()
        server.kill_server()
