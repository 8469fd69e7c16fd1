"""Incremental search in a panel, and the filter of the events."""

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
    """Search and filter of the main screen; ``is_searching`` while the search line has the focus."""

    def __init__(self, console: Console, stage: Stage, kept: Preferences) -> None:
        self.console = console
        self.stage = stage
        self.kept = kept
        self.is_searching = False
        self._panel: Rows = stage.agents
        self._kept: Rows | None = None

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the search actions, by action id."""
        return {
            "search.open": self.open_search,
            "search.next": lambda: self.step(1),
            "search.previous": lambda: self.step(-1),
            "matches.next": lambda: self.step(1),
            "matches.previous": lambda: self.step(-1),
            "filter.open": self.choose_filter,
        }

    def open_search(self) -> None:
        """Open the search line for the focused panel."""
        field = self.stage.field
        self._panel = self.stage.rows_with_keys
        self.is_searching = True
        field.set("")
        field.prompt = f" / {(self._panel.title_text or 'drawer').lower()}: "
        field.say(HOW)
        self.console.lay_out()
        field.focus()

    @property
    def is_on(self) -> bool:
        """Whether the matches of a kept search are what keys go to: until Esc, another panel, or another act."""
        return self._kept is not None and self._kept is self.stage.rows_with_keys and bool(self._kept.needle)

    def end(self) -> None:
        """Give the keys of the matches their other meanings back; the matches stay marked."""
        self._kept = None
        self.console.lay_out()

    def press(self, key: str) -> None:
        """Handle a key that the search line does not use."""
        if key == "enter":
            self._kept = self._panel if self._panel.needle else None
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
        """Search while typing, and show the number of matches at the end of the line."""
        field = self.stage.field
        at, total = self._panel.search(needle, step)
        if not needle:
            field.say(HOW)
        elif total == 0:
            field.say("no match", "warn")
        else:
            field.say(f"{at} of {total}" if total > 0 else "" if at else "searching older events …")

    def settle(self, *, is_found: bool) -> None:
        """Show the result of a search that went on in the background."""
        needle = self.stage.stream.needle
        if self.is_searching:
            self.stage.field.say("" if is_found else "no match", "warn")
        else:
            self.console.say("" if is_found else f"no more matches for {needle}", "dim")

    def step(self, step: int) -> str:
        """Go to the next or previous match in the focused panel; return why not, or an empty string."""
        panel = self.stage.rows_with_keys
        if not panel.needle:
            return f"no search here; {self.console.key_of('search.open')} starts one"
        at, total = panel.search(panel.needle, step)
        if total > 0:
            self.console.say(f"match {at} of {total}", "dim")
        return "" if at or total < 0 else f"no more matches for {panel.needle}"

    # the filter of the events

    def choose_filter(self) -> None:
        """Open the filter dialog."""
        from gastown_tui.dialogs.pick_lists import chosen_filter, filter_picker

        stream = self.stage.stream

        def answered(choice: FilterChoice | None) -> None:
            if choice is not None:
                self.set_filter(chosen_filter(stream.wanted, choice))

        self.console.ask(filter_picker(self.console.snapshot, stream.wanted, self.console.ascii_only), answered)

    def set_filter(self, wanted: EventFilter) -> None:
        """Show only events that match, and remember the filter."""
        self.kept.keep_filter(wanted)
        self.stage.stream.open(self.console.live.stream, wanted, self.console.now)
