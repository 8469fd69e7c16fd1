"""Log records and spans over OTLP by the official exporters; needs the packages of the extra ``[otel]``."""

from __future__ import annotations

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gastown_core import __version__
from gastown_core.telemetry.otlp import SCOPE, TellingSession, be_silent, resource, timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.resources import Resource

    from gastown_core.telemetry.records import LogLine
    from gastown_core.telemetry.spans import Span

SERVICE = "gastown"
AT_ONCE = 500
"""So many records or spans are in one request at most."""
_SCOPE = InstrumentationScope(SCOPE, __version__)


class Origins:
    """The resources of all who did something, made once each."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[tuple[tuple[str, str], ...], Resource] = {}

    def of(self, origin: Mapping[str, str]) -> Resource:
        """Return the resource with these attributes."""
        key = tuple(origin.items())
        if key not in self._known:
            self._known[key] = resource(self._root, SERVICE, dict(origin))
        return self._known[key]


class LogSender:
    """Sends log records to one URL."""

    def __init__(self, root: str, url: str) -> None:
        be_silent()
        self._session = TellingSession()
        self._origins = Origins(root)
        self._exporter = OTLPLogExporter(endpoint=url, session=self._session, timeout=timeout())

    def send(self, lines: Sequence[LogLine]) -> str:
        """Send all; return why that failed, empty if it did not."""
        for start in range(0, len(lines), AT_ONCE):
            batch = [self._record(line) for line in lines[start : start + AT_ONCE]]
            if self._exporter.export(batch) is not LogRecordExportResult.SUCCESS:
                return self._session.why or "it did not take them"
        return ""

    def _record(self, line: LogLine) -> ReadableLogRecord:
        at = int(line.at * 1e9)
        severity = SeverityNumber.ERROR if line.is_error else SeverityNumber.INFO
        record = LogRecord(
            timestamp=at,
            observed_timestamp=at,
            severity_number=severity,
            severity_text=severity.name,
            body=line.body,
            attributes=dict(line.attributes),
            event_name=line.body,
        )
        return ReadableLogRecord(record, self._origins.of(line.origin), _SCOPE)

    def close(self) -> None:
        """End retries that are under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._session.close()


class SpanSender:
    """Sends spans to one URL."""

    def __init__(self, root: str, url: str) -> None:
        be_silent()
        self._session = TellingSession()
        self._origins = Origins(root)
        self._exporter = OTLPSpanExporter(endpoint=url, session=self._session, timeout=timeout())

    def send(self, spans: Sequence[Span]) -> str:
        """Send all; return why that failed, empty if it did not."""
        for start in range(0, len(spans), AT_ONCE):
            batch = [self._span(one) for one in spans[start : start + AT_ONCE]]
            if self._exporter.export(batch) is not SpanExportResult.SUCCESS:
                return self._session.why or "it did not take them"
        return ""

    def _span(self, one: Span) -> ReadableSpan:
        sampled = TraceFlags(TraceFlags.SAMPLED)
        own = SpanContext(one.trace_id, one.span_id, is_remote=False, trace_flags=sampled)
        parent = SpanContext(one.trace_id, one.parent, is_remote=True, trace_flags=sampled) if one.parent else None
        return ReadableSpan(
            one.name,
            own,
            parent,
            self._origins.of(one.origin),
            dict(one.attributes),
            kind=SpanKind.CLIENT if one.is_client else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, one.error) if one.error else Status(StatusCode.UNSET),
            start_time=int(one.start * 1e9),
            end_time=int(one.end * 1e9),
            instrumentation_scope=_SCOPE,
        )

    def close(self) -> None:
        """End retries that are under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._session.close()
