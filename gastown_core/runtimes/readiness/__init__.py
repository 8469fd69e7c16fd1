"""Whether a runtime's program can start without a person: one module for each runtime that is known, and one table."""

from __future__ import annotations

import os
import sys

from gastown_core.runtimes.launch import installed_at
from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.runtimes.readiness.obstacle import PROGRAM, Obstacle, Readiness, Surroundings
from gastown_core.runtimes.readiness.version import is_older, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset

MODULES = {name: name for name in ("claude", "codex", "copilot", "gemini", "omp", "opencode", "pi")}
"""Runtime (``Preset.screens``) → module here whose ``READINESS`` knows it."""

PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
    "copilot": "@github/copilot",
    "pi": "@mariozechner/pi-coding-agent",
    "omp": "@oh-my-pi/pi-coding-agent",
    "amp": "@sourcegraph/amp",
    "auggie": "@augmentcode/auggie",
}
"""Runtime (``Preset.screens``) → the npm package that brings its program."""


def readiness_of(runtime: str) -> Readiness:
    """Return what a runtime needs for its start; for one without a module, only its program is checked."""
    name = MODULES.get(runtime)
    if name is None:
        return Readiness()
    module = f"{__name__}.{name}"
    __import__(module)
    found: Readiness = sys.modules[module].READINESS
    return found


def obstacles(preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
    """Return the obstacles between a start of the runtime in that folder and its first prompt.

    Files are read and no process is started.  The scripted agent has no obstacles.
    """
    if preset.screens == SCRIPTED:
        return []
    readiness = readiness_of(preset.screens)
    program = _program(preset, readiness)
    found = readiness.obstacles(preset, work_dir, look)
    return found if program is None else [program, *found]


def _program(preset: Preset, readiness: Readiness) -> Obstacle | None:
    if not installed_at(preset):
        return Obstacle(
            PROGRAM,
            f"the program {preset.command} is not there",
            f"the runtime {preset.name} starts it, and PATH does not lead to it",
            f"{_install(preset)}, or choose another runtime: gt config default-agent NAME",
        )
    version = version_of(preset) if readiness.oldest else ""
    if not is_older(version, readiness.oldest):
        return None
    return Obstacle(
        PROGRAM,
        f"{preset.command} {version} is too old",
        f"{readiness.oldest} or newer is needed",
        _install(preset),
    )


def _install(preset: Preset) -> str:
    """Return how to get the runtime's program in its newest version; a command of a person's own is theirs to install."""
    package = PACKAGES.get(preset.screens)
    name = os.path.basename(preset.command)
    return f"npm install -g {package}@latest" if package and name == preset.screens else f"install {name}"
