"""Letters over everything on the screen that can be gone to: rows, and ids in the text of rows and pages."""

from __future__ import annotations

import re
from itertools import product

from gastown_tui.selection import AGENT, BEAD, CONVOY, INCIDENT, ITEM, REQUEST, Selection, point_at
from gastown_tui.text import cells
from gastown_tui.widgets.rows import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.console import Console
    from gastown_tui.controllers.navigation import Navigation
    from gastown_tui.controllers.stage import Stage

    Target = tuple[str, Selection]
    """The panel whose row it is, empty for an id in a text; and what it is."""

ALPHABET = "asdfghjklqwertyuiopzxcvbnm"
"""The letters, those under the fingers first."""
_KINDS = (AGENT, CONVOY, BEAD, REQUEST, INCIDENT, ITEM)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*[A-Za-z0-9]")


def labels(count: int) -> list[str]:
    """Return so many labels, all of one length, so that none begins another."""
    length = 1
    while len(ALPHABET) ** length < count:
        length += 1
    found = ("".join(letters) for letters in product(ALPHABET, repeat=length))
    return [label for label, _ in zip(found, range(count), strict=False)]


def known_ids(snapshot: TownSnapshot) -> dict[str, Selection]:
    """Return what each id leads to; a bead outside all convoys leads to its request, or to the agent that has it."""
    found: dict[str, Selection] = {}
    for agent in snapshot.agents:
        if agent.work is not None:
            found[agent.work.bead_id] = point_at(AGENT, "", agent.key)
    for request in snapshot.requests:
        found[request.bead_id] = found[request.id] = point_at(REQUEST, "", request.id)
    for convoy in snapshot.convoys:
        found[convoy.id] = point_at(CONVOY, "", convoy.id)
        found.update((one.bead_id, point_at(BEAD, "", one.bead_id, convoy.id)) for one in convoy.members)
    found.update((one.name, point_at(INCIDENT, "", one.name)) for one in snapshot.incidents)
    found.update((agent.address.short, point_at(AGENT, "", agent.key)) for agent in snapshot.agents)
    found.pop("", None)
    return found


class Letters:
    """The overlay; while ``is_open``, the screen gives it every key."""

    def __init__(self, console: Console, stage: Stage, navigation: Navigation) -> None:
        self.console = console
        self.stage = stage
        self.navigation = navigation
        self.is_open = False
        self.label_of: dict[Target, str] = {}
        self.typed = ""

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of its actions, by action id."""
        return {"letters.open": self.open}

    def open(self) -> str:
        """Put letters over everything that can be gone to; return why not, or an empty string."""
        targets = list(dict.fromkeys(target for panel in self._panels() for _, _, target in self._found(panel)))
        if not targets:
            return "nothing on the screen can be gone to"
        self.label_of = dict(zip(targets, labels(len(targets)), strict=True))
        self.is_open, self.typed = True, ""
        self.place()
        self.console.say("type the letters of what to go to, or Esc", "info")
        return ""

    def close(self) -> None:
        """Take the letters away."""
        self.is_open = False
        for panel in self._panels():
            panel.show_letters({})

    def place(self) -> None:
        """Put each label where its target stands now: rows may have moved since; what came later has none."""
        for panel in self._panels():
            marks: dict[int, list[tuple[int, str]]] = {}
            for x, y, target in self._found(panel):
                label = self.label_of.get(target, "")
                if label and label.startswith(self.typed):
                    marks.setdefault(y, []).append((x, label))
            panel.show_letters(marks)

    def press(self, key: str) -> None:
        """Take a letter; go to its target when they are complete. Any other key only takes the letters away."""
        self.typed += key
        left = [(target, label) for target, label in self.label_of.items() if label.startswith(self.typed)]
        if len(key) == 1 and left and left[0][1] != self.typed:
            self.place()
            return
        self.close()
        if len(key) == 1 and left:
            self._go(*left[0][0])
        else:
            self.console.say("" if key == "escape" else f"nothing has the letters {self.typed}", "dim")

    def _go(self, panel: str, selection: Selection) -> None:
        self.console.say("")
        if not panel:
            self.navigation.go_to(selection)
        elif self.stage.panels[panel].select(selection):
            self.navigation.go_to_panel(panel)
        else:
            self.console.say("its row is gone", "dim")

    # where they stand

    def _panels(self) -> list[Rows]:
        shown = (*self.stage.panels.values(), self.stage.closer, self.stage.drawer)
        return [panel for panel in shown if panel.is_attached]

    def _found(self, panel: Rows) -> Iterator[tuple[int, int, Target]]:
        """Yield column, line and target of each row and of each id in the text that stands in a panel."""
        if not panel.region.width:
            return
        known = known_ids(self.console.snapshot)
        for y, line in enumerate(panel.plain_lines()):
            key = self._row_key(panel, y)
            if key is not None:
                yield 1, y, (panel.id or "", key)
            for word in _WORD.finditer(line):
                selection = known.get(word.group())
                if selection is not None and selection != key:
                    yield cells(line[: word.start()]), y, ("", selection)

    def _row_key(self, panel: Rows, y: int) -> Selection | None:
        index = panel.index_at(y)
        row = panel.row_at(index) if index >= 0 else None
        key = row.key if row is not None and row.is_stop else None
        return key if isinstance(key, Selection) and key.kind in _KINDS else None
