"""omp: its set-up.

Without ``setupVersion`` in ``~/.omp/agent/config.yml`` (or where PI_CODING_AGENT_DIR says) it begins with a log-in
dialog of four steps.  Whether a provider of models is there, it keeps in a database of its own, which is not read.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    LOGIN,
    SETUP,
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    home_of,
    unreadable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset


class OmpReadiness(Readiness):
    """omp 17.3.5."""

    variables = ("PI_CODING_AGENT_DIR",)
    unknown = (LOGIN,)

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """The set-up alone: omp asks for no trust."""
        env = {**look.env, **preset.env}
        folder = env.get("PI_CODING_AGENT_DIR") or os.path.join(home_of(env), ".omp", "agent")
        path = os.path.join(folder, "config.yml")
        try:
            text = look.content(path) or b""
        except UnreadableError as error:
            return [unreadable(path, str(error), "omp")]
        if any(_sets_version(line) for line in text.splitlines()):
            return []
        return [
            Obstacle(
                SETUP,
                "omp was not set up",
                "it begins with a set-up of four steps",
                f"run omp once and go through it, or write setupVersion: 1 into {path}",
            )
        ]


def _sets_version(line: bytes) -> bool:
    """Whether a line of YAML, or of JSON, which is YAML too, says which set-up was done."""
    name, colon, value = line.strip().lstrip(b"{ ").partition(b":")
    return name.strip().strip(b"\"'") == b"setupVersion" and bool(colon) and value.strip().rstrip(b",} ").isdigit()


READINESS = OmpReadiness()
