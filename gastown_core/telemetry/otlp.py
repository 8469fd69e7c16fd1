"""OTLP over HTTP by the official exporters; needs the packages of the extra ``[otel]``.

The exporters' own variables hold: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT, _COMPRESSION, _CERTIFICATE and those of each
signal.  Sums are sent with the time since which they count, not with that of this process.
"""

from __future__ import annotations

import logging
import os
import platform
import socket

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gastown_core import __version__
from gastown_core.telemetry.metric_table import COUNTER
from gastown_core.telemetry.tally import BUCKETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.telemetry.metric_table import Metric as Row
    from gastown_core.telemetry.series import Figures
    from gastown_core.telemetry.tally import Key, Measured

SCOPE = "gastown"
DAEMON = "gastown-daemon"
TIMEOUT_S = 4.0
"""How long one sending may take, with the exporter's own retries, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise."""


class TellingSession(requests.Session):
    """A session that remembers why its last request failed; the exporters only say that it did."""

    why = ""

    def request(self, *args: Any, **named: Any) -> requests.Response:
        """Do as ``requests`` does, and keep the reason."""
        try:
            answer = super().request(*args, **named)
        except requests.RequestException as error:
            self.why = words_of_request(error)
            raise
        self.why = "" if answer.ok else f"HTTP {answer.status_code} {answer.reason}: {answer.text[:200].strip()}"
        return answer


def words_of_request(error: requests.RequestException) -> str:
    """Return why a request failed, without the names of classes."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    for known in ("Connection refused", "Name or service not known", "Network is unreachable"):
        if known in text:
            return known.lower()
    return text[:200]


def be_silent() -> None:
    """Keep the exporters from writing to stderr: what they say is told once, elsewhere."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


class MetricSender:
    """Sends figures to one URL."""

    def __init__(self, url: str) -> None:
        be_silent()
        self._session = TellingSession()
        self._exporter = OTLPMetricExporter(endpoint=url, session=self._session, timeout=timeout())

    def send(self, root: str, figures: Figures) -> str:
        """Send all figures; return why that failed, empty if it did not."""
        data = metrics_data(root, figures)
        if self._exporter.export(data) is MetricExportResult.SUCCESS:
            return ""
        return self._session.why or "it did not take them"

    def close(self) -> None:
        """End retries that are under way."""
        self._exporter.shutdown()
        self._session.close()


def timeout() -> float | None:
    """Return our time limit, None where the standard variable sets one."""
    return None if any("OTLP" in name and name.endswith("_TIMEOUT") for name in os.environ) else TIMEOUT_S


def resource(root: str, service: str, more: dict[str, str] | None = None) -> Resource:
    """Return what is the same for all that a service of this town tells; OTEL_RESOURCE_ATTRIBUTES are added to it."""
    told: dict[str, str] = {
        "service.version": __version__,
        "host.name": socket.gethostname(),
        "os.type": platform.system().lower(),
        "os.description": f"{platform.system()} {platform.release()}",
        "gt.town": os.path.basename(root),
        **(more or {}),
    }
    if not os.environ.get("OTEL_SERVICE_NAME"):
        told["service.name"] = service
    whole = Resource.create({name: value for name, value in told.items() if value})
    # a daemon that an agent started inherits whose that agent's telemetry is
    ours = {name: value for name, value in whole.attributes.items() if not name.startswith("gt.") or name in told}
    return Resource(ours, whole.schema_url)


def metrics_data(root: str, figures: Figures) -> MetricsData:
    """Return figures in the SDK's form."""
    since, now = int(figures.since * 1e9), int(figures.now * 1e9)
    metrics = [_sum(row, series, since, now) for row, series in figures.rows()]
    metrics += [_histogram(row, series, since, now) for row, series in figures.histograms()]
    scope = ScopeMetrics(InstrumentationScope(SCOPE, __version__), metrics, "")
    from_here = resource(root, DAEMON, {"service.instance.id": figures.instance})
    return MetricsData([ResourceMetrics(from_here, [scope], "")])


def _sum(row: Row, series: Mapping[Key, float], since: int, now: int) -> Metric:
    points = [NumberDataPoint(dict(key), since, now, _whole(value)) for key, value in series.items()]
    data = Sum(points, AggregationTemporality.CUMULATIVE, True) if row.kind == COUNTER else Gauge(points)
    return Metric(row.name, row.about, row.unit, data)


def _histogram(row: Row, series: Mapping[Key, Measured], since: int, now: int) -> Metric:
    points = [
        HistogramDataPoint(
            dict(key), since, now, sum(one.counts), one.total, one.counts, BUCKETS, one.least, one.greatest
        )
        for key, one in series.items()
    ]
    return Metric(row.name, row.about, row.unit, Histogram(points, AggregationTemporality.CUMULATIVE))


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value
