"""copilot: the folders that it trusts.

``config.json`` lies in ``~/.copilot``, or where COPILOT_HOME says, and begins with comments.  A trusted folder covers all
below it, other repositories too.  Its log-in is kept where no file tells of it.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    LOGIN,
    TRUST,
    Edit,
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    home_of,
    unreadable,
    with_json,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset


class CopilotReadiness(Readiness):
    """copilot 1.0.102."""

    variables = ("COPILOT_HOME", "COPILOT_PROVIDER_BASE_URL", "COPILOT_MODEL", "COPILOT_OFFLINE")
    unknown = (LOGIN,)

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Trust alone."""
        env = {**look.env, **preset.env}
        path = os.path.join(env.get("COPILOT_HOME") or os.path.join(home_of(env), ".copilot"), "config.json")
        try:
            config = look.json(path, has_comments=True)
        except UnreadableError as error:
            return [unreadable(path, str(error), "copilot")]
        folders = config.get("trustedFolders")
        here = os.path.realpath(work_dir)
        if isinstance(folders, list) and any(_covers(folder, here) for folder in folders):
            return []
        return [
            Obstacle(
                TRUST,
                f"copilot does not trust {here}",
                "it asks at its start",
                f"run copilot in {work_dir} once and answer it, or gt doctor agents --fix",
                Edit(path, lambda data: _trusting(data, here), here),
            )
        ]


def _covers(folder: object, here: str) -> bool:
    if not isinstance(folder, str) or not os.path.isabs(folder):
        return False
    top = os.path.realpath(folder)
    return here == top or here.startswith(top.rstrip(os.sep) + os.sep)


def _trusting(data: bytes | None, folder: str) -> bytes:
    """The file with that folder trusted; the comments at its beginning stay, others raise ValueError."""
    lines = (data or b"").splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if not line.lstrip().startswith(b"//")), len(lines))

    def change(value: dict[str, object]) -> None:
        folders = value.setdefault("trustedFolders", [])
        if not isinstance(folders, list):
            raise ValueError("its trustedFolders is no list")
        if not any(_covers(known, folder) for known in folders):
            folders.append(folder)

    return b"".join(lines[:start]) + with_json(b"".join(lines[start:]), change)


READINESS = CopilotReadiness()
