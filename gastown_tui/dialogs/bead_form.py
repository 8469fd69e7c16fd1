"""The form for a new bead: rig, type, priority and title on one page; saved, or saved and slung at once."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.model.bead import priority_word
from gastown_core.model.record import Record
from gastown_tui.dialogs.dialog import Dialog
from gastown_tui.dialogs.picker import PickerPage
from gastown_tui.text import clean, fit
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.text import Piece, Pieces

TYPES = ("task", "bug", "feature", "chore", "epic")
PRIORITIES = ("0", "1", "2", "3", "4")
LABEL = 13


class NewBead(Record):
    """What a person wrote down; ``is_slung``: give it to a polecat of the rig at once."""

    rig: str
    type: str = "task"
    priority: str = "2"
    title: str = ""
    description: str = ""
    is_slung: bool = False


class BeadForm(Dialog[NewBead]):
    """The form: up and down go from line to line, left and right change a line, what is typed is the title."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "change(-1)", show=False),
        Binding("right", "change(1)", show=False),
        Binding("tab", "move(1)", show=False),
        Binding("shift+tab", "move(-1)", show=False),
        Binding("ctrl+e", "edit", show=False),
        Binding("ctrl+s", "sling", show=False),
    ]

    def __init__(self, rigs: Sequence[str], draft: NewBead) -> None:
        page = PickerPage("New bead")
        page.keys = (("Enter", "key"), (" save  ", "dim"), ("Ctrl-S", "key"), (" save, sling  ", "dim"),
                     ("Esc", "key"), (" cancel", "dim"))  # fmt: skip
        field = LineField(id="title", prompt="Title  ", value=draft.title, hint="what is to be done, in one line",
                          passes=("left", "right", "ctrl+e", "ctrl+s"))  # fmt: skip
        field.is_untouched = False
        super().__init__(page, field)
        self.draft = draft
        self.rigs = list(rigs)

    @property
    def typed(self) -> NewBead:
        """The bead as it stands in the form."""
        return self.draft._replace(title=self.field.value.strip() if self.field is not None else "")

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """Four lines, and the title's."""
        return 72, 8

    def fill(self) -> None:
        """Show the lines."""
        draft = self.draft
        words = priority_word(int(draft.priority))
        written = draft.description.strip().split("\n", 1)[0]
        told: tuple[Piece, ...] = (
            ((clean(written)[:44], "text"),)
            if written
            else (("none; ", "dim"), ("Ctrl-E", "key"), (" writes one in your editor", "dim"))
        )
        rows = [
            Row("rig", _line("Rig", draft.rig, f"{self.rigs.index(draft.rig) + 1} of {len(self.rigs)}")),
            Row("type", _line("Type", draft.type, "")),
            Row("priority", _line("Priority", words, "")),
            Row("description", ((fit("Description", LABEL), "dim"), *told)),
        ]
        self.page.show_rows(rows)

    def action_change(self, step: int) -> None:
        """Change the line under the cursor; on the description, move the title's caret."""
        draft, key = self.draft, self.page.key
        if key == "rig":
            self.draft = draft._replace(rig=_next(self.rigs, draft.rig, step))
        elif key == "type":
            self.draft = draft._replace(type=_next(TYPES, draft.type, step))
        elif key == "priority":
            self.draft = draft._replace(priority=_next(PRIORITIES, draft.priority, step))
        elif self.field is not None:
            self.field.caret = min(len(self.field.value), max(0, self.field.caret + step))
            self.field.redraw()
        self.fill()

    def action_edit(self) -> None:
        """Write the description in the person's editor."""
        edit = getattr(self.app, "edit_text", None)
        if edit is None or self.field is None:
            return
        text, problem = edit(self.draft.description)
        if problem:
            self.field.say(problem, "warn")
            return
        self.draft = self.draft._replace(description=text.strip("\n"))
        self.fill()

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """The title is read when it is saved."""
        event.stop()

    def action_enter(self) -> None:
        """Save."""
        self._save(is_slung=False)

    def action_sling(self) -> None:
        """Save, then sling."""
        self._save(is_slung=True)

    def _save(self, *, is_slung: bool) -> None:
        found = self.typed
        if found.title:
            self.dismiss(found._replace(is_slung=is_slung))
        elif self.field is not None:
            self.field.say("type a title, or Esc to cancel", "warn")


def _line(label: str, value: str, note: str) -> Pieces:
    return (
        (fit(label, LABEL), "dim"),
        ("< ", "key"),
        (clean(value), "bright"),
        (" >", "key"),
        (f"   {note}" if note else "", "dim"),
    )


def _next(values: Sequence[str], value: str, step: int) -> str:
    return values[(list(values).index(value) + step) % len(values)]
