"""Where the beads of a graph stand, and how the lines between them run; pure.

A bead stands to the right of everything it waits for.  A cycle is cut at one of its links for the placing only: the
link is drawn.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.query import Excerpt
    from gastown_core.state.bead_board import BeadGraph

WIDTH, HEIGHT = 216, 46
GAP_X, GAP_Y = 54, 12
MARGIN = 6
SWEEPS = 4


class Node(Record):
    """A bead and its upper left corner."""

    bead: Excerpt
    x: int
    y: int


class Line(Record):
    """The path of a link (SVG's ``d``), its type, and whether its bead still waits because of it."""

    path: str
    type: str
    source: str
    target: str
    is_open: bool


class Drawing(Record):
    """A graph with its places."""

    width: int = 0
    height: int = 0
    nodes: tuple[Node, ...] = ()
    lines: tuple[Line, ...] = ()
    is_cut: bool = False


def drawing(graph: BeadGraph) -> Drawing:
    """Place a graph in columns."""
    if not graph.beads:
        return Drawing()
    beads = {bead.id: bead for bead in graph.beads}
    waits: dict[str, list[str]] = {name: [] for name in beads}
    for link in graph.links:
        if link.target not in waits[link.source]:
            waits[link.source].append(link.target)
    columns = _ordered(_columns(waits), waits)
    place = {
        name: (MARGIN + at * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))
        for at, column in enumerate(columns)
        for row, name in enumerate(column)
    }
    lines = tuple(
        Line(
            _path(place[one.target], place[one.source]),
            one.type,
            one.source,
            one.target,
            beads[one.target].status != "closed",
        )
        for one in graph.links
    )
    tallest = max(len(column) for column in columns)
    return Drawing(
        2 * MARGIN + len(columns) * (WIDTH + GAP_X) - GAP_X,
        2 * MARGIN + tallest * (HEIGHT + GAP_Y) - GAP_Y,
        tuple(Node(beads[name], *at) for name, at in place.items()),
        lines,
        graph.is_cut,
    )


def _columns(waits: dict[str, list[str]]) -> list[list[str]]:
    """Return the beads by the length of the longest way to something that waits for nothing."""
    level: dict[str, int] = {}
    under_way: set[str] = set()
    for start in waits:
        stack = [start]
        while stack:
            here = stack[-1]
            if here in level:
                stack.pop()
                continue
            under_way.add(here)
            ahead = [one for one in waits[here] if one not in level and one not in under_way]
            if ahead:
                stack += ahead[:1]
                continue
            level[here] = max((level[one] + 1 for one in waits[here] if one in level), default=0)
            under_way.discard(here)
            stack.pop()
    columns: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for name in waits:
        columns[level[name]].append(name)
    return [column for column in columns if column]


def _ordered(columns: list[list[str]], waits: dict[str, list[str]]) -> list[list[str]]:
    """Order each column so that beads stand near what they hang together with."""
    near: dict[str, list[str]] = {name: list(those) for name, those in waits.items()}
    for name, those in waits.items():
        for one in those:
            near[one].append(name)
    for _ in range(SWEEPS):
        row = {name: float(at) for column in columns for at, name in enumerate(column)}
        for column in columns:
            mean = {
                name: sum(row[one] for one in near[name]) / len(near[name]) if near[name] else row[name]
                for name in column
            }
            column.sort(key=lambda name, mean=mean: mean[name])  # type: ignore[misc]
            row.update((name, float(at)) for at, name in enumerate(column))
    return columns


def _path(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return a curve from the right edge of one bead to the left edge of another."""
    x1, y1 = start[0] + WIDTH, start[1] + HEIGHT // 2
    x2, y2 = end[0], end[1] + HEIGHT // 2
    bend = max(24, abs(x2 - x1) // 2)
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 5} {y2}"
