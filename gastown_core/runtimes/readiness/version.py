"""The version of an installed program, by the files beside it; nothing is started."""

from __future__ import annotations

import os

from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json
from gastown_core.runtimes.launch import installed_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset

LEVELS = 4
"""So far above a program its package may be described."""


def version_of(preset: Preset) -> str:
    """Return the version of a runtime's program, from its npm package or its file name; empty if neither has it."""
    program = installed_at(preset)
    if not program:
        return ""
    path = os.path.realpath(program)
    if _numbers(os.path.basename(path)):
        return os.path.basename(path)
    for _ in range(LEVELS):
        path = os.path.dirname(path)
        try:
            told = decode_json(read_plain(os.path.join(path, "package.json")))
        except (OSError, ValueError):
            continue
        version = told.get("version") if isinstance(told, dict) else None
        return version if isinstance(version, str) else ""
    return ""


def is_older(version: str, than: str) -> bool:
    """Return whether ``version`` is older than ``than``; False for text that is not a version."""
    mine, other = _numbers(version), _numbers(than)
    return bool(mine) and mine < other


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("-")[0].split(".")
    return tuple(map(int, parts)) if len(parts) > 1 and all(part.isdigit() for part in parts) else ()
