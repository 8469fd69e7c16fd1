"""The dashboard's application: its routes, and the stream that keeps its pages live."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError
from gastown_core.state.as_json import agent_json, status_json
from gastown_core.state.rows import EventFilter
from gastown_web.acts import Acts
from gastown_web.desk import Desk, whole_number
from gastown_web.guard import Gate, Guard, same
from gastown_web.panels import HERE, PAGES, Page, Painter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

STATIC = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
SLOWDOWN_S = 1.0
"""Pause after a wrong password."""
PANE_LINES = 200


class Dashboard:
    """The pages of one town."""

    def __init__(self, root: str, guard: Guard) -> None:
        self.desk = Desk(root)
        self.guard = guard
        self.painter = Painter(self.desk, guard)
        self.acts = Acts(self.desk, guard, self.painter)

    def app(self) -> Starlette:
        """Return the application."""
        routes = [Route(page.path, self._page) for page in PAGES]
        routes += [
            Route("/agent/{key:path}", self._agent),
            Route("/convoy/{id}", self._convoy),
            Route("/act/{order}", self.acts.ask),
            Route("/act/{order}", self.acts.act, methods=["POST"]),
            Route("/inbox/{act}", self.acts.mark, methods=["POST"]),
            Route("/live", self._live),
            Route("/pane/{key:path}", self._pane),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/static/htmx.js", self._htmx),
            Route("/static/{name}", self._static),
            Route("/api/v1/status", self._status),
            Route("/api/v1/inbox", self._inbox),
            Route("/api/v1/agents", self._agents),
            Route("/api/v1/events", self._events),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Gate, guard=self.guard)], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self.desk.start()
        try:
            yield
        finally:
            await self.desk.close()

    async def _page(self, request: Request) -> Response:
        page = next(page for page in PAGES if page.path == request.scope["path"])
        return HTMLResponse(self.painter.page(page))

    async def _agent(self, request: Request) -> Response:
        key = request.path_params["key"]
        view = self.desk.town.agent(key)
        if view is None:
            return PlainTextResponse("the town has no such agent\n", 404)
        page = Page(f"/agent/{key}", view.address.short, (f"agent:{key}",))
        return HTMLResponse(self.painter.page(page, agent=view, pane=await self._pane_of(key)))

    async def _convoy(self, request: Request) -> Response:
        convoy = self.desk.town.convoy(request.path_params["id"])
        if convoy is None:
            return PlainTextResponse("no such convoy is in view\n", 404)
        return HTMLResponse(self.painter.page(Page(f"/convoy/{convoy.id}", convoy.title, (f"convoy:{convoy.id}",))))

    async def _pane_of(self, key: str) -> list[str]:
        """Return the end of an agent's screen, or one line that says why there is none."""
        view = self.desk.town.agent(key)
        if view is None or not view.pane_id:
            return ["(no running session)"]
        try:
            return (await self.desk.live.capture(view.pane_id, PANE_LINES))[-PANE_LINES:]
        except (GastownError, TimeoutError) as error:
            return [f"(its screen cannot be read: {error})"]

    async def _pane(self, request: Request) -> Response:
        lines = await self._pane_of(request.path_params["key"])
        return HTMLResponse(self.painter.show("pane.html", pane=lines))

    async def _live(self, request: Request) -> Response:
        """Send the panels that change, from the revision that the page (or the browser after a break) has."""
        names = [name for name in request.query_params.get("panels", "").split(",") if self._is_panel(name)][:16]
        after = self.desk.revision_of(request.headers.get("last-event-id") or request.query_params.get("after", ""))

        async def stream() -> AsyncIterator[bytes]:
            yield b"retry: 1000\n\n"
            async for revision, panels in self.desk.changes(names, self.painter.panel, after):
                if not panels:
                    yield b": alive\n\n"
                    continue
                data = "".join(f"data: {line}\n" for line in "\n".join(panels).splitlines())
                yield f"id: {self.desk.edition(revision)}\nevent: panels\n{data}\n".encode("utf-8", "replace")

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    def _is_panel(self, name: str) -> bool:
        kind, _, about = name.partition(":")
        known = {panel for page in PAGES for panel in page.all_panels}
        if kind == "agent":
            return self.desk.town.agent(about) is not None
        return name in known or (kind == "convoy" and self.desk.town.convoy(about) is not None)

    async def _login(self, request: Request) -> Response:
        if not self.guard.password:
            return PlainTextResponse("this dashboard has no password; open the link that gt dashboard printed\n", 404)
        if request.method == "GET":
            return HTMLResponse(self.painter.show("login.html", problem=""))
        given = str((await request.form()).get("password") or "")
        if not same(given, self.guard.password):
            await asyncio.sleep(SLOWDOWN_S)
            return HTMLResponse(self.painter.show("login.html", problem="That is not the password."), 401)
        return self.guard.let_in(RedirectResponse("/", 303))

    async def _static(self, request: Request) -> Response:
        kind = STATIC.get(request.path_params["name"])
        if kind is None:
            return PlainTextResponse("no such file\n", 404)
        return FileResponse(os.path.join(HERE, "static", request.path_params["name"]), media_type=kind)

    async def _htmx(self, _: Request) -> Response:
        # its wheel is a Django application; its files are found without importing that
        place = importlib.util.find_spec("js_lib_htmx")
        folder = (place.submodule_search_locations or [""])[0] if place is not None else ""
        return FileResponse(os.path.join(folder, "static", "htmx", "htmx.min.js"), media_type="text/javascript")

    async def _status(self, _: Request) -> Response:
        return _json(status_json(self.desk.town))

    async def _inbox(self, _: Request) -> Response:
        found = self.desk.inbox()
        return _json({"items": [one.as_json() for one in found.shown], "hidden": len(found.hidden)})

    async def _agents(self, _: Request) -> Response:
        return _json({"agents": [agent_json(view) for view in self.desk.town.agents]})

    async def _events(self, request: Request) -> Response:
        asked = request.query_params
        limit = whole_number(asked.get("limit", ""), 50)
        wanted = EventFilter(rig=asked.get("rig", ""), type=asked.get("type", ""), bead=asked.get("bead", ""))
        rows = self.desk.events(wanted, min(limit, 1000))
        told = [
            {
                "timestamp": format_seconds(row.ts),
                "type": row.type,
                "actor": row.actor.path,
                "rig": row.rig,
                "bead": row.bead,
                "text": row.text,
            }
            for row in rows
        ]
        return _json({"events": told})


def _json(value: object) -> Response:
    # ASCII: a lone surrogate of somebody's file stays an escape
    return Response(json.dumps(value, ensure_ascii=True).encode(), media_type="application/json")
