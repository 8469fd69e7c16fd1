"""The agents panel: the town, its rigs, and their agents with their states."""

from __future__ import annotations

from functools import partial

from gastown_core.model.agent import NEEDS_HELP, Health
from gastown_core.model.states import RigState
from gastown_tui.rowtext import age_of, doing, role_icon, state_glyph, trouble_text, usage_columns
from gastown_tui.selection import AGENT, GROUP, SECTION, Selection, point_at
from gastown_tui.text import clean, cut, fit, fit_right, glyph, two_ends
from gastown_tui.widgets.agent_order import Arrangement, Group, arranged
from gastown_tui.widgets.rows import Row, Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_tui.text import Piece, Pieces

STEP_WIDTH = 50
USAGE_WIDTH, WIDE_USAGE = 52, 76
"""From the first width on a row has columns for usage, if any was counted; from the second on wide ones."""


def agent_row(
    agent: AgentView,
    width: int,
    now: float,
    *,
    ascii_only: bool,
    is_marked: bool,
    has_usage: bool = False,
    hidden: frozenset[str] = frozenset(),
    with_rig: bool = False,
) -> Pieces:
    """Return an agent's row: mark, icon, name, state, bead and words, context and tokens, unread mail, age."""
    state = agent.health.state
    tone = state.value
    name_width = (12 if width >= 36 else 9) + (5 if with_rig else 0)
    name = agent.address.short if with_rig else agent.address.label
    mark = glyph("mark", ascii_only) if is_marked else " "
    quiet = state is Health.IDLE
    left: list[Piece] = [
        (f"{mark} ", "accent"),
        (role_icon(agent.address.role, ascii_only) + " ", "text"),
        (fit(clean(name), name_width) + " ", "dim" if quiet else "bright"),
        (state_glyph(state, ascii_only) + " ", tone),
    ]
    bead, words = doing(agent)
    if bead:
        left.append((bead + " ", "dim" if not quiet else "faint"))
        step = agent.work.step.partition(" ")[0] if agent.work is not None else ""
        if "/" in step and "step" not in hidden and width >= STEP_WIDTH and state not in NEEDS_HELP:
            left.append((clean(step) + " ", "info"))
    if words:
        left.append((words, tone if state in NEEDS_HELP else "dim" if not bead else "text"))
    right: list[Piece] = []
    is_wide = width >= WIDE_USAGE
    if has_usage and "usage" not in hidden and (is_wide or state not in NEEDS_HELP):
        # why an agent needs help is worth more than figures
        right.append(usage_columns(agent, is_wide))
    if agent.unread and "mail" not in hidden:
        right.append((f"{glyph('mail', ascii_only)}{agent.unread} ", "info"))
    if "age" not in hidden:
        right.append((fit_right(age_of(agent, now), 4), tone if state in NEEDS_HELP else "dim"))
    return two_ends(left, right, width)


def group_row(name: str, agents: list[AgentView], width: int, *, is_open: bool, state: str, ascii_only: bool) -> Pieces:
    """Return the row of a rig or of the town: fold mark, name, number of agents, number in each bad state."""
    left: list[Piece] = [(glyph("open" if is_open else "closed", ascii_only) + " ", "dim"), (clean(name), "title")]
    if state and state != RigState.OPERATIONAL:
        left.append((f"  {state}", "dim"))
    right: list[Piece] = [(str(len(agents)), "dim")]
    for health in (*NEEDS_HELP, Health.LIMITED, Health.UNKNOWN):
        count = sum(agent.health.state is health for agent in agents)
        if count:
            right.append((f"  {state_glyph(health, ascii_only).rstrip()} {count}", health.value))
    return two_ends(left, right, width)


