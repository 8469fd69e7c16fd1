"""THE table of the JSON API under ``/api/v1``, and its OpenAPI document, which is made from the table.

Answers are what the commands print with ``--json``.  To add an endpoint, add a row and a method.
"""

from __future__ import annotations

import json

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gastown_core.clock import format_seconds
from gastown_core.model.record import Record
from gastown_core.orders.perform import command_log
from gastown_core.state.as_json import agent_json, convoy_json, refinery_json, status_json
from gastown_core.state.rows import EventFilter
from gastown_web.desk import whole_number
from gastown_web.event_link import event_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from starlette.requests import Request

    from gastown_web.desk import Desk
    from gastown_web.palette import Palette

    Schema = dict[str, object]

BASE = "/api/v1"
VERSION = "1.0.0"
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}


def _object(**properties: Schema) -> Schema:
    """Return the schema of an object that has at least these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


AGENT = _object(name=TEXT, address=TEXT, session=TEXT, role=TEXT, rig=TEXT, running=FLAG, health=TEXT, reason=TEXT)
ITEM = _object(kind=TEXT, question=TEXT)
EVENT = _object(id=TEXT, timestamp=MOMENT, type=TEXT, actor=TEXT, rig=TEXT, bead=TEXT, text=TEXT)
CONVOY = _object(
    id=TEXT, title=TEXT, status=TEXT, done=COUNT, in_review=COUNT, running=COUNT, total=COUNT, stalled=FLAG
)
REQUEST = _object(id=TEXT, rig=TEXT, branch=TEXT, worker=TEXT, state=TEXT, bead=TEXT, title=TEXT, target=TEXT)
REFINERY = _object(rig=TEXT, phase=TEXT, running=FLAG, batch=TEXT, target=TEXT)
SOURCE = _object(name=TEXT, error=TEXT)
HOOK = _object(agent=TEXT, state=TEXT, bead=TEXT, title=TEXT)
COMMAND = _object(label=TEXT, help=TEXT, path=TEXT, group=TEXT, key=TEXT)
DONE = _object(at=MOMENT, command=TEXT, ok=FLAG, detail=TEXT)


class Parameter(Record):
    """A query parameter."""

    name: str
    what: str
    schema: Schema = TEXT


class Endpoint(Record):
    """One row: the path below ``/api/v1``, which is also the method's name, what it answers, the answer's schema."""

    path: str
    what: str
    schema: Schema
    parameters: tuple[Parameter, ...] = ()


ENDPOINTS = (
    Endpoint("status", "The town, as gt status --json", _object(name=TEXT, rigs=_list(_object(name=TEXT)), agents=_list(AGENT))),
    Endpoint("inbox", "What waits on a person", _object(items=_list(ITEM), hidden=COUNT)),
    Endpoint("agents", "Every agent, as gt agents --json", _object(agents=_list(AGENT))),
    Endpoint("convoys", "The convoys in view", _object(convoys=_list(CONVOY))),
    Endpoint("queue", "Open merge requests and the refineries", _object(requests=_list(REQUEST), refineries=_list(REFINERY))),
    Endpoint("hooks", "What is on the agents' hooks", _object(hooks=_list(HOOK))),
    Endpoint(
        "events",
        "Events, newest first",
        _object(events=_list(EVENT)),
        (
            Parameter("limit", "at most so many (default 50, largest 1000)", {"type": "integer", "default": 50}),
            Parameter("rig", "only of this rig"),
            Parameter("type", "only of this type"),
            Parameter("bead", "only about this bead"),
        ),
    ),
    Endpoint("sources", "Every source of data with its error", _object(sources=_list(SOURCE))),
    Endpoint("commands", "What the palette offers now", _object(commands=_list(COMMAND))),
    Endpoint("audit", "What was done from this server", _object(done=_list(DONE))),
)  # fmt: skip


def openapi() -> dict[str, object]:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gas Town dashboard",
            "version": VERSION,
            "description": "Read-only; the same guard as the pages.",
        },
        "paths": {f"{BASE}/{one.path}": {"get": _operation(one)} for one in ENDPOINTS},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _operation(one: Endpoint) -> dict[str, object]:
    return {
        "operationId": one.path,
        "summary": one.what,
        "parameters": [
            {"name": each.name, "in": "query", "description": each.what, "schema": each.schema}
            for each in one.parameters
        ],
        "responses": {
            "200": {"description": one.what, "content": {"application/json": {"schema": one.schema}}},
            "401": {"description": "without the token"},
        },
    }


class Api:
    """Answers to scripts, and to the pages' own script."""

    def __init__(self, desk: Desk, palette: Palette) -> None:
        self._desk = desk
        self._palette = palette

    def routes(self) -> list[Route]:
        """Return the routes of all endpoints."""
        return [Route(f"{BASE}/openapi.json", self._document), Route(f"{BASE}/{{name}}", self._answer)]

    async def _document(self, _: Request) -> Response:
        return _json(openapi())

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in {one.path for one in ENDPOINTS}:
            return PlainTextResponse("there is no such endpoint; /api/v1/openapi.json lists them\n", 404)
        return _json(getattr(self, f"_{name}")(request))

    def _status(self, _: Request) -> object:
        return status_json(self._desk.town)

    def _inbox(self, _: Request) -> object:
        found = self._desk.inbox()
        return {"items": [one.as_json() for one in found.shown], "hidden": len(found.hidden)}

    def _agents(self, _: Request) -> object:
        return {"agents": [agent_json(view) for view in self._desk.town.agents]}

    def _convoys(self, _: Request) -> object:
        town = self._desk.town
        return {"convoys": [convoy_json(one, town.taken_at) for one in town.convoys]}

    def _queue(self, _: Request) -> object:
        town = self._desk.town
        keys = ("id", "rig", "branch", "worker", "state", "title", "target", "trouble", "rests", "retries")
        requests = [{**{key: getattr(one, key) for key in keys}, "bead": one.bead_id} for one in town.requests]
        return {"requests": requests, "refineries": [{"rig": one.rig, **refinery_json(one)} for one in town.refineries]}

    def _hooks(self, _: Request) -> object:
        found = [view for view in self._desk.town.agents if view.hook or view.work is not None]
        return {
            "hooks": [
                {
                    "agent": view.address.short,
                    "state": view.hook,
                    "bead": view.work.bead_id if view.work is not None else "",
                    "title": view.work.title if view.work is not None else "",
                }
                for view in found
            ]
        }

    def _events(self, request: Request) -> object:
        asked = request.query_params
        limit = whole_number(asked.get("limit", ""), 50)
        wanted = EventFilter(rig=asked.get("rig", ""), type=asked.get("type", ""), bead=asked.get("bead", ""))
        rows = self._desk.events(wanted, min(limit, 1000))
        return {
            "events": [
                {
                    "id": event_id(row),
                    "timestamp": format_seconds(row.ts),
                    "type": row.type,
                    "actor": row.actor.path,
                    "rig": row.rig,
                    "bead": row.bead,
                    "text": row.text,
                }
                for row in rows
            ]
        }

    def _sources(self, _: Request) -> object:
        failing = [{"name": f"page {name}", "error": error} for name, error in self._desk.reads.failing()]
        return {"sources": [{"name": one.name, "error": one.error} for one in self._desk.town.sources] + failing}

    def _commands(self, _: Request) -> object:
        return {"commands": [one._asdict() for one in self._palette.commands()]}

    def _audit(self, _: Request) -> object:
        rows = [
            {"at": format_seconds(one.at), "command": one.command, "ok": one.ok, "detail": one.detail}
            for one in command_log
        ]
        return {"done": rows}


def _json(value: object) -> Response:
    # ASCII: a lone surrogate of somebody's file stays an escape
    return Response(json.dumps(value, ensure_ascii=True).encode(), media_type="application/json")
