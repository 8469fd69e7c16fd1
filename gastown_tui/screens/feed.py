"""The main screen: header, the panels of the feed, problems or merge queue, drawer, status bar.

One screen with three views, so that drawer, selection and keys are the same in all.  The screen lays out and shows;
controllers handle the keys.
"""

from __future__ import annotations

from textual.binding import Binding, BindingsMap
from textual.keys import _character_to_key
from textual.screen import Screen

from gastown_tui.boundary import Bounded
from gastown_tui.controllers.action_dispatch import ActionDispatch
from gastown_tui.controllers.acts import Acts
from gastown_tui.controllers.arrange import Arrange
from gastown_tui.controllers.away import Away
from gastown_tui.controllers.bulk import Bulk
from gastown_tui.controllers.clipboard import Clipboard
from gastown_tui.controllers.closer_look import CloserLookController
from gastown_tui.controllers.diff_view import DiffView
from gastown_tui.controllers.drawer_controller import DrawerController
from gastown_tui.controllers.graph_view import GraphView
from gastown_tui.controllers.inbox import Inbox
from gastown_tui.controllers.letters import ALPHABET, Letters
from gastown_tui.controllers.mail_room import MailRoom
from gastown_tui.controllers.merge_queue_controller import MergeQueueController
from gastown_tui.controllers.navigation import Navigation
from gastown_tui.controllers.own_commands import OwnCommands
from gastown_tui.controllers.search import Search
from gastown_tui.controllers.spending_view import SpendingView
from gastown_tui.controllers.stage import Stage
from gastown_tui.controllers.tasks import Tasks
from gastown_tui.controllers.time_machine import TimeMachine
from gastown_tui.controllers.town_status import TownStatusController
from gastown_tui.controllers.wasteland_view import WastelandView
from gastown_tui.layout import LISTS, VIEWS, Scene, TownLayout, drawer_hides_panel
from gastown_tui.widgets.agent_order import read_arrangement
from gastown_tui.widgets.drawer import Drawer
from gastown_tui.widgets.event_stream import EventPanel
from gastown_tui.widgets.header_bar import HeaderBar
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.rows import Rows
from gastown_tui.widgets.sheet import Sheet
from gastown_tui.widgets.status_bar import StatusBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.layout import Layout

    from gastown_core.state.live import Update
    from gastown_core.state.rows import EventFilter
    from gastown_tui.console import Console
    from gastown_tui.console_file import OwnCommand
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.keymap import Keymap
    from gastown_tui.preferences import Preferences
    from gastown_tui.selection import Chosen

CALM_S, CALM_LOOK_S = 60.0, 10


def _bound(key: str) -> str:
    """Return a key as Textual binds it: a comma, for example, would separate two keys."""
    return _character_to_key(key) if len(key) == 1 else key


