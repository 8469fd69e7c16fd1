"""Where each widget goes for any terminal size; pure except for the adapter at the end.

Wide: agents on the left, convoys above events on the right, the drawer below.  Narrow: one panel, the others as one
line each, the drawer over part of the panel.  A widget without room is hidden.
"""

from __future__ import annotations

from textual.geometry import NULL_OFFSET, Region, Size, Spacing
from textual.layout import Layout, WidgetPlacement

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from textual.widget import Widget


class Scene(Record):
    """What to show: view (one of VIEWS), active panel, drawer, search line, and the lines that convoys and lists want."""

    view: str = "feed"
    active: str = "agents"
    is_drawer_open: bool = False
    is_searching: bool = False
    convoy_lines: int = 10
    list_lines: int = 12
    """The lines that the list of the problems or of the inbox wants."""
    is_zoomed: bool = False
    """The active panel, or the drawer that has the keys, has the whole screen."""
    is_drawer_zoomed: bool = False
    shift: int = 0
    """How far a person moved the view's border, in steps: to the right, or down under a list."""


PANELS = ("agents", "convoys", "events")
VIEWS = {
    "feed": PANELS,
    "problems": ("problems",),
    "inbox": ("inbox",),
    "queue": ("queue", "probes", "gates"),
    "diff": ("files", "patch"),
    "past": ("then_agents", "then_convoys", "changes"),
    "costs": ("spending",),
    "graph": ("graph",),
    "wasteland": ("wanted",),
}
"""View → its panels; the keys 1 to 3 focus them in this order."""
WIDE_COLUMNS, WIDE_ROWS = 100, 18
TALL_ROWS = 30
LISTS = ("problems", "inbox")
"""Views of one list with a closer look at its selected row."""
LOOK_ROWS, BESIDE_COLUMNS = 20, 120
STEP_COLUMNS, STEP_ROWS, MOST_SHIFT = 4, 2, 20
NARROWEST, LOWEST = 24, 5
"""The least columns and rows that a moved border leaves to a panel."""


def is_wide(width: int, height: int) -> bool:
    """Whether there is room for two columns."""
    return width >= WIDE_COLUMNS and height >= WIDE_ROWS


def drawer_hides_panel(width: int, height: int) -> bool:
    """Whether an open drawer leaves the panel beside it at most one line."""
    return not is_wide(width, height) and height - 2 < TALL_ROWS


def plan(width: int, height: int, scene: Scene) -> dict[str, Region]:
    """Return a region for each visible widget, by id."""
    regions: dict[str, Region] = {}
    if height < 3 or width < 10:
        return regions
    regions["header"] = Region(0, 0, width, 1)
    regions["search" if scene.is_searching else "status"] = Region(0, height - 1, width, 1)
    body = Region(0, 1, width, height - 2)
    if scene.is_zoomed:
        return regions | _zoomed(body, scene)
    if is_wide(width, height):
        return regions | _wide(body, scene)
    return regions | _narrow(body, scene)


def _zoomed(body: Region, scene: Scene) -> dict[str, Region]:
    """The drawer alone if it has the keys, else the active panel, above the drawer if that is open."""
    if scene.is_drawer_zoomed:
        return {"drawer": body}
    x, y, width, height = body
    drawer = _clamp(height * 0.36, 8, 24) if scene.is_drawer_open and height >= 2 * LOOK_ROWS - 4 else 0
    if scene.is_drawer_open and not drawer:
        drawer = height - 1
    regions = {scene.active: Region(x, y, width, height - drawer)}
    return regions | ({"drawer": Region(x, y + height - drawer, width, drawer)} if drawer else {})


def _clamp(value: float, low: int, high: int) -> int:
    return max(low, min(int(value), high))


