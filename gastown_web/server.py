"""The server: one socket, one process, until Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import ClassVar

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gastown_core.errors import GastownError
from gastown_web.app import Dashboard
from gastown_web.guard import Guard, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

GRACE_S = 1
PATIENCE_S = 10.0
"""How long a client may take to send the whole of a request."""
MOST_WAITING = 64
"""So many connections may be open without a whole request; one more ends the oldest of them."""


def listen(bind: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises GastownError if the port is taken or the address is not of this machine."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bind, port))
    except OSError as error:
        listener.close()
        raise GastownError(
            f"cannot listen on {bind} port {port}", str(error), "choose another one with --port"
        ) from error
    listener.listen(64)
    return listener


def serve(
    root: str,
    bind: str,
    port: int,
    *,
    password: str = "",
    is_readonly: bool = False,
    opens: bool = False,
    tell: Callable[[str], None],
    is_heard: Callable[[], bool],
) -> int:
    """Serve the town at ``root``; return 0 after Ctrl-C. SIGTERM ends the process once all is closed. Raises GastownError.

    ``is_heard`` says whether what was told could be written: without its link nobody can open the dashboard.
    """
    from gastown_core.telemetry.prometheus import metrics_key

    listener = listen(bind, port)
    port = listener.getsockname()[1]
    guard = Guard(bind, port, password=password, is_readonly=is_readonly, metrics_key=metrics_key(root))
    host = f"[{bind}]" if ":" in bind else bind
    shown = "127.0.0.1" if bind in ("0.0.0.0", "localhost") else "[::1]" if bind == "::" else host
    link = f"http://{shown}:{port}/" if password else guard.link(shown)
    tell(f"the dashboard of {root} is at")
    tell(f"  {link}")
    tell("Ctrl-C ends it; agents keep running")
    if not is_loopback(bind):
        tell("other machines can reach it, and what it sends is not encrypted")
    if not is_heard() and not (opens or password):
        listener.close()
        raise GastownError(
            "nobody gets the link", "standard output cannot be written", "write it to a terminal or a file"
        )
    if opens:
        import webbrowser

        webbrowser.open(link)
    dashboard = Dashboard(root, guard)
    config = uvicorn.Config(
        dashboard.app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=256,
        http=_Impatient,
    )
    with listener, suppress(KeyboardInterrupt):
        asyncio.run(_Server(config, dashboard).serve(sockets=[listener]))
    return 0


class _Impatient(H11Protocol):
    """A connection that is ended if its client does not send a whole request in time."""

    waiting: ClassVar[dict[_Impatient, asyncio.TimerHandle]] = {}
    """The connections without a whole request, the oldest first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if len(self.waiting) >= MOST_WAITING:
            next(iter(self.waiting)).hang_up()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take in data, and wait for the rest of a request that is not whole."""
        super().data_received(data)
        is_between = self.cycle is None or self.cycle.response_complete
        if self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and is_between):
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def hang_up(self) -> None:
        """End the connection."""
        self._stop_waiting()
        self.transport.abort()

    def _wait(self) -> None:
        if self not in self.waiting:
            self.waiting[self] = self.loop.call_later(PATIENCE_S, self.hang_up)

    def _stop_waiting(self) -> None:
        timer = self.waiting.pop(self, None)
        if timer is not None:
            timer.cancel()


class _Server(uvicorn.Server):
    """A server that ends the pages' streams when it is told to stop."""

    def __init__(self, config: uvicorn.Config, dashboard: Dashboard) -> None:
        super().__init__(config)
        self._dashboard = dashboard
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop: a signal arrives outside of it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and end the streams."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._dashboard.desk.end)
