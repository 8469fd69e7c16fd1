"""Who may ask: a link with a token becomes a cookie, and each act carries a second secret that only our pages know.

The server listens on the loopback address, but every page in the operator's browser can reach it too, and a name that a
stranger's site owns can be made to mean 127.0.0.1.  So the Host header must name this server, an act's Origin too, and
nothing is answered without the cookie.  A script of one's own sends the token as ``Authorization: Bearer``.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024
"""Size of the largest request body; a note to an agent is far smaller."""
SAFE = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # "no-referrer" would make browsers send a plain form's Origin as null
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What each answer carries: no script and no style but our own files, no frame, nothing kept."""


METRICS = "/metrics"


class Guard:
    """The secrets of one server, and the hosts under which it may be called."""

    def __init__(
        self,
        bind: str,
        port: int,
        *,
        token: str = "",
        password: str = "",
        is_readonly: bool = False,
        metrics_key: str = "",
    ) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self.metrics_key = metrics_key
        self.csrf = secrets.token_urlsafe(32)
        self.password = password
        self.is_readonly = is_readonly
        self.port = port
        self._session = secrets.token_urlsafe(32)
        self._names = {"localhost", "127.0.0.1", "[::1]"}
        self._any_address = not is_loopback(bind)
        if self._any_address:
            self._names |= {socket.gethostname().lower(), bind}

    @property
    def cookie(self) -> str:
        """The cookie's name: a browser sends cookies to every port of a host, so it has the port in it."""
        return f"gastown_{self.port}"

    def link(self, host: str) -> str:
        """Return the address that opens the dashboard."""
        return f"http://{host}:{self.port}/?token={self.token}"

    def names_us(self, host: str) -> bool:
        """Whether a Host header names this server: a name of its own, or any address where it listens on all."""
        name, _, port = host.lower().rpartition(":")
        if not name or (name.endswith("]") and "[" not in name) or not port.isdigit():
            name, port = host.lower(), "80"
        if port != str(self.port):
            return False
        return name in self._names or (self._any_address and _is_address(name))

    def is_from_us(self, headers: Headers) -> bool:
        """Whether a browser says that one of our own pages sent the request."""
        origin = headers.get("origin", "")
        scheme, _, host = origin.partition("://")
        return scheme == "http" and host == headers.get("host", "") and self.names_us(host)

    def has_cookie(self, request: Request) -> bool:
        """Whether the request carries the cookie of this server."""
        return same(request.cookies.get(self.cookie, ""), self._session)

    def has_bearer(self, headers: Headers) -> bool:
        """Whether the request carries the token as ``Authorization: Bearer``."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and same(given.strip(), self.token)

    def may_scrape(self, path: str, headers: Headers) -> bool:
        """Whether the request asks for the metrics and carries their key, which outlives this server's token."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return path == METRICS and scheme.lower() == "bearer" and same(given.strip(), self.metrics_key)

    def let_in(self, response: Response) -> Response:
        """Give the answer the cookie."""
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="strict", path="/")
        return response


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def is_loopback(bind: str) -> bool:
    """Whether only this machine can reach an address that a server listens on."""
    if bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return False


def _is_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin loads this, other than by a link in its place.

    Cookies do not tell: a page of another port of this machine is of the same site.
    """
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    return headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest", "document") != "document"


def _is_address(name: str) -> bool:
    if "%" in name:
        # a zone may hold any character, also those that end a host
        return False
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Gate:
    """The middleware in front of every page: refuses strangers, and gives each answer its headers."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope, receive)
        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        body = _Body(receive)
        try:
            await self._app(scope, body.receive, send_guarded)
        except ClientDisconnect:
            if not body.is_too_large:
                raise
            await _say(413, "the request is too large")(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that may not pass, None for one that may."""
        guard, headers = self._guard, request.headers
        if not guard.names_us(headers.get("host", "")):
            return _say(421, "this server is not known under that name")
        length = headers.get("content-length") or "0"
        if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= MOST_BYTES):
            return _say(413, "the request is too large")
        # not request.url, which has the Host header in it
        path = request.scope["path"]
        if path.startswith("/static/"):
            return None
        if _is_from_elsewhere(headers):
            return _say(403, "another page may link here, no more")
        if guard.has_bearer(headers) or guard.may_scrape(path, headers):
            return self._refused_act(request)
        if request.method not in SAFE and not guard.is_from_us(headers):
            return _say(403, "an act is accepted from the dashboard's own pages only")
        if path == "/login":
            return None
        given = request.query_params.get("token")
        if given is not None and request.method in SAFE:
            if not same(given, guard.token):
                return _say(401, "this link is not valid any more; use the one that gt dashboard printed last")
            return guard.let_in(RedirectResponse("/" + path.lstrip("/\\"), 303))
        if not guard.has_cookie(request):
            if guard.password and headers.get("hx-request") == "true":
                return _say(401, "your sign-in is over; load the page and give the password again")
            if guard.password:
                return RedirectResponse("/login", 303)
            return _say(401, "open the link that gt dashboard printed; it carries a token")
        return self._refused_act(request)

    def _refused_act(self, request: Request) -> Response | None:
        if request.method in SAFE or not self._guard.is_readonly:
            return None
        return _say(403, "this dashboard is read-only")


def _say(code: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", code)


class _Body:
    """A request's body, ended when it is larger than ``MOST_BYTES``, also one without a length."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    @property
    def is_too_large(self) -> bool:
        """Whether more than the largest body has come."""
        return self._seen > MOST_BYTES

    async def receive(self) -> Message:
        """Return the next part."""
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.is_too_large else message