class FeedScreen(Bounded, Screen[None], inherit_bindings=False):
    """The main screen with its panels."""

    AUTO_FOCUS = ""
    takes_typed_ahead = True

    def __init__(
        self,
        console: Console,
        calls: CoreCalls,
        kept: Preferences,
        *,
        keymap: Keymap,
        commands: Callable[[], Sequence[OwnCommand]],
        view: str,
        first_filter: EventFilter,
        actions: Mapping[str, Callable[[], str | None]],
    ) -> None:
        super().__init__(id="town")
        self.console = console
        self.keymap = keymap
        self.bind_keys()
        self.first_filter = first_filter
        self.header = HeaderBar()
        self.status = StatusBar(keymap)
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
        self.tasks = Tasks(console)
        self.acts = Acts(console, calls, self.tasks)
        self.ordering, self.bulk = Arrange(console, stage), Bulk(console, calls, stage)
        self.own = OwnCommands(console, calls, commands, self.tasks)
        self.search = Search(console, stage, kept)
        self.inspector = DrawerController(console, calls, stage)
        self.merge_queue = MergeQueueController(console, calls, stage)
        self.mail_room = MailRoom(console, calls, stage)
        self.inbox = Inbox(console, calls, stage, self.acts, self.mail_room)
        self.closer = CloserLookController(console, calls, stage, self.inbox, self.inspector)
        self.navigation = Navigation(console, stage, self.inspector, self.search, self._make_views(calls))
        self.letters = Letters(console, stage, self.navigation)
        self.clipboard = Clipboard(console, calls, stage)
        self.away = Away(console, calls, stage, self.navigation)
        self.town_status = TownStatusController(console, calls)
        self.dispatch = self._make_dispatch({**actions, "view.refresh": self.refresh_all, "inbox.answer": self.answer})
        self.tasks.run, self.tasks.undo_keys = self.dispatch.run, lambda: self.keymap.by_id["act.undo"].keys
        self.moved_at, self.stands = 0.0, False
        self.agents.folded = set(kept.folded)
        self.agents.arrangement = read_arrangement(kept.arrangement)
        stage.shifts = dict(kept.shifts)
        self.drawer.tab = kept.drawer_tab
        self.drawer.is_open = kept.is_drawer_open

    def _make_views(self, calls: CoreCalls) -> dict[str, Callable[[], object]]:
        """Make the views that are opened from any other one; return what goes back from each."""
        console, stage = self.console, self.stage
        self.diff = DiffView(console, calls, stage, self.acts)
        self.past = TimeMachine(console, calls, stage, self.inspector)
        self.spending, self.graph = SpendingView(console, calls, stage), GraphView(console, calls, stage)
        self.wasteland = WastelandView(console, calls, stage)
        return {
            "wasteland": self.wasteland.toggle,
            "diff": self.diff.close,
            "past": self.past.close,
            "costs": self.spending.toggle,
            "graph": self.graph.toggle,
        }

    def _make_dispatch(self, own: Mapping[str, Callable[[], str | None]]) -> ActionDispatch:
        """Collect the handlers of all owners."""
        views = (
            self.past,
            self.spending,
            self.graph,
            self.wasteland,
            self.merge_queue,
            self.mail_room,
            self.diff,
            self.away,
            self.clipboard,
            self.inbox,
        )
        owners = (
            self.stage,
            self.ordering,
            self.bulk,
            self.navigation,
            self.inspector,
            self.search,
            self.letters,
            self.town_status,
            self.tasks,
            *views,
        )
        return ActionDispatch(
            self.console,
            self.stage,
            keymap=self.keymap,
            acts=self.acts,
            own=self.own,
            search=self.search,
            navigation=self.navigation,
            status=self.status,
            handlers={**own, **{name: do for owner in owners for name, do in owner.actions().items()}},
        )

    def bind_keys(self) -> None:
        """Bind every key of the keymap, and those that the letters take, in place of those bound before."""
        keys = dict.fromkeys((*self.keymap.all_keys, *ALPHABET, "escape"))
        bindings = [Binding(_bound(key), f"press({key!r})", show=False) for key in keys]
        self._bindings = BindingsMap(bindings)

    def compose(self) -> ComposeResult:
        """Yield every panel; the layout decides which are visible."""
        yield self.header
        yield from self.stage.panels.values()
        yield self.stage.closer
        yield self.drawer
        yield self.status
        yield self.field

    def on_mount(self) -> None:
        """Draw the first picture; a remembered drawer that would hide its panel at this size stays closed until it is asked for."""
        self.inspector.preview.start()
        self.closer.preview.start()
        self.merge_queue.start()
        self.away.start()
        if self.drawer.is_open and drawer_hides_panel(*self.app.size):
            self.drawer.is_open, self.drawer.is_put_off = False, True
        self.console.begin()
        console = self.console
        self.stream.guard(lambda: self.stream.open(console.live.stream, self.first_filter, console.now))
        self.show_all()
        self.stage.panel.focus()
        self.lay_out()
        self.console.typed.mounted(self)

    def remember(self, kept: Preferences) -> None:
        """Copy the layout into the preferences; a drawer that had no room at the start still counts as open."""
        kept.panel = self.stage.actives["feed"]
        kept.is_drawer_open = self.drawer.is_open or self.drawer.is_put_off
        kept.drawer_tab = self.drawer.tab
        kept.folded = sorted(self.agents.folded)
        kept.shifts = dict(self.stage.shifts)
        kept.arrangement = self.agents.arrangement.as_json()

    @property
    def layout(self) -> Layout:
        """The console's own layout, whatever the styles say."""
        return self.plan

    # state

    @property
    def view(self) -> str:
        """The name of the current view."""
        return self.stage.view

    @property
    def place(self) -> str:
        """The name of the focused panel: it decides what a key means."""
        return self.stage.place

    @property
    def chosen(self) -> Chosen:
        """What is selected."""
        return self.stage.chosen

    def lay_out(self) -> None:
        """Lay out again if the scene changed."""
        stage = self.stage
        scene = Scene(
            stage.view,
            stage.active,
            self.drawer.is_open,
            self.search.is_searching,
            self.convoys.wanted_height(),
            self._list_lines(),
            stage.is_zoomed,
            stage.is_zoomed and self.focused is self.drawer,
            stage.shifts.get(stage.view, 0),
        )
        if scene != self.plan.scene:
            self.plan.scene = scene
            self.status.refresh(layout=True)
            if stage.view in LISTS:
                # rows and closer look depend on the size that the panels get only now
                self.call_after_refresh(self.show_all)
                self.call_after_refresh(self.closer.preview.look)
        self.status.show_place(self.dispatch.place, self.console.snapshot)
        self.inspector.preview.laid_out()
        self.closer.preview.laid_out()
        self.merge_queue.follow()

    def _list_lines(self) -> int:
        """The lines that the list in view wants; those of the others do not matter."""
        if self.view == "inbox":
            return self.stage.inbox.wanted_height()
        return self.problems.wanted_height() if self.view == "problems" else 0

    def sheets(self) -> list[Sheet]:
        """Return the visible sheets, from left to right."""
        shown = [child for child in self.children if isinstance(child, Sheet) and child.region.width]
        return sorted(shown, key=lambda sheet: sheet.region.x)

    # updates

    def arrived(self, update: Update) -> None:
        """Take an update of the live model."""
        now = self.moved_at = self.console.now
        self.inspector.moved()
        self.acts.look()
        if update.rows_added or update.stream_reset:
            self.stream.guard(lambda: self.stream.came(now, reset=update.stream_reset))
        if self.is_active:
            self.show_all()

    def on_screen_resume(self) -> None:
        """Show what came under a dialog: there each change draws the whole screen, so that only ticks show it."""
        if self.stands:
            self.show_all()

    def show_all(self) -> None:
        """Update everything from the snapshot and the time; only changed rows are repainted."""
        snapshot, now = self.console.snapshot, self.console.now
        self.header.guard(self.inbox.refresh)
        self._show_header()
        if self.view == "problems":
            self.problems.guard(lambda: self.problems.show(snapshot, now, self.inbox.count))
        elif self.view == "inbox":
            self.stage.inbox.guard(lambda: self.stage.inbox.show(self.inbox.found, snapshot, now))
        elif self.view != "feed":
            self._show_view()
        else:
            self.agents.guard(lambda: self.agents.show(snapshot, now))
            self.convoys.guard(lambda: self.convoys.show(snapshot, now))
            self.stream.guard(lambda: self.stream.show(snapshot, now))
        self.inspect()
        self.status.show_place(self.dispatch.place, self.console.snapshot)
        self.merge_queue.follow()
        self.closer.show()
        if self.letters.is_open:
            self.letters.place()
        scene = self.plan.scene
        if (self.convoys.wanted_height(), self._list_lines()) != (scene.convoy_lines, scene.list_lines):
            self.lay_out()

    def _show_view(self) -> None:
        """Update a view whose controller fills its panels."""
        shows = {
            "queue": self.merge_queue.show,
            "diff": self.diff.show,
            "past": self.past.show,
            "costs": self.spending.show,
            "graph": self.graph.show,
            "wasteland": self.wasteland.show,
        }
        shows[self.view]()

    def _show_header(self) -> None:
        snapshot, now = self.console.snapshot, self.console.now
        self.header.is_readonly = self.console.is_readonly
        self.header.guard(
            lambda: self.header.show(snapshot, now, moved_at=self.moved_at, view=self.view, count=self.inbox.count)
        )

    def tick(self, *, changed: bool) -> None:
        """Update once a second; after a quiet minute every ten seconds, since ages are then in minutes."""
        now = self.console.now
        self.status.tick(now)
        if changed or now - self.moved_at < CALM_S or int(now) % CALM_LOOK_S == 0:
            self.show_all()
        else:
            self._show_header()

    def inspect(self) -> None:
        """Show the selection in the drawer."""
        self.inspector.inspect()

    def refresh_all(self) -> None:
        """Recheck every state and redraw everything."""
        self.console.live.recheck(force=True)
        self.show_all()
        for sheet in self.sheets():
            sheet.redraw()
        self.refresh(repaint=True)
        self.status.refresh(layout=True)
        self.say("redrawn", "dim")

    def answer(self) -> str:
        """Answer the selected question with the digit that was pressed; from the palette, which has none, say how."""
        key = self.dispatch.key
        return self.inbox.answer(int(key)) if key.isdigit() else "press the digit of a choice in the inbox"

    def say(self, text: str, tone: str = "warn") -> None:
        """Show a message at the right end of the status bar."""
        self.status.say(text, tone)

    # Textual's messages

    def on_rows_selection_moved(self, event: Rows.SelectionMoved) -> None:
        """Update the drawer when the active panel's selection moves."""
        event.stop()
        if self.view == "diff" and event.panel is self.stage.panel:
            self.diff.moved(event.panel)
        elif event.panel is self.stage.panel:
            if self.view == "queue":
                self.merge_queue.show()
            self.inspect()
            self.closer.show()
            self.stage.extend_range()
            self.inspector.preview.look()
            self.closer.preview.look()

    def on_rows_row_opened(self, event: Rows.RowOpened) -> None:
        """Treat a double click as Enter."""
        event.stop()
        self.navigation.open_row()

    def on_drawer_tab_pressed(self, event: Drawer.TabPressed) -> None:
        """Open the clicked tab of the drawer."""
        event.stop()
        self.inspector.show_tab(event.index)

    def on_header_bar_count_pressed(self, event: HeaderBar.CountPressed) -> None:
        """Show what the clicked count of the header counts."""
        event.stop()
        if self.search.is_searching or event.view == self.view:
            return
        if event.view in ("agents", "convoys"):
            self.navigation.go_to_panel(event.view)
        else:
            self.dispatch.run(f"view.{event.view}")

    def on_status_bar_hint_pressed(self, event: StatusBar.HintPressed) -> None:
        """Do what the clicked hint's key does."""
        event.stop()
        self.action_press(event.key)

    def on_rows_fold_pressed(self, event: Rows.FoldPressed) -> None:
        """Fold or open the row whose mark was clicked."""
        event.stop()
        event.panel.focus()
        self.stage.fold()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Make the focused panel the active one."""
        name = event.widget.id or ""
        if name in VIEWS[self.view] and name != self.stage.active:
            self.stage.actives[self.view] = name
            self.inspect()
        self.lay_out()

    def on_resize(self) -> None:
        """Update the rows once the panels have their new sizes."""
        self.call_after_refresh(self.show_all)

    def on_line_field_changed(self, event: LineField.Changed) -> None:
        """Search while typing."""
        event.stop()
        self.search.search(event.value)

    def on_event_panel_search_ended(self, event: EventPanel.SearchEnded) -> None:
        """Show the result of a search that went on in the background."""
        event.stop()
        self.search.settle(is_found=event.is_found)

    def action_press(self, key: str) -> None:
        """Handle a key of the table."""
        if self.letters.is_open:
            self.letters.press(key)
        elif self.search.is_searching or not self.away.pressed():
            self.dispatch.press(key)
