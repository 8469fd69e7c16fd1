"""Adapters: one module for each runtime that reports its state, found through one table."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.adapter import Adapter

MODULES = {
    "claude": "claude",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "copilot": "copilot",
    "pi": "pi",
    "omp": "omp",
}
"""Runtime (``Preset.screens``) → module here whose ``ADAPTER`` knows it."""


def adapter_for(runtime: str) -> Adapter | None:
    """The adapter of a runtime, None for one that is known by process and screen only."""
    name = MODULES.get(runtime)
    if name is None:
        return None
    module = f"{__name__}.{name}"
    __import__(module)
    found: Adapter = sys.modules[module].ADAPTER
    return found


def tells_usage(runtime: str) -> bool:
    """Return whether the runtime's transcripts contain usage."""
    adapter = adapter_for(runtime)
    return adapter is not None and adapter.usage_reader({}) is not None
