"""The last picture of the console, as plain text: the first frame of the next start.

``{"width", "height", "taken_at", "lines": [text per row], "events": [top, left, width, height]}``; ``events`` is the
inside of the event panel, where the next start writes the log's tail.  The text was cleaned when it was painted.
"""

from __future__ import annotations

import json
import os

from gastown_core.errors import GastownError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.folders import cache_folder
from gastown_tui.text import fit
from gastown_tui.widgets.header_bar import HeaderBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size

    from gastown_tui.widgets.sheet import Sheet

FILE = os.path.join(".runtime", "console", "picture.json")
MODE = 0o600
_last: dict[str, list[str]] = {}


def picture_of(sheets: Sequence[Sheet], size: Size, now: float) -> dict[str, object]:
    """Return the picture of these sheets, given from left to right, as they are laid out now."""
    width, height = size
    grid = [" " * width for _ in range(height)]
    events = [0, 0, 0, 0]
    for sheet in sheets:
        region = sheet.region
        if not region.width or not region.height:
            continue
        lines = [sheet.picture_line(width)] if isinstance(sheet, HeaderBar) else sheet.plain_lines()
        for number, line in enumerate(lines):
            y = region.y + number
            if 0 <= y < height:
                grid[y] = _over(grid[y], region.x, line)
        if sheet.id == "events" and region.height > 2:
            events = [region.y + 1, region.x + 1, region.width - 2, region.height - 2]
    return {"width": width, "height": height, "taken_at": now, "lines": grid, "events": events}


def _over(row: str, left: int, line: str) -> str:
    """Return a row of the grid with a sheet's line in place; sheets come from left to right."""
    return fit(row, left) + line if left else line


def save_picture(path: str, picture: dict[str, object]) -> bool:
    """Write a picture (mode 0600); return False if it has not changed since the last time."""
    lines = picture["lines"]
    if _last.get(path) == lines or not isinstance(lines, list):
        return False
    cache_folder(os.path.dirname(path))
    write_atomic(path, json.dumps(picture, ensure_ascii=False).encode(), mode=MODE, sync=False)
    _last[path] = lines
    return True


def keep_picture(root: str, picture: dict[str, object]) -> None:
    """Save a picture in the town's ``.runtime`` folder; if the town is not writable, do nothing."""
    try:
        save_picture(os.path.join(root, FILE), picture)
    except (GastownError, OSError):
        return
