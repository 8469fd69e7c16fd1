"""The receiver: takes OTLP over HTTP from agents' programs, on this machine's loopback address alone.

A request needs the town's key, which only its agents get, and is refused for another host's name, a body that is too
large, or another path.  What it tells is on disk before it is answered, so a program that sends it again tells nothing
new.  Metrics and traces are taken and not kept.
"""

from __future__ import annotations

import gzip
import io
import os
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import private_folder
from gastown_core.files.spool import spool
from gastown_core.runtimes.exported import Exported, read_exported, write_exported
from gastown_core.telemetry.agent_env import KEY_HEADER
from gastown_core.telemetry.received import facts_in
from gastown_core.usage.cost_facts import keep
from gastown_core.usage.usage_ledger import UsageLedger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.clock import Clock
    from gastown_core.telemetry.received import Decision

MOST_BODY = 4 << 20
MOST_UNPACKED = 16 << 20
MOST_AT_ONCE = 16
PATIENCE_S = 10.0
"""How long a program may take for each part of its request."""
PATHS = ("/v1/logs", "/v1/metrics", "/v1/traces")
PROTOBUF, JSON = "application/x-protobuf", "application/json"
REFUSED = "reject"


def note_path(root: str) -> str:
    """Return the path of the file with the receiver's port and key."""
    return os.path.join(root, ".runtime", "telemetry", "receiver.json")


class Receiver:
    """A running receiver of one town. Raises OSError if the port is taken, ImportError without the packages."""

    def __init__(self, root: str, clock: Clock, port: int = 0) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        self.root, self.clock = root, clock
        self.message = ExportLogsServiceRequest
        self.taken = self.junk = 0
        self._turn = threading.Lock()
        self._exported = _remembered(root)
        private_folder(os.path.dirname(note_path(root)))
        known = _known(root)
        self.key = str(known.get("key") or secrets.token_urlsafe(24))
        self._server = _listen(self, port or _port(known.get("port")), is_fixed=port != 0)
        self.port = int(self._server.server_address[1])
        write_json(note_path(root), {"port": self.port, "key": self.key}, mode=0o600)
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where programs send to."""
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes, kind: str) -> None:
        """Keep what a request for logs tells. Raises ValueError for junk, StoreError if it cannot be kept."""
        now = self.clock.now()
        told = facts_in(_decoded(self.message(), body, kind), now)
        # first: a request that is refused is sent again, and nothing of this doubles by that
        self._remember(told.exported, now)
        if told.costs:
            with UsageLedger(self.root) as ledger:
                keep(ledger, told.costs, now)
        for one in told.decisions:
            self._tell(one)
        self.taken += len(told.costs) + len(told.decisions)
        self.junk += told.junk

    def _remember(self, told: Mapping[str, Exported], now: float) -> None:
        """Keep the newest of what agents' programs told, as evidence about them. Raises StoreError, OSError."""
        if not told:
            return
        with self._turn:
            known = {**self._exported}
            for agent, one in told.items():
                known[agent] = known.get(agent, Exported()).newer(one)
            if known != self._exported:
                self._exported = write_exported(self.root, known, now)

    def _tell(self, one: Decision) -> None:
        told = {"session": one.session, "agent_type": "claude", "tool_name": one.tool}
        told |= {"decision": one.decision, "source": one.source}
        spool(self.root, "tool.decision", told, actor=one.agent, clock=self.clock)
        if one.decision == REFUSED:
            refused = {"tool": one.tool, "source": one.source, "session": one.session}
            append_event(self.root, "tool_refused", one.agent, refused, visibility="audit", clock=self.clock)

    def close(self) -> None:
        """Stop listening, and wait until that has ended."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)


def _known(root: str) -> dict[str, Any]:
    try:
        return read_json(note_path(root)) or {}
    except GastownError:
        return {}


def _remembered(root: str) -> dict[str, Exported]:
    """Return what an earlier receiver kept; nothing if its file is junk, which the next one replaces."""
    try:
        return read_exported(root)
    except GastownError:
        return {}


def _port(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 65536 else 0


def _listen(receiver: Receiver, port: int, *, is_fixed: bool) -> ThreadingHTTPServer:
    """Listen on this port, or on any where it is taken and only remembered. Raises OSError."""
    handler = type("Handler", (_Handler,), {"receiver": receiver, "turns": threading.BoundedSemaphore(MOST_AT_ONCE)})
    try:
        return _Server(("127.0.0.1", port), handler)
    except OSError:
        if is_fixed or not port:
            raise
        return _Server(("127.0.0.1", 0), handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a program that goes away in the middle is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a program."""

    receiver: Receiver
    turns: threading.BoundedSemaphore
    timeout = PATIENCE_S
    protocol_version = "HTTP/1.1"
    server_version = "gastown"
    sys_version = ""

    def do_POST(self) -> None:
        """Take a request, or refuse it."""
        if not self.turns.acquire(blocking=False):
            return self._answer(503)
        try:
            self._answer(self._refusal() or self._take())
        finally:
            self.turns.release()

    def _refusal(self) -> int:
        """Return the status by which a request is refused before its body is read, 0 if it is not."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            return 403
        if not secrets.compare_digest((self.headers.get(KEY_HEADER) or "").encode(), self.receiver.key.encode()):
            return 401
        if self.path not in PATHS:
            return 404
        if self._kind() not in (PROTOBUF, JSON):
            return 415
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal():
            return 411
        return 413 if int(length) > MOST_BODY else 0

    def _kind(self) -> str:
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    def _take(self) -> int:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/logs":
            return 200
        try:
            packed = (self.headers.get("Content-Encoding") or "identity").strip().lower()
            if packed not in ("identity", "gzip"):
                return 415
            self.receiver.take(_unpacked(body) if packed == "gzip" else body, self._kind())
        except _TooLargeError:
            return 413
        except (ValueError, EOFError, gzip.BadGzipFile):
            self.receiver.junk += 1
            return 400
        except (GastownError, OSError):
            # the program keeps it and tries again
            return 503
        return 200

    def _answer(self, status: int) -> None:
        body = b"{}" if status == 200 and self._kind() == JSON else b""
        self.send_response(status)
        self.send_header("Content-Type", JSON if body else PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            # an unread body must not be taken for the next request
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Write nothing to stderr."""


class _TooLargeError(Exception):
    """A packed body that is too large."""


def _unpacked(body: bytes) -> bytes:
    """Return the unpacked body. Raises _TooLargeError, OSError, EOFError for what is not packed rightly."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
        data = packed.read(MOST_UNPACKED + 1)
    if len(data) > MOST_UNPACKED:
        raise _TooLargeError
    return data


def _decoded(message: Any, body: bytes, kind: str) -> Any:
    """Return the message in the body. Raises ValueError for junk."""
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError

    try:
        if kind == JSON:
            return json_format.Parse(body, message, ignore_unknown_fields=True)
        message.ParseFromString(body)
    except (DecodeError, json_format.ParseError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return message
