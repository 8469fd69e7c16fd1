"""Fixtures that every test may ask for."""

from __future__ import annotations

from hypothesis import settings

from tests.support.paper import paper
from tests.support.rigged import rigged, sessions_too, without_tmux
from tests.support.tmux import server, town_root

__all__ = ["paper", "rigged", "server", "sessions_too", "town_root", "without_tmux"]

# a busy machine is no fault of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
