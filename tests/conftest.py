"""Fixtures that every test may ask for."""

from __future__ import annotations

from tests.support.tmux import server, town_root

__all__ = ["server", "town_root"]
