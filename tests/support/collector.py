"""A collector of our own: takes OTLP over HTTP and decodes it with the official protobufs; JSON lines and remote write too."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """What arrived so far; ``answer`` is the status that every request gets."""

    def __init__(self) -> None:
        self.answer = 200
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.lines: list[dict[str, Any]] = []
        self.bodies: list[tuple[str, bytes, dict[str, str]]] = []
        self.url = ""

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        self.bodies.append((path, body, headers))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if path.startswith("/insert/jsonline"):
            self.lines += [json.loads(line) for line in body.splitlines()]
        elif "logs" in path:
            self.logs.append(ExportLogsServiceRequest.FromString(body))
        elif "traces" in path:
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        elif "write" not in path:
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))

    def points(self, name: str) -> dict[tuple[tuple[str, str], ...], Any]:
        """The newest points of a metric by their attributes."""
        for request in reversed(self.metrics):
            for metric in (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics):
                if metric.name == name:
                    data = getattr(metric, metric.WhichOneof("data"))
                    return {tuple((a.key, a.value.string_value) for a in p.attributes): p for p in data.data_points}
        return {}

    def values(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        return {key: p.as_int or p.as_double for key, p in self.points(name).items()}

    def records(self) -> list[Any]:
        return [
            record
            for request in self.logs
            for r in request.resource_logs
            for s in r.scope_logs
            for record in s.log_records
        ]

    def spans(self) -> list[Any]:
        return [
            span for request in self.traces for r in request.resource_spans for s in r.scope_spans for span in s.spans
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.answer == 200:
                collector.take(self.path, body, {key.lower(): value for key, value in self.headers.items()})
            self.send_response(collector.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def text_attributes(record: Any) -> dict[str, Any]:
    """The attributes of a record, span or resource, by name."""
    return {
        a.key: getattr(a.value, a.value.WhichOneof("value")) for a in record.attributes if a.value.WhichOneof("value")
    }
