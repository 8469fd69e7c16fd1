"""The town itself: header, the panels of the feed, the problems or the merge queue, the drawer, the status line.

One screen, three views, so that drawer, selection and keys are the same in all.  The screen lays out and shows; what
keys do is the controllers'.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from gastown_tui.boundary import Bounded
from gastown_tui.controllers.acts import Acts
from gastown_tui.controllers.dispatch import Dispatch
from gastown_tui.controllers.drawer_controller import DrawerController
from gastown_tui.controllers.merge_queue_controller import MergeQueueController
from gastown_tui.controllers.navigation import Navigation
from gastown_tui.controllers.search import Search
from gastown_tui.controllers.stage import Stage
from gastown_tui.keys import ALL_KEYS
from gastown_tui.layout import VIEWS, Scene, TownLayout, drawer_hides_panel
from gastown_tui.widgets.drawer import Drawer
from gastown_tui.widgets.event_stream import EventPanel
from gastown_tui.widgets.header_bar import HeaderBar
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Rows
from gastown_tui.widgets.sheet import Sheet
from gastown_tui.widgets.status_bar import StatusBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual import events
    from textual.app import ComposeResult
    from textual.layout import Layout

    from gastown_core.state.live import Update
    from gastown_core.state.rows import EventFilter
    from gastown_tui.console import Console
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.preferences import Preferences
    from gastown_tui.selection import Chosen

CALM_S, CALM_LOOK_S = 60.0, 10


class FeedScreen(Bounded, Screen[None], inherit_bindings=False):
    """The main screen over the stage of its panels."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, f"press({key!r})", show=False) for key in ALL_KEYS]
    AUTO_FOCUS = ""

    def __init__(
        self,
        console: Console,
        calls: CoreCalls,
        kept: Preferences,
        *,
        view: str,
        first_filter: EventFilter,
        actions: Mapping[str, Callable[[], str | None]],
    ) -> None:
        super().__init__(id="town")
        self.console = console
        self.first_filter = first_filter
        self.header = HeaderBar()
        self.status = StatusBar()
        self.plan = TownLayout()
        stage = self.stage = Stage(console, view=view, panel=kept.panel)
        self.agents, self.convoys, self.stream, self.problems = (
            stage.agents,
            stage.convoys,
            stage.stream,
            stage.problems,
        )
        self.queue, self.probes, self.gates = stage.queue, stage.probes, stage.gates
        self.drawer, self.field = stage.drawer, stage.field
        self.acts = Acts(console, calls)
        self.search = Search(console, stage, kept)
        self.inspector = DrawerController(console, calls, stage)
        self.merge_queue = MergeQueueController(console, calls, stage)
        self.navigation = Navigation(console, stage, self.inspector, self.search)
        self.dispatch = self._make_dispatch({**actions, "view.refresh": self.refresh_all})
        self.moved_at = 0.0
        self.stands = False
        self._typed_early: list[str] = []
        self.agents.folded = set(kept.folded)
        self.drawer.tab = kept.drawer_tab
        self.drawer.is_open = kept.is_drawer_open

    def _make_dispatch(self, own: Mapping[str, Callable[[], str | None]]) -> Dispatch:
        """From keys to those who say that the actions are theirs."""
        owners = (self.stage, self.navigation, self.inspector, self.search, self.merge_queue)
        return Dispatch(
            self.console,
            self.stage,
            acts=self.acts,
            search=self.search,
            navigation=self.navigation,
            status=self.status,
            handlers={**own, **{name: do for owner in owners for name, do in owner.actions().items()}},
        )

    def compose(self) -> ComposeResult:
        """Every panel stands in the screen itself; the layout decides who is shown."""
        yield self.header
        yield from self.stage.panels.values()
        yield self.drawer
        yield self.status
        yield self.field

    def on_mount(self) -> None:
        """The first picture; before it nothing arrives, and what was typed early is done after it.

        A remembered drawer that would hide its panel here waits until it is asked for: the town is seen first.
        """
        self.inspector.preview.start()
        self.merge_queue.start()
        self.stands = True
        if self.drawer.is_open and drawer_hides_panel(*self.app.size):
            self.drawer.is_open, self.drawer.is_put_off = False, True
        self.console.begin()
        console = self.console
        self.stream.guard(lambda: self.stream.open(console.live.stream, self.first_filter, console.now))
        self.show_all()
        self.stage.panel.focus()
        self.lay_out()
        for key in self._typed_early:
            self.action_press(key)

    def remember(self, kept: Preferences) -> None:
        """Take the layout as it is for the choice; a drawer that had no room at the start stays chosen."""
        kept.panel = self.stage.actives["feed"]
        kept.is_drawer_open = self.drawer.is_open or self.drawer.is_put_off
        kept.drawer_tab = self.drawer.tab
        kept.folded = sorted(self.agents.folded)

    @property
    def layout(self) -> Layout:
        """The console's own layout, whatever the styles say."""
        return self.plan

    # what is where

    @property
    def view(self) -> str:
        """The view that is shown."""
        return self.stage.view

    @property
    def place(self) -> str:
        """Where keys go: the name of the focused panel."""
        return self.stage.place

    @property
    def chosen(self) -> Chosen:
        """What the operator points at."""
        return self.stage.chosen

    def lay_out(self) -> None:
        """Lay out anew if the scene changed."""
        stage = self.stage
        scene = Scene(
            stage.view,
            stage.active,
            self.drawer.is_open,
            self.search.is_searching,
            self.convoys.wanted_height(),
        )
        if scene != self.plan.scene:
            self.plan.scene = scene
            self.status.refresh(layout=True)
        self.status.show_place(stage.place)
        self.inspector.preview.laid_out()
        self.merge_queue.follow()

    def sheets(self) -> list[Sheet]:
        """The sheets that are in view, from left to right."""
        shown = [child for child in self.children if isinstance(child, Sheet) and child.region.width]
        return sorted(shown, key=lambda sheet: sheet.region.x)

    # what is shown

    def arrived(self, update: Update) -> None:
        """An update of the live model."""
        now = self.console.now
        self.moved_at = now
        self.inspector.moved()
        if update.rows_added or update.stream_reset:
            self.stream.guard(lambda: self.stream.came(now, reset=update.stream_reset))
        self.show_all()

    def show_all(self) -> None:
        """Everything from the snapshot and the time; only what differs is repainted."""
        snapshot, now = self.console.snapshot, self.console.now
        self._show_header()
        if self.view == "problems":
            self.problems.guard(lambda: self.problems.show(snapshot, now))
        elif self.view == "queue":
            self.merge_queue.show()
        else:
            self.agents.guard(lambda: self.agents.show(snapshot, now))
            self.convoys.guard(lambda: self.convoys.show(snapshot, now))
            self.stream.guard(lambda: self.stream.show(snapshot, now))
        self.inspect()
        self.merge_queue.follow()
        if self.convoys.wanted_height() != self.plan.scene.convoy_lines:
            self.lay_out()

    def _show_header(self) -> None:
        snapshot, now = self.console.snapshot, self.console.now
        self.header.guard(lambda: self.header.show(snapshot, now, moved_at=self.moved_at, view=self.view))

    def tick(self, *, changed: bool) -> None:
        """A second has passed. When nothing moved for a minute all ages are in minutes, so a look now and then does."""
        now = self.console.now
        self.status.tick(now)
        if changed or now - self.moved_at < CALM_S or int(now) % CALM_LOOK_S == 0:
            self.show_all()
        else:
            self._show_header()

    def inspect(self) -> None:
        """The drawer shows what is chosen."""
        self.inspector.inspect()

    def refresh_all(self) -> None:
        """Judge and draw everything anew."""
        self.console.live.recheck(force=True)
        self.show_all()
        for sheet in self.sheets():
            sheet.redraw()
        self.refresh(repaint=True)
        self.status.refresh(layout=True)
        self.say("drawn anew", "dim")

    def say(self, text: str, tone: str = "warn") -> None:
        """A word at the right end of the status line."""
        self.status.say(text, tone)

    # what happens

    def on_rows_selection_moved(self, event: Rows.SelectionMoved) -> None:
        """The drawer follows the panel that is worked in."""
        event.stop()
        if event.panel is self.stage.panel:
            if self.view == "queue":
                self.merge_queue.show()
            self.inspect()
            self.inspector.preview.look()

    def on_rows_row_opened(self, event: Rows.RowOpened) -> None:
        """A double click is Enter."""
        event.stop()
        self.navigation.open_row()

    def on_drawer_tab_pressed(self, event: Drawer.TabPressed) -> None:
        """A click on a tab of the drawer."""
        event.stop()
        self.inspector.show_tab(event.index)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The panel that got the keys is the one that is worked in."""
        name = event.widget.id or ""
        if name in VIEWS[self.view] and name != self.stage.active:
            self.stage.actives[self.view] = name
            self.inspect()
        self.lay_out()

    def on_resize(self) -> None:
        """Rows follow their panels, once those have their new sizes."""
        self.call_after_refresh(self.show_all)

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Search as it is typed."""
        event.stop()
        self.search.search(event.value)

    def on_event_panel_search_ended(self, event: EventPanel.SearchEnded) -> None:
        """A search that went on in the background has ended."""
        event.stop()
        self.search.settle(is_found=event.is_found)

    def action_press(self, key: str) -> None:
        """A key of the table; what is typed before the screen stands waits."""
        if self.stands:
            self.dispatch.press(key)
        else:
            self._typed_early.append(key)
