"""The drawer: opens and closes it, and fills the open tab's page for the selection.

Slow details are read in the background; the page says so until they arrive.
"""

from __future__ import annotations

import asyncio
from functools import partial

from gastown_core.errors import GastownError
from gastown_core.model.agent import HEALTH_SYMBOLS
from gastown_core.state.rows import NO_FILTER
from gastown_core.state.stream import StreamView
from gastown_tui.controllers.pane_preview import PanePreview
from gastown_tui.rowtext import role_icon, since_text, state_glyph
from gastown_tui.selection import NOTHING, PAST, Selection, agents_of_group
from gastown_tui.text import clean
from gastown_tui.widgets import pages, usage_page
from gastown_tui.widgets.drawer import SIDE, TAB_KEYS
from gastown_tui.widgets.incident_text import incident_page
from gastown_tui.widgets.landing_text import member_of, strip_page
from gastown_tui.widgets.transcript_page import transcript_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.refinery import BatchRecord
    from gastown_core.model.snapshot import AgentView, RefineryView
    from gastown_core.state.detail import WorkDetail
    from gastown_core.state.rows import EventFilter, EventRow
    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces

DETAIL_S = 5.0
SIDE_S = 20.0
MOVED_S = 1.0
"""The age at which a bead is read again after the town changed; other details are read again after ``DETAIL_S``."""
EVENT_ROWS = 60
LOOK_BACK = 1500


