"""The dashboard's application: its pages, and the stream that keeps them live."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from contextlib import asynccontextmanager
from urllib.parse import quote

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

from gastown_core.attention.count import count_of
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.model.wanted import ALL, STATUSES
from gastown_web.acts import Acts
from gastown_web.api import Api
from gastown_web.desk import Desk
from gastown_web.event_link import moment_of, query_of
from gastown_web.guard import METRICS, Gate, Guard, same
from gastown_web.palette import Palette
from gastown_web.panels import HERE, PAGES, PANELS, Page, Painter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

STATIC = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "palette.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
SLOWDOWN_S = 1.0
"""Pause after a wrong password."""
PANE_LINES = 200
MOST_PANELS = 16
LONGEST_NAME = 600
OF_AGENTS = ("agent", "transcript", "work", "diff")


class Dashboard:
    """The pages of one town."""

    def __init__(self, root: str, guard: Guard) -> None:
        self.desk = Desk(root)
        self.guard = guard
        self.painter = Painter(self.desk, guard)
        self.acts = Acts(self.desk, guard, self.painter)
        self.palette = Palette(self.desk, self.painter)
        self.api = Api(self.desk, self.palette)

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route(page.path, self._page)
            for page in PAGES
            if page.path not in ("/beads", "/costs", "/events", "/wasteland")
        ]
        routes += [
            Route("/beads", self._beads),
            Route("/costs", self._costs),
            Route("/events", self._log),
            Route("/wasteland", self._wasteland),
            Route("/event/{id}", self._event),
            Route("/agent/{key:path}", self._agent),
            Route("/transcript/{key:path}", self._agent),
            Route("/work/{key:path}", self._agent),
            Route("/diff/{key:path}", self._agent),
            Route("/convoy/{id}", self._convoy),
            Route("/request/{id}", self._request),
            Route("/bead/{id}", self._bead),
            Route("/gate/{about:path}", self._gate),
            Route("/mail/of/{reader:path}", self._mailbox),
            Route("/mail/new", self._new_mail),
            Route("/mail/{id}", self._letter),
            Route("/mail/{act}", self.acts.mail, methods=["POST"]),
            Route("/search", self._search),
            Route("/palette", self.palette.page),
            Route("/act/{order}", self.acts.ask),
            Route("/act/{order}", self.acts.act, methods=["POST"]),
            Route("/inbox/{act}", self.acts.mark, methods=["POST"]),
            Route("/live", self._live),
            Route("/pane/{key:path}", self._pane),
            Route(METRICS, self._metrics),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/static/htmx.js", self._htmx),
            Route("/static/{name}", self._static),
            *self.api.routes(),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Gate, guard=self.guard)], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self.desk.start()
        try:
            yield
        finally:
            await self.desk.close()

    async def _shown(self, page: Page, **values: object) -> Response:
        return HTMLResponse(await self.painter.page(page, **values))

    def _missing(self, words: str) -> Response:
        return HTMLResponse(self.painter.missing(words), 404)

    async def _page(self, request: Request) -> Response:
        return await self._shown(next(page for page in PAGES if page.path == request.scope["path"]))

    async def _beads(self, request: Request) -> Response:
        rig = request.query_params.get("rig", "")
        if rig and rig != "town" and all(one.name != rig for one in self.desk.town.rigs):
            return self._missing("the town has no such rig")
        return await self._shown(_page_at("/beads", f"board:{rig}" if rig else "board"))

    async def _costs(self, request: Request) -> Response:
        by, over = request.query_params.get("by", "agent"), request.query_params.get("span", "day")
        if not (by.isalpha() and over.isalpha() and len(by + over) < 20):
            return self._missing("no such table")
        return await self._shown(_page_at("/costs", f"costs:{by}.{over}"))

    async def _wasteland(self, request: Request) -> Response:
        asked = request.query_params
        status, *rest = [
            asked.get("status", "open"),
            *(asked.get(name, "") for name in ("project", "type", "priority")),
        ]
        if status not in (*STATUSES, ALL) or any(len(one) > 100 for one in rest):
            return self._missing("no such list")
        about = "/".join((status, *(quote(one, safe="", errors="replace") for one in rest))).rstrip("/")
        return await self._shown(_page_at("/wasteland", f"wanted:{about}"))

    async def _log(self, request: Request) -> Response:
        query = query_of(request.query_params)
        return await self._shown(_page_at("/events", f"log:{query}" if query else "log"))

    async def _event(self, request: Request) -> Response:
        name = request.path_params["id"]
        if moment_of(name) is None:
            return self._missing("that is no event's address")
        return await self._shown(Page(f"/event/{name}", "Event", (f"event:{name}",)))

    async def _agent(self, request: Request) -> Response:
        key = request.path_params["key"]
        view = self.desk.town.agent(key)
        if view is None:
            return self._missing("the town has no such agent")
        kind = request.scope["path"].split("/")[1]
        names = {"agent": "Screen", "transcript": "Transcript", "diff": "Diff", "work": "Work"}
        tabs = tuple((title, f"/{one}/{quote(key, errors='replace')}") for one, title in names.items())
        panels = (f"agent:{key}",) if kind == "agent" else (f"agent:{key}", f"{kind}:{key}")
        page = Page(f"/{kind}/{quote(key, errors='replace')}", view.address.short, panels, tabs=tabs)
        extra = {"agent": view, "pane": await self._pane_of(key)} if kind == "agent" else {}
        return await self._shown(page, **extra)

    async def _convoy(self, request: Request) -> Response:
        convoy = self.desk.town.convoy(request.path_params["id"])
        if convoy is None:
            return self._missing("no such convoy is in view")
        panels = (f"convoy:{convoy.id}", f"members:{convoy.id}")
        return await self._shown(Page(f"/convoy/{convoy.id}", convoy.title, panels))

    async def _request(self, request: Request) -> Response:
        found = self.desk.town.request(request.path_params["id"])
        if found is None:
            return self._missing("no such request is open; it was merged or rejected")
        panels = (f"request:{found.id}", f"changes:{found.id}")
        return await self._shown(Page(f"/request/{found.id}", found.title or found.branch, panels))

    async def _bead(self, request: Request) -> Response:
        name = request.path_params["id"]
        panel = f"bead:{name}"
        await self.desk.ready([panel])
        reading = self.desk.reads.of(panel)
        if reading is not None and reading.is_missing:
            return self._missing(reading.error)
        return await self._shown(Page(f"/bead/{name}", name, (panel,)))

    async def _gate(self, request: Request) -> Response:
        about = request.path_params["about"]
        if self.desk.town.refinery(about.partition("/")[0]) is None:
            return self._missing("the town has no such refinery")
        return await self._shown(Page(f"/gate/{about}", f"Gate log {about}", (f"gatelog:{about}", "queue")))

    async def _mailbox(self, request: Request) -> Response:
        reader = request.path_params["reader"]
        known = {view.address.mail for view in self.desk.town.agents} | {"overseer"}
        if reader not in known:
            return self._missing("nobody of that name has a mailbox")
        return await self._shown(Page(f"/mail/of/{reader}", f"Mail of {reader}", (f"mailbox:{reader}",)))

    async def _letter(self, request: Request) -> Response:
        name = request.path_params["id"]
        panel = f"thread:{name}"
        await self.desk.ready([panel])
        reading = self.desk.reads.of(panel)
        if reading is not None and reading.is_missing:
            return self._missing(reading.error)
        return await self._shown(Page(f"/mail/{name}", "Message", (panel,)))

    async def _new_mail(self, request: Request) -> Response:
        people = [view.address.mail for view in self.desk.town.agents]
        page = self.painter.show("write.html", to=request.query_params.get("to", ""), people=people)
        return HTMLResponse(page)

    async def _search(self, request: Request) -> Response:
        text = request.query_params.get("q", "")[:200].strip()
        return await self._shown(Page("/search", "Search", (f"found:{quote(text, errors='replace')}",)), text=text)

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
        given = request.query_params.get("panels", "").split(",")
        names = [name for name in given if self._is_panel(name)][:MOST_PANELS]
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
        if kind in OF_AGENTS:
            return self.desk.town.agent(about) is not None
        return kind in PANELS and len(name) <= LONGEST_NAME

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

    async def _metrics(self, _: Request) -> Response:
        """The town's figures in the text format of Prometheus."""
        from gastown_core.telemetry import prometheus

        town, need = self.desk.town, count_of(self.desk.inbox().shown).you
        text = await asyncio.to_thread(prometheus.page, self.desk.root, town, need, SYSTEM_CLOCK.now())
        return Response(text, media_type=prometheus.CONTENT_TYPE)

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


def _page_at(path: str, *panels: str) -> Page:
    """Return a page of the menu with other panels."""
    return next(page for page in PAGES if page.path == path)._replace(panels=panels)
