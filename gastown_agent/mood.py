"""Moods: what goes wrong with this agent, and at which step."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

STEADY, SLOW, SILENT, CRASH = "steady", "slow", "silent", "crash"
PERMISSION, DIALOG, LIMITED, STUCK = "permission", "dialog", "limited", "stuck"
SLIPS, BREAKS = "slips", "breaks"
"""Moods that hand in a failing test: the first time only, or always."""
MOODS = (STEADY, SLOW, SILENT, CRASH, PERMISSION, DIALOG, LIMITED, STUCK, SLIPS, BREAKS)

SLOW_FACTOR = 10.0
TROUBLE_STEP = 1
"""The step, counted from 0, before which a mood's trouble begins."""

_FIELD = re.compile(r"^mood:[ \t]*(\w+)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def mood_of(labels: Iterable[str], description: str, default: str = "") -> str:
    """Return the mood that a bead names by a label ``mood:x`` or a line ``mood: x``, else ``default``, else steady."""
    wanted = [label.partition(":")[2] for label in labels if label.startswith("mood:")]
    wanted += _FIELD.findall(description)
    for mood in (*wanted, default):
        if mood.lower() in MOODS:
            return mood.lower()
    return STEADY
