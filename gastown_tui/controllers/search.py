"""Search in a panel as it is typed, and the filter of the events."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.state.rows import EventFilter
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.dialogs.pick_lists import FilterChoice
    from gastown_tui.preferences import Preferences
    from gastown_tui.widgets.rows import Rows

HOW = "Enter keep · Esc drop"


class Search:
    """Search and filter of the main screen; ``is_searching`` while the search line has the keys."""

    def __init__(self, console: Console, stage: Stage, kept: Preferences) -> None:
        self.console = console
        self.stage = stage
        self.kept = kept
        self.is_searching = False
        self._panel: Rows = stage.agents

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """What keys find, by the ids of the table."""
        return {
            "search.open": self.open_search,
            "search.next": lambda: self.step(1),
            "search.previous": lambda: self.step(-1),
            "filter.open": self.choose_filter,
        }

    def open_search(self) -> None:
        """The search line, for the panel that has the keys."""
        field = self.stage.field
        self._panel = self.stage.rows_with_keys
        self.is_searching = True
        field.set("")
        field.prompt = f" / {(self._panel.title_text or 'drawer').lower()}: "
        field.say(HOW)
        self.console.lay_out()
        field.focus()

    def press(self, key: str) -> None:
        """A key that the search line left over."""
        if key == "enter":
            self._close()
        elif key == "escape":
            self._panel.search("")
            self._close()
        elif key in ("down", "up"):
            self.search(self.stage.field.value, 1 if key == "down" else -1)

    def _close(self) -> None:
        self.is_searching = False
        self._panel.focus()
        self.console.lay_out()

    def search(self, needle: str, step: int = 0) -> None:
        """Search as it is typed, and tell how it goes at the end of the line."""
        field = self.stage.field
        at, total = self._panel.search(needle, step)
        if not needle:
            field.say(HOW)
        elif total == 0:
            field.say("no match", "warn")
        else:
            field.say(f"{at} of {total}" if total > 0 else "" if at else "looking further back …")

    def settle(self, *, is_found: bool) -> None:
        """A search that took longer has ended."""
        needle = self.stage.stream.needle
        if self.is_searching:
            self.stage.field.say("" if is_found else "no match", "warn")
        else:
            self.console.say("" if is_found else f"no further match of {needle}", "dim")

    def step(self, step: int) -> str:
        """The next or previous match of the panel that has the keys; why not, if there is none."""
        panel = self.stage.rows_with_keys
        if not panel.needle:
            return "nothing is searched for here; / begins"
        at, total = panel.search(panel.needle, step)
        if total > 0:
            self.console.say(f"match {at} of {total}", "dim")
        return "" if at or total < 0 else f"no further match of {panel.needle}"

    # the filter of the events

    def choose_filter(self) -> None:
        """The dialog of filters."""
        from gastown_tui.dialogs.pick_lists import chosen_filter, filter_picker

        stream = self.stage.stream

        def answered(choice: FilterChoice | None) -> None:
            if choice is not None:
                self.set_filter(chosen_filter(stream.wanted, choice))

        self.console.ask(filter_picker(self.console.snapshot, stream.wanted, self.console.ascii_only), answered)

    def set_filter(self, wanted: EventFilter) -> None:
        """Show only these events, and remember that."""
        self.kept.keep_filter(wanted)
        self.stage.stream.open(self.console.live.stream, wanted, self.console.now)
