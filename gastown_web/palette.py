"""The command palette: pages, things and orders to choose from, and typed ``gt`` commands that the table of orders has.

It performs nothing: an order leads to its page, which says what it does, asks for what it needs and shows the receipts.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from gastown_core.errors import UsageError
from gastown_core.model.record import Record
from gastown_core.orders.registry import (
    AGENT,
    CONVOY,
    INCIDENT,
    ORDERS,
    REQUEST,
    RIG,
    TOWN,
    disabled_reason,
    subject_of,
)
from gastown_core.orders.typed import order_of
from gastown_web.panels import PAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from gastown_web.desk import Desk
    from gastown_web.panels import Painter

ATTACHES = "agent.attach"
"""The order that needs a terminal."""
LONGEST_LINE = 2000


class Command(Record):
    """One row of the palette: what it is called, what it does, where it leads, its group and key."""

    label: str
    help: str
    path: str
    group: str
    key: str = ""


class Palette:
    """What can be chosen in a town now."""

    def __init__(self, desk: Desk, painter: Painter) -> None:
        self._desk = desk
        self._painter = painter

    def commands(self) -> list[Command]:
        """Return every page, every thing that has a page, and every order that is possible now."""
        return [*self._places(), *self._orders()]

    def _places(self) -> Iterator[Command]:
        town = self._desk.town
        for page in PAGES:
            yield Command(page.title, "page", page.path, "go to", page.key)
        yield Command("Write a message", "mail in your name", "/mail/new", "mail")
        for view in town.agents:
            yield Command(view.address.short, view.health.state.value, f"/agent/{_part(view.key)}", "agent")
        for convoy in town.convoys:
            yield Command(convoy.title, convoy.id, f"/convoy/{_part(convoy.id)}", "convoy")
        for request in town.requests:
            yield Command(request.title or request.branch, request.id, f"/request/{_part(request.id)}", "request")

    def _orders(self) -> Iterator[Command]:
        town = self._desk.town
        names = {
            AGENT: [view.address.short for view in town.agents],
            CONVOY: [convoy.id for convoy in town.convoys if convoy.closed_at is None],
            REQUEST: [request.id for request in town.requests],
            INCIDENT: [incident.name for incident in town.incidents],
            RIG: [rig.name for rig in town.rigs],
            TOWN: [""],
        }
        for kind in ORDERS:
            for target in names.get(kind.needs, ()) if kind.id != ATTACHES else ():
                subject = subject_of(kind, town, target)
                if subject is not None and not disabled_reason(kind, town, subject):
                    path = act_path(kind.id, target)
                    yield Command(f"{kind.label} {target}".strip(), kind.help, path, "order", kind.key)

    async def page(self, request: Request) -> Response:
        """Show the list, or go to what a typed line means."""
        line = request.query_params.get("q", "")[:LONGEST_LINE].strip()
        problem = ""
        if line:
            try:
                path = self.path_of(line)
            except UsageError as error:
                path, problem = "", str(error)
            if path:
                return RedirectResponse(path, 303)
        known = self.commands()
        words = line.lower().split()
        found = [one for one in known if all(word in f"{one.label} {one.help}".lower() for word in words)]
        shown = self._painter.show("palette.html", line=line, problem=problem, found=found, kinds=ORDERS)
        return HTMLResponse(shown)

    def path_of(self, line: str) -> str:
        """Return where a typed line leads: to an order's page, a page, an agent, a convoy, a request; empty for none.

        Raises UsageError for an open quote.
        """
        exact = [one for one in self._places() if line.lower() in (one.label.lower(), one.help.lower())]
        if exact:
            return exact[0].path
        order = order_of(line)
        if order is not None and order.kind != ATTACHES:
            return act_path(order.kind, order.target, dict(order.arguments))
        prefix, dash, rest = line.partition("-")
        if dash and rest and " " not in line and prefix in {"hq", *(rig.prefix for rig in self._desk.town.rigs)}:
            return f"/bead/{_part(line)}"
        return ""


def act_path(order: str, target: str, arguments: dict[str, str] | None = None) -> str:
    """Return the address of an order's page."""
    query = urlencode({**(arguments or {}), "target": target}, errors="replace")
    return f"/act/{order}?{query}"


def _part(name: str) -> str:
    return quote(name, safe="/", errors="replace")
