"""The form for judging work: how good, how fast, how hard, each from 0 to 5 or left out, and words."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.model.record import Record
from gastown_tui.dialogs.dialog import Dialog
from gastown_tui.dialogs.picker import PickerPage
from gastown_tui.text import clean, fit
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.text import Pieces

FIGURES = ("", "0", "1", "2", "3", "4", "5")
ASKED = {"quality": "how good it is", "speed": "how fast it came", "complexity": "how hard it was"}
LABEL = 13


class Stamp(Record):
    """What a person judged; an empty figure is none."""

    quality: str = ""
    speed: str = ""
    complexity: str = ""
    message: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The arguments of an order."""
        return {name: value for name, value in self._asdict().items() if value}


class StampForm(Dialog[Stamp]):
    """The form: up and down go from line to line, left and right change a figure, what is typed are the words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "change(-1)", show=False),
        Binding("right", "change(1)", show=False),
        Binding("tab", "move(1)", show=False),
        Binding("shift+tab", "move(-1)", show=False),
    ]

    def __init__(self, title: str, told: list[Pieces], *, verb: str, needs_figure: bool) -> None:
        page = PickerPage(title)
        page.keys = (("Enter", "key"), (f" {verb}  ", "dim"), ("< >", "key"), (" figure  ", "dim"),
                     ("Esc", "key"), (" cancel", "dim"))  # fmt: skip
        field = LineField(
            id="message", prompt="Words  ", hint="for everybody to read; optional", passes=("left", "right")
        )
        field.is_untouched = False
        super().__init__(page, field)
        self.told = told
        self.stamp = Stamp()
        self.needs_figure = needs_figure

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """What is judged, three lines, and the words."""
        return 76, len(self.told) + 8

    def fill(self) -> None:
        """Show the lines."""
        rows = [Row(None, line, False) for line in self.told]
        rows.append(Row(None, (), False))
        for name, words in ASKED.items():
            value = getattr(self.stamp, name) or "none"
            rows.append(
                Row(
                    name,
                    (
                        (fit(name.capitalize(), LABEL), "dim"),
                        ("< ", "key"),
                        (fit(value, 5), "bright"),
                        (" >", "key"),
                        (f"   {words}", "dim"),
                    ),
                )
            )
        self.page.show_rows(rows)

    def action_change(self, step: int) -> None:
        """Change the figure under the cursor."""
        key = self.page.key
        if isinstance(key, str) and key in ASKED:
            at = FIGURES.index(getattr(self.stamp, key))
            self.stamp = self.stamp._replace(**{key: FIGURES[(at + step) % len(FIGURES)]})
        self.fill()

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """The words are read when they are sent."""
        event.stop()

    def action_enter(self) -> None:
        """Return the judgement; refuse one without a figure where one is needed, or words without a stamp to stand on."""
        field = self.field
        if field is None:
            return
        found = self.stamp._replace(message=clean(field.value.strip()))
        if (self.needs_figure or found.message) and not (found.quality or found.speed or found.complexity):
            field.say("words stand on a stamp: give a figure with left and right", "warn")
            return
        self.dismiss(found)
