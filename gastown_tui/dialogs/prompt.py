"""Prompts for a line of text: a nudge, a handoff note, an order's argument."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from gastown_core.model.choice import bare_option
from gastown_tui.dialogs.dialog import Dialog, Page
from gastown_tui.rowtext import state_glyph
from gastown_tui.text import clean, clean_lines, wrap
from gastown_tui.widgets.line_field import LineField

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.snapshot import AgentView
    from gastown_tui.text import Pieces


class Prompt(Dialog[str]):
    """A question with a line as its answer, or a text from the editor; Enter returns it, Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+e", "edit", show=False)]

    def __init__(
        self,
        title: str,
        lines: list[Pieces],
        *,
        offer: str = "",
        hint: str = "",
        may_be_empty: bool = False,
        does: str = "send",
    ) -> None:
        page = Page(title)
        page.keys = (
            ("Enter", "key"),
            (f" {does}  ", "dim"),
            ("Ctrl-E", "key"),
            (" editor  ", "dim"),
            ("Esc", "key"),
            (" cancel", "dim"),
        )
        super().__init__(page, LineField(id="answer", prompt="", value=offer, hint=hint, passes=("ctrl+e",)))
        self.long = ""
        """A text of several lines from the editor; typing in the field drops it."""
        self.lines = lines
        self.may_be_empty = may_be_empty

    @property
    def typed(self) -> str:
        """The text of the editor or in the field, whether sent or not."""
        if self.long:
            return self.long
        return self.field.value.strip() if self.field is not None else ""

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """As high as the text."""
        return 76, len(self._wrapped(min(72, width - 6))) + 4

    def _wrapped(self, width: int) -> list[Pieces]:
        out: list[Pieces] = []
        for line in self.lines:
            if len(line) == 1 and isinstance(line[0][1], str):
                out += [((part, line[0][1]),) for part in wrap(line[0][0], max(10, width))]
            else:
                out.append(line)
        return out

    def fill(self) -> None:
        """Show the question."""
        self.page.show_lines(self._wrapped(min(72, self.app.size.width - 6)))

    def action_edit(self) -> None:
        """Write the text in the person's editor; what is saved stands in the dialog, and Enter sends it."""
        field, edit = self.field, getattr(self.app, "edit_text", None)
        if field is None or edit is None:
            return
        text, problem = edit(self.typed)
        if problem:
            field.say(problem, "warn")
            return
        lines = text.strip("\n").split("\n")
        field.is_untouched = False
        field.set(clean(lines[0]))
        self.long = "\n".join(lines) if len(lines) > 1 else ""
        if self.long:
            field.say(f"{len(lines)} lines; Enter sends all", "good")

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Drop a long text once its first line is typed over."""
        event.stop()
        if self.long:
            self.long = ""
            if self.field is not None:
                self.field.say("only this line now", "warn")

    def action_enter(self) -> None:
        """Return the answer; refuse an empty one unless it is allowed."""
        field = self.field
        if field is None:
            return
        text = self.typed
        if not text and not self.may_be_empty:
            field.say("type a text, or Esc to cancel", "warn")
            return
        self.dismiss(text)


OFFER = "continue"
NAMED = 6


def nudge_prompt(agents: Sequence[AgentView], ascii_only: bool) -> Prompt:
    """Return the dialog that nudges one or several agents."""
    names: list[Pieces] = [
        (
            (state_glyph(agent.health.state, ascii_only) + " ", agent.health.state.value),
            (clean(agent.address.short), "title"),
            (f"  {clean(agent.health.reason)}" if agent.health.reason else "", "dim"),
        )
        for agent in agents[:NAMED]
    ]
    if len(agents) > NAMED:
        names.append(((f"and {len(agents) - NAMED} more", "dim"),))
    title = "Nudge" if len(agents) == 1 else f"Nudge {len(agents)} agents"
    words = "Typed at its empty prompt; until then it waits:"
    return Prompt(title, [*names, (), ((words, "dim"),)], offer=OFFER)


QUESTION_ROWS = 6


def words_prompt(name: str, asked: str, option: str) -> Prompt:
    """Return the dialog for an answer in a person's own words; ``option`` is the choice that they go with."""
    rows = [row for row in clean_lines(asked) if row.strip()]
    lines: list[Pieces] = [((clean(name), "title"), (" asks:", "dim"))]
    lines += [((row, "text"),) for row in rows[-QUESTION_ROWS:]]
    lines += [(), ((f"Your words go with: {clean(bare_option(option))}", "dim"),)]
    return Prompt("Answer in your own words", lines, hint="no, because …", does="answer")
