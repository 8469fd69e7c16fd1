"""OpenCode: its settings, which end it if they are no JSON.

It asks for nothing at its start: without a log-in it takes a free provider of its own, and it knows neither trust nor
a set-up (seen in 1.18.33).
"""

from __future__ import annotations

import os

from gastown_core.model.json_text import decode_json
from gastown_core.runtimes.readiness.obstacle import (
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    home_of,
    unreadable,
    without_comments,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset

NAMES = ("config.json", "opencode.json", "opencode.jsonc")


class OpencodeReadiness(Readiness):
    """OpenCode 1.18.33."""

    variables = ("XDG_CONFIG_HOME", "OPENCODE_CONFIG")
    unknown = ()

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Each settings file that it cannot read, the user's and the folder's."""
        env = {**look.env, **preset.env}
        base = os.path.join(env.get("XDG_CONFIG_HOME") or os.path.join(home_of(env), ".config"), "opencode")
        paths = [os.path.join(folder, name) for folder in (base, work_dir) for name in NAMES[folder == work_dir :]]
        named = env.get("OPENCODE_CONFIG")
        return [found for path in [*paths, *([named] if named else [])] if (found := _fault(path, look)) is not None]


def _fault(path: str, look: Surroundings) -> Obstacle | None:
    try:
        data = look.content(path)
        if data is not None and data.strip():
            decode_json(_without_last_commas(without_comments(data)))
    except UnreadableError as error:
        return unreadable(path, str(error), "OpenCode")
    except ValueError as error:
        return unreadable(path, f"it is not JSON: {error}", "OpenCode")
    return None


def _without_last_commas(data: bytes) -> bytes:
    """JSON text without the commas after a last element, which OpenCode takes; those within texts go too."""
    import re

    return re.sub(rb",(?=\s*[}\]])", b"", data)


READINESS = OpencodeReadiness()
