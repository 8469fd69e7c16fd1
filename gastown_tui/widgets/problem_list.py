"""The problems view: what needs a person, and why; the most urgent first, then the longest."""

from __future__ import annotations

from gastown_core.attention.count import Count, calm_words, count_of
from gastown_core.attention.item import ELSEWHERE, MAIL, YOU
from gastown_core.attention.look import attention
from gastown_core.clock import format_age
from gastown_core.model.agent import Health
from gastown_core.model.bead import priority_word
from gastown_core.model.landing import FAULTS
from gastown_core.model.record import Record
from gastown_core.state.convoy_views import stuck_words
from gastown_tui.rowtext import forecast_text, role_icon, since_text, state_glyph, trouble_text, unsaid
from gastown_tui.selection import AGENT, BEAD, CONVOY, point_at
from gastown_tui.text import clean, cut, fit, fit_right, glyph, two_ends, width_of, wrap
from gastown_tui.widgets.alarm_text import dam_rows, stop_rows
from gastown_tui.widgets.incident_text import incident_rows
from gastown_tui.widgets.landing_text import faulty
from gastown_tui.widgets.rows import Row, Rows, pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.attention.item import Item
    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_tui.text import Piece, Pieces


class Group(Record):
    """A section: title, tone, and its agents in order; ``cause`` is the reason they share."""

    title: str
    tone: str
    agents: tuple[AgentView, ...]
    cause: str = ""


WIDE = 104
GUTTER = 15
DOTS = 20


def problem_groups(snapshot: TownSnapshot, keep: str = "") -> list[Group]:
    """Return the sections that are not empty: needs you, needs help, one per shared cause, unknown.

    The agent ``keep`` keeps a row after it has recovered, so that the selection does not move to a neighbour just as a
    key is pressed.
    """
    by_state: dict[Health, list[AgentView]] = {state: [] for state in Health}
    for agent in snapshot.agents:
        by_state[agent.health.state].append(agent)
    groups = []
    if by_state[Health.WAITING]:
        groups.append(Group("NEEDS YOU", "waiting", _longest_first(by_state[Health.WAITING])))
    help_ = [
        a
        for s in (Health.STOPPED_SHORT, Health.GUPP, Health.STALLED, Health.ZOMBIE)
        for a in _longest_first(by_state[s])
    ]
    if help_:
        groups.append(Group("NEEDS HELP", "stalled", tuple(help_)))
    groups += _by_cause(by_state[Health.LIMITED], "LIMITED", "limited")
    groups += _by_cause(by_state[Health.UNKNOWN], "UNKNOWN", "unknown")
    kept = snapshot.agent(keep) if keep else None
    if kept is not None and kept.health.state in (Health.WORKING, Health.IDLE):
        groups.append(Group("SELECTED", "good", (kept,)))
    return groups


def _longest_first(agents: list[AgentView]) -> tuple[AgentView, ...]:
    return tuple(sorted(agents, key=lambda agent: (agent.health.since or 0.0, agent.key)))


def _by_cause(agents: list[AgentView], alone: str, tone: str) -> list[Group]:
    causes: dict[str, list[AgentView]] = {}
    for agent in _longest_first(agents):
        causes.setdefault(agent.health.reason, []).append(agent)
    shared = [Group("SAME CAUSE", tone, tuple(found), cause) for cause, found in causes.items() if len(found) > 1]
    single = tuple(found[0] for found in causes.values() if len(found) == 1)
    return shared + ([Group(alone, tone, single)] if single else [])


def presses(agent: AgentView, ascii_only: bool) -> list[tuple[str, str]]:
    """Return (key, label) of the actions that help in this state."""
    state = agent.health.state
    if state is Health.ZOMBIE:
        return [("r", "restart"), ("h", "handoff")] if agent.pane_id else [("r", "restart")]
    if state is Health.WAITING:
        return [("y", "answer"), ("a", "attach")]
    if state in (Health.STOPPED_SHORT, Health.GUPP, Health.STALLED):
        return [("n", "nudge"), ("h", "handoff")]
    return [(glyph("enter", ascii_only), "details")]


