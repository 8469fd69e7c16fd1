"""A model server on loopback for real agent programs, with scripted answers and a log of every request.

``python -m tests.realagents.standin.server FOLDER`` binds a free port, writes it to ``FOLDER/port`` and serves until it
is ended.  It speaks Anthropic messages, OpenAI chat and responses, and Gemini.  One server serves many worlds: a world
uses ``http://127.0.0.1:PORT/s/KEY`` as its base address, and its requests are lines of ``FOLDER/KEY.jsonl``.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.realagents.standin.conversation import Asked, protocol_of, read
from tests.realagents.standin.rules import Reply, reply
from tests.realagents.standin.speech import refusal, stream, wants_stream, whole
from tests.realagents.standin.usage import Served

MODELS = ("claude-sonnet-4-5", "gpt-5", "gemini-2.5-pro", "standin-1")
GONE = (BrokenPipeError, ConnectionResetError)
_UP, _SET_FLAGS, _GET_FLAGS = 1, 0x8914, 0x8913


class StandIn(ThreadingHTTPServer):
    """The server; ``folder`` holds its port and its logs."""

    daemon_threads = True

    def __init__(self, folder: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self._lock = threading.Lock()
        self._attempts: Counter[tuple[object, ...]] = Counter()
        self._numbers: Counter[str] = Counter()

    def log(self, key: str, record: dict[str, Any]) -> None:
        """One line more in that world's log."""
        line = json.dumps({"at": round(time.time(), 3), **record}, ensure_ascii=False)  # noqa: TID251
        with self._lock, open(os.path.join(self.folder, f"{key or 'nobody'}.jsonl"), "a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    def number(self, key: str) -> int:
        """The number of that world's next answer, from 1."""
        with self._lock:
            self._numbers[key] += 1
            return self._numbers[key]

    def attempt(self, asked: Asked) -> int:
        """How often this very request has come, this time included."""
        same = (asked.key, asked.conversation, asked.is_main, asked.user, len(asked.turns))
        with self._lock:
            self._attempts[same] += 1
            return self._attempts[same]


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal: the log is the world's file."""

    def do_HEAD(self) -> None:
        self._send(200, {})

    def do_GET(self) -> None:
        key, path = self._place()
        self.server.log(key, {"kind": "get", "path": path})
        if "/models" in path:
            rows = [{"id": name, "object": "model", "type": "model", "display_name": name} for name in MODELS]
            self._send(200, {"object": "list", "data": rows, "models": []})
        else:
            self._send(404, _NOT_HERE)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key, path = self._place()
        if "count_tokens" in path or ":countTokens" in path:
            self._send(200, {"input_tokens": 100, "totalTokens": 100})
            return
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = None
        if not protocol_of(path) or not isinstance(body, dict):
            self.server.log(key, {"kind": "unknown", "path": path, "begins": repr(raw[:80])})
            self._send(404, _NOT_HERE)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = read(path, key, body, headers)
        asked = _with_attempt(asked, self.server.attempt(asked))
        said = replace(reply(asked), served=Served.of(self.server.number(key)))
        self.server.log(key, _record(asked, said))
        end: dict[str, Any] = {
            "conversation": asked.conversation,
            "is_main": asked.is_main,
            "user": asked.user,
            "done": asked.done,
        }
        try:
            self._answer(asked, said)
            served = {} if said.status else {"served": said.served.as_json()}
            self.server.log(key, {"kind": "answered", **end, "status": said.status or 200, **served})
        except GONE:
            self.server.log(key, {"kind": "gone", **end})

    def _answer(self, asked: Asked, said: Reply) -> None:
        time.sleep(said.delay)
        if said.status:
            self._send(said.status, refusal(asked, said), said.headers)
        elif not wants_stream(asked):
            self._send(200, whole(asked, said))
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for name, data, wait in stream(asked, said):
                text = data if isinstance(data, str) else json.dumps(data)
                self.wfile.write(((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode())
                self.wfile.flush()
                time.sleep(wait)

    def _place(self) -> tuple[str, str]:
        """(key, path without it)"""
        parts = self.path.split("/", 3)
        return (parts[2], "/" + "".join(parts[3:])) if parts[1] == "s" and len(parts) > 2 else ("", self.path)

    def _send(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        with suppress(*GONE):
            self.end_headers()
            self.wfile.write(data)


_NOT_HERE = {"type": "error", "error": {"type": "not_found_error", "message": "not here"}}


def _with_attempt(asked: Asked, attempt: int) -> Asked:
    return replace(asked, attempt=attempt)


def _record(asked: Asked, said: Reply) -> dict[str, Any]:
    return {
        "kind": "ask",
        "conversation": asked.conversation,
        "is_main": asked.is_main,
        "protocol": asked.protocol,
        "model": asked.model,
        "user": asked.user,
        "said": list(asked.said),
        "done": asked.done,
        "results": [text[-2000:] for text in asked.results],
        "attempt": asked.attempt,
        "status": said.status or 200,
        "text": said.text,
        "call": list(said.call) if said.call else None,
        "asks": [name for name in asked.tools if name in ("AskUserQuestion", "ask_user", "request_user_input")],
    }


def bring_loopback_up() -> None:
    """Make 127.0.0.1 answer in a network namespace of its own, where it begins as down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        if not flags & _UP:
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))


def main(folder: str) -> None:
    """Serve until the process is ended."""
    bring_loopback_up()
    server = StandIn(folder)
    path = os.path.join(folder, "port")
    with open(path + ".new", "w", encoding="utf-8") as handle:
        handle.write(str(server.server_address[1]))
    os.rename(path + ".new", path)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
