"""The dam told by a real daemon: opened in the log, shown by status, closed with its cure, also across a kill -9."""

from __future__ import annotations

import os
import signal

from gastown_core.daemon import starting
from gastown_core.town import daemon_note as note
from gastown_core.town.settings import set_setting
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged

PATIENCE_S = 60.0


def told(rigged: Rigged, kind: str) -> list[str]:
    return [str(one["payload"]["incident"]) for one in rigged.events(kind)]  # type: ignore[index]


def links(rigged: Rigged) -> list[str]:
    dam = gt("status", "--json", cwd=rigged.root).json["dam"]
    return [one["link"] for one in dam["links"]] if dam else []


def test_a_pause_is_named_by_the_daemon_and_a_dead_daemon_by_whoever_looks(rigged: Rigged) -> None:
    for key, value in (
        ("dam.after", "1s"),
        ("convoy.feed_grace", "0s"),
        ("patrols.dam.period", "1s"),
        ("scheduler.max_polecats", "1"),
    ):
        set_setting(rigged.root, key, value)
    bead = rigged.file()
    assert gt("scheduler", "pause", cwd=rigged.root).code == 0
    assert gt("sling", bead.id, "shop", cwd=rigged.root).code == 0
    starting.start(rigged.root)
    try:
        until(lambda: told(rigged, "incident_opened") == ["dam:paused"], "the pause was not named", PATIENCE_S)
        assert links(rigged) == ["paused"] and "next: gt scheduler resume" in gt("status", cwd=rigged.root).out
        os.kill(note.running_pid(rigged.root) or 0, signal.SIGKILL)
        until(lambda: links(rigged) == ["daemon", "paused"], "the dead daemon was not named", PATIENCE_S)
        starting.start(rigged.root)
        until(lambda: links(rigged) == ["paused"], "the daemon lives again, and is still named", PATIENCE_S)
        assert gt("close", bead.id, cwd=rigged.root).code == 0
        until(lambda: told(rigged, "incident_closed") == ["dam:paused"], "the cured dam stays open", PATIENCE_S)
        assert links(rigged) == [] and told(rigged, "incident_opened") == ["dam:paused"]
    finally:
        starting.stop(rigged.root)
