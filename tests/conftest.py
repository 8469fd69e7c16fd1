"""Fixtures that every test may ask for."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from gastown_core.events import log
from tests.support.file_time import one_tick
from tests.support.paper import paper
from tests.support.rigged import rigged, sessions_too, without_tmux
from tests.support.tmux import server, town_root

__all__ = ["one_tick", "paper", "rigged", "server", "sessions_too", "town_root", "without_tmux"]

# a busy machine is no fault of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# a shell that runs the tests in the background ignores it, and every program they start would, too
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_unlogged() -> Iterator[None]:
    """What one test could not log is the process's, and must not be told by the commands of the next one."""
    log.last_failure = ""
    yield
    log.last_failure = ""
