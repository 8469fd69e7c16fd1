"""THE table of the JSON API under ``/api/v1``, and its OpenAPI document, which is made from the table.

Answers are what the commands print with ``--json``.  To add an endpoint, add a row and a method, or a row in
``api_reads`` for what is read from disk.
"""

from __future__ import annotations

import asyncio
import json

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError, NotFoundError
from gastown_core.model.record import Record
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


def _properties(of: Schema) -> dict[str, Schema]:
    """Return the properties of an object's schema."""
    return dict(of["properties"])  # type: ignore[call-overload, no-any-return]


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


AGENT = _object(name=TEXT, address=TEXT, session=TEXT, role=TEXT, rig=TEXT, running=FLAG, health=TEXT, reason=TEXT)
ITEM = _object(kind=TEXT, question=TEXT, needs=TEXT)
EVENT = _object(id=TEXT, timestamp=MOMENT, type=TEXT, actor=TEXT, rig=TEXT, bead=TEXT, text=TEXT)
CONVOY = _object(
    id=TEXT, title=TEXT, status=TEXT, done=COUNT, in_review=COUNT, running=COUNT, total=COUNT, stalled=FLAG
)
REQUEST = _object(id=TEXT, rig=TEXT, branch=TEXT, worker=TEXT, state=TEXT, bead=TEXT, title=TEXT, target=TEXT)
REFINERY = _object(rig=TEXT, phase=TEXT, running=FLAG, batch=TEXT, target=TEXT)
SOURCE = _object(name=TEXT, error=TEXT)
HOOK = _object(agent=TEXT, state=TEXT, bead=TEXT, title=TEXT)
COMMAND = _object(label=TEXT, help=TEXT, path=TEXT, group=TEXT, key=TEXT)
BEAD = _object(id=TEXT, title=TEXT, status=TEXT, priority=COUNT, issue_type=TEXT, rig=TEXT)
TIE = _object(id=TEXT, type=TEXT, title=TEXT, status=TEXT)
MESSAGE: Schema = {
    "type": "object",
    "properties": {"id": TEXT, "from": TEXT, "to": TEXT, "subject": TEXT, "body": TEXT, "read": FLAG, "priority": TEXT},
    "required": ["id", "from", "to", "subject", "body", "read", "priority"],
}
ESCALATION = _object(id=TEXT, title=TEXT, status=TEXT, severity=TEXT, escalatedBy=TEXT, times=COUNT)
SPENT = _object(name=TEXT, tokens=COUNT, cost=TEXT, landed=COUNT)
WANTED = _object(
    id=TEXT, title=TEXT, status=TEXT, priority={"type": "integer"}, project=TEXT, posted_by=TEXT, claimed_by=TEXT
)
JUDGEMENT = _object(item=WANTED, completed_by=TEXT, evidence=TEXT, completed_at=TEXT)
FAILED = _object(error=TEXT, why=TEXT, hint=TEXT)
DONE = _object(at=MOMENT, command=TEXT, ok=FLAG, detail=TEXT, face=TEXT, over=FLAG, lost=TEXT)


class Parameter(Record):
    """A query parameter."""

    name: str
    what: str
    schema: Schema = TEXT
    required: bool = False


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
    Endpoint(
        "beads",
        "Beads of the town's and the rigs' ledgers, by priority; closed ones only if asked for",
        _object(beads=_list(BEAD), missing={"type": "object"}),
        (
            Parameter("rig", "only of this rig's ledger; town: of the town's own"),
            Parameter("status", "only with this status; all: closed ones too"),
            Parameter("type", "only of this type"),
            Parameter("assignee", "only of this assignee"),
            Parameter("text", "only with this text in title or id"),
            Parameter("limit", "at most so many (default 100, largest 1000)", {"type": "integer", "default": 100}),
        ),
    ),
    Endpoint("bead", "One bead, and what it depends on", _object(**_properties(BEAD), depends_on=_list(TIE), dependents=_list(TIE)), (Parameter("id", "the bead", required=True),)),
    Endpoint("mail", "An inbox, as gt mail inbox --json", _object(of=TEXT, messages=_list(MESSAGE)), (Parameter("of", "whose inbox (default overseer)"),)),
    Endpoint("thread", "A message's thread with bodies, oldest first", _object(messages=_list(MESSAGE)), (Parameter("id", "a message of it", required=True),)),
    Endpoint("escalations", "Open escalations, as gt escalate list --json", _object(escalations=_list(ESCALATION))),
    Endpoint("scheduler", "Why work is not dispatched, as gt scheduler explain --json", _object(answers={"type": "array"})),
    Endpoint(
        "costs",
        "Usage beside what landed",
        _object(by=TEXT, rows=_list(SPENT), total=SPENT),
        (Parameter("by", "agent (default), rig, convoy or day"), Parameter("span", "day (default), week or all")),
    ),
    Endpoint(
        "wasteland",
        "The commons: wanted items as gt wl browse --json, what is claimed here, what waits for judgement",
        _object(upstream=TEXT, handle=TEXT, items=_list(WANTED), total=COUNT, mine=_list(WANTED), to_judge=_list(JUDGEMENT), to_send=COUNT),
        (
            Parameter("status", "only with this status (default open); all: every one"),
            Parameter("project", "only for this project"),
            Parameter("type", "only of this type"),
            Parameter("priority", "only with this priority, 0 to 4"),
            Parameter("id", "only this item"),
            Parameter("limit", "at most so many (default 100, largest 1000)", {"type": "integer", "default": 100}),
        ),
    ),
    Endpoint("reputation", "Every town's reputation and its history, as gt wl charsheet --json", _object(towns=_list(_object(handle=TEXT, tier=TEXT))), (Parameter("handle", "only of this town"),)),
    Endpoint("sources", "Every source of data with its error", _object(sources=_list(SOURCE))),
    Endpoint("commands", "What the palette offers now", _object(commands=_list(COMMAND))),
    Endpoint("audit", "What was done from console, dashboard and API", _object(done=_list(DONE), junk=COUNT)),
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
            {
                "name": each.name,
                "in": "query",
                "description": each.what,
                "schema": each.schema,
                "required": each.required,
            }
            for each in one.parameters
        ],
        "responses": {
            "200": {"description": one.what, "content": {"application/json": {"schema": one.schema}}},
            "401": {"description": "without the token"},
            "404": {"description": "there is no such thing", "content": {"application/json": {"schema": FAILED}}},
            "503": {"description": "it cannot be read now", "content": {"application/json": {"schema": FAILED}}},
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
        answer = getattr(self, f"_{name}", None)
        if answer is not None:
            return _json(answer(request))
        # its imports are needed by nobody but those who ask
        from gastown_web.api_reads import ON_DISK, Asked

        asked = Asked(self._desk.root, self._desk.town, self._desk.live.clock.now(), dict(request.query_params))
        try:
            return _json(await asyncio.to_thread(ON_DISK[name], asked))
        except GastownError as error:
            told = {"error": str(error), "why": error.why, "hint": error.hint}
            return _json(told, 404 if isinstance(error, NotFoundError) else 503)

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


def _json(value: object, code: int = 200) -> Response:
    # ASCII: a lone surrogate of somebody's file stays an escape
    return Response(json.dumps(value, ensure_ascii=True).encode(), code, media_type="application/json")
