"""Finding things: search in a panel as it is typed, the filter of the events, anything by its name."""

from __future__ import annotations

from gastown_tui.keys import BY_ID, applies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.state.rows import EventFilter
    from gastown_tui.screens.feed import FeedScreen
    from gastown_tui.widgets.rows import Rows
HOW = "Enter keep · Esc drop"


class Search:
    """Search and filter of the main screen; ``is_searching`` while the search line has the keys."""

    def __init__(self, screen: FeedScreen) -> None:
        self.screen = screen
        self.is_searching = False
        self._panel: Rows = screen.agents

    def open_search(self) -> None:
        """The search line, for the panel that has the keys."""
        field = self.screen.field
        self._panel = self.screen.rows_with_keys()
        self.is_searching = True
        field.set("")
        field.prompt = f" / {(self._panel.title_text or 'drawer').lower()}: "
        field.say(HOW)
        self.screen.lay_out()
        field.focus()

    def press(self, key: str) -> None:
        """A key that the search line left over."""
        if key == "enter":
            self._close()
        elif key == "escape":
            self._panel.search("")
            self._close()
        elif key in ("down", "up"):
            self.search(self.screen.field.value, 1 if key == "down" else -1)

    def _close(self) -> None:
        self.is_searching = False
        self._panel.focus()
        self.screen.lay_out()

    def search(self, needle: str, step: int = 0) -> None:
        """Search as it is typed, and tell how it goes at the end of the line."""
        field = self.screen.field
        at, total = self._panel.search(needle, step)
        if not needle:
            field.say(HOW)
        elif total == 0:
            field.say("no match", "warn")
        else:
            field.say(f"{at} of {total}" if total > 0 else "" if at else "looking further back …")

    def settle(self, *, is_found: bool) -> None:
        """A search that took longer has ended."""
        needle = self.screen.stream.needle
        if self.is_searching:
            self.screen.field.say("" if is_found else "no match", "warn")
        else:
            self.screen.say("" if is_found else f"no further match of {needle}", "dim")

    def step(self, step: int) -> str:
        """The next or previous match of the panel that has the keys; why not, if there is none."""
        panel = self.screen.rows_with_keys()
        if not panel.needle:
            return "nothing is searched for here; / begins"
        at, total = panel.search(panel.needle, step)
        if total > 0:
            self.screen.say(f"match {at} of {total}", "dim")
        return "" if at or total < 0 else f"no further match of {panel.needle}"

    def choose_filter(self) -> None:
        """The dialog of filters."""
        from gastown_tui.dialogs.pick_lists import chosen_filter, filter_picker

        town, stream = self.screen.town, self.screen.stream

        def answered(key: str | None) -> None:
            if key is not None:
                self.set_filter(chosen_filter(stream.wanted, key))

        town.push_screen(filter_picker(town.snapshot, stream.wanted, town.look.ascii_only), answered)

    def set_filter(self, wanted: EventFilter) -> None:
        """Show only these events."""
        town = self.screen.town
        town.kept.keep_filter(wanted)
        self.screen.stream.open(town.live.stream, wanted, town.now)

    def open_palette(self) -> None:
        """Everything there is, by name."""
        from gastown_tui.dialogs.pick_lists import command_palette

        town = self.screen.town
        town.push_screen(command_palette(town.snapshot, town.look.ascii_only), self._go_to)

    def _go_to(self, answer: str | None) -> None:
        what, _, name = (answer or "").partition(":")
        screen = self.screen
        if what == "do":
            action = BY_ID[name]
            if not applies(action, screen.place):
                screen.views.go_to_panel("agents" if "agents" in action.where else action.where[0])
            screen.run_action_id(name)
        elif what == "theme":
            screen.town.set_theme(name)
        elif what in ("agent", "convoy"):
            screen.views.go_to(what, name)
