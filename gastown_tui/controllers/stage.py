"""The main screen's panels: the open view, the active panel, the selection, and moving in rows."""

from __future__ import annotations

from gastown_tui.layout import VIEWS
from gastown_tui.selection import (
    AGENT,
    BATCH,
    NEIGHBOUR,
    NOTHING,
    Chosen,
    Selection,
    of_event,
    of_item,
    of_wanted,
    resolve,
)
from gastown_tui.widgets.agent_tree import AgentTree
from gastown_tui.widgets.closer_look import CloserLook
from gastown_tui.widgets.convoy_panel import ConvoyPanel
from gastown_tui.widgets.diff_panels import FilePanel, PatchPanel
from gastown_tui.widgets.drawer import Drawer
from gastown_tui.widgets.event_stream import EventPanel
from gastown_tui.widgets.gate_panel import GatePanel
from gastown_tui.widgets.graph_panel import GraphPanel
from gastown_tui.widgets.inbox_list import InboxList
from gastown_tui.widgets.line_field import LineField
from gastown_tui.widgets.past_panels import ChangePanel, ThenAgents, ThenConvoys
from gastown_tui.widgets.probe_panel import ProbePanel
from gastown_tui.widgets.problem_list import ProblemList
from gastown_tui.widgets.queue_panel import QueuePanel
from gastown_tui.widgets.rows import Rows
from gastown_tui.widgets.spending_panel import SpendingPanel
from gastown_tui.widgets.wanted_panel import WantedPanel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from textual.widget import Widget

    from gastown_core.model.snapshot import AgentView
    from gastown_tui.console import Console
    from gastown_tui.selection import Chosen


