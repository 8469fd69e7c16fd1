"""THE table of orders: what a person may ask for, from which all keys, palettes, helps and buttons are made.

A row says what the order needs, whether it asks first, and when it cannot be given (``disabled_reason``, in
words).  Adding an order is adding a row here and a performer in ``perform``.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.snapshot import AgentView, TownSnapshot

    Check = Callable[[TownSnapshot, AgentView | None], str]

AGENT, BEAD, TOWN = "agent", "bead", "town"


class OrderKind(Record):
    """One row: id ``noun.verb``, key, label of one word, one line of help, what it needs, what it asks for first."""

    id: str
    key: str
    label: str
    help: str
    needs: str
    disabled_reason: Check
    asks: tuple[str, ...] = ()
    confirm: bool = False


def _some_agent(snapshot: TownSnapshot, agent: AgentView | None) -> str:
    return "" if agent is not None else "select an agent first"


def _with_tmux(snapshot: TownSnapshot, agent: AgentView | None) -> str:
    if agent is None:
        return "select an agent first"
    failed = snapshot.source_error("tmux")
    if failed is not None:
        return f"tmux does not answer: {failed.error}"
    return "there is no tmux on this machine" if snapshot.tmux_running is None else ""


def _needs_session(snapshot: TownSnapshot, agent: AgentView | None) -> str:
    reason = _with_tmux(snapshot, agent)
    if reason or agent is None:
        return reason
    return "" if agent.pane_id else f"{agent.address.short} has no session; r starts one"


def _needs_living(snapshot: TownSnapshot, agent: AgentView | None) -> str:
    reason = _needs_session(snapshot, agent)
    if reason or agent is None:
        return reason
    return "" if agent.running else f"the agent of {agent.address.short} is not running; r restarts it"


ORDERS: tuple[OrderKind, ...] = (
    OrderKind(
        "agent.nudge",
        "n",
        "nudge",
        "type a message to the agent and watch it arrive",
        AGENT,
        _needs_living,
        asks=("text",),
    ),
    OrderKind(
        "agent.handoff",
        "h",
        "handoff",
        "store a note, give the agent a fresh session and tell it to go on",
        AGENT,
        _needs_session,
        asks=("note",),
        confirm=True,
    ),
    OrderKind(
        "bead.sling",
        "s",
        "sling",
        "put a ready bead on an agent's hook",
        BEAD,
        lambda s, a: "",
        asks=("bead", "target"),
    ),
    OrderKind("agent.attach", "a", "attach", "go to the agent's session; detach to come back", AGENT, _needs_session),
    OrderKind(
        "agent.restart",
        "r",
        "restart",
        "start the agent's session, or replace a dead one",
        AGENT,
        _with_tmux,
        confirm=True,
    ),
    OrderKind(
        "agent.stop", "x", "stop", "end the agent's session; its work stays", AGENT, _needs_session, confirm=True
    ),
)

BY_ID = {kind.id: kind for kind in ORDERS}


def disabled_reason(kind: OrderKind, snapshot: TownSnapshot, agent: AgentView | None) -> str:
    """Why the order cannot be given now, in words; empty if it can."""
    return kind.disabled_reason(snapshot, agent)