def _wide(body: Region, scene: Scene) -> dict[str, Region]:
    regions = {}
    x, y, width, height = body
    if scene.is_drawer_open:
        drawer = _clamp(height * 0.36, 8, 24)
        regions["drawer"] = Region(x, y + height - drawer, width, drawer)
        height -= drawer
    if scene.view in LISTS:
        return regions | _list_and_look(Region(x, y, width, height), scene)
    if scene.view == "queue":
        return regions | _wide_queue(Region(x, y, width, height), scene.shift)
    if scene.view == "diff":
        left = _moved(_clamp(width * 0.26, 30, 52), scene.shift, width)
        return regions | {
            "files": Region(x, y, left, height),
            "patch": Region(x + left, y, width - left, height),
        }
    if len(VIEWS[scene.view]) == 1:
        return regions | {VIEWS[scene.view][0]: Region(x, y, width, height)}
    left = _moved(_clamp(width * 0.38, 42, 84), scene.shift, width)
    convoys = _clamp(scene.convoy_lines, 4, max(4, int(height * 0.42)))
    first, second, third = VIEWS["past" if scene.view == "past" else "feed"]
    regions[first] = Region(x, y, left, height)
    regions[second] = Region(x + left, y, width - left, convoys)
    regions[third] = Region(x + left, y + convoys, width - left, height - convoys)
    return regions


def _moved(left: int, shift: int, width: int) -> int:
    """Return a left panel's width after a person moved its border."""
    return _clamp(left + shift * STEP_COLUMNS, min(left, NARROWEST), max(left, width - NARROWEST))


def _wide_queue(body: Region, shift: int) -> dict[str, Region]:
    """Put queue and batch side by side, the gate log below in full width, since its lines are long."""
    x, y, width, height = body
    left = _moved(_clamp(width * 0.4, 44, 72), shift, width)
    upper = _clamp(height * 0.5, 6, height - 5)
    return {
        "queue": Region(x, y, left, upper),
        "probes": Region(x + left, y, width - left, upper),
        "gates": Region(x, y + upper, width, height - upper),
    }


def _list_and_look(body: Region, scene: Scene) -> dict[str, Region]:
    """Put the closer look under the list, in all the room that it leaves; beside it if that is too low; or nowhere."""
    x, y, width, height = body
    if scene.is_drawer_open:
        return {scene.view: body}
    if height >= LOOK_ROWS:
        rows = _clamp(scene.list_lines, 7, max(7, int(height * 0.55)))
        rows = _clamp(rows + scene.shift * STEP_ROWS, min(rows, LOWEST), max(rows, height - LOWEST))
        return {scene.view: Region(x, y, width, rows), "closer": Region(x, y + rows, width, height - rows)}
    if width >= BESIDE_COLUMNS:
        left = _moved(int(width * 0.56), scene.shift, width)
        return {scene.view: Region(x, y, left, height), "closer": Region(x + left, y, width - left, height)}
    return {scene.view: body}


def _narrow(body: Region, scene: Scene) -> dict[str, Region]:
    x, y, width, height = body
    if scene.view in LISTS and not scene.is_drawer_open:
        return _list_and_look(body, scene)
    names = VIEWS[scene.view]
    active = scene.active if scene.active in names else names[0]
    others = len(names) - 1
    room = height - others
    regions = {}
    drawer = 0
    if scene.is_drawer_open:
        drawer = room // 2 if height >= TALL_ROWS else room - 1
    for name in names:
        lines = room - drawer if name == active else 1
        regions[name] = Region(x, y, width, lines)
        y += lines
    if drawer:
        regions["drawer"] = Region(x, y, width, drawer)
    return regions


class TownLayout(Layout):
    """Textual layout that follows the plan of the current scene."""

    name = "town"

    def __init__(self) -> None:
        self.scene = Scene()

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> list[WidgetPlacement]:
        """Place the children that the plan names."""
        regions = plan(size.width, size.height, self.scene)
        none = Spacing()
        return [
            WidgetPlacement(regions[child.id], NULL_OFFSET, none, child)
            for child in children
            if child.id is not None and child.id in regions
        ]