class Stage:
    """The panels; ``view`` is one of VIEWS, ``actives`` maps each view to its active panel.

    ``diff_of`` is what was selected when the diff view was opened: it stays the selection there.
    """

    def __init__(self, console: Console, *, view: str, panel: str) -> None:
        self.console = console
        self.view = view
        self.actives = {**{name: panels[0] for name, panels in VIEWS.items()}, "feed": panel}
        self.agents = AgentTree()
        self.convoys = ConvoyPanel()
        self.stream = EventPanel()
        self.problems = ProblemList()
        self.inbox = InboxList()
        self.closer = CloserLook()
        self.queue = QueuePanel()
        self.probes = ProbePanel()
        self.gates = GatePanel()
        self.files = FilePanel()
        self.patch = PatchPanel()
        self.then_agents = ThenAgents()
        self.then_convoys = ThenConvoys()
        self.changes = ChangePanel()
        self.spending = SpendingPanel()
        self.graph = GraphPanel()
        self.wanted = WantedPanel()
        self.diff_of: Chosen = NOTHING
        self.is_zoomed = False
        self.anchor: Hashable = None
        """Where a range of marks begins, None without one."""
        self._marked_before: set[str] = set()
        self.shifts: dict[str, int] = {}
        self.drawer = Drawer()
        self.field = LineField(id="search", prompt="/")
        feed = (self.agents, self.convoys, self.stream, self.problems, self.inbox)
        past = (self.then_agents, self.then_convoys, self.changes, self.spending, self.graph, self.wanted)
        rows = (*feed, self.queue, self.probes, self.gates, self.files, self.patch, *past)
        self.panels: dict[str, Rows] = {panel.id or "": panel for panel in rows}
        self.agents.marked = self.problems.marked = self.inbox.marked = set()

    # state

    @property
    def active(self) -> str:
        """The name of the active panel."""
        return self.actives[self.view]

    @property
    def panel(self) -> Rows:
        """The active panel."""
        return self.panels[self.active]

    @property
    def focused(self) -> Widget | None:
        """The focused widget of the main screen; None while the console is being closed."""
        return self.drawer.screen.focused if self.drawer.is_attached else None

    @property
    def is_in_front(self) -> bool:
        """Whether no dialog is open."""
        if not self.drawer.is_attached:
            # an update that came while the console is being closed
            return False
        screen = self.drawer.screen
        return screen.app.screen is screen

    @property
    def place(self) -> str:
        """The name of the focused panel: it decides what a key means."""
        focused = self.focused
        if isinstance(focused, Rows) and focused.id:
            return focused.id
        return self.panel.id or ""

    @property
    def rows_with_keys(self) -> Rows:
        """The panel that rows and search keys act on."""
        focused = self.focused
        return focused if isinstance(focused, Rows) else self.panel

    @property
    def chosen(self) -> Chosen:
        """What is selected."""
        snapshot, panel = self.console.snapshot, self.panel
        if self.view == "diff":
            key = self.diff_of.key
            return resolve(snapshot, key) if isinstance(key, Selection) else NOTHING
        if self.view in ("past", "costs", "graph"):
            # what is shown there is of another time: no act on this town applies to it
            return NOTHING
        if self.view == "wasteland":
            return self._chosen_of_commons()
        if panel is self.inbox:
            return of_item(snapshot, self.inbox.item, panel.key)
        if panel is self.stream:
            return of_event(self.stream.selected(), panel.key)
        if panel is self.gates:
            return resolve(snapshot, Selection(BATCH, self.gates.rig))
        return resolve(snapshot, panel.selection)

    def _chosen_of_commons(self) -> Chosen:
        panel = self.wanted
        item = panel.item
        if item is not None:
            return of_wanted(item, self.console.snapshot, panel.key)
        return Chosen(NEIGHBOUR, panel.key, neighbour=panel.town) if panel.town else NOTHING

    def marked(self) -> list[AgentView]:
        """The marked agents, from the latest snapshot."""
        return [agent for agent in self.console.snapshot.agents if agent.key in self.agents.marked]

    # keys

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the row actions, by action id."""
        return {
            "rows.down": lambda: self.rows_with_keys.move(1),
            "rows.up": lambda: self.rows_with_keys.move(-1),
            "rows.page_down": lambda: self.rows_with_keys.page(1.0),
            "rows.page_up": lambda: self.rows_with_keys.page(-1.0),
            "rows.half_down": lambda: self.rows_with_keys.page(0.5),
            "rows.half_up": lambda: self.rows_with_keys.page(-0.5),
            "rows.top": lambda: self.rows_with_keys.go_top(),
            "rows.bottom": lambda: self.rows_with_keys.go_bottom(),
            "rows.expand": lambda: self.fold(True),
            "rows.collapse": lambda: self.fold(False),
            "rows.mark": self.mark,
            "rows.mark_range": self.mark_range,
            "stream.pause": self.pause,
        }

    def fold(self, is_open: bool | None = None) -> str:
        """Open, close or toggle (None) the selected rig or convoy; return why not, or an empty string."""
        panel = self.rows_with_keys
        reason = panel.fold(is_open) if isinstance(panel, AgentTree | ConvoyPanel) else "nothing to fold here"
        self.console.lay_out()
        return reason

    def mark(self) -> str:
        """Mark or unmark the selected agent; return why not, or an empty string."""
        self.problems.marked = self.inbox.marked = self.agents.marked
        if self.view not in ("problems", "inbox"):
            return self.agents.toggle_mark()
        chosen = self.chosen.agent
        key = chosen.key if chosen is not None else ""
        if not key:
            return "there is no agent to mark"
        self.agents.marked ^= {key}
        self.problems.marked = self.inbox.marked = self.agents.marked
        self.console.show_all()
        return ""

    def mark_range(self) -> str:
        """Begin a range of marks at the cursor, or end it; return why not, or an empty string."""
        panel = self.rows_with_keys
        if self.anchor is not None:
            self.end_range()
            return ""
        if panel not in (self.agents, self.problems) or panel.key is None:
            return "there is no agent to mark"
        self.anchor, self._marked_before = panel.key, set(self.agents.marked)
        self.extend_range()
        return ""

    def end_range(self) -> None:
        """Keep the marks of the range."""
        self.anchor = None
        self.console.say(f"{len(self.agents.marked)} marked", "dim")

    def extend_range(self) -> None:
        """Mark every agent between the anchor and the cursor; the range ends in another panel, or if its anchor is gone."""
        if self.anchor is None:
            return
        panel = self.rows_with_keys
        start = panel.find_key(self.anchor)
        if start < 0:
            self.anchor = None
            return
        keys = (panel.row_at(index).key for index in range(min(start, panel.cursor), max(start, panel.cursor) + 1))
        inside = {key.id for key in keys if isinstance(key, Selection) and key.kind == AGENT}
        self.agents.marked = self.problems.marked = self.inbox.marked = self._marked_before | inside
        self.console.show_all()
        self.console.say(
            f"{len(self.agents.marked)} marked; {self.console.key_of('rows.mark_range')} or {self.console.key_of('back')} ends the range",
            "dim",
        )

    def unmark_all(self) -> None:
        """Remove all marks."""
        self.agents.marked = self.problems.marked = self.inbox.marked = set()
        self.console.show_all()

    def pause(self) -> str:
        """Pause the events, or resume them."""
        held = self.stream.pause()
        self.console.say(f"paused; {self.console.key_of('stream.pause')} resumes" if held else "resumed", "dim")
        return ""
