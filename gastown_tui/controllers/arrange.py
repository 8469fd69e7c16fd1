"""Arranging the agents: one list to group, sort, hide idle ones and choose columns; remembered for the town."""

from __future__ import annotations

from gastown_tui.text import fit, glyph
from gastown_tui.widgets.agent_order import COLUMNS, GROUPINGS, SORTS, Arrangement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage

WHAT = 18


def choices(now: Arrangement) -> list[tuple[str, str, str, bool, Arrangement]]:
    """Return (section, name, words, whether it holds, the arrangement after choosing it)."""
    found = [("group", name, words, now.group == name, now._replace(group=name)) for name, words in GROUPINGS.items()]
    found += [("sort", name, words, now.sort == name, now._replace(sort=name)) for name, words in SORTS.items()]
    hide = "hide" if not now.hides_idle else "show"
    found.append(
        (
            "idle agents",
            f"{hide} idle",
            "agents with nothing to do",
            now.hides_idle,
            now._replace(hides_idle=not now.hides_idle),
        )
    )
    for name, words in COLUMNS.items():
        found.append(
            ("columns", f"column {name}", words, name not in now.hidden, now._replace(hidden=now.hidden ^ {name}))
        )
    return found


class Arrange:
    """Offers the ways to arrange the agents."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self.console = console
        self.stage = stage

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the arranging actions, by action id."""
        return {"agents.arrange": self.open}

    def open(self) -> str:
        """Ask how the agents are to stand."""
        from gastown_tui.dialogs.picker import Entry, Picker

        offers = choices(self.stage.agents.arrangement)
        mark = glyph("running", self.console.ascii_only)
        entries = [
            Entry(
                number,
                ((f"{mark if holds else ' '} ", "accent"), (fit(name, WHAT) + " ", "bright"), (words, "dim")),
                f"{name} {section} {words}",
                section,
            )
            for number, (section, name, words, holds, _) in enumerate(offers)
        ]

        def chosen(number: int | None) -> None:
            if number is not None:
                self.stage.agents.regroup(offers[number][4])
                self.console.show_all()

        self.console.ask(Picker("Arrange the agents", entries, verb="take"), chosen)
        return ""