class DrawerController:
    """Keeps the drawer in step with the selection."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.drawer = stage.drawer
        self.preview = PanePreview(
            console,
            self.drawer,
            self._refill,
            is_open=lambda: self.drawer.is_open,
            shows_pane=lambda: self.drawer.is_open and self.drawer.tab_name == "preview",
        )
        self.also: Callable[[], None] = lambda: None
        self.chosen: Chosen = NOTHING
        self._details: dict[tuple[str, Hashable], tuple[float, object]] = {}
        self._moved_at = 0.0
        self._events_of: tuple[object, ...] = ()
        self._event_rows: list[EventRow] = []

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the drawer's actions, by action id."""
        return {
            "drawer.toggle": lambda: self.show(not self.drawer.is_open),
            **{f"drawer.tab_{number + 1}": partial(self.show_tab, number) for number in range(TAB_KEYS)},
        }

    # opening and closing

    def show(self, is_open: bool) -> None:
        """Open or close the drawer; the focus stays where it is unless the drawer had it."""
        drawer = self.drawer
        drawer.is_open, drawer.is_put_off = is_open, False
        if not is_open and self.stage.focused is drawer:
            self.stage.panel.focus()
        if is_open:
            self.inspect()
            self.preview.look()
        self.console.lay_out()
        drawer.screen.call_after_refresh(self.console.show_all)

    def show_tab(self, index: int) -> str:
        """Open the drawer at a tab; return why not, or an empty string."""
        self.follow(self.stage.chosen)
        tabs = self.drawer.tabs
        if index >= len(tabs):
            return f"there are {len(tabs)} tabs here: {', '.join(tabs)}"
        self.drawer.tab = index
        if not self.drawer.is_open:
            self.show(True)
        self.inspect()
        self.preview.look()
        return ""

    def inspect(self) -> None:
        """Show the selection in the drawer, if it is open."""
        if self.drawer.is_open:
            self.drawer.guard(self._inspect)

    def _inspect(self) -> None:
        self.follow(self.stage.chosen)
        self.fill()

    def _refill(self) -> None:
        self.drawer.guard(self.fill)

    def follow(self, chosen: Chosen) -> None:
        """Take a new selection, or newer facts about the same one."""
        if chosen.key != self.chosen.key or chosen.kind != self.chosen.kind:
            self.preview.forget()
        self.chosen = chosen
        self.preview.agent = chosen.agent
        if self.drawer.kind != chosen.kind:
            self.drawer.kind = chosen.kind
            self.drawer.tab = min(self.drawer.tab, len(self.drawer.tabs) - 1)

    def moved(self) -> None:
        """Note that the town changed: beads read before now are stale, and are read again when they are shown."""
        self._moved_at = self.console.now

    def fill(self) -> None:
        """Draw the open page from what is known."""
        chosen = self.chosen
        page = {
            "agent": self._agent_page,
            "convoy": self._convoy_page,
            "event": self._event_page,
            "bead": self._bead_page,
            "group": self._group_page,
            "request": self._bead_page,
            "batch": self._batch_page,
            "incident": self._incident_page,
        }.get(chosen.kind)
        if page is None:
            self.drawer.show_page(None, (("nothing selected", "dim"),), [])
        else:
            page(chosen)

    # pages by kind

    def _agent_page(self, chosen: Chosen) -> None:
        agent, drawer, now = chosen.agent, self.drawer, self.console.now
        if agent is None:
            return
        ascii_only = self.console.ascii_only
        state = agent.health.state
        since = since_text(agent, now)
        subject: Pieces = (
            (role_icon(agent.address.role, ascii_only).rstrip() + " ", "text"),
            (clean(agent.address.short), "title"),
            (f"  {state_glyph(state, ascii_only).rstrip()} {HEALTH_SYMBOLS[state][2]}", state.value),
            (f"  {since}" if since else "", "dim"),
        )
        width = drawer.page_width
        if drawer.tab_name == "preview":
            side = self._side(chosen.key, agent) if drawer.has_side_room else ()
            drawer.show_page(chosen.key, subject, self.preview.lines(agent), side, tail=bool(agent.pane_id))
        elif drawer.tab_name == "work":
            self._work(chosen.key, subject, agent)
        elif drawer.tab_name == "cost":
            head = usage_page.agent_head(agent, self.console.snapshot)
            self._cost(chosen.key, subject, head, partial(self.calls.usage_detail, agent=agent.key))
        elif drawer.tab_name == "said":
            self._said(chosen.key, subject, agent)
        elif drawer.tab_name == "why":
            lines = pages.why_page(agent, now, width, ascii_only)
            drawer.show_page(chosen.key, subject, [*lines, *self._queue(chosen.key, agent)])
        else:
            self._events(chosen.key, subject, NO_FILTER._replace(agent=agent.key))

    def _side(self, key: Hashable, agent: AgentView) -> list[Pieces]:
        """Return the facts shown beside the preview; the worktree is read every ``SIDE_S`` only, since git is slow."""
        detail = None
        if agent.work is not None or agent.hook:
            detail = self._detail(("work", key), lambda: self.calls.work_detail(agent), SIDE_S)
        known = detail if detail is not None and not isinstance(detail, list) else None
        facts = pages.agent_facts(agent, self.console.now, self.console.ascii_only, known)  # type: ignore[arg-type]
        return [*facts, *self._queue(key, agent)]

    def known_work(self, key: Hashable, agent: AgentView) -> WorkDetail | None:
        """Return the agent's bead and worktree as read last, None until then; read again every ``SIDE_S``."""
        if agent.work is None and not agent.hook:
            return None
        found = self._detail(("work", key), lambda: self.calls.work_detail(agent), SIDE_S)
        return None if found is None or isinstance(found, list) else found  # type: ignore[return-value]

    def _queue(self, key: Hashable, agent: AgentView) -> list[Pieces]:
        """Return the nudges that have not reached the agent."""
        found = self._detail(("nudges", key), lambda: self.calls.queue_of(agent), MOVED_S)
        if found is None or isinstance(found, list):
            return found or []
        return pages.queue_lines(found, self.console.now, self.drawer.page_width)  # type: ignore[arg-type]

    def _said(self, key: Hashable, subject: Pieces, agent: AgentView) -> None:
        """Show the end of the agent's transcript, following what comes."""
        reading = self._detail(("said", key), lambda: self.calls.agent_transcript(agent))
        if reading is None or isinstance(reading, list):
            lines: list[Pieces] = reading or [(("reading …", "dim"),)]
        else:
            lines = transcript_lines(reading, self.drawer.page_width, self.console.ascii_only)  # type: ignore[arg-type]
        self.drawer.show_page(key, subject, lines, tail=True)

    def _work(self, key: Hashable, subject: Pieces, agent: AgentView) -> None:
        """Show the bead, with the worktree beside it, or above it if there is no room."""
        detail = self._detail(("work", key), lambda: self.calls.work_detail(agent))
        drawer, now = self.drawer, self.console.now
        if detail is None:
            drawer.show_page(key, subject, [(("reading …", "dim"),)])
        elif isinstance(detail, list):
            drawer.show_page(key, subject, detail)
        else:
            width = drawer.page_width - (SIDE + 3 if drawer.has_side_room else 0)
            lines = pages.work_page(detail, now, width)  # type: ignore[arg-type]
            tree = pages.worktree_lines(detail, now, self.console.ascii_only)  # type: ignore[arg-type]
            if drawer.has_side_room:
                drawer.show_page(key, subject, lines, tree)
            else:
                drawer.show_page(key, subject, [*tree, (), *lines])

    def _convoy_page(self, chosen: Chosen) -> None:
        convoy, drawer, now = chosen.convoy, self.drawer, self.console.now
        if convoy is None:
            return
        ascii_only = self.console.ascii_only
        subject: Pieces = ((convoy.id + "  ", "dim"), (clean(convoy.title), "title"))
        if drawer.tab_name == "landing":
            drawer.show_page(chosen.key, subject, pages.landing_page(convoy, now, drawer.page_width, ascii_only))
        elif drawer.tab_name == "cost":
            members = tuple(member.bead_id for member in convoy.members)
            head = usage_page.beads_head(members, self.console.snapshot)
            self._cost(chosen.key, subject, head, partial(self.calls.usage_detail, beads=members or (convoy.id,)))
        elif drawer.tab_name == "why":
            self._convoy_why(chosen.key, subject, convoy)
        else:
            beads = {member.bead_id for member in convoy.members} | {convoy.id}
            self._events(chosen.key, subject, NO_FILTER, beads)

    def _event_page(self, chosen: Chosen) -> None:
        row, drawer = chosen.event, self.drawer
        if row is None:
            return
        subject: Pieces = ((clean(row.type) + "  ", "title"), (clean(row.actor.short), "dim"))
        if drawer.tab_name == "record":
            try:
                record = self.console.live.stream.raw(chosen.serial)
            except (IndexError, OSError) as error:
                drawer.show_page(chosen.key, subject, [((f"no longer readable: {error}", "warn"),)])
                return
            drawer.show_page(chosen.key, subject, pages.record_page(record, row, drawer.page_width))
        elif drawer.tab_name == "bead":
            if not row.bead:
                drawer.show_page(chosen.key, subject, [(("This event does not name a bead.", "dim"),)])
            else:
                self._show_bead(chosen.key, subject, row.bead)
        else:
            wanted = NO_FILTER._replace(bead=row.bead) if row.bead else NO_FILTER._replace(agent=row.actor.path)
            self._events(chosen.key, subject, wanted)

    def _bead_page(self, chosen: Chosen) -> None:
        """Show a bead, or a merge request's bead."""
        request = chosen.request
        subject: Pieces = ((clean(chosen.bead), "title"),)
        if request is not None:
            subject = ((request.id + "  ", "dim"), (clean(request.title) or clean(chosen.bead), "title"))
        if self.drawer.tab_name == "landing":
            member = member_of(self.console.snapshot, chosen.bead)
            lines = strip_page(member, self.drawer.page_width, self.console.ascii_only)
            self.drawer.show_page(chosen.key, subject, lines)
        elif self.drawer.tab_name == "bead":
            self._show_bead(chosen.key, subject, chosen.bead)
        elif self.drawer.tab_name == "cost":
            head = usage_page.beads_head((chosen.bead,), self.console.snapshot)
            self._cost(chosen.key, subject, head, partial(self.calls.usage_detail, beads=(chosen.bead,)))
        else:
            self._events(chosen.key, subject, NO_FILTER._replace(bead=chosen.bead))

    def _batch_page(self, chosen: Chosen) -> None:
        drawer, now, ascii_only = self.drawer, self.console.now, self.console.ascii_only
        subject: Pieces = ((clean(chosen.group) + " ", "title"), ("merge queue", "dim"))
        if drawer.tab_name == "batch":
            view = self.console.snapshot.refinery(chosen.group)
            past = past_batch(view, chosen.key)
            if past is not None:
                self._past_batch(chosen.key, subject, past, view.path if view is not None else "")
                return
            drawer.show_page(chosen.key, subject, pages.batch_page(view, now, drawer.page_width, ascii_only))
        else:
            self._events(chosen.key, subject, NO_FILTER._replace(rig=chosen.group))

    def _past_batch(self, key: Hashable, subject: Pieces, batch: BatchRecord, rig_path: str) -> None:
        """Show a finished batch, and the outcome of its requests once that has been read."""
        drawer = self.drawer
        read = self._detail(("past", key), lambda: self.calls.past_requests(rig_path, batch.mrs), SIDE_S)
        known = read if isinstance(read, dict) else {}
        page = pages.past_batch_page(batch, known, self.console.now, drawer.page_width, self.console.ascii_only)
        drawer.show_page(key, subject, page)

    def _incident_page(self, chosen: Chosen) -> None:
        one, drawer = chosen.incident, self.drawer
        if one is None:
            return
        subject: Pieces = ((one.name + "  ", "dim"), (f"{len(one.subjects)} agents suffer from one thing", "title"))
        snapshot, now = self.console.snapshot, self.console.now
        drawer.show_page(
            chosen.key, subject, incident_page(one, snapshot, now, drawer.page_width, self.console.ascii_only)
        )

    def _group_page(self, chosen: Chosen) -> None:
        snapshot = self.console.snapshot
        name = chosen.group or "town"
        subject: Pieces = ((clean(name), "title"),)
        if self.drawer.tab_name == "agents":
            found = agents_of_group(snapshot, chosen.group)
            lines = pages.group_page(name, found, snapshot, self.console.now, self.console.ascii_only)
            self.drawer.show_page(chosen.key, subject, lines)
        elif chosen.group:
            self._events(chosen.key, subject, NO_FILTER._replace(rig=chosen.group))
        else:
            self._events(chosen.key, subject, NO_FILTER)

    def _show_bead(self, key: Hashable, subject: Pieces, bead_id: str) -> None:
        detail = self._detail(("bead", bead_id), lambda: self.calls.bead_detail(bead_id) or _no_bead(bead_id))
        if detail is None:
            lines: list[Pieces] = [(("reading …", "dim"),)]
        elif isinstance(detail, list):
            lines = detail
        else:
            lines = pages.bead_page(detail, self.console.now, self.drawer.page_width)  # type: ignore[arg-type]
        self.drawer.show_page(key, subject, lines)

    def _cost(self, key: Hashable, subject: Pieces, head: list[Pieces], read: Callable[[], object]) -> None:
        """Show what was used: what is known at once, then the ledger's sums."""
        detail = self._detail(("cost", key), read, MOVED_S)
        if detail is None:
            lines: list[Pieces] = [*head, (("reading …", "dim"),)]
        elif isinstance(detail, list):
            lines = [*head, *detail]
        else:
            lines = [*head, *usage_page.sums_lines(detail, self.drawer.page_width)]  # type: ignore[arg-type]
        self.drawer.show_page(key, subject, lines)

    def _events(self, key: Hashable, subject: Pieces, wanted: EventFilter, beads: set[str] | None = None) -> None:
        stream = self.console.live.stream
        state = (key, stream.generation, stream.first, stream.end)
        if self._events_of != state:
            self._events_of = state
            self._event_rows = newest(StreamView(stream, wanted, look_at=LOOK_BACK), beads)
        page = pages.events_page(self._event_rows, self.console.now, self.drawer.page_width, self.console.ascii_only)
        self.drawer.show_page(key, subject, page)

    # slow details

    def _convoy_why(self, key: Hashable, subject: Pieces, convoy: ConvoyView) -> None:
        """Show the convoy's state, and the scheduler's account of each member."""
        snapshot, now = self.console.snapshot, self.console.now
        said = self._detail(("why", key), lambda: self.calls.convoy_why(convoy, snapshot))
        lines = pages.convoy_why_page(convoy, now, self.console.ascii_only)
        if isinstance(said, list):
            lines += said
        else:
            lines += pages.account_lines(said, self.drawer.page_width)  # type: ignore[arg-type]
        self.drawer.show_page(key, subject, lines)

    def _detail(self, key: tuple[str, Hashable], read: Callable[[], object], age_s: float = DETAIL_S) -> object | None:
        """Return a detail, None until read; read in a thread when older than ``age_s``. A failure becomes a page."""
        now = self.console.now
        known = self._details.get(key)
        if known is not None and key[0] == "bead" and self._moved_at >= known[0]:
            age_s = MOVED_S
        if known is None or now - known[0] > age_s:
            self._details[key] = (now, known[1] if known else None)
            self.console.start(self._read(key, read), "drawer")
        if len(self._details) > 64:
            self._details.pop(next(iter(self._details)))
        return known[1] if known else None

    async def _read(self, key: tuple[str, Hashable], read: Callable[[], object]) -> None:
        try:
            found = await asyncio.to_thread(read)
        except GastownError as error:
            found = [((clean(str(error)), "warn"),), ((clean(error.hint), "dim"),)]
        except Exception as error:  # noqa: BLE001  the page shows it, and the fault log has the traceback
            self.console.fault("drawer", error)
            found = [((f"cannot be read: {clean(str(error)) or type(error).__name__}", "error"),)]
        self._details[key] = (self.console.now, found)
        if self.drawer.is_open:
            self._refill()
        self.also()


def newest(view: StreamView, beads: set[str] | None) -> list[EventRow]:
    """Return the newest rows of a view, newest first; with ``beads``, only theirs."""
    rows = []
    for back in range(1, min(len(view), LOOK_BACK) + 1):
        row = view.row(len(view) - back)
        if beads is None or row.bead in beads:
            rows.append(row)
        if len(rows) >= EVENT_ROWS:
            break
    return rows


def past_batch(view: RefineryView | None, key: Hashable) -> BatchRecord | None:
    """Return the selected finished batch; None if something else is selected, or it has left the history."""
    if view is None or not isinstance(key, Selection) or key.kind != PAST:
        return None
    return next((batch for batch in view.history if batch.id == key.id), None)


def _no_bead(bead_id: str) -> list[Pieces]:
    return [((f"No store has a bead {clean(bead_id)}.", "warn"),)]
