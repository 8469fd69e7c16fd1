"""Acts from a page: the console's orders, with the same checks, confirmations and receipts."""

from __future__ import annotations

import asyncio
import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from gastown_core.attention import marks
from gastown_core.clock import parse_duration
from gastown_core.errors import GastownError, UsageError
from gastown_core.model.order import Receipt
from gastown_core.orders import act_log, mail_room
from gastown_core.orders.act_log import API, DASHBOARD, CommandLogEntry
from gastown_core.orders.perform import choices_of, perform, preview_of
from gastown_core.orders.registry import BY_ID, disabled_reason, order_for, subject_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from starlette.requests import Request

    from gastown_core.attention.item import Item
    from gastown_core.model.order import Order
    from gastown_core.orders.registry import OrderKind
    from gastown_web.desk import Desk
    from gastown_web.guard import Guard
    from gastown_web.panels import Painter

    T = TypeVar("T")

ATTACHES = "agent.attach"
"""The order that needs a terminal."""
MOST_AT_ONCE = 32
"""How many acts run at the same time; the live town reads in threads of its own, for an act may wait for a minute."""
PATIENCE_S = 20.0
"""How long a page waits for the last receipt; the act goes on without it."""


class Acts:
    """What the pages' forms do."""

    def __init__(self, desk: Desk, guard: Guard, painter: Painter) -> None:
        self._desk = desk
        self._guard = guard
        self._painter = painter
        self._running: set[asyncio.Future[bool]] = set()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "act")

    async def ask(self, request: Request) -> Response:
        """Show what an order does and loses, and ask for what it needs."""
        kind = BY_ID.get(request.path_params["order"])
        target = request.query_params.get("target", "")
        if kind is None or kind.id == ATTACHES:
            return PlainTextResponse("there is no such order\n", 404)
        subject = subject_of(kind, self._desk.town, target)
        why = "it is not there any more" if subject is None else disabled_reason(kind, self._desk.town, subject)
        told: dict[str, object] = {"choices": (), "preview": [], "problem": why}
        order = order_for(kind, subject)
        given = {key: text for key, text in request.query_params.items() if key in kind.asks}
        order = order._replace(arguments={**order.arguments, **given})
        if not why:
            try:
                if kind.choices:
                    told["choices"] = await self._in_thread(choices_of, self._desk.root, order)
                if kind.preview and all(ask in given for ask in kind.asks):
                    told["preview"] = await self._in_thread(preview_of, self._desk.root, order)
            except GastownError as error:
                told["problem"] = str(error)
        told["bound"] = {key: order.arguments.get(key, "") for key in kind.binds}
        town = self._desk.town
        told["targets"] = [*(rig.name for rig in town.rigs), *(view.address.short for view in town.agents)]
        page = self._painter.show("act.html", kind=kind, target=target, given=given, **told)
        return HTMLResponse(page)

    async def act(self, request: Request) -> Response:
        """Perform an order and show its receipts."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        if not self._carries_secret(request, form):
            return PlainTextResponse("the page is of an earlier server; load it again\n", 403)
        kind = BY_ID.get(request.path_params["order"])
        if kind is None or kind.id == ATTACHES:
            return PlainTextResponse("there is no such order\n", 404)
        return self._told(request, kind, await self._performed(kind, form, self._face(request)))

    def _told(self, request: Request, kind: OrderKind | None, receipts: list[Receipt]) -> Response:
        """Return the receipts as a part of the page that asked, or as a page without JavaScript."""
        is_ok, is_part = all(one.ok for one in receipts), _by_htmx(request)
        shown = self._painter.show("receipts.html", kind=kind, receipts=receipts, is_ok=is_ok, whole=not is_part)
        return HTMLResponse(shown, 200 if is_ok or is_part else 409)

    async def _performed(self, kind: OrderKind, form: Mapping[str, str], face: str) -> list[Receipt]:
        target = form.get("target", "")
        subject = subject_of(kind, self._desk.town, target)
        why = "it is not there any more" if subject is None else disabled_reason(kind, self._desk.town, subject)
        wanted = (*(ask for ask in kind.asks if ask not in kind.optional), *kind.binds)
        missing = [ask for ask in wanted if not form.get(ask)]
        if missing:
            why = f"{missing[0]} is missing"
        if why:
            return [Receipt(kind.id, target, "refused", why, ok=False, final=True)]
        order = order_for(kind, subject)
        given = {ask: form[ask] for ask in (*kind.asks, *kind.binds) if form.get(ask)}
        return await self.perform(order._replace(arguments={**order.arguments, **given}), face)

    async def perform(self, order: Order, face: str) -> list[Receipt]:
        """Perform an order in a thread; return its receipts, or those so far after ``PATIENCE_S``."""
        receipts: list[Receipt] = []
        task = self._in_thread(partial(perform, self._desk.root, order, receipts.append, face=face))
        self._running.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait((task,), timeout=PATIENCE_S)
        if not task.done():
            receipts.append(Receipt(order.kind, order.target, "goes on", "the events show how it ends"))
        elif task.exception() is not None:
            receipts.append(Receipt(order.kind, order.target, "failed", f"{task.exception()}", ok=False, final=True))
        return receipts

    def _in_thread(self, work: Callable[..., T], *given: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def _ended(self, task: asyncio.Future[bool]) -> None:
        self._running.discard(task)
        self._desk.stir()
        if not task.cancelled():
            # a failure is in the receipts; asking for it here keeps it out of the log
            task.exception()

    async def mark(self, request: Request) -> Response:
        """Snooze, pin or finish a row of the inbox, mark those to read as read, or take the last of these back."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        if not self._carries_secret(request, form):
            return PlainTextResponse("the page is of an earlier server; load it again\n", 403)
        act = request.path_params["act"]
        receipt = await self._noted(request, f"inbox.{act}", form.get("key", ""), self._mark, act, form)
        if receipt.ok and not _by_htmx(request):
            return RedirectResponse("/", 303)
        return self._told(request, None, [receipt])

    async def mail(self, request: Request) -> Response:
        """Answer, archive, mark as read or send a message in the overseer's name."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        if not self._carries_secret(request, form):
            return PlainTextResponse("the page is of an earlier server; load it again\n", 403)
        act = request.path_params["act"]
        about = form.get("id", "") or form.get("to", "")
        receipt = await self._noted(request, f"mail.{act}", about, self._post, act, form)
        if receipt.ok and not _by_htmx(request):
            return RedirectResponse("/mail", 303)
        return self._told(request, None, [receipt])

    async def _noted(
        self, request: Request, name: str, about: str, work: Callable[..., str], *given: object
    ) -> Receipt:
        """Do what is no order, in a thread; note it where the orders are noted, and return its receipt."""
        root, began, face = self._desk.root, self._desk.live.clock.now(), self._face(request)
        command = f"{name.replace('.', ' ')} {about}".strip()
        act = await self._in_thread(act_log.begin, root, face, command, began)
        try:
            receipt = Receipt(name, about, await self._in_thread(work, *given), final=True)
        except (GastownError, OSError) as error:
            # a full or read-only disk among them
            receipt = Receipt(name, about, "refused", f"{error}", ok=False, final=True)
        now = self._desk.live.clock.now()
        took, detail = max(0.0, now - began), receipt.detail or receipt.stage
        await self._in_thread(act_log.end, root, act, CommandLogEntry(now, command, receipt.ok, took, detail, face))
        self._desk.stir()
        return receipt

    def _post(self, act: str, form: Mapping[str, str]) -> str:
        root, name = self._desk.root, form.get("id", "")
        body = form.get("body", "").replace("\r\n", "\n")
        if act == "reply":
            wrong = mail_room.answer_mail(root, name, body)
        elif act == "send":
            wrong = mail_room.write_mail(root, form.get("to", ""), form.get("subject", ""), body)
        elif act == "archive":
            mail_room.archive_mail(root, name, mail_room.OVERSEER)
            return "archived"
        elif act == "read":
            mail_room.mark_mail_read(root, name)
            return "marked as read"
        else:
            raise UsageError(f"there is no act {act}")
        return f"sent; {wrong[0]}" if wrong else "sent"

    def _mark(self, act: str, form: Mapping[str, str]) -> str:
        root, now = self._desk.root, self._desk.live.clock.now()
        if not os.path.isdir(root):
            # writing a mark would make its folder
            raise GastownError(f"the town {root} is not there", "its folder was moved or removed")
        if act == "undo":
            return f"took back: {marks.undo(root)}"
        if act == "read":
            # only what stood on the page: a letter that came since has not been seen
            seen = set(form.get("keys", "").split())
            count = marks.read_all(root, (one for one in self._desk.inbox().shown if one.key in seen), now)
            return f"marked as read: {count}" if count else marks.NOTHING_TO_READ
        item = self._row(form.get("key", ""))
        if act == "pin":
            return "pinned" if marks.pin(root, item, now) else "unpinned"
        if act == "done":
            marks.done(root, item, now)
            return "done"
        if act != "snooze":
            raise UsageError(f"there is no act {act}")
        span_s = parse_duration(form.get("for", "")) if form.get("for") else 0.0
        if span_s is None:
            raise UsageError(f"{form['for']!r} is no span", "", "such as 30m or 2h")
        marks.snooze(root, item, now + span_s if span_s else 0.0, now)
        return "snoozed"

    def _row(self, key: str) -> Item:
        found = self._desk.inbox()
        item = next((one for one in (*found.shown, *found.hidden) if one.key == key), None)
        if item is None:
            raise UsageError("that row is not there any more")
        return item

    def _face(self, request: Request) -> str:
        """Where an act comes from: a script's token, or one of our pages."""
        return API if self._guard.has_bearer(request.headers) else DASHBOARD

    def _carries_secret(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether one of our pages sent the form; a script with the token needs no page."""
        if self._guard.has_bearer(request.headers):
            return True
        return hmac.compare_digest(form.get("csrf", "").encode(), self._guard.csrf.encode())


def _by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"
