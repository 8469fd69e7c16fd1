"""The order of the agents panel: grouped by rig, state or convoy, sorted, idle agents and columns hidden; pure."""

from __future__ import annotations

from gastown_core.model.agent import HEALTH_ORDER, HEALTH_SYMBOLS, Health
from gastown_core.model.record import Record
from gastown_tui.selection import GROUP, SECTION, point_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_tui.selection import Selection

GROUPINGS = {"rig": "by rig", "state": "by state: who needs help first", "convoy": "by convoy"}
SORTS = {
    "roster": "as the roster has them",
    "state": "who needs help first",
    "age": "longest in its state first",
    "tokens": "most tokens first",
    "name": "by name",
}
COLUMNS = {
    "step": "step of the molecule",
    "usage": "context and tokens",
    "mail": "unread mail",
    "age": "time in the state",
}
NO_CONVOY = "no convoy"


class Arrangement(Record):
    """How the agents stand: a key of GROUPINGS, one of SORTS, keys of COLUMNS that are hidden, and idle ones hidden or not."""

    group: str = "rig"
    sort: str = "roster"
    hidden: frozenset[str] = frozenset()
    hides_idle: bool = False

    def as_json(self) -> dict[str, object]:
        """The arrangement as the preferences keep it."""
        return {"group": self.group, "sort": self.sort, "hidden": sorted(self.hidden), "hides_idle": self.hides_idle}


def read_arrangement(kept: Mapping[str, object]) -> Arrangement:
    """Return a kept arrangement; unknown words count as unset."""
    group, sort, hidden = kept.get("group"), kept.get("sort"), kept.get("hidden")
    return Arrangement(
        group if isinstance(group, str) and group in GROUPINGS else "rig",
        sort if isinstance(sort, str) and sort in SORTS else "roster",
        frozenset(one for one in hidden if isinstance(one, str) and one in COLUMNS)
        if isinstance(hidden, list)
        else frozenset(),
        kept.get("hides_idle") is True,
    )


class Group(Record):
    """A group of the panel: its name for folding, its title, a rig's own state, its agents, and what its row stands for."""

    name: str
    title: str
    state: str
    agents: tuple[AgentView, ...]
    selection: Selection


def arranged(snapshot: TownSnapshot, wanted: Arrangement) -> tuple[list[Group], int]:
    """Return the groups in their order, and how many idle agents are hidden."""
    shown = [view for view in snapshot.agents if not (wanted.hides_idle and view.health.state is Health.IDLE)]
    rank = _SORTERS[wanted.sort]
    if rank is not None:
        shown.sort(key=rank)
    if wanted.group == "rig":
        groups = _by_rig(snapshot, shown)
    else:
        groups = _by_state(shown) if wanted.group == "state" else _by_convoy(snapshot, shown)
    return groups, len(snapshot.agents) - len(shown)


def _tokens(view: AgentView) -> float:
    return -float(view.usage.spent.tokens)


_SORTERS: dict[str, Callable[[AgentView], tuple[float, str]] | None] = {
    "roster": None,
    "state": lambda view: (HEALTH_ORDER[view.health.state], ""),
    "age": lambda view: (view.health.since if view.health.since is not None else float("inf"), ""),
    "tokens": lambda view: (_tokens(view), ""),
    "name": lambda view: (0.0, view.address.label),
}


def _by_rig(snapshot: TownSnapshot, agents: list[AgentView]) -> list[Group]:
    """The town (no rig), its rigs, and rigs that only agents name."""
    heads = [("", "town", ""), *((rig.name, rig.name, rig.state) for rig in snapshot.rigs)]
    by_rig: dict[str, list[AgentView]] = {rig: [] for rig, _, _ in heads}
    for view in agents:
        by_rig.setdefault(view.address.rig, []).append(view)
    known = {rig for rig, _, _ in heads}
    heads += [(rig, rig, "") for rig in by_rig if rig not in known]
    return [
        Group(rig, name, state, tuple(by_rig[rig]), point_at(GROUP, rig))
        for rig, name, state in heads
        if by_rig[rig] or rig
    ]


def _by_state(agents: list[AgentView]) -> list[Group]:
    found = []
    for state in HEALTH_ORDER:
        of_state = tuple(view for view in agents if view.health.state is state)
        if of_state:
            found.append(_section(f"state:{state.value}", HEALTH_SYMBOLS[state][2], of_state))
    return found


def _by_convoy(snapshot: TownSnapshot, agents: list[AgentView]) -> list[Group]:
    """Each agent under the open convoy that its bead is a member of; those without one last."""
    titles = {convoy.id: f"{convoy.id} {convoy.title}".strip() for convoy in snapshot.convoys}
    home = {
        member.bead_id: convoy.id
        for convoy in reversed(snapshot.convoys)
        if convoy.closed_at is None
        for member in convoy.members
    }
    by_convoy: dict[str, list[AgentView]] = {convoy.id: [] for convoy in snapshot.convoys}
    rest: list[AgentView] = []
    for view in agents:
        convoy = home.get(view.work.bead_id) if view.work is not None else None
        (by_convoy[convoy] if convoy else rest).append(view)
    found = [_section(f"convoy:{name}", titles[name], tuple(views)) for name, views in by_convoy.items() if views]
    return [*found, _section("convoy:", NO_CONVOY, tuple(rest))] if rest else found


def _section(name: str, title: str, agents: tuple[AgentView, ...]) -> Group:
    return Group(name, title, "", agents, point_at(SECTION, "", name))
