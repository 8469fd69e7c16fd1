"""Going about in the main screen: views, panels, into the drawer, one step back, and anywhere by name."""

from __future__ import annotations

from functools import partial

from gastown_core.model.agent import Health
from gastown_core.state.rows import NO_FILTER
from gastown_tui.layout import PANELS, VIEWS
from gastown_tui.selection import AGENT, BATCH, CONVOY, GROUP, REQUEST, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_tui.console import Console
    from gastown_tui.controllers.drawer_controller import DrawerController
    from gastown_tui.controllers.search import Search
    from gastown_tui.controllers.stage import Stage


class Navigation:
    """Moves of the main screen; each returns why it could not be, empty if it was done."""

    def __init__(self, console: Console, stage: Stage, drawer: DrawerController, search: Search) -> None:
        self.console = console
        self.stage = stage
        self.drawer = drawer
        self.search = search

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """Where keys lead, by the ids of the table."""
        return {
            **{f"panel.{name}": partial(self.show_panel, name) for name in PANELS},
            "panel.next": lambda: self.cycle(1),
            "panel.previous": lambda: self.cycle(-1),
            "view.problems": self.toggle_problems,
            "view.queue": self.toggle_queue,
            "drawer.open": self.open_row,
            "back": self.back,
        }

    # panels and views

    def show_panel(self, name: str) -> str:
        """Go to a panel: in the merge queue to the one of the same number, else to that of the feed."""
        stage = self.stage
        if stage.view == "queue":
            name = VIEWS["queue"][PANELS.index(name)]
        return self.go_to_panel(name)

    def go_to_panel(self, name: str) -> str:
        """Go to a panel by its name, in whichever view it stands."""
        stage = self.stage
        view = next(view for view, names in VIEWS.items() if name in names)
        stage.actives[view] = name
        if stage.view != view:
            stage.view = view
            self.console.show_all()
        stage.panels[name].focus()
        self._settle()
        return ""

    def cycle(self, step: int) -> None:
        """The next panel of the view, the drawer too if it is open."""
        stage = self.stage
        names = list(VIEWS[stage.view])
        if stage.drawer.is_open:
            names.append("drawer")
        place = stage.place
        at = names.index(place) if place in names else 0
        name = names[(at + step) % len(names)]
        (stage.drawer if name == "drawer" else stage.panels[name]).focus()
        self.console.lay_out()

    def toggle_problems(self) -> None:
        """Problems, and back; the selected agent stays selected."""
        stage = self.stage
        agent = stage.chosen.agent
        stage.view = "feed" if stage.view == "problems" else "problems"
        if stage.view == "problems":
            needed = agent is not None and agent.health.state not in (Health.WORKING, Health.IDLE)
            stage.problems.key = Selection(AGENT, "", agent.key) if agent is not None and needed else None
        elif agent is not None and stage.active == "agents":
            stage.agents.key = Selection(AGENT, "", agent.key)
        self._enter()

    def toggle_queue(self) -> None:
        """The merge queue, and back; a request or batch that was selected stays selected."""
        stage = self.stage
        chosen = stage.chosen
        stage.view = "feed" if stage.view == "queue" else "queue"
        if stage.view == "queue" and chosen.kind in (REQUEST, BATCH):
            stage.queue.key = chosen.key
        self._enter()

    def _enter(self) -> None:
        self.console.show_all()
        self.stage.panel.focus()
        self._settle()

    def _settle(self) -> None:
        self.console.inspect()
        self.console.lay_out()

    def open_row(self) -> str:
        """Enter: open what is selected in the drawer; where that is open, go into it or fold. It never attaches."""
        stage = self.stage
        chosen = stage.chosen
        if not chosen.kind:
            return "nothing is selected"
        if chosen.kind == BATCH and stage.view == "feed":
            self.toggle_queue()
        elif not stage.drawer.is_open:
            self.drawer.show(True)
        elif chosen.kind == GROUP:
            return stage.agents.fold()
        elif chosen.kind == CONVOY and stage.panel is stage.convoys:
            reason = stage.convoys.fold()
            self.console.lay_out()
            return reason
        else:
            stage.drawer.focus()
        return ""

    # one step back, and anywhere by name

    def back(self) -> str:
        """One step back: the nearest thing that can be undone by it."""
        stage = self.stage
        rows = stage.rows_with_keys
        if rows.needle:
            rows.search("")
        elif stage.focused is stage.drawer:
            stage.panel.focus()
        elif stage.panel is stage.stream and (stage.stream.is_paused or not stage.stream.is_following):
            if stage.stream.is_paused:
                stage.stream.pause()
            stage.stream.go_top()
        elif stage.panel is stage.gates and not stage.gates.is_following:
            stage.gates.go_bottom()
        elif stage.panel is stage.stream and stage.stream.wanted != NO_FILTER:
            self.search.set_filter(NO_FILTER)
        elif stage.agents.marked:
            stage.unmark_all()
        elif stage.drawer.is_open:
            self.drawer.show(False)
        elif stage.view == "problems":
            self.toggle_problems()
        elif stage.view == "queue":
            self.toggle_queue()
        elif stage.stream.wanted != NO_FILTER:
            self.search.set_filter(NO_FILTER)
        else:
            return "nothing to go back from; q leaves"
        return ""

    def go_to(self, selection: Selection) -> None:
        """Select an agent or a convoy, in the panel where it stands."""
        stage = self.stage
        agent = self.console.snapshot.agent(selection.id) if selection.kind == AGENT else None
        if agent is not None:
            stage.agents.folded.discard(agent.address.rig)
        self.go_to_panel("agents" if selection.kind == AGENT else "convoys")
        self.console.show_all()
        stage.panel.select(selection)
