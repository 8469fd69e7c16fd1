"""What a pane's screen says about its agent; the last resort among the evidence. (signatures first)"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NamedTuple

    class ScreenReading(NamedTuple):
        """``kind`` is one of KINDS; ``detail`` what is asked or said; ``options`` the choices (``1 Yes``)."""

        kind: str
        detail: str = ""
        options: tuple[str, ...] = ()
else:
    ScreenReading = namedtuple("ScreenReading", "kind detail options", defaults=("", ()))

READY, BUSY, PERMISSION, DIALOG, LIMITED, SHELL, UNKNOWN = (
    "ready",
    "busy",
    "permission",
    "dialog",
    "limited",
    "shell",
    "unknown",
)
KINDS = (READY, BUSY, PERMISSION, DIALOG, LIMITED, SHELL, UNKNOWN)


def read_screen(preset_name: str, lines: Sequence[str]) -> ScreenReading:
    """What the bottom of the screen shows, by the tables of that preset (``Preset.screens``)."""
    raise NotImplementedError
