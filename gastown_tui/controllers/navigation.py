"""Moving around the main screen: views, panels, into the drawer, back, and to anything by name."""

from __future__ import annotations

from functools import partial

from gastown_core.model.agent import Health
from gastown_core.state.rows import NO_FILTER
from gastown_tui.layout import MOST_SHIFT, PANELS, VIEWS
from gastown_tui.selection import AGENT, BATCH, BEAD, CONVOY, GROUP, INCIDENT, ITEM, REQUEST, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gastown_tui.console import Console
    from gastown_tui.controllers.drawer_controller import DrawerController
    from gastown_tui.controllers.search import Search
    from gastown_tui.controllers.stage import Stage


class Navigation:
    """Moves in the main screen; each returns why it was not possible, or an empty string."""

    def __init__(
        self,
        console: Console,
        stage: Stage,
        drawer: DrawerController,
        search: Search,
        closers: Mapping[str, Callable[[], object]],
    ) -> None:
        """``closers`` maps each view that can be opened from any other one to what goes back from it."""
        self.console = console
        self.stage = stage
        self.drawer = drawer
        self.search = search
        self.closers = closers

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the navigation actions, by action id."""
        return {
            **{f"panel.{name}": partial(self.show_panel, name) for name in PANELS},
            "panel.next": lambda: self.cycle(1),
            "panel.previous": lambda: self.cycle(-1),
            "view.problems": self.toggle_problems,
            "view.queue": self.toggle_queue,
            "view.inbox": self.toggle_inbox,
            "panel.zoom": partial(self.zoom, True),
            "panel.unzoom": partial(self.zoom, False),
            "panel.wider": partial(self.shift, 1),
            "panel.narrower": partial(self.shift, -1),
            "drawer.open": self.open_row,
            "back": self.back,
            "filter.selection": self.show_its_events,
        }

    # sizes

    def zoom(self, is_zoomed: bool) -> str:
        """Give the panel with the keys the whole screen, or show all again; return why not, or an empty string."""
        if self.stage.is_zoomed == is_zoomed:
            return "it has the whole screen" if is_zoomed else "nothing is zoomed"
        self.stage.is_zoomed = is_zoomed
        self._settle()
        return ""

    def shift(self, step: int) -> str:
        """Move the border of the view; return why not, or an empty string."""
        stage = self.stage
        before = stage.shifts.get(stage.view, 0)
        stage.shifts[stage.view] = max(-MOST_SHIFT, min(before + step, MOST_SHIFT))
        self._settle()
        return ""

    # panels and views

    def show_panel(self, name: str) -> str:
        """Focus a panel of the feed; in the merge queue and the diff, the panel with the same number."""
        stage = self.stage
        number = PANELS.index(name)
        if stage.view in ("queue", "diff", "past") and number < len(VIEWS[stage.view]):
            name = VIEWS[stage.view][number]
        return self.go_to_panel(name)

    def go_to_panel(self, name: str) -> str:
        """Focus a panel by name, switching to its view if needed."""
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
        """Focus the next panel of the view; an open drawer is one of them."""
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
        """Toggle the problems view; a selected agent stays selected."""
        stage = self.stage
        agent = stage.chosen.agent
        stage.view = "feed" if stage.view == "problems" else "problems"
        if stage.view == "problems":
            needed = agent is not None and agent.health.state not in (Health.WORKING, Health.IDLE)
            stage.problems.key = Selection(AGENT, "", agent.key) if agent is not None and needed else None
        elif agent is not None and stage.active == "agents":
            stage.agents.key = Selection(AGENT, "", agent.key)
        self._enter()

    def toggle_inbox(self) -> None:
        """Toggle the inbox; the row of a selected agent is selected there, and back."""
        stage = self.stage
        agent = stage.chosen.agent
        stage.view = "feed" if stage.view == "inbox" else "inbox"
        if agent is not None and stage.view == "feed" and stage.active == "agents":
            stage.agents.key = Selection(AGENT, "", agent.key)
        self.console.show_all()
        if agent is not None and stage.view == "inbox":
            own = ("question", "trouble")
            row = next((one for one in stage.inbox.items if one.subject.id == agent.key and one.cause in own), None)
            if row is not None:
                stage.inbox.select(Selection(ITEM, "", row.key))
        self._enter()

    def toggle_queue(self) -> None:
        """Toggle the merge-queue view; a selected request or batch stays selected."""
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
        """Enter: show the selection in the drawer; if it is open, move into it, or fold. It never attaches."""
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

    # back, and to anything by name

    def back(self) -> str:
        """Go one step back: undo the first that applies of search, zoom, focus, pause, filter, marks, drawer and view."""
        stage = self.stage
        rows = stage.rows_with_keys
        if rows.needle:
            rows.search("")
        elif stage.anchor is not None:
            stage.end_range()
        elif stage.is_zoomed:
            self.zoom(False)
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
        elif stage.view in self.closers:
            self.closers[stage.view]()
        elif stage.view == "problems":
            self.toggle_problems()
        elif stage.view == "queue":
            self.toggle_queue()
        elif stage.view == "inbox":
            self.toggle_inbox()
        elif stage.stream.wanted != NO_FILTER:
            self.search.set_filter(NO_FILTER)
        else:
            return f"nothing to close; {self.console.key_of('quit')} quits"
        return ""

    def show_its_events(self) -> str:
        """Show only the events of the selection; return why not, or an empty string."""
        chosen = self.stage.chosen
        bead = chosen.bead or (chosen.event.bead if chosen.event is not None else "")
        if chosen.agent is not None:
            wanted = NO_FILTER._replace(agent=chosen.agent.key)
        elif bead:
            wanted = NO_FILTER._replace(bead=bead)
        elif chosen.convoy is not None:
            wanted = NO_FILTER._replace(text=chosen.convoy.id)
        elif chosen.group:
            wanted = NO_FILTER._replace(rig=chosen.group)
        elif chosen.event is not None:
            wanted = NO_FILTER._replace(agent=chosen.event.actor.path)
        else:
            return "nothing is selected"
        self.search.set_filter(wanted)
        self.go_to_panel("events")
        self.stage.stream.go_top()
        self.console.say(f"only its events; {self.console.key_of('back')} shows all again", "dim")
        return ""

    def go_to_event(self, at: float, kind: str) -> bool:
        """Select an event in its panel and open its page, without a filter; return whether it is in the log."""
        stage = self.stage
        if stage.stream.wanted != NO_FILTER:
            self.search.set_filter(NO_FILTER)
        self.go_to_panel("events")
        if not stage.stream.go_to_event(at, kind):
            return False
        self.drawer.show_tab(1 if stage.chosen.event is not None and stage.chosen.event.bead else 0)
        return True

    def go_to(self, selection: Selection) -> None:
        """Select an agent, a convoy, a bead of a convoy, a merge request or an incident in its panel."""
        stage = self.stage
        if selection.kind == REQUEST:
            self.go_to_panel("queue")
            stage.queue.select(selection)
            return
        if selection.kind == INCIDENT:
            self.go_to_panel("problems")
            stage.problems.select(selection)
            return
        if selection.kind == BEAD:
            stage.convoys.opened.add(selection.convoy)
        agent = self.console.snapshot.agent(selection.id) if selection.kind == AGENT else None
        if agent is not None:
            stage.agents.folded.discard(agent.address.rig)
        self.go_to_panel("agents" if selection.kind == AGENT else "convoys")
        self.console.show_all()
        stage.panel.select(selection)
