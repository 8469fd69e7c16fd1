"""Going about in the town's screen: views, panels, the drawer, one step back, and anywhere by name."""

from __future__ import annotations

from gastown_core.model.agent import Health
from gastown_core.state.rows import NO_FILTER
from gastown_tui.layout import PANELS, VIEWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_tui.screens.feed import FeedScreen


class Navigation:
    """Moves of the main screen; each returns why it could not be, empty if it was done."""

    def __init__(self, screen: FeedScreen) -> None:
        self.screen = screen

    # panels and views

    def show_panel(self, name: str) -> str:
        """Go to a panel: in the merge queue to the one of the same number, else to that of the feed."""
        screen = self.screen
        if screen.view == "queue":
            name = VIEWS["queue"][PANELS.index(name)]
        return self.go_to_panel(name)

    def go_to_panel(self, name: str) -> str:
        """Go to a panel by its name, in whichever view it stands."""
        screen = self.screen
        view = next(view for view, names in VIEWS.items() if name in names)
        screen.actives[view] = name
        if screen.view != view:
            screen.view = view
            screen.show_all()
        screen.panels[name].focus()
        self._settle()
        return ""

    def cycle(self, step: int) -> None:
        """The next panel of the view, the drawer too if it is open."""
        screen = self.screen
        names = list(VIEWS[screen.view])
        if screen.town.is_drawer_open:
            names.append("drawer")
        place = screen.place
        at = names.index(place) if place in names else 0
        name = names[(at + step) % len(names)]
        (screen.drawer if name == "drawer" else screen.panels[name]).focus()
        screen.lay_out()

    def toggle_problems(self) -> None:
        """Problems, and back; the selected agent stays selected."""
        screen = self.screen
        agent = screen.chosen.agent
        screen.view = "feed" if screen.view == "problems" else "problems"
        if screen.view == "problems":
            needed = agent is not None and agent.health.state not in (Health.WORKING, Health.IDLE)
            screen.problems.key = agent.key if agent is not None and needed else ""
        elif agent is not None and screen.active == "agents":
            screen.agents.key = agent.key
        self._enter()

    def toggle_queue(self) -> None:
        """The merge queue, and back; a request or batch that was selected stays selected."""
        screen = self.screen
        chosen = screen.chosen
        screen.view = "feed" if screen.view == "queue" else "queue"
        if screen.view == "queue" and chosen.kind in ("request", "batch"):
            screen.queue.key = chosen.key
        self._enter()

    def _enter(self) -> None:
        self.screen.show_all()
        self.screen.panel.focus()
        self._settle()

    def _settle(self) -> None:
        self.screen.inspect()
        self.screen.lay_out()

    # the drawer

    def show_drawer(self, is_open: bool) -> None:
        """Open or close the drawer; the focus stays where it is, unless it was in the drawer."""
        screen = self.screen
        screen.town.is_drawer_open, screen.town.is_drawer_put_off = is_open, False
        if not is_open and screen.focused is screen.drawer:
            screen.panel.focus()
        if is_open:
            screen.inspect()
            screen.inspector.look()
        screen.lay_out()
        screen.call_after_refresh(screen.show_all)

    def show_tab(self, index: int) -> str:
        """Open the drawer at a tab."""
        screen = self.screen
        screen.inspector.follow(screen.chosen)
        tabs = screen.drawer.tabs
        if index >= len(tabs):
            return f"there are {len(tabs)} tabs here: {', '.join(tabs)}"
        screen.drawer.tab = index
        if not screen.town.is_drawer_open:
            self.show_drawer(True)
        screen.inspect()
        screen.inspector.look()
        return ""

    def open_row(self) -> str:
        """Enter: open what is selected in the drawer; where that is open, go into it or fold. It never attaches."""
        screen = self.screen
        chosen = screen.chosen
        if not chosen.kind:
            return "nothing is selected"
        if chosen.kind == "batch" and screen.view == "feed":
            self.toggle_queue()
        elif not screen.town.is_drawer_open:
            self.show_drawer(True)
        elif chosen.kind == "group":
            return screen.agents.fold()
        elif chosen.kind == "convoy" and screen.panel is screen.convoys:
            reason = screen.convoys.fold()
            screen.lay_out()
            return reason
        else:
            screen.drawer.focus()
        return ""

    # one step back, and anywhere by name

    def back(self) -> str:
        """One step back: the nearest thing that can be undone by it."""
        screen = self.screen
        rows = screen.rows_with_keys()
        if rows.needle:
            rows.search("")
        elif screen.focused is screen.drawer:
            screen.panel.focus()
        elif screen.panel is screen.stream and (screen.stream.is_paused or not screen.stream.is_following):
            if screen.stream.is_paused:
                screen.stream.pause()
            screen.stream.go_top()
        elif screen.panel is screen.gates and not screen.gates.is_following:
            screen.gates.go_bottom()
        elif screen.panel is screen.stream and screen.stream.wanted != NO_FILTER:
            screen.finder.set_filter(NO_FILTER)
        elif screen.agents.marked:
            screen.agents.marked = screen.problems.marked = set()
            screen.show_all()
        elif screen.town.is_drawer_open:
            self.show_drawer(False)
        elif screen.view == "problems":
            self.toggle_problems()
        elif screen.view == "queue":
            self.toggle_queue()
        elif screen.stream.wanted != NO_FILTER:
            screen.finder.set_filter(NO_FILTER)
        else:
            return "nothing to go back from; q leaves"
        return ""

    def go_to(self, what: str, key: str) -> None:
        """Select an agent or a convoy, in the panel where it stands."""
        screen = self.screen
        agent = screen.town.snapshot.agent(key) if what == "agent" else None
        if agent is not None:
            screen.agents.folded.discard("@" + (agent.address.rig or "town"))
        self.go_to_panel("agents" if what == "agent" else "convoys")
        screen.show_all()
        screen.panel.select(key)
