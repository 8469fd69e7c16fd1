"""What the palette answers with, beside an action or a place: an order with an argument, a bead that no convoy has, a theme."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_core.orders.registry import BY_ID as ORDERS_BY_ID
from gastown_tui.keys import Action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class ThemeChoice(Record):
    """A theme by name."""

    theme: str


class HeldBead(Record):
    """A bead that no convoy has, by the agent that works on it."""

    agent: str


class Given(Record):
    """An order with the argument that was typed behind its name: ``cap 5``."""

    action: Action
    argument: str


def takes_argument(action: Action) -> bool:
    """Return whether an action takes a text typed behind its name."""
    order = ORDERS_BY_ID.get(action.id)
    return order is not None and len(order.asks) == 1 and not order.choices and order.id != "agent.handoff"


def given_in(typed: str, actions: Iterable[Action]) -> list[Given]:
    """Return the orders that are named at the beginning of a typed line, each with the rest of the line."""
    line = " ".join(typed.split())
    return [
        Given(action, line[len(action.label) + 1 :])
        for action in actions
        if takes_argument(action) and line.lower().startswith(f"{action.label.lower()} ")
    ]