def evidence(agent: AgentView, said: str = "") -> str:
    """Return the first two reasons; what ``said`` or one of them says already is left out."""
    reasons = [reason.text for reason in agent.health.reasons if reason.text != said]
    return clean(", ".join(unsaid(reasons)[:2]))


def wide_row(
    agent: AgentView, gutter: Piece, width: int, now: float, *, ascii_only: bool, is_marked: bool, said: str
) -> Pieces:
    """Return an agent's row on one line."""
    state = agent.health.state
    tone = state.value
    work = f"{agent.work.bead_id} {agent.work.title}" if agent.work else agent.activity
    work_width = min(34, max(20, (width - GUTTER - 60) // 3))
    left: list[Piece] = [
        gutter,
        ((glyph("mark", ascii_only) if is_marked else " ") + " ", "accent"),
        (state_glyph(state, ascii_only) + " ", tone),
        (fit(clean(agent.address.short), 15) + " ", "bright"),
        (fit_right(since_text(agent, now), 5) + "  ", tone),
        (fit(clean(work), work_width) + "  ", "text"),
        (evidence(agent, said), "dim" if state is not Health.WAITING else "bright"),
    ]
    right: list[Piece] = []
    for key, word in presses(agent, ascii_only):
        right += [(key, "key"), (f" {word}  ", "dim")]
    pad = 19 - width_of(right)
    if pad > 0:
        right.append((" " * pad, "text"))
    right.append((fit(forecast_text(agent, now, ascii_only), 18), "dim"))
    return two_ends(left, right, width, 2)


def tall_rows(agent: AgentView, width: int, now: float, *, ascii_only: bool, is_marked: bool, said: str) -> list[Row]:
    """Return an agent on two lines: name, age of the state, work; then the reasons and the keys that help."""
    state = agent.health.state
    tone = state.value
    work = f"{agent.work.bead_id} {agent.work.title}" if agent.work else agent.activity
    head: list[Piece] = [
        ((glyph("mark", ascii_only) if is_marked else " ") + " ", "accent"),
        (state_glyph(state, ascii_only) + " ", tone),
        (clean(agent.address.short) + " ", "bright"),
        (since_text(agent, now) + " ", tone),
        (clean(work), "text"),
    ]
    forecast = forecast_text(agent, now, ascii_only)
    ahead: tuple[Piece, ...] = ((forecast, "dim"),) if forecast and width >= 60 else ()
    keys: list[Piece] = []
    for key, word in presses(agent, ascii_only):
        keys += [("  ", "text"), (key, "key"), (f" {word}", "dim")]
    return [
        Row(point_at(AGENT, "", agent.key), two_ends(head, ahead, width, 2)),
        Row(
            point_at(AGENT, "", agent.key),
            two_ends((("     ", "text"), (evidence(agent, said), "dim")), keys, width, 2),
            False,
        ),
    ]


def crowd_rows(
    snapshot: TownSnapshot, state: Health, title: str, width: int, now: float, ascii_only: bool
) -> list[Row]:
    """Return the agents in a state that needs nothing: a row per rig, a dot each, then names and ages."""
    groups: dict[str, list[AgentView]] = {}
    for agent in snapshot.agents:
        if agent.health.state is state:
            groups.setdefault(agent.address.rig or "town", []).append(agent)
    total = sum(len(agents) for agents in groups.values())
    rows: list[Row] = []
    dot = state_glyph(state, ascii_only).rstrip()
    for number, (rig, agents) in enumerate(groups.items()):
        label = fit(f"{title} {total}" if not number else "", GUTTER)
        dots = dot * min(len(agents), DOTS) + (f" +{len(agents) - DOTS}" if len(agents) > DOTS else "")
        names = " · ".join(_name_age(agent, now) for agent in agents)
        pieces: tuple[Piece, ...] = (
            (label + "  ", state.value if not number else "text"),
            (fit(clean(rig), 12) + " ", "text"),
            (fit(dots, min(DOTS, max(len(agents), 8))) + "  ", state.value),
            (clean(names) if width >= 70 else "", "dim"),
        )
        rows.append(Row(None, pieces, False))
    return rows


def _name_age(agent: AgentView, now: float) -> str:
    age = f" {format_age(max(0.0, now - agent.last_event.at))}" if agent.last_event else ""
    return cut(agent.address.label, 14) + age


def fault_rows(snapshot: TownSnapshot, width: int, ascii_only: bool) -> list[Row]:
    """Return the beads for which ledger and git disagree: a section per fault, each bead with its explanation."""
    rows: list[Row] = []
    for fault in FAULTS:
        found = [
            (convoy, member) for convoy, member in faulty(snapshot) if member.landing and member.landing.fault == fault
        ]
        if found:
            rows.append(Row(None, ((f"{fault.upper()} {len(found)}", "bad"),), False))
        for convoy, member in found:
            why = clean(member.landing.why) if member.landing is not None else ""
            left: tuple[Piece, ...] = (
                ("  ", "text"),
                (glyph("warn", ascii_only) + "  ", "bad"),
                (member.bead_id + " ", "accent"),
                (clean(member.title), "bright"),
            )
            rows.append(
                Row(point_at(BEAD, "", member.bead_id), two_ends(left, ((clean(convoy.title), "dim"),), width, 2))
            )
            lines = wrap(why, max(20, width - 5))
            rows += [Row(point_at(BEAD, "", member.bead_id), (("     " + line, "dim"),), False) for line in lines]
        if found:
            rows.append(Row(None, (), False))
    return rows


def orphan_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return beads hooked by workers that do not exist: the worker, the age, and the key that slings them again."""
    if not snapshot.orphans:
        return []
    rows = [Row(None, ((f"NO WORKER {len(snapshot.orphans)}", "stalled"),), False)]
    for one in snapshot.orphans:
        left: tuple[Piece, ...] = (
            ("  ", "text"),
            (glyph("warn", ascii_only) + "  ", "stalled"),
            (one.bead_id + " ", "accent"),
            (clean(one.title), "bright"),
        )
        right: tuple[Piece, ...] = (("s", "key"), (" sling", "dim"))
        rows.append(Row(point_at(BEAD, "", one.bead_id), two_ends(left, right, width, 2)))
        age = format_age(max(1.0, now - one.since))
        why = f"on the hook of {clean(one.assignee)}, which does not exist, for {age}"
        rows.append(Row(point_at(BEAD, "", one.bead_id), (("     " + why, "dim"),), False))
    return [*rows, Row(None, (), False)]


def stuck_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the convoys that make no progress: how far they are, and what holds them."""
    found = snapshot.stuck(now)
    if not found:
        return []
    rows = [Row(None, ((f"STUCK WORK {len(found)}", "stalled"),), False)]
    for convoy in found:
        left: tuple[Piece, ...] = (
            ("  ", "text"),
            (glyph("warn", ascii_only) + "  ", "stalled"),
            (convoy.id + " ", "accent"),
            (clean(convoy.title), "bright"),
            (f"  {convoy.done}/{convoy.total}", "dim"),
        )
        right: tuple[Piece, ...] = (
            (glyph("enter", ascii_only), "key"),
            (" details  ", "dim"),
            ("s", "key"),
            (" sling", "dim"),
        )
        rows.append(Row(point_at(CONVOY, "", convoy.id), two_ends(left, right, width, 2)))
        for told in stuck_words(convoy, now):
            lines = wrap(told, max(20, width - 5))
            rows += [Row(point_at(CONVOY, "", convoy.id), (("     " + clean(line), "dim"),), False) for line in lines]
    return [*rows, Row(None, (), False)]


def escalation_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return open escalations with their age, in the snapshot's order."""
    if not snapshot.escalated:
        return []
    rows = [Row(None, ((f"ESCALATIONS {len(snapshot.escalated)}", "bad"),), False)]
    for one in snapshot.escalated:
        left: tuple[Piece, ...] = (
            ("  ", "text"),
            (fit("⬆" if not ascii_only else "^", 2) + " ", "bad"),
            (one.bead_id + " ", "accent"),
            (f"{priority_word(one.priority)} ", "bad" if one.priority <= 1 else "dim"),
            (clean(one.title), "bright"),
        )
        age = format_age(max(1.0, now - one.since)) if one.since else ""
        right: tuple[Piece, ...] = ((f"{age}  ", "dim"), (glyph("enter", ascii_only), "key"), (" details", "dim"))
        rows.append(Row(point_at(BEAD, "", one.bead_id), two_ends(left, right, width, 2)))
    return [*rows, Row(None, (), False)]


def other_rows(items: Iterable[Item], width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return what else waits on a person; the inbox has what answers it."""
    found = [one for one in items if one.kind in ELSEWHERE and one.needs == YOU]
    if not found:
        return []
    rows = [Row(None, ((f"ALSO WAITING {len(found)}", "waiting"),), False)]
    for one in found:
        left: tuple[Piece, ...] = (
            ("  ", "text"),
            (glyph("mail" if one.kind == MAIL else "warn", ascii_only) + "  ", "waiting"),
            (f"{one.kind} ", "accent"),
            (f"{clean(one.subject.name)}  ", "text"),
            (clean(one.question), "bright"),
        )
        age = format_age(max(1.0, now - one.since)) if one.since else ""
        right: tuple[Piece, ...] = ((f"{age}  ", "dim"), ("i", "key"), (" inbox", "dim"))
        key = point_at(BEAD, "", one.bead) if one.bead else None
        rows.append(Row(key, two_ends(left, right, width, 2), key is not None))
    return [*rows, Row(None, (), False)]


def group_rows(group: Group, width: int, now: float, *, marked: set[str], ascii_only: bool) -> list[Row]:
    """Return a section of agents under its heading: one line each, two if narrow."""
    rows: list[Row] = []
    said = group.cause
    title = group.title if group.title == "SELECTED" else f"{group.title} {len(group.agents)}"
    if width < WIDE:
        cause: tuple[Piece, ...] = ((f"  {clean(said)}", "text"),) if said else ()
        rows.append(Row(None, ((title, group.tone), *cause), False))
        for agent in group.agents:
            is_marked = agent.key in marked
            rows += tall_rows(agent, width, now, ascii_only=ascii_only, is_marked=is_marked, said=said)
        return [*rows, Row(None, (), False)]
    if said:
        rows.append(Row(None, ((fit(title, GUTTER), group.tone), (clean(said), "bright")), False))
    for number, agent in enumerate(group.agents):
        gutter = (fit(title if not number and not said else "", GUTTER), group.tone)
        is_marked = agent.key in marked
        pieces = wide_row(agent, gutter, width, now, ascii_only=ascii_only, is_marked=is_marked, said=said)
        rows.append(Row(point_at(AGENT, "", agent.key), pieces))
    return [*rows, Row(None, (), False)]


def problem_rows(
    snapshot: TownSnapshot,
    width: int,
    now: float,
    *,
    marked: set[str],
    ascii_only: bool,
    keep: str = "",
    count: Count | None = None,
) -> list[Row]:
    """Return all rows of the view; ``count`` is the inbox's, made from the snapshot if it is not given."""
    rows: list[Row] = []
    count = count or count_of(attention(snapshot))
    if snapshot.agents and count.is_calm and not problem_groups(snapshot) and not snapshot.stops:
        is_blind = any(source.error for source in snapshot.sources)
        all_fine = f"Nobody needs you: all {len(snapshot.agents)} agents are fine."
        mark = (glyph("unknown" if is_blind else "done", ascii_only) + " ", "warn" if is_blind else "good")
        words = calm_words(snapshot) if is_blind else all_fine
        rows += [Row(None, (mark, (words, "bright")), False), Row(None, (), False)]
    rows += stop_rows(snapshot, width, now, ascii_only)
    rows += dam_rows(snapshot, width, now, ascii_only)
    rows += incident_rows(snapshot, width, now, ascii_only)
    for group in problem_groups(snapshot, keep):
        rows += group_rows(group, width, now, marked=marked, ascii_only=ascii_only)
    rows += escalation_rows(snapshot, width, now, ascii_only)
    rows += stuck_rows(snapshot, width, now, ascii_only)
    rows += other_rows(attention(snapshot), width, now, ascii_only)
    rows += fault_rows(snapshot, width, ascii_only)
    rows += orphan_rows(snapshot, width, now, ascii_only)
    rows += crowd_rows(snapshot, Health.WORKING, "WORKING", width, now, ascii_only)
    rows += crowd_rows(snapshot, Health.IDLE, "IDLE", width, now, ascii_only)
    return rows


class ProblemList(Rows):
    """The problems panel: agents, stuck convoys, and beads that are escalated, faulty or without a worker."""

    def __init__(self) -> None:
        super().__init__(id="problems", title="Problems")
        self.snapshot: TownSnapshot | None = None
        self.marked: set[str] = set()
        self.count_now = Count(0, 0)
        self.now = 0.0
        self.empty_text = "No agents. Add a rig with gt rig add, then assign work with gt sling."

    def show(self, snapshot: TownSnapshot, now: float, count: Count) -> None:
        """Take a snapshot and the inbox's count, or only a later time."""
        self.snapshot, self.count_now = snapshot, count
        self.now = now
        self.trouble = trouble_text(snapshot.source_error("tmux", "heartbeats", "roster", "beads"), now)
        faults = len(faulty(snapshot))
        told = ["work is dammed"] if snapshot.dam is not None else []
        told += count.words
        told += [f"{faults} landing fault{'s' if faults > 1 else ''}"] if faults else []
        orphans = len(snapshot.orphans)
        told += [f"{orphans} bead{'s' if orphans > 1 else ''} without a worker"] if orphans else []
        halted, raised = len(snapshot.stuck(now)), len(snapshot.escalated)
        told += [f"{halted} stuck"] if halted else []
        told += [f"{raised} escalated"] if raised else []
        self.note = ", ".join(told) or "all well"
        self.note_tone = "bad" if faults or snapshot.dam is not None else "stalled" if told else "good"
        chosen = snapshot.agent(self.agent_key)
        icon = (
            f"   {role_icon(chosen.address.role, self.look.ascii_only)} {clean(chosen.address.short)}" if chosen else ""
        )
        self.summary = ((self.note, self.note_tone), (icon, "dim"))
        self._rebuild()

    @property
    def agent_key(self) -> str:
        """The key of the selected agent, empty if another kind of row is selected."""
        selection = self.selection
        return selection.id if selection is not None and selection.kind == AGENT else ""

    def _rebuild(self) -> None:
        self.show_rows(self._rows_now())

    def _rows_now(self) -> list[Row]:
        if self.snapshot is None:
            return []
        width = max(24, self.size.width - 4)
        ascii_only = self.look.ascii_only
        rows = problem_rows(
            self.snapshot,
            width,
            self.now,
            marked=self.marked,
            ascii_only=ascii_only,
            keep=self.agent_key,
            count=self.count_now,
        )
        return [row._replace(pieces=self.in_force(pieces_of(row), "problems")) for row in rows]

    def wanted_height(self) -> int:
        """The lines that all its rows and the frame take."""
        return len(self.rows) + 2

    def remake(self) -> None:
        """Remake the rows for a new width; if narrow, an agent takes two rows."""
        self.rows = self._rows_now()
        self.cursor = self.find_key(self.key)
