"""Runs the action of a key or of a palette entry: the action table says which, its owner's handler does it."""

from __future__ import annotations

from gastown_core.orders.registry import BY_ID as ORDERS_BY_ID
from gastown_tui.dialogs.command import Given, HeldBead
from gastown_tui.keys import MATCHES, OWN, Action, applies, changes_something
from gastown_tui.selection import AGENT, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gastown_tui.console import Console
    from gastown_tui.controllers.acts import Acts
    from gastown_tui.controllers.navigation import Navigation
    from gastown_tui.controllers.own_commands import OwnCommands
    from gastown_tui.controllers.search import Search
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.dialogs.pick_lists import Command
    from gastown_tui.keymap import Keymap
    from gastown_tui.widgets.status_bar import StatusBar

    Handlers = Mapping[str, Callable[[], str | None]]

OTHER_TIMES = {"past": "time machine", "costs": "costs", "graph": "graphs"}
"""The views of other times than now, for a sentence."""


class ActionDispatch:
    """Runs an action's handler; an action without one becomes an order."""

    def __init__(
        self,
        console: Console,
        stage: Stage,
        *,
        keymap: Keymap,
        acts: Acts,
        own: OwnCommands,
        search: Search,
        navigation: Navigation,
        status: StatusBar,
        handlers: Handlers,
    ) -> None:
        self.console = console
        self.stage = stage
        self.status = status
        self.keymap = keymap
        self.acts = acts
        self.own = own
        self.search = search
        self.key = ""
        """The key pressed last: of an action with several keys, some mean different things."""
        self.navigation = navigation
        self.handlers = {**handlers, "palette.open": self.open_palette}

    @property
    def place(self) -> str:
        """Where keys go: the matches of a search that is on, else the focused panel."""
        return MATCHES if self.search.is_on else self.stage.place

    def press(self, key: str) -> None:
        """Run the key's action at the focused panel; say why if it does not apply there."""
        if self.search.is_searching:
            self.search.press(key)
            return
        self.status.pressed()
        place = self.place
        action = self.keymap.meant(key, place)
        if place == MATCHES and (action is None or not applies(action, place)):
            place = self.stage.place
            action = self.keymap.meant(key, place)
            if action is not None and not action.id.startswith(("rows.", "search.")):
                self.search.end()
        if action is None:
            return
        if not applies(action, place):
            self.console.typed.drop(f"{action.label} works only in {self.keymap.way_to(action.where)} first")
            return
        reason = self._not_of_then(action)
        if reason:
            self.console.typed.drop(reason)
            return
        self.key = key
        self.run(action.id)

    def _not_of_then(self, action: Action) -> str:
        """Return why a key does not act on the town of now where another time is shown; an emergency stop always can."""
        words = OTHER_TIMES.get(self.stage.view, "")
        if not words or action.id not in ORDERS_BY_ID or action.id == "town.estop":
            return ""
        way = self.console.key_of(f"view.{self.stage.view}")
        return f"{action.label} acts on the town of now: press {way} to leave the {words} first"

    def run(self, action_id: str) -> None:
        """Run an action of the table; a read-only console refuses what changes something."""
        if self.console.is_readonly and changes_something(self.keymap.by_id[action_id]):
            self.console.typed.drop(f"{self.keymap.by_id[action_id].label}: the console is read-only")
            return
        if self.keymap.by_id[action_id].group == OWN:
            reason = self.own.run(action_id, self.stage.chosen)
        elif action_id not in self.handlers:
            reason = self.acts.do(action_id, self.stage.chosen, self.stage.marked())
        else:
            reason = self.handlers[action_id]() or ""
        if reason:
            self.console.typed.drop(reason)

    # the palette

    def open_palette(self) -> None:
        """Open the command palette."""
        from gastown_tui.dialogs.pick_lists import command_palette

        self.console.ask(command_palette(self.console.snapshot, self.keymap, self.console.ascii_only), self._go_to)

    def _go_to(self, answer: Command | None) -> None:
        if isinstance(answer, Action):
            if not applies(answer, self.stage.place):
                self.navigation.go_to_panel("agents" if "agents" in answer.where else answer.where[0])
            self.run(answer.id)
        elif isinstance(answer, Selection):
            self.navigation.go_to(answer)
        elif isinstance(answer, HeldBead):
            self.navigation.go_to(Selection(AGENT, "", answer.agent))
            self.run("drawer.tab_2")
        elif isinstance(answer, Given):
            self._run_with(answer)
        elif answer is not None:
            self.console.set_theme(answer.theme)

    def _run_with(self, given: Given) -> None:
        """Run an order with the argument that was typed behind it."""
        if self.console.is_readonly:
            self.console.typed.drop(f"{given.action.label}: the console is read-only")
            return
        reason = self._not_of_then(given.action) or self.acts.do_with(
            given.action.id, self.stage.chosen, given.argument
        )
        if reason:
            self.console.typed.drop(reason)
