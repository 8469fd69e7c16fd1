"""A few of the planted faults with the real daemon, real tmux and real time: named within a minute, retired within one.

The table of all of them is ``tests/core/patrols/test_planted_faults.py``, with a clock of ours.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gastown_core.daemon import starting
from gastown_core.tmux.panes import find_pane
from gastown_core.tmux.socket import socket_name, socket_path
from gastown_core.town import daemon_note, sessions
from gastown_core.town.liveness import lives
from gastown_core.town.settings import set_setting, settings_path
from tests.drills.drilled import LONG
from tests.support.cli import gt
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux, until

MINUTE = 60.0
pytestmark = [
    needs_tmux,
    pytest.mark.skipif(not LONG, reason="minutes of real time: make drill"),
    pytest.mark.timeout(1800),
]


@pytest.fixture
def town(sessions_too: Rigged) -> Iterator[Rigged]:
    """A town that is up, with its daemon."""
    set_setting(sessions_too.root, "default_agent", "scripted")
    done = gt("up", cwd=sessions_too.root)
    assert done.code == 0, done.err
    yield sessions_too
    pid = daemon_note.running_pid(sessions_too.root)
    if pid:
        os.kill(pid, signal.SIGCONT)
    starting.stop(sessions_too.root)


def takes(true: Callable[[], object], what: str) -> float:
    """How long it takes until that is so, in seconds."""
    began = time.monotonic()
    until(true, what, timeout_s=120.0)
    return time.monotonic() - began


def is_open(town: Rigged, key: str) -> bool:
    told = [
        str(one["type"])
        for one in town.events("incident_opened", "incident_closed")
        if one["payload"]["incident"] == key
    ]  # type: ignore[index]
    return bool(told) and told[-1] == "incident_opened"


def test_faults_are_named_within_a_minute_and_retired_within_one(town: Rigged) -> None:
    took: dict[str, float] = {}
    settings = Path(settings_path(town.root))
    good = settings.read_text()
    settings.write_text("{")
    took["settings named"] = takes(lambda: is_open(town, "unreadable:settings"), "junk settings are named")
    settings.write_text(good)
    took["settings retired"] = takes(lambda: not is_open(town, "unreadable:settings"), "good settings are retired")

    mayor = town.entry("mayor")
    pane = find_pane(sessions.server_of(town.root), mayor.session)
    assert pane is not None
    os.kill(pane.pid, signal.SIGKILL)
    took["mayor dead"] = takes(lambda: not lives(town.root, mayor), "the mayor is dead")
    took["mayor respawned"] = takes(lambda: lives(town.root, mayor), "the mayor lives again")

    pid = daemon_note.running_pid(town.root) or 0
    os.kill(pid, signal.SIGSTOP)
    took["hung daemon named"] = takes(
        lambda: gt("status", cwd=town.root).out.count("no heartbeat"), "the hung daemon is named"
    )
    assert "restart" in gt("boot", "triage", cwd=town.root).out
    took["hung daemon retired"] = takes(
        lambda: "no heartbeat" not in gt("status", cwd=town.root).out, "the daemon is well"
    )

    os.unlink(socket_path(socket_name(town.root)))
    starting.stop(town.root)
    starting.start(town.root)
    took["socket back"] = takes(lambda: os.path.exists(socket_path(socket_name(town.root))), "the socket is back")
    assert lives(town.root, mayor)
    print({name: round(span, 1) for name, span in took.items()})
    assert all(span <= MINUTE for span in took.values()), took
    assert took["mayor respawned"] <= 15.0, took
