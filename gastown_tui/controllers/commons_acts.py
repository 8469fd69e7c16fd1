"""Acts on the commons that need a form: handing in, accepting, stamping."""

from __future__ import annotations

from gastown_core.model.order import Order
from gastown_core.model.wanted import Wanted
from gastown_tui.text import clean, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.orders.registry import Subject
    from gastown_tui.console import Console
    from gastown_tui.controllers.new_work import Perform
    from gastown_tui.dialogs.stamp_form import Stamp
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces


class CommonsActs:
    """The orders about wanted items and other towns, each with its form; ``perform`` is the console's way to perform an order."""

    def __init__(self, console: Console, perform: Perform) -> None:
        self.console = console
        self._perform = perform

    def starts(self) -> dict[str, Callable[[Chosen, Subject], None]]:
        """The forms by the id of their order."""
        return {"wanted.done": self.hand_in, "wanted.accept": self.accept, "wanted.stamp": self.stamp}

    def hand_in(self, chosen: Chosen, subject: Subject) -> None:
        """Ask for the evidence; without words it is the commit that landed the item's bead."""
        from gastown_tui.dialogs.prompt import Prompt

        if not isinstance(subject, Wanted):
            return
        lines: list[Pieces] = [
            *_item(subject),
            (),
            (("Sent to the commons; it cannot be undone. Evidence: an address or a commit.", "dim"),),
        ]
        prompt = Prompt(
            "Hand in",
            lines,
            hint="empty: the commit that landed its bead",
            may_be_empty=True,
            does="hand in",
        )
        item = subject

        def answered(text: str | None) -> None:
            if text is None:
                self.console.say("cancelled", "dim")
            else:
                self._perform(Order("wanted.done", item.id, {"evidence": text}), f"hand in {clean(item.id)}")

        self.console.ask(prompt, answered)

    def accept(self, chosen: Chosen, subject: Subject) -> None:
        """Ask for figures, and accept what was handed in."""
        if isinstance(subject, Wanted):
            told = [*_item(subject), ((cut(clean(subject.evidence_url), 70), "info"),)]
            told.append((("Accepted for good; the stamp stays in the commons.", "dim"),))
            self._judge("Accept", "wanted.accept", subject.id, told, needs_figure=False)

    def stamp(self, chosen: Chosen, subject: Subject) -> None:
        """Ask for figures about another town."""
        if isinstance(subject, str):
            told: list[Pieces] = [((clean(subject), "title"),), (("A stamp stays in the commons.", "dim"),)]
            self._judge("Stamp", "wanted.stamp", subject, told, needs_figure=True)

    def _judge(self, title: str, kind: str, target: str, told: list[Pieces], *, needs_figure: bool) -> None:
        from gastown_tui.dialogs.stamp_form import StampForm

        def answered(found: Stamp | None) -> None:
            if found is None:
                self.console.say("cancelled", "dim")
            else:
                self._perform(Order(kind, target, found.given), f"{title.lower()} {clean(target)}")

        self.console.ask(StampForm(title, told, verb=title.lower(), needs_figure=needs_figure), answered)


def _item(one: Wanted) -> list[Pieces]:
    by = f"  {clean(one.claimed_by)}" if one.claimed_by else ""
    return [((clean(one.id), "accent"), (by, "dim")), ((cut(clean(one.title), 70), "title"),)]
