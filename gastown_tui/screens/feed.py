"""The town itself: header, the panels of the feed, the problems or the merge queue, the drawer, the status line.

One screen, three views, so that drawer, selection and keys are the same in all.  A key means what the table says at
the place that has the focus; ``press`` looks it up and calls the handler of its action.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from gastown_tui import selection as pointing
from gastown_tui.boundary import Bounded
from gastown_tui.controllers.acts import Acts
from gastown_tui.controllers.drawer_controller import PREVIEW_S, DrawerController
from gastown_tui.controllers.merge_queue_controller import MergeQueueController
from gastown_tui.controllers.navigation import Navigation
from gastown_tui.controllers.search import Search
from gastown_tui.keys import ALL_KEYS, applies, meant, way_to
from gastown_tui.layout import PANELS, VIEWS, Scene, TownLayout
from gastown_tui.messages import FieldChanged, RowOpened, SearchEnded, SelectionMoved, TabPressed
from gastown_tui.widgets.agent_tree import AgentTree
from gastown_tui.widgets.convoy_panel import ConvoyPanel
from gastown_tui.widgets.drawer import Drawer
from gastown_tui.widgets.event_stream import EventPanel
from gastown_tui.widgets.gate_panel import GatePanel
from gastown_tui.widgets.header_bar import HeaderBar
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.probe_panel import ProbePanel
from gastown_tui.widgets.problem_list import ProblemList
from gastown_tui.widgets.queue_panel import QueuePanel
from gastown_tui.widgets.rows import Rows
from gastown_tui.widgets.sheet import Sheet
from gastown_tui.widgets.status_bar import StatusBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.layout import Layout

    from gastown_core.state.live import Update
    from gastown_tui.app import FeedApp
    from gastown_tui.selection import Selection

CALM_S, CALM_LOOK_S = 60.0, 10


class FeedScreen(Bounded, Screen[None], inherit_bindings=False):
    """The main screen; ``view`` is one of VIEWS, ``actives`` the panel of each view that its keys go to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, f"press({key!r})", show=False) for key in ALL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, app: FeedApp, *, view: str = "feed") -> None:
        super().__init__(id="town")
        self.town = app
        self.view = view
        self.actives = {**{name: panels[0] for name, panels in VIEWS.items()}, "feed": app.kept.panel}
        self.header = HeaderBar()
        self.agents = AgentTree()
        self.convoys = ConvoyPanel()
        self.stream = EventPanel()
        self.problems = ProblemList()
        self.queue = QueuePanel()
        self.probes = ProbePanel()
        self.gates = GatePanel()
        self.drawer = Drawer()
        self.status = StatusBar()
        self.field = LineField(id="search", prompt="/")
        self.plan = TownLayout()
        self.inspector = DrawerController(app, self.drawer)
        self.acts = Acts(app)
        self.finder = Search(self)
        self.views = Navigation(self)
        self.refining = MergeQueueController(self)
        self.moved_at = 0.0
        self.stands = False
        self._typed_early: list[str] = []
        self.agents.folded = set(app.kept.folded)
        self.agents.marked = self.problems.marked = set()
        self.drawer.tab = app.kept.drawer_tab
        rows = (self.agents, self.convoys, self.stream, self.problems, self.queue, self.probes, self.gates)
        self.panels: dict[str, Rows] = {panel.id or "": panel for panel in rows}
        self._handlers = self._table()

    def compose(self) -> ComposeResult:
        """Every panel stands in the screen itself; the layout decides who is shown."""
        yield self.header
        yield from self.panels.values()
        yield self.drawer
        yield self.status
        yield self.field

    def on_mount(self) -> None:
        """The first picture; before it nothing arrives, and what was typed early is done after it."""
        self._preview_timer = self.set_interval(PREVIEW_S, self.inspector.look, name="preview", pause=True)
        self.refining.start()
        self.stands = True
        self.town.begin()
        town = self.town
        self.stream.guard(lambda: self.stream.open(town.live.stream, town.first_filter, town.now))
        self.show_all()
        self.panel.focus()
        self.lay_out()
        for key in self._typed_early:
            self.action_press(key)

    @property
    def layout(self) -> Layout:
        """The console's own layout, whatever the styles say."""
        return self.plan

    # what is where

    @property
    def active(self) -> str:
        """The name of the panel that is worked in."""
        return self.actives[self.view]

    @property
    def panel(self) -> Rows:
        """The panel that is worked in."""
        return self.panels[self.active]

    @property
    def place(self) -> str:
        """Where keys go: the name of the focused panel."""
        focused = self.focused
        if isinstance(focused, Rows) and focused.id:
            return focused.id
        return self.panel.id or ""

    @property
    def chosen(self) -> Selection:
        """What the operator points at."""
        snapshot, panel = self.town.snapshot, self.panel
        if panel is self.convoys:
            return pointing.of_convoys(snapshot, panel.key)
        if panel is self.stream:
            return pointing.of_events(self.stream.selected(), panel.key)
        if panel is self.gates:
            return pointing.of_queue(snapshot, f"batch:{self.refining.rig}")
        if self.view == "queue":
            return pointing.of_queue(snapshot, panel.key)
        return pointing.of_problems(snapshot, panel.key)

    def lay_out(self) -> None:
        """Lay out anew if the scene changed."""
        scene = Scene(
            self.view,
            self.active,
            self.town.is_drawer_open,
            self.finder.is_searching,
            self.convoys.wanted_height(),
        )
        if scene != self.plan.scene:
            self.plan.scene = scene
            self.status.refresh(layout=True)
        self.status.show_place(self.place)
        if self.town.is_drawer_open:
            self._preview_timer.resume()
        else:
            self._preview_timer.pause()
        self.refining.follow()

    # what is shown

    def arrived(self, update: Update) -> None:
        """An update of the live model."""
        now = self.town.now
        self.moved_at = now
        self.inspector.moved()
        if update.rows_added or update.stream_reset:
            self.stream.guard(lambda: self.stream.came(now, reset=update.stream_reset))
        self.show_all()

    def show_all(self) -> None:
        """Everything from the snapshot and the time; only what differs is repainted."""
        snapshot, now = self.town.snapshot, self.town.now
        self._show_header()
        if self.view == "problems":
            self.problems.guard(lambda: self.problems.show(snapshot, now))
        elif self.view == "queue":
            self.refining.show()
        else:
            self.agents.guard(lambda: self.agents.show(snapshot, now))
            self.convoys.guard(lambda: self.convoys.show(snapshot, now))
            self.stream.guard(lambda: self.stream.show(snapshot, now))
        self.inspect()
        self.refining.follow()
        if self.convoys.wanted_height() != self.plan.scene.convoy_lines:
            self.lay_out()

    def _show_header(self) -> None:
        snapshot, now = self.town.snapshot, self.town.now
        self.header.guard(lambda: self.header.show(snapshot, now, moved_at=self.moved_at, view=self.view))

    def tick(self, *, changed: bool) -> None:
        """A second has passed. When nothing moved for a minute all ages are in minutes, so a look now and then does."""
        now = self.town.now
        self.status.tick(now)
        if changed or now - self.moved_at < CALM_S or int(now) % CALM_LOOK_S == 0:
            self.show_all()
        else:
            self._show_header()

    def inspect(self) -> None:
        """The drawer shows what is chosen."""
        if self.town.is_drawer_open:
            self.drawer.guard(self._inspect)

    def _inspect(self) -> None:
        self.inspector.follow(self.chosen)
        self.inspector.fill()

    # what happens

    def on_selection_moved(self, event: SelectionMoved) -> None:
        """The drawer follows the panel that is worked in."""
        event.stop()
        if event.panel is self.panel:
            if self.view == "queue":
                self.refining.show()
            self.inspect()
            self.inspector.look()

    def on_row_opened(self, event: RowOpened) -> None:
        """A double click is Enter."""
        event.stop()
        self.views.open_row()

    def on_tab_pressed(self, event: TabPressed) -> None:
        """A click on a tab of the drawer."""
        event.stop()
        self.views.show_tab(event.index)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The panel that got the keys is the one that is worked in."""
        name = event.widget.id or ""
        if name in VIEWS[self.view] and name != self.active:
            self.actives[self.view] = name
            self.inspect()
        self.lay_out()

    def on_resize(self) -> None:
        """Rows follow their panels, once those have their new sizes."""
        self.call_after_refresh(self.show_all)

    def on_field_changed(self, event: FieldChanged) -> None:
        """Search as it is typed."""
        event.stop()
        self.finder.search(event.value)

    def on_search_ended(self, event: SearchEnded) -> None:
        """A search that went on in the background found something, or all of history lacks it."""
        event.stop()
        self.finder.settle(is_found=event.is_found)

    # keys

    def action_press(self, key: str) -> None:
        """Do what the table says of the key at this place; say why if it cannot be."""
        if not self.stands:
            self._typed_early.append(key)
            return
        if self.finder.is_searching:
            self.finder.press(key)
            return
        self.status.pressed()
        action = meant(key, self.place)
        if action is None:
            return
        if not applies(action, self.place):
            self.say(f"{action.label} works in {' and '.join(action.where)}: press {way_to(action.where)} first")
            return
        self.run_action_id(action.id)

    def run_action_id(self, action_id: str) -> None:
        """Do an action of the table."""
        if action_id not in self._handlers:
            reason = self.acts.do(action_id, self.chosen, self.marked())
        else:
            reason = self._handlers[action_id]() or ""
        if reason:
            self.say(reason)

    def say(self, text: str, tone: str = "warn") -> None:
        """A word at the right end of the status line."""
        self.status.say(text, tone)

    def marked(self) -> list:  # type: ignore[type-arg]
        """The marked agents, as they are now."""
        return [agent for agent in self.town.snapshot.agents if agent.key in self.agents.marked]

    def _table(self) -> dict[str, Callable[[], str | None]]:
        rows, views = self.rows_with_keys, self.views
        return {
            "rows.down": lambda: rows().move(1),
            "rows.up": lambda: rows().move(-1),
            "rows.page_down": lambda: rows().page(1.0),
            "rows.page_up": lambda: rows().page(-1.0),
            "rows.half_down": lambda: rows().page(0.5),
            "rows.half_up": lambda: rows().page(-0.5),
            "rows.top": lambda: rows().go_top(),
            "rows.bottom": lambda: rows().go_bottom(),
            "rows.expand": lambda: self._fold(True),
            "rows.collapse": lambda: self._fold(False),
            "rows.mark": self._mark,
            **{f"panel.{name}": partial(views.show_panel, name) for name in PANELS},
            "panel.next": lambda: views.cycle(1),
            "panel.previous": lambda: views.cycle(-1),
            "view.problems": views.toggle_problems,
            "view.queue": views.toggle_queue,
            "gates.follow": self.refining.hold,
            "gates.next": lambda: self.refining.step(1),
            "gates.previous": lambda: self.refining.step(-1),
            "gates.pager": self.refining.page,
            "view.refresh": self._refresh_all,
            "drawer.open": views.open_row,
            "drawer.toggle": lambda: views.show_drawer(not self.town.is_drawer_open),
            **{f"drawer.tab_{number + 1}": partial(views.show_tab, number) for number in range(4)},
            "search.open": self.finder.open_search,
            "search.next": lambda: self.finder.step(1),
            "search.previous": lambda: self.finder.step(-1),
            "filter.open": self.finder.choose_filter,
            "stream.pause": self._pause,
            "back": views.back,
            "palette.open": self.finder.open_palette,
            "help.open": self.town.open_help,
            "log.open": self.town.open_log,
            "theme.next": self.town.next_theme,
            "quit": self.town.leave,
        }

    def sheets(self) -> list[Sheet]:
        """The sheets that are in view, from left to right."""
        shown = [child for child in self.children if isinstance(child, Sheet) and child.region.width]
        return sorted(shown, key=lambda sheet: sheet.region.x)

    def rows_with_keys(self) -> Rows:
        """The panel that moving and searching are meant for."""
        focused = self.focused
        return focused if isinstance(focused, Rows) else self.panel

    def _fold(self, is_open: bool) -> str:
        panel = self.rows_with_keys()
        reason = panel.fold(is_open) if isinstance(panel, AgentTree | ConvoyPanel) else "nothing to open here"
        self.lay_out()
        return reason

    def _mark(self) -> str:
        self.problems.marked = self.agents.marked
        if self.view == "problems":
            key = self.problems.key
            if not key:
                return "there is no agent to mark"
            self.agents.marked ^= {key}
            self.problems.marked = self.agents.marked
            self.problems.show(self.town.snapshot, self.town.now)
        else:
            return self.agents.toggle_mark()
        return ""

    def _refresh_all(self) -> None:
        self.town.live.recheck(force=True)
        self.show_all()
        for sheet in self.sheets():
            sheet.redraw()
        self.refresh(repaint=True)
        self.status.refresh(layout=True)
        self.say("drawn anew", "dim")

    def _pause(self) -> str:
        held = self.stream.pause()
        self.say("held: new events wait, Space lets them go on" if held else "following again", "dim")
        return ""