class AgentTree(Rows):
    """The agents panel; ``folded`` are rig names (empty: the town's group), ``marked`` are agent keys."""

    def __init__(self, *, id: str = "agents") -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, number="1", title="Agents")
        self.snapshot: TownSnapshot | None = None
        self.folded: set[str] = set()
        self.marked: set[str] = set()
        self.arrangement = Arrangement()
        self._groups: list[Group] = []
        self.now = 0.0
        self.empty_text = "No agents yet. Add a rig with gt rig add, then assign work with gt sling."

    def show(self, snapshot: TownSnapshot, now: float) -> None:
        """Take a snapshot, or only a later time."""
        self.snapshot = snapshot
        self.now = now
        self.marked &= {agent.key for agent in snapshot.agents}
        self.trouble = trouble_text(snapshot.source_error("tmux", "heartbeats", "roster"), now)
        self.note = f"{len(self.marked)} marked" if self.marked else ""
        self.summary = self._summary(snapshot)
        self._rebuild()

    def _rebuild(self) -> None:
        if self.snapshot is None:
            return
        rows: list[Row] = []
        groups, idle = arranged(self.snapshot, self.arrangement)
        self._groups = groups
        for group in groups:
            rows.append(Row(group.selection, partial(self._group, group)))
            if group.name not in self.folded:
                rows += [Row(point_at(AGENT, "", agent.key), partial(self._agent, agent)) for agent in group.agents]
        if idle:
            rows.append(Row(None, ((f"  {idle} idle, hidden", "faint"),), False))
        first = not self.rows
        self.show_rows(rows)
        if first:
            self.select(
                next((row.key for row in rows if isinstance(row.key, Selection) and row.key.kind == AGENT), None)
            )

    def _agent(self, agent: AgentView) -> Pieces:
        width, ascii_only = max(16, self.size.width - 4), self.look.ascii_only
        is_marked = agent.key in self.marked
        state = (
            agent,
            age_of(agent, self.now),
            is_marked,
            width,
            ascii_only,
            bool(self.snapshot and self.snapshot.usage.agents),
            self.arrangement,
        )
        has_usage = width >= USAGE_WIDTH and self.snapshot is not None and bool(self.snapshot.usage.agents)
        look = partial(
            agent_row,
            ascii_only=ascii_only,
            is_marked=is_marked,
            has_usage=has_usage,
            hidden=self.arrangement.hidden,
            with_rig=self.arrangement.group != "rig",
        )
        make = partial(look, agent, width, self.now)
        return self.keep_made(agent.key, state, make)

    def _group(self, group: Group) -> Pieces:
        width, ascii_only = max(16, self.size.width - 4), self.look.ascii_only
        is_open = group.name not in self.folded
        seen = ([agent.health.state for agent in group.agents], group.state, is_open, width, ascii_only)
        make = partial(
            group_row, group.title, list(group.agents), width, is_open=is_open, state=group.state, ascii_only=ascii_only
        )
        return self.keep_made(group.selection, seen, make)

    def _summary(self, snapshot: TownSnapshot) -> Pieces:
        pieces: list[Piece] = []
        for health in (Health.WORKING, *NEEDS_HELP, Health.LIMITED, Health.UNKNOWN, Health.IDLE):
            count = snapshot.counts.get(health, 0)
            if count:
                gap = "  " if pieces else ""
                pieces.append((f"{gap}{state_glyph(health, self.look.ascii_only).rstrip()} {count}", health.value))
        agent = self.agent
        if agent is not None:
            pieces.append((f"   {cut(agent.address.short, 24)}", "dim"))
        return tuple(pieces)

    # folding and marking

    def fold(self, is_open: bool | None = None) -> str:
        """Open, close or toggle (None) the selected group; return why not, or an empty string."""
        group = self._group_here
        if group is None:
            return "nothing to fold here"
        close = group.name not in self.folded if is_open is None else not is_open
        if close and group.name not in self.folded:
            self.folded.add(group.name)
            self.key = group.selection
        elif not close:
            self.folded.discard(group.name)
        self._rebuild()
        return ""

    def regroup(self, arrangement: Arrangement) -> None:
        """Show the agents in another order; the selected agent stays selected where it is shown."""
        self.arrangement = arrangement
        self._rebuild()

    @property
    def agent(self) -> AgentView | None:
        """The selected agent, as last shown."""
        selection = self.selection
        if self.snapshot is None or selection is None or selection.kind != AGENT:
            return None
        return self.snapshot.agent(selection.id)

    @property
    def _group_here(self) -> Group | None:
        """The group of the selected row, None if there is none."""
        selection, agent = self.selection, self.agent
        return next((one for one in self._groups if one.selection == selection or agent in one.agents), None)

    def toggle_mark(self) -> str:
        """Mark or unmark the selected agent, or all of a group; return why not, or an empty string."""
        selection = self.selection
        if self.snapshot is None or selection is None:
            return "there is no agent to mark"
        if selection.kind in (GROUP, SECTION):
            group = self._group_here
            keys = {agent.key for agent in group.agents} if group is not None else set()
        else:
            keys = {selection.id}
        self.marked = self.marked - keys if keys <= self.marked else self.marked | keys
        self.show(self.snapshot, self.now)
        return ""
